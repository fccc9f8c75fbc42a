// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The lock of a runtime: what it leaves possible, and which processes cannot be
 * locked. What an attacker tries is in test_remote_hostile.c. Sanitizers make system
 * calls of their own, which the lock refuses.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <codearena/remote.h>

#include "lib/helpers.h"

#define PAGE	65536

static void *map(int prot, int flags, int fd)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

static void *map_anonymous(int prot)
{
	return map(prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static bool lock(void)
{
	static const int keep[] = { STDERR_FILENO, STDOUT_FILENO };

	return !codearena_remote_lock(keep, 2);
}

static bool denied(long ret)
{
	return ret == -1 && errno == EPERM;
}

static bool denies_code(void *context)
{
	void *memory = map_anonymous(PROT_READ | PROT_WRITE);

	(void)context;
	if (!lock())
		return false;
	return map_anonymous(PROT_READ | PROT_EXEC) == MAP_FAILED &&
	       errno == EPERM && denied(mprotect(memory, PAGE, PROT_EXEC)) &&
	       denied(open("/proc/self/mem", O_RDWR)) &&
	       denied(memfd_create("code", 0)) && denied(ioctl(1, 0, 0)) &&
	       denied(socket(AF_UNIX, SOCK_STREAM, 0)) &&
	       denied(personality(READ_IMPLIES_EXEC)) &&
	       denied(kill(getppid(), 0)) && denied(prctl(PR_GET_DUMPABLE));
}

static void code_is_denied(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(denies_code, NULL), 0);
}

static bool allows_data(void *context)
{
	uint8_t *memory;

	(void)context;
	if (!lock())
		return false;
	memory = map_anonymous(PROT_READ | PROT_WRITE);
	if (memory == MAP_FAILED)
		return false;
	memory[0] = 1;
	return !mprotect(memory, PAGE, PROT_READ) && memory[0] == 1 &&
	       !munmap(memory, PAGE) && write(STDERR_FILENO, "", 0) == 0;
}

static void data_is_allowed(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(allows_data, NULL), 0);
}

static bool aborts(void *context)
{
	(void)context;
	if (lock())
		abort();
	return true;
}

static void abort_ends_it(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(aborts, NULL), SIGABRT);
}

static bool closes(void *context)
{
	const int kept = 40, others[] = { 3, 39, 41, 200 };
	int keep[] = { kept, STDERR_FILENO, kept };

	(void)context;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		dup2(STDERR_FILENO, others[i]);
	dup2(STDERR_FILENO, kept);
	if (codearena_remote_lock(keep, 3))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (write(others[i], "", 0) != -1 || errno != EBADF)
			return false;
	return write(kept, "", 0) == 0 && write(STDERR_FILENO, "", 0) == 0 &&
	       write(STDOUT_FILENO, "", 0) == -1;
}

static void other_descriptors_are_closed(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(closes, NULL), 0);
}

static int socket_ends[2];

static bool asks_when_locked(void *context)
{
	(void)context;
	return !codearena_remote_lock(&socket_ends[1], 1) &&
	       codearena_remote_request(socket_ends[1], 0, 0) == -ENOSYS;
}

static void requests_work_when_locked(void **state)
{
	int32_t reply = -ENOSYS;

	skip_with_sanitizer();
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket_ends), 0);
	assert_int_equal(send(socket_ends[0], &reply, sizeof(reply), 0),
			 sizeof(reply));
	assert_int_equal(in_child(asks_when_locked, NULL), 0);
	close(socket_ends[0]);
	close(socket_ends[1]);
}

static int go[2];

static void *thread_tries(void *result)
{
	char byte;

	if (read(go[0], &byte, 1) == 1)
		*(bool *)result = denied(open("/dev/null", O_RDONLY));
	return NULL;
}

static bool locks_threads(void *context)
{
	bool result = false;
	pthread_t thread;

	(void)context;
	if (pipe(go) || pthread_create(&thread, NULL, thread_tries, &result) ||
	    codearena_remote_lock(go, 2) || write(go[1], "", 1) != 1)
		return false;
	pthread_join(thread, NULL);
	return result;
}

static void threads_are_locked_too(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(locks_threads, NULL), 0);
}

/* The whole of it is refused, and nothing is locked. */
static bool is_refused(int error)
{
	int fd = dup(STDERR_FILENO);

	return codearena_remote_lock(NULL, 0) == -error &&
	       write(fd, "", 0) == 0 && open("/dev/null", O_RDONLY) >= 0;
}

static bool has_rwx(void *context)
{
	(void)context;
	return map_anonymous(PROT_READ | PROT_WRITE | PROT_EXEC) !=
		       MAP_FAILED && is_refused(EACCES);
}

static bool has_anonymous_code(void *context)
{
	(void)context;
	return map_anonymous(PROT_READ | PROT_EXEC) != MAP_FAILED &&
	       is_refused(EACCES);
}

static int code_file(void)
{
	int fd = memfd_create("code", 0);

	return ftruncate(fd, PAGE) ? -1 : fd;
}

static bool has_shared_file(void *context)
{
	(void)context;
	return map(PROT_READ | PROT_EXEC, MAP_SHARED,
		   open("/proc/self/exe", O_RDONLY)) != MAP_FAILED &&
	       is_refused(EACCES);
}

static bool has_writable_library(void *context)
{
	(void)context;
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE,
		   code_file()) != MAP_FAILED && is_refused(EACCES);
}

static bool has_alias(void *context)
{
	int fd = code_file();

	(void)context;
	return map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd) != MAP_FAILED &&
	       map(PROT_READ | PROT_WRITE, MAP_SHARED, fd) != MAP_FAILED &&
	       is_refused(EACCES);
}

static bool has_fallback(void *context)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_MEMFD);
	struct codearena_arena *arena;

	(void)context;
	return !codearena_arena_new(PAGE, &opts, &arena) && is_refused(EACCES);
}

static bool has_personality(void *context)
{
	(void)context;
	return personality(READ_IMPLIES_EXEC) >= 0 && is_refused(EACCES);
}

/* A private mapping of a file that nobody maps writable is like a library. */
static bool has_library(void *context)
{
	(void)context;
	return map(PROT_READ | PROT_EXEC, MAP_PRIVATE, code_file()) !=
		       MAP_FAILED && lock();
}

static void changeable_code_is_refused(void **state)
{
	skip_with_sanitizer();
	(void)state;
	assert_int_equal(in_child(has_rwx, NULL), 0);
	assert_int_equal(in_child(has_anonymous_code, NULL), 0);
	assert_int_equal(in_child(has_shared_file, NULL), 0);
	assert_int_equal(in_child(has_writable_library, NULL), 0);
	assert_int_equal(in_child(has_alias, NULL), 0);
	assert_int_equal(in_child(has_fallback, NULL), 0);
	assert_int_equal(in_child(has_personality, NULL), 0);
	assert_int_equal(in_child(has_library, NULL), 0);
}

static void arguments_are_checked(void **state)
{
	const int bad[] = { STDERR_FILENO, -1 };

	(void)state;
	assert_int_equal(codearena_remote_lock(bad, 2), -EINVAL);
	assert_int_equal(codearena_remote_lock(NULL, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_is_denied),
		cmocka_unit_test(data_is_allowed),
		cmocka_unit_test(abort_ends_it),
		cmocka_unit_test(other_descriptors_are_closed),
		cmocka_unit_test(requests_work_when_locked),
		cmocka_unit_test(threads_are_locked_too),
		cmocka_unit_test(changeable_code_is_refused),
		cmocka_unit_test(arguments_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
