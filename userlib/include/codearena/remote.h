/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A compiler in another process than the code that it compiles.
 */
#ifndef CODEARENA_REMOTE_H
#define CODEARENA_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include <codearena.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Terms
 *
 * compiler   the process that owns the arenas: it alone publishes and patches
 * runtime    the process that executes the code and is not trusted: an attacker
 *            may read and write its memory and have it make system calls
 * instance   a number that both sides agree on for one module
 *
 * The two are joined by socketpair(AF_UNIX, SOCK_SEQPACKET). The runtime has
 * the code views before it locks itself: by fork() from the compiler, with which
 * it also gets landing pads, or by codearena_arena_attach() of a handle from
 * codearena_arena_share(). It makes its guards, maps its memory, starts its
 * threads, and calls codearena_remote_lock(). From then on it asks for a
 * function by its number; the code appears in its view before the reply arrives,
 * and no byte of code ever crosses the socket. A trap continues at the landing
 * pad as ever, without a signal.
 *
 * The code views must have room for all code to come: a runtime that is locked
 * can map no other one. A runtime by fork() has the same addresses as its
 * compiler. One that is started by execve() hides them from each other.
 *
 * Only the device protects code in this way. On the fallback
 * codearena_remote_lock() refuses, because the writable alias is in the process.
 *
 * Threads. All functions are thread-safe, but requests on one socket must be made
 * one after the other. None is async-signal-safe.
 *
 * fork(). A child may serve, request and lock; it shares the sockets with its
 * parent. A locked process cannot fork.
 *
 * Return values are as in codearena.h.
 */

/**
 * struct codearena_remote_opts - what a compiler serves
 * @sz: set by the caller to sizeof(struct codearena_remote_opts)
 * @functions: number of functions of each instance
 * @instances: entries of @functions
 * @compile: compile and publish a function if that has not been done, and
 *           retarget its slot. Called with numbers within bounds only, but in any
 *           order and any number of times. Returns 0 or a negative error code,
 *           which the runtime gets
 * @data: for @compile
 */
struct codearena_remote_opts {
	size_t sz;
	const uint32_t *functions;
	size_t instances;
	int (*compile)(void *data, uint32_t instance, uint32_t function);
	void *data;
};

/**
 * codearena_remote_serve - answer a runtime until it ends
 * @socket: the compiler's end; stays open
 * @opts: options
 *
 * A function that does not exist is answered with -ENOENT. A message of another
 * length ends the service, as does a runtime that does not read its replies.
 * Descriptors that come with a message are closed. Takes no memory for requests.
 *
 * Return: 0: the runtime has ended or closed its socket; -EPROTO: it does not
 * follow the protocol; -EINVAL, -E2BIG: an option is wrong; else an error of
 * recv(2).
 */
int codearena_remote_serve(int socket,
			   const struct codearena_remote_opts *opts);

/**
 * codearena_remote_request - have the compiler publish a function
 * @socket: the runtime's end
 * @instance: number of the module
 * @function: number of the function
 *
 * Works in a locked process. After an error published code stays executable.
 *
 * Return: 0: the function can be called; -ENOENT: there is no such function;
 * -EPIPE: the compiler has ended; -EPROTO: what answered is no compiler; else
 * what the compiler's callback returned.
 */
int codearena_remote_request(int socket, uint32_t instance, uint32_t function);

/**
 * codearena_remote_lock - give up all ways to new executable memory
 * @keep: descriptors that stay open
 * @count: entries of @keep
 *
 * Closes all other descriptors and installs a seccomp filter in all threads,
 * which cannot be undone. Allowed are: memory that is not executable, locks,
 * clocks, random bytes, signal handlers, the end of a thread or the process, and
 * reading and writing the descriptors. Any other system call fails with EPERM: in
 * particular the process opens nothing, makes no ioctl, no thread and no process,
 * and passes on no descriptor. A system call of another architecture ends it.
 *
 * Refuses if the process could change code already: memory that is executable
 * must not be writable, anonymous or a shared file, the views of the device
 * excepted. What was executable before stays so: an attacker can still jump to
 * any instruction of the program and its libraries, and to published code. None
 * of @keep should be a file that the process maps for execution.
 *
 * A call that fails may have set PR_SET_NO_NEW_PRIVS and has changed nothing else.
 *
 * Return: 0; -EACCES: the process has memory that is executable and not
 * protected, or the personality READ_IMPLIES_EXEC; -EBUSY: another thread has a
 * seccomp filter of its own; -ENOENT: /proc is not mounted; -EOPNOTSUPP: the
 * kernel has no seccomp filters or no close_range(2); -EINVAL, -ENOMEM; else an
 * error of opening /proc/self/maps.
 */
int codearena_remote_lock(const int *keep, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_REMOTE_H */
