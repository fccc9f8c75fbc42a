// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A prefork server: the parent compiles once, and forks workers that share its
 * code. Each worker clones the code spaces of the module first; then it calls the
 * compiled functions, and replaces one of them for itself alone.
 *
 * Usage: prefork [WORKERS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codearena/module.h"
#include "module_code.h"

enum { SQUARE, NEXT, FUNCTIONS };
#define MAX_WORKERS	16

uint64_t compile(uint32_t function);

static struct codearena_module *module;

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "prefork: %s: %s\n", what, codearena_strerror(ret));
	exit(1);
}

#define TRY(call) check(call, #call)

/* No function is compiled lazily here. */
uint64_t compile(uint32_t function);
uint64_t compile(uint32_t function)
{
	(void)function;
	abort();
}

static void publish(uint32_t function, uint32_t tier, const char *bytes,
		    uint32_t size)
{
	struct codearena_reloc reloc = {
		.kind = CODEARENA_RELOC_CALL, .index = SQUARE,
		.form = FORM, .offset = NEXT_FIELD,
	};
	CODEARENA_OPTS(codearena_code_desc, desc, .body = bytes,
		       .function_index = function, .tier = tier,
		       .instructions_size = size);
	struct codearena_code *code;

	if (function == NEXT) {
		desc.relocs = &reloc;
		desc.reloc_count = 1;
	}
	TRY(codearena_module_add_publish(module, &desc, 1, &code, NULL));
	codearena_code_put(code);
}

#define PUBLISH(function, tier, bytes) \
	publish(function, CODEARENA_TIER_##tier, bytes, sizeof(bytes) - 1)

static unsigned int call(uint32_t function, unsigned int argument)
{
	unsigned int (*code)(unsigned int argument);
	uint64_t target;

	TRY(codearena_module_call_target(module, function, 0, &target));
	memcpy(&code, &target, sizeof(code));
	return code(argument);
}

/* Returns the number of answers that are wrong. */
static int work(unsigned int number, int ready)
{
	unsigned int before, after;

	/* Until this, what the parent changes would change here as well. */
	TRY(codearena_allocator_clone(codearena_module_allocator(module)));
	if (write(ready, "r", 1) != 1)
		return 1;
	close(ready);
	before = call(NEXT, number);
	PUBLISH(SQUARE, OPTIMIZED, number % 2 ? SQUARE_BETTER : TWICE_CODE);
	after = call(NEXT, number);
	printf("worker %u: next(%u) = %u, then %u\n", number, number, before,
	       after);
	return (before != (number + 1) * (number + 1)) +
	       (after != (number + 1) * (number % 2 ? number + 1 : 2));
}

static pid_t start(unsigned int number)
{
	int pipes[2];
	char byte;
	pid_t pid;

	TRY(pipe(pipes));
	fflush(NULL);
	pid = fork();
	TRY(pid);
	if (pid == 0) {
		close(pipes[0]);
		exit(work(number, pipes[1]));
	}
	/* The parent may change its code again when the worker has its own. */
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		fprintf(stderr, "prefork: worker %u did not start\n", number);
	close(pipes[0]);
	return pid;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 1 ? (unsigned int)atoi(argv[1]) : 4;
	CODEARENA_OPTS(codearena_module_opts, opts, .functions = FUNCTIONS,
		       .estimate = 65536);
	struct codearena_manager *manager;
	pid_t workers[MAX_WORKERS];
	int status, wrong = 0;
	unsigned int i;

	if (!count || count > MAX_WORKERS) {
		fprintf(stderr, "Usage: prefork [WORKERS], 1 to %d\n",
			MAX_WORKERS);
		return 2;
	}
	TRY(codearena_manager_new(NULL, &manager));
	TRY(codearena_module_new(manager, &opts, &module));
	PUBLISH(SQUARE, BASELINE, SQUARE_BASELINE);
	PUBLISH(NEXT, BASELINE, NEXT_CODE);
	for (i = 0; i < count; i++)
		workers[i] = start(i + 1);
	for (i = 0; i < count; i++) {
		TRY(waitpid(workers[i], &status, 0));
		wrong += status != 0;
	}
	printf("parent: next(9) = %u, %d workers failed\n", call(NEXT, 9),
	       wrong);
	wrong += call(NEXT, 9) != 100;
	codearena_module_free(module);
	codearena_manager_free(manager);
	return wrong != 0;
}
