// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules that grow: many code spaces, limits, many threads.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/code_info.h"
#include "module/module_helpers.h"

#define MIB	(1ULL << 20)

static uint64_t page(void)
{
	return sysconf(_SC_PAGESIZE);
}

static struct codearena_module_counters stat_of_module(struct codearena_module *m)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	assert_int_equal(codearena_module_stat(m, &stat), 0);
	return stat;
}

/* A body of a given size, which begins like @small. */
static void *enlarge(struct body *small, size_t size)
{
	uint8_t *bytes = calloc(1, size);

	assert_non_null(bytes);
	memcpy(bytes, small->bytes, small->desc.instructions_size);
	small->desc.body = bytes;
	small->desc.instructions_size = size;
	return bytes;
}

/* Function @i goes on to function @i - 1, the first one returns @value. */
static void publish_chain(struct codearena_module *module, uint32_t count,
			  size_t size, uint32_t value)
{
	struct body body;
	uint32_t i;

	for (i = 0; i < count; i++) {
		void *bytes;

		if (i)
			body_call(&body, i, CODEARENA_RELOC_CALL, i - 1);
		else
			body_return(&body, 0, value);
		bytes = enlarge(&body, size);
		assert_int_equal(codearena_module_add_publish(module,
				&body.desc, 1, NULL, NULL), 0);
		free(bytes);
	}
}

/*
 * V8 mjsunit multiple-code-spaces: a first reservation of 1 MiB, modules of 50,
 * 100, ... functions that call each other, until there are four code spaces,
 * here with jump tables of their own.
 */
static void multiple_code_spaces(void **state)
{
	uint32_t count = 50, i;
	uint64_t spaces, tables;

	(void)state;
	do {
		struct module_fixture fixture;
		struct codearena_module_opts opts = module_opts(&fixture);
		struct body body;

		opts.imports = 0;
		opts.functions = count;
		opts.reach = MIB;
		module_begin(&fixture, MIB, &opts);
		publish_chain(fixture.module, count, 16000, 321);
		spaces = stat_of_module(fixture.module).spaces;
		tables = stat_of_module(fixture.module).tables;
		assert_int_equal(call_function(fixture.module, count - 1, 0),
				 321);
		/* The tables of all spaces are retargeted. */
		body_return(&body, 0, 654);
		assert_int_equal(codearena_module_add_publish(fixture.module,
				&body.desc, 1, NULL, NULL), 0);
		for (i = 0; i < spaces; i++) {
			CODEARENA_OPTS(codearena_space_info, info);

			codearena_allocator_space(codearena_module_allocator(
					fixture.module), i, &info);
			assert_int_equal(call_function(fixture.module,
					count - 1, info.region.begin), 654);
			assert_int_equal(call_function(fixture.module, 0,
					info.region.begin), 654);
		}
		assert_int_equal(codearena_module_remove(fixture.module,
				CODEARENA_FILTER_ALL, NULL), 0);
		for (i = 0; i < spaces; i++) {
			CODEARENA_OPTS(codearena_space_info, info);

			codearena_allocator_space(codearena_module_allocator(
					fixture.module), i, &info);
			assert_int_equal(call_function(fixture.module,
					count / 2, info.region.begin),
					LAZY_VALUE);
		}
		module_end(&fixture);
		count += 50;
	} while (spaces < 4 || tables < 4);
	assert_true(count < 1000);
}

/* Within reach of the first ones, spaces do without tables of their own. */
static void spaces_share_tables_within_reach(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module_counters stat;

	(void)state;
	opts.imports = 0;
	opts.functions = 100;
	module_begin(&fixture, MIB, &opts);
	publish_chain(fixture.module, 100, 30000, 11);
	stat = stat_of_module(fixture.module);
	assert_true(stat.spaces > 2);
	assert_true(stat.tables < stat.spaces);
	assert_int_equal(call_function(fixture.module, 99, 0), 11);
	module_end(&fixture);
}

/* V8 mjsunit code-space-overflow: 1500 functions, about 20 MB, spaces of 1. */
static void code_space_overflow(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_code **codes = calloc(1500, sizeof(*codes));
	struct codearena_code_desc *descs = calloc(1500, sizeof(*descs));
	struct body *bodies = calloc(1500, sizeof(*bodies));
	uint8_t *bytes = calloc(1, 14000);
	uint32_t i;

	(void)state;
	opts.imports = 0;
	opts.functions = 1500;
	opts.reach = MIB;
	module_begin(&fixture, MIB, &opts);
	for (i = 0; i < 1500; i++) {
		body_return(&bodies[i], i, 7);
		bodies[i].desc.instructions_size = 14000;
		bodies[i].desc.body = bytes;
		descs[i] = bodies[i].desc;
	}
	memcpy(bytes, bodies[0].bytes, BODY_MAX);
	/* One batch, which is larger than any space. */
	assert_int_equal(codearena_module_add(fixture.module, descs, 1500,
					      codes, NULL), 0);
	assert_int_equal(codearena_module_publish(fixture.module, codes, 1500,
						  NULL), 0);
	assert_true(stat_of_module(fixture.module).spaces >= 20);
	for (i = 0; i < 1500; i++)
		assert_int_equal(call_function(fixture.module, i, 0), 7);
	/* What is larger than half a space is refused, not fatal. */
	free(bytes);
	bytes = calloc(1, MIB / 2 + 1);
	bodies[0].desc.body = bytes;
	bodies[0].desc.instructions_size = MIB / 2 + 1;
	assert_int_equal(codearena_module_add(fixture.module, &bodies[0].desc,
					      1, codes, NULL), -ENOSPC);
	assert_null(codes[0]);
	module_end(&fixture);
	free(bytes);
	free(bodies);
	free(descs);
	free(codes);
}

static struct codearena_manager *manager_new(uint64_t max_committed)
{
	CODEARENA_OPTS(codearena_manager_opts, opts,
		       .max_committed = max_committed);
	struct codearena_manager *manager;

	assert_int_equal(codearena_manager_new(&opts, &manager), 0);
	return manager;
}

/* Publishes bodies of @size until something is refused; returns how many. */
static unsigned int fill(struct codearena_module *module, size_t size,
			 int *error)
{
	struct body body;
	unsigned int n;
	void *bytes;

	body_return(&body, CODEARENA_CODE_ANONYMOUS, 1);
	bytes = enlarge(&body, size);
	for (n = 0; n < 10000; n++) {
		*error = codearena_module_add_publish(module, &body.desc, 1,
						      NULL, NULL);
		if (*error)
			break;
	}
	free(bytes);
	return n;
}

/* V8 [OLD] EmptyCase: with nothing to commit there is no module. */
static void empty_case(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module *module = (void *)&opts;
	struct codearena_manager *manager = manager_new(1);

	(void)state;
	assert_int_equal(codearena_module_new(manager, &opts, &module),
			 -ENOMEM);
	assert_null(module);
	codearena_manager_free(manager);
}

/* V8 [OLD] AllocateAndGoOverLimit, with an error where that dies. */
static void allocate_and_go_over_limit(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	CODEARENA_OPTS(codearena_manager_counters, stat);
	struct codearena_module_counters before, after;
	unsigned int n;
	int error;

	(void)state;
	fixture.manager = manager_new(page());
	assert_int_equal(codearena_module_new(fixture.manager, &opts,
					      &fixture.module), 0);
	assert_int_equal(codearena_manager_stat(fixture.manager, &stat), 0);
	assert_int_equal(stat.committed, page());
	n = fill(fixture.module, 64, &error);
	assert_int_equal(error, -ENOMEM);
	before = stat_of_module(fixture.module);
	assert_int_equal(n, (page() - before.table_bytes) / stat.unit);
	fill(fixture.module, 64, &error);
	after = stat_of_module(fixture.module);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(call_function(fixture.module, 5, 0), LAZY_VALUE);
	module_end(&fixture);
}

/* V8 [OLD] TotalLimitIrrespectiveOfModuleCount. */
static void total_limit_irrespective_of_module_count(void **state)
{
	struct module_fixture first, second;
	struct codearena_module_opts opts = module_opts(&first);
	unsigned int all, rest;
	int error;

	(void)state;
	first.manager = manager_new(3 * page());
	assert_int_equal(codearena_module_new(first.manager, &opts,
					      &first.module), 0);
	assert_int_equal(codearena_module_new(first.manager, &opts,
					      &second.module), 0);
	all = fill(first.module, 64, &error);
	assert_int_equal(error, -ENOMEM);
	rest = fill(second.module, 64, &error);
	assert_int_equal(error, -ENOMEM);
	assert_true(rest < all);
	codearena_module_free(second.module);
	/* Space that one module frees is free for the other. */
	assert_true(fill(first.module, 64, &error) > 0);
	module_end(&first);
}

/* V8 [OLD] DifferentHeapsApplyLimitsIndependently, and MultiManagerLookup. */
static void different_heaps_apply_limits_independently(void **state)
{
	struct module_fixture first, second;
	struct codearena_module_opts opts = module_opts(&first);
	struct codearena_code *code, *found;
	struct body body;
	int error;

	(void)state;
	first.manager = manager_new(page());
	second.manager = manager_new(page());
	assert_int_equal(codearena_module_new(first.manager, &opts,
					      &first.module), 0);
	assert_int_equal(codearena_module_new(second.manager, &opts,
					      &second.module), 0);
	fill(first.module, 64, &error);
	assert_int_equal(error, -ENOMEM);
	body_return(&body, 5, 1);
	code = publish_body(second.module, &body);
	assert_int_equal(codearena_module_lookup(first.module,
			(void *)(uintptr_t)codearena_code_start(code), &found),
			-ENOENT);
	assert_int_equal(codearena_module_lookup(second.module,
			(void *)(uintptr_t)codearena_code_start(code), &found),
			0);
	codearena_code_put(found);
	codearena_code_put(code);
	assert_true(fill(second.module, 64, &error) > 0);
	module_end(&first);
	module_end(&second);
}

/* V8 [OLD] GrowingVsFixedModule: here every module grows, within the limit. */
static void growing_module(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module_counters before, after;
	struct body body;
	void *bytes;

	(void)state;
	opts.estimate = 1;
	module_begin(&fixture, 0, &opts);
	before = stat_of_module(fixture.module);
	body_return(&body, 5, 12);
	bytes = enlarge(&body, MIB);
	assert_int_equal(codearena_module_add_publish(fixture.module,
			&body.desc, 1, NULL, NULL), 0);
	after = stat_of_module(fixture.module);
	assert_int_equal(before.spaces, 1);
	assert_int_equal(after.spaces, 2);
	assert_int_equal(call_function(fixture.module, 5, 0), 12);
	free(bytes);
	module_end(&fixture);
}

/* Threads that add, publish, replace, drop and call, all at a time. */

#define THREADS	4
#define ROUNDS	150

struct thread {
	pthread_t thread;
	struct codearena_module *module;
	uint32_t number;
	bool failed;
};

static bool round_of(struct thread *thread, uint32_t round)
{
	struct codearena_code_desc descs[8];
	struct codearena_code *codes[8];
	struct body bodies[8];
	uint64_t target;
	uint32_t i, value;

	for (i = 0; i < 8; i++) {
		/* Own function, and one that all threads fight for. */
		body_return(&bodies[i], i & 1 ? 0 : 1 + thread->number,
			    1 + thread->number);
		descs[i] = bodies[i].desc;
	}
	if (codearena_module_add(thread->module, descs, 8, codes, NULL))
		return false;
	if (round % 8 == 7) {
		if (codearena_module_drop(thread->module, codes, 8))
			return false;
	} else if (codearena_module_publish(thread->module, codes, 8, NULL)) {
		return false;
	}
	codearena_module_call_target(thread->module, 1 + thread->number, 0,
				     &target);
	if (call_address(target) != 1 + thread->number)
		return false;
	codearena_module_call_target(thread->module, 0, 0, &target);
	value = call_address(target);
	return value >= 1 && value <= THREADS;
}

static void *run(void *data)
{
	struct thread *thread = data;
	uint32_t round;

	for (round = 0; round < ROUNDS && !thread->failed; round++)
		thread->failed = !round_of(thread, round);
	return NULL;
}

static void threads_add_and_publish(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module_counters stat;
	struct thread threads[THREADS];
	uint32_t i;

	(void)state;
	opts.imports = 0;
	opts.estimate = 0;
	opts.reach = MIB;
	module_begin(&fixture, MIB, &opts);
	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){
			.module = fixture.module,
			.number = i,
		};
		assert_int_equal(pthread_create(&threads[i].thread, NULL, run,
						&threads[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		assert_false(threads[i].failed);
	}
	stat = stat_of_module(fixture.module);
	assert_int_equal(stat.added, 0);
	assert_int_equal(stat.current, THREADS + 1);
	assert_int_equal(stat.codes - stat.dead, THREADS + 1);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(stat_of_module(fixture.module).codes, THREADS + 1);
	module_end(&fixture);
}

/* Executes and looks up code of other threads while no thread reaps. */
static void *look_up(void *data)
{
	struct thread *thread = data;
	struct codearena_code *code;
	uint32_t i;

	for (i = 0; i < 3000 && !thread->failed; i++) {
		if (codearena_module_code(thread->module, i % 5, &code))
			continue;
		thread->failed = code_info(code).function_index !=
				 (int32_t)(i % 5);
		codearena_code_put(code);
		if (i % 64 == 0 && codearena_module_reap(thread->module, NULL))
			thread->failed = true;
	}
	return NULL;
}

static void *replace(void *data)
{
	struct thread *thread = data;
	struct body body;
	uint32_t i;

	for (i = 0; i < 600 && !thread->failed; i++) {
		body_return(&body, i % 5, i);
		thread->failed = codearena_module_add_publish(thread->module,
				&body.desc, 1, NULL, NULL);
		if (i % 100 == 99)
			codearena_module_remove(thread->module,
						CODEARENA_FILTER_ALL, NULL);
	}
	return NULL;
}

/* Nothing is executed, so dead code may be reaped at any time. */
static void threads_replace_and_reap(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct thread threads[4];
	uint32_t i;

	(void)state;
	opts.imports = 0;
	module_begin(&fixture, 0, &opts);
	for (i = 0; i < 4; i++) {
		threads[i] = (struct thread){ .module = fixture.module };
		assert_int_equal(pthread_create(&threads[i].thread, NULL,
						i & 1 ? replace : look_up,
						&threads[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i].thread, NULL);
		assert_false(threads[i].failed);
	}
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(stat_of_module(fixture.module).codes,
			 stat_of_module(fixture.module).current);
	module_end(&fixture);
}

/* A batch in two arenas, of which the second one refuses. */
static void failed_publishing_is_undone(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module_counters before, after;
	struct codearena_code_desc descs[4];
	struct codearena_code *codes[4], *current;
	struct codearena_arena *arena;
	struct body bodies[4];
	void *bytes[4];
	uint64_t offset;
	size_t failed, i;

	(void)state;
	opts.imports = 0;
	opts.reach = MIB;
	module_begin(&fixture, MIB, &opts);
	for (i = 0; i < 4; i++) {
		body_return(&bodies[i], 5 + i, 40 + i);
		bytes[i] = enlarge(&bodies[i], 400000);
		descs[i] = bodies[i].desc;
	}
	assert_int_equal(codearena_module_add(fixture.module, descs, 4, codes,
					      NULL), 0);
	assert_int_equal(codearena_allocator_locate(
			codearena_module_allocator(fixture.module),
			codearena_code_start(codes[3]), &arena, &offset, NULL),
			0);
	assert_int_equal(codearena_arena_seal(arena, offset,
					      codearena_arena_granule(arena),
					      0), 0);
	before = stat_of_module(fixture.module);
	assert_true(before.spaces > 1);
	assert_int_equal(codearena_module_publish(fixture.module, codes, 4,
						  &failed), -EPERM);
	assert_int_equal(failed, 3);
	after = stat_of_module(fixture.module);
	assert_memory_equal(&before, &after, sizeof(before));
	for (i = 0; i < 4; i++) {
		assert_null(codearena_code_find(codearena_code_start(codes[i])));
		assert_int_equal(call_function(fixture.module, 5 + i, 0),
				 LAZY_VALUE);
		assert_int_equal(codearena_module_code(fixture.module, 5 + i,
						       &current), -ENOENT);
	}
	/* The other code can be published as usual. */
	assert_int_equal(codearena_module_publish(fixture.module, codes, 3,
						  NULL), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(call_function(fixture.module, 5 + i, 0),
				 i < 3 ? 40 + i : LAZY_VALUE);
		free(bytes[i]);
	}
	assert_int_equal(codearena_module_drop(fixture.module, &codes[3], 1),
			 0);
	module_end(&fixture);
}

/* Takes the place of the last one away when all of them have been added. */
static int seal_the_last(void *data, struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count)
{
	struct codearena_arena *arena;
	uint64_t offset;

	(void)data;
	assert_int_equal(codearena_allocator_locate(
			codearena_module_allocator(module),
			codearena_code_start(codes[count - 1]), &arena, &offset,
			NULL), 0);
	assert_int_equal(codearena_arena_seal(arena, offset,
					      codearena_arena_granule(arena),
					      0), 0);
	return 0;
}

/* Permanent code cannot be dropped, but code after it can. */
static void what_is_stuck_keeps_nothing_else(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, how, .max_code_space = MIB,
		       .arena_flags = CODEARENA_RESERVE_F_PERMANENT);
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_code_desc descs[4];
	struct codearena_code *codes[4];
	struct body bodies[4];
	void *bytes[4];
	size_t i;

	(void)state;
	opts.imports = 0;
	opts.validate = seal_the_last;
	assert_int_equal(codearena_manager_new(&how, &fixture.manager), 0);
	assert_int_equal(codearena_module_new(fixture.manager, &opts,
					      &fixture.module), 0);
	for (i = 0; i < 4; i++) {
		body_return(&bodies[i], 5 + i, 40 + i);
		bytes[i] = enlarge(&bodies[i], 400000);
		descs[i] = bodies[i].desc;
	}
	assert_int_equal(codearena_module_add_publish(fixture.module, descs, 4,
						      codes, NULL), -EPERM);
	assert_int_equal(stat_of_module(fixture.module).codes, 0);
	assert_in_range(stat_of_module(fixture.module).added, 1, 3);
	for (i = 0; i < 4; i++) {
		assert_null(codes[i]);
		assert_int_equal(call_function(fixture.module, 5 + i, 0),
				 LAZY_VALUE);
		free(bytes[i]);
	}
	module_end(&fixture);
}

/* A landing pad is given as an offset in the body. */
static void traps_are_registered(void **state)
{
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_trap trap = { .start = 0, .length = 1, .landing = 16 };
	CODEARENA_OPTS(codearena_space_info, info);
	struct codearena_stat stat;
	struct body body;

	(void)state;
	module_begin(&fixture, 0, &opts);
	body_return(&body, 5, 1);
	body.desc.instructions_size = 32;
	body.desc.traps = &trap;
	body.desc.trap_count = 1;
	assert_int_equal(codearena_module_add_publish(fixture.module,
			&body.desc, 1, NULL, NULL), 0);
	codearena_allocator_space(codearena_module_allocator(fixture.module),
				  0, &info);
	stat = stat_of(info.arena);
	assert_int_equal(stat.out_trap_tables, 1);
	codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL, NULL);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	stat = stat_of(info.arena);
	assert_int_equal(stat.out_trap_tables, 0);
	module_end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(multiple_code_spaces, backend_setup),
		cmocka_unit_test_setup(spaces_share_tables_within_reach,
				       backend_setup),
		cmocka_unit_test_setup(code_space_overflow, backend_setup),
		cmocka_unit_test_setup(empty_case, backend_setup),
		cmocka_unit_test_setup(allocate_and_go_over_limit,
				       backend_setup),
		cmocka_unit_test_setup(total_limit_irrespective_of_module_count,
				       backend_setup),
		cmocka_unit_test_setup(
			different_heaps_apply_limits_independently,
			backend_setup),
		cmocka_unit_test_setup(growing_module, backend_setup),
		cmocka_unit_test_setup(threads_add_and_publish, backend_setup),
		cmocka_unit_test_setup(threads_replace_and_reap,
				       backend_setup),
		cmocka_unit_test_setup(failed_publishing_is_undone,
				       backend_setup),
		cmocka_unit_test_setup(what_is_stuck_keeps_nothing_else,
				       backend_setup),
		cmocka_unit_test_setup(traps_are_registered, backend_setup),
	};

	return cmocka_run_group_tests_name("module spaces", tests, NULL, NULL);
}
