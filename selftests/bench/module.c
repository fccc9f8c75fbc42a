// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Adding code to a module of the library: add and publish functions with metadata,
 * index entry and jump-table slot, remove them and free them, with the making and
 * the end of the manager. On the device, and on the fallback.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <codearena/module.h>

#include "bench.h"

#define OBJECTS		4096U
#define BATCH		64U
#define SIZE		256U

/**
 * struct adding - how modules are made, and what goes into them
 * @backend: enum codearena_backend
 * @freed: functions that the last round freed
 * @body: code of a function
 */
struct adding {
	enum codearena_backend backend;
	size_t freed;
	char body[SIZE];
};

static void check(int ret, const char *what)
{
	if (!ret)
		return;
	errno = -ret;
	bench_die(what);
}

static void *adding_open(enum codearena_backend backend)
{
	struct adding *adding = bench_alloc(sizeof(*adding));

	adding->backend = backend;
	memset(adding->body, 0xc3, sizeof(adding->body));
	return adding;
}

static void *device_open(void)
{
	return adding_open(CODEARENA_BACKEND_DEVICE);
}

static void *memfd_open(void)
{
	return adding_open(CODEARENA_BACKEND_MEMFD);
}

static void add_batch(struct codearena_module *module, const char *body,
		      unsigned int first)
{
	struct codearena_code_desc descs[BATCH];
	struct codearena_code *codes[BATCH];
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		descs[i] = (struct codearena_code_desc){
			.sz = sizeof(descs[i]),
			.body = body,
			.instructions_size = SIZE,
			.kind = CODEARENA_CODE_FUNCTION,
			.tier = CODEARENA_TIER_BASELINE,
			.function_index = (int)(first + i),
		};
	check(codearena_module_add(module, descs, BATCH, codes, NULL),
	      "codearena_module_add");
	check(codearena_module_publish(module, codes, BATCH, NULL),
	      "codearena_module_publish");
}

static uint64_t adding_run(void *state, unsigned int round)
{
	struct adding *adding = state;
	struct codearena_manager_opts how = {
		.sz = sizeof(how),
		.backend = adding->backend,
	};
	struct codearena_module_opts opts = {
		.sz = sizeof(opts),
		.functions = OBJECTS,
		.estimate = OBJECTS * SIZE,
	};
	struct codearena_manager *manager;
	struct codearena_module *module;
	unsigned int i;

	(void)round;
	check(codearena_manager_new(&how, &manager), "codearena_manager_new");
	check(codearena_module_new(manager, &opts, &module),
	      "codearena_module_new");
	for (i = 0; i < OBJECTS; i += BATCH)
		add_batch(module, adding->body, i);
	check(codearena_module_remove(module, CODEARENA_FILTER_ALL, NULL),
	      "codearena_module_remove");
	check(codearena_module_reap(module, &adding->freed),
	      "codearena_module_reap");
	codearena_module_free(module);
	codearena_manager_free(manager);
	return 0;
}

static bool adding_verify(void *state, unsigned int round, uint64_t sum)
{
	const struct adding *adding = state;

	(void)round;
	(void)sum;
	return adding->freed == OBJECTS;
}

static const struct bench_way ways[] = {
	{
		.name = "codearena",
		.open = device_open,
		.run = adding_run,
		.verify = adding_verify,
		.close = free,
	},
	{
		.name = "memfd",
		.open = memfd_open,
		.run = adding_run,
		.verify = adding_verify,
		.close = free,
	},
};

static const struct bench_case cases[] = {
	{
		.name = "module_add_device",
		.per = "function",
		.per_round = OBJECTS,
		.rounds = 5,
		BENCH_WAYS(ways),
	},
};

const struct bench_subject bench_module_subject = { cases, BENCH_COUNT(cases) };
