// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Requests of a runtime to its compiler. A request is two numbers, a reply one.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/base.h"
#include "remote/remote.h"

/* MSG_TRUNC: the length that was sent, so that longer messages are noticed. */
static ssize_t ca__remote_receive(int socket, void *to, size_t length)
{
	ssize_t got;

	do {
		got = recv(socket, to, length, MSG_TRUNC);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static int ca__remote_send(int socket, const void *from, size_t length,
			   int flags)
{
	ssize_t sent;

	do {
		sent = send(socket, from, length, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return (size_t)sent == length ? 0 : -EPROTO;
}

static int32_t ca__remote_compile(const struct codearena_remote_opts *opts,
				  const struct ca__remote_request *request)
{
	if (request->instance >= opts->instances ||
	    request->function >= opts->functions[request->instance])
		return -ENOENT;
	return opts->compile(opts->data, request->instance, request->function);
}

/* A runtime with one request at a time cannot fill its socket with replies. */
static int ca__remote_reply(int socket, int32_t reply)
{
	int ret = ca__remote_send(socket, &reply, sizeof(reply), MSG_DONTWAIT);

	return ret == -EAGAIN ? -EPROTO : ret;
}

CODEARENA_API int
codearena_remote_serve(int socket, const struct codearena_remote_opts *opts)
{
	struct codearena_remote_opts known;
	struct ca__remote_request request;
	ssize_t got;
	int ret;

	ret = opts ? ca__struct_get(&known, opts, CA__SIZE_REMOTE_OPTS,
				    sizeof(known)) : -EINVAL;
	if (ret)
		return ret;
	if (!known.compile || (known.instances && !known.functions))
		return -EINVAL;
	for (;;) {
		got = ca__remote_receive(socket, &request, sizeof(request));
		if (got == 0 || got == -ECONNRESET)
			return 0;
		if (got < 0)
			return got;
		if (got != sizeof(request))
			return -EPROTO;
		ret = ca__remote_reply(socket,
				       ca__remote_compile(&known, &request));
		if (ret)
			return ret == -EPIPE ? 0 : ret;
	}
}

CODEARENA_API int codearena_remote_request(int socket, uint32_t instance,
					   uint32_t function)
{
	const struct ca__remote_request request = { instance, function };
	int32_t reply;
	ssize_t got;
	int ret;

	ret = ca__remote_send(socket, &request, sizeof(request), 0);
	if (ret)
		return ret;
	got = ca__remote_receive(socket, &reply, sizeof(reply));
	if (got == 0 || got == -ECONNRESET)
		return -EPIPE;
	if (got < 0)
		return got;
	return got == sizeof(reply) && reply <= 0 ? reply : -EPROTO;
}
