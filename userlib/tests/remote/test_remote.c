// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Requests of a runtime to its compiler: what is answered, and what ends the
 * service.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/helpers.h"
#include "remote/remote.h"

#define FUNCTIONS	3
#define FAILING		2

static const uint32_t functions[] = { FUNCTIONS, 1 };

struct compiler {
	unsigned int calls;
	bool out_of_bounds;
};

static int compile(void *data, uint32_t instance, uint32_t function)
{
	struct compiler *compiler = data;

	compiler->calls++;
	if (instance > 1 || function >= functions[instance])
		compiler->out_of_bounds = true;
	return function == FAILING ? -ENOMEM : 0;
}

/* Serve a child that runs @runtime with its end; returns what the service did. */
static int serve(bool (*runtime)(int socket), struct compiler *compiler)
{
	CODEARENA_OPTS(codearena_remote_opts, opts, .functions = functions,
		       .instances = 2, .compile = compile, .data = compiler);
	int ends[2], status, ret;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(ends[0]);
		_exit(runtime(ends[1]) ? 0 : 1);
	}
	close(ends[1]);
	ret = codearena_remote_serve(ends[0], &opts);
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(compiler->out_of_bounds);
	return ret;
}

static bool asks(int socket)
{
	return !codearena_remote_request(socket, 0, 0) &&
	       !codearena_remote_request(socket, 1, 0) &&
	       codearena_remote_request(socket, 0, FAILING) == -ENOMEM &&
	       codearena_remote_request(socket, 0, FUNCTIONS) == -ENOENT &&
	       codearena_remote_request(socket, 1, 1) == -ENOENT &&
	       codearena_remote_request(socket, 2, 0) == -ENOENT &&
	       codearena_remote_request(socket, UINT32_MAX, 0) == -ENOENT &&
	       codearena_remote_request(socket, 0, UINT32_MAX) == -ENOENT &&
	       !codearena_remote_request(socket, 0, 0);
}

static void requests_are_answered(void **state)
{
	struct compiler compiler = { 0 };

	(void)state;
	assert_int_equal(serve(asks, &compiler), 0);
	assert_int_equal(compiler.calls, 4);
}

static size_t wrong_length;

/* The socket is closed, and nothing is answered. */
static bool sends_wrong_length(int socket)
{
	static char bytes[65536];
	int32_t reply;

	return send(socket, bytes, wrong_length, MSG_NOSIGNAL) ==
		       (ssize_t)wrong_length &&
	       recv(socket, &reply, sizeof(reply), 0) <= 0;
}

static void other_lengths_end_the_service(void **state)
{
	static const size_t lengths[] = { 1, 4, 7, 9, 12, 16, 4096, 65536 };
	struct compiler compiler = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		wrong_length = lengths[i];
		assert_int_equal(serve(sends_wrong_length, &compiler), -EPROTO);
	}
	assert_int_equal(compiler.calls, 0);
}

/* Half a message is a message: they are not put together. */
static bool sends_halves(int socket)
{
	uint32_t half = 0;

	if (send(socket, &half, sizeof(half), MSG_NOSIGNAL) != sizeof(half))
		return false;
	/* The service may have ended already. */
	send(socket, &half, sizeof(half), MSG_NOSIGNAL);
	return true;
}

static void halves_are_not_joined(void **state)
{
	struct compiler compiler = { 0 };

	(void)state;
	assert_int_equal(serve(sends_halves, &compiler), -EPROTO);
	assert_int_equal(compiler.calls, 0);
}

/* Until the service ends. */
static bool floods(int socket)
{
	const struct ca__remote_request request = { 0, 1 };

	while (send(socket, &request, sizeof(request), MSG_NOSIGNAL) ==
	       sizeof(request))
		;
	return errno == EPIPE || errno == ECONNRESET;
}

static void a_flood_ends_the_service(void **state)
{
	struct compiler compiler = { 0 };

	(void)state;
	assert_int_equal(serve(floods, &compiler), -EPROTO);
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* send_fd() sends one byte with it, which is no request either. */
static bool sends_descriptor(int socket)
{
	return send_fd(socket, STDIN_FILENO);
}

static void descriptors_are_not_taken(void **state)
{
	struct compiler compiler = { 0 };
	int before = open_descriptors();

	(void)state;
	assert_int_equal(serve(sends_descriptor, &compiler), -EPROTO);
	assert_int_equal(open_descriptors(), before);
}

static void without_a_compiler(void **state)
{
	int32_t reply = 1;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	/* Not an error code, and not of this length. */
	assert_int_equal(send(ends[0], &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(codearena_remote_request(ends[1], 0, 0), -EPROTO);
	assert_int_equal(send(ends[0], "12345678", 8, 0), 8);
	assert_int_equal(codearena_remote_request(ends[1], 0, 0), -EPROTO);
	close(ends[0]);
	assert_int_equal(codearena_remote_request(ends[1], 0, 0), -EPIPE);
	close(ends[1]);
	assert_int_equal(codearena_remote_request(ends[1], 0, 0), -EBADF);
}

static int serve_with(void *opts)
{
	int ends[2], ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	close(ends[1]);
	ret = codearena_remote_serve(ends[0], opts);
	close(ends[0]);
	return ret;
}

static void options_are_checked(void **state)
{
	CODEARENA_OPTS(codearena_remote_opts, opts, .functions = functions,
		       .instances = 2, .compile = compile);

	(void)state;
	assert_int_equal(serve_with(&opts), 0);
	opts.sz = CA__SIZE_REMOTE_OPTS - 1;
	assert_int_equal(serve_with(&opts), -EINVAL);
	opts.sz = sizeof(opts);
	opts.compile = NULL;
	assert_int_equal(serve_with(&opts), -EINVAL);
	opts.compile = compile;
	opts.functions = NULL;
	assert_int_equal(serve_with(&opts), -EINVAL);
	assert_int_equal(codearena_remote_serve(0, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(other_lengths_end_the_service),
		cmocka_unit_test(halves_are_not_joined),
		cmocka_unit_test(a_flood_ends_the_service),
		cmocka_unit_test(descriptors_are_not_taken),
		cmocka_unit_test(without_a_compiler),
		cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
