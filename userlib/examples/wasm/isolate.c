// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A module whose compiler is another process than the one that executes it: the
 * latter is a child, which has the code views, the landing pad and the guarded
 * stack at the same addresses, and cannot make anything executable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <codearena/remote.h>

#include "wasm.h"

static int compile(void *data, uint32_t instance, uint32_t function)
{
	(void)instance;
	return wasm_lazy_compile(data, function);
}

static void __attribute__((noreturn)) serve(struct wasm_module *module,
					    int socket, pid_t runtime)
{
	const uint32_t functions = wasm_lazy_functions(module->lazy);
	CODEARENA_OPTS(codearena_remote_opts, opts, .functions = &functions,
		       .instances = 1, .compile = compile,
		       .data = module->lazy);
	int status, ret = codearena_remote_serve(socket, &opts);

	if (ret)
		wasm_say("the runtime sends nonsense: %s", strerror(-ret));
	close(socket);
	while (waitpid(runtime, &status, 0) < 0)
		if (errno != EINTR)
			wasm_die("no runtime: %s", strerror(errno));
	if (WIFSIGNALED(status))
		wasm_die("the runtime was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	exit(ret ? EXIT_FAILURE : WEXITSTATUS(status));
}

/*
 * The descriptor of the runner's arena is for guards. An ioctl would be refused
 * twice: by the lock, and by the module, whose arena is the compiler's.
 */
static void lock(struct wasm_module *module, int socket)
{
	const int keep[] = {
		STDOUT_FILENO, STDERR_FILENO, socket,
		codearena_arena_fd(module->arena),
	};
	sigset_t none;
	int ret;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	ret = codearena_remote_lock(keep, sizeof(keep) / sizeof(keep[0]));
	if (ret)
		wasm_die("the runtime cannot be locked: %s",
			 codearena_strerror(ret));
	wasm_lazy_divide(module->lazy, socket);
}

void wasm_isolate(struct wasm_module *module)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		wasm_die("no socket: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		wasm_die("no runtime: %s", strerror(errno));
	if (!pid) {
		close(ends[0]);
		lock(module, ends[1]);
		return;
	}
	close(ends[1]);
	serve(module, ends[0], pid);
}
