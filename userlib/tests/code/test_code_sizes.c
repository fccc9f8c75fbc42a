// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The structures of code objects, collectors and handle tables, shorter and
 * longer than this library's.
 */
#include "code/code_check.h"
#include "code/collect.h"
#include "code/handle.h"
#include "lib/sizes.h"

static const uint8_t body[64];

static const struct codearena_code_desc valid_desc = {
	.body = body,
	.function_index = 3,
	.instructions_size = 64,
};

static struct {
	struct codearena_code *code;
	struct codearena_collector *collector;
	struct codearena_handle_table *table;
} made;

static int setup(void **state)
{
	struct codearena_region region = { 4096, 64 };

	(void)state;
	assert_int_equal(ca__code_new(&valid_desc, region, NULL, &made.code),
			 0);
	assert_int_equal(codearena_collector_new(NULL, &made.collector), 0);
	assert_int_equal(codearena_handle_table_new(NULL, &made.table), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	codearena_handle_table_free(made.table);
	assert_int_equal(codearena_collector_free(made.collector), 0);
	ca__code_destroy(made.code);
	return 0;
}

static int check_desc(void *desc)
{
	return ca__code_check(desc);
}

static int get_info(void *info)
{
	return codearena_code_get_info(made.code, info);
}

static void code_structures(void **state)
{
	(void)state;
	expect_input_sizes(&valid_desc, CA__SIZE_CODE_DESC, sizeof(valid_desc),
			   check_desc);
	expect_output_sizes(CA__SIZE_CODE_INFO,
			    sizeof(struct codearena_code_info), get_info);
}

static int new_collector(void *opts)
{
	struct codearena_collector *collector;
	int ret = codearena_collector_new(opts, &collector);

	codearena_collector_free(collector);
	return ret;
}

static void ask(void *data, struct codearena_runtime *runtime,
		uint64_t sequence)
{
	(void)data;
	(void)runtime;
	(void)sequence;
}

static int join(void *opts)
{
	struct codearena_runtime *runtime;
	int ret = codearena_collector_join(made.collector, opts, &runtime);

	codearena_collector_leave(runtime);
	return ret;
}

static int collector_stat(void *counters)
{
	return codearena_collector_stat(made.collector, counters);
}

static void collector_structures(void **state)
{
	static const struct codearena_collector_opts opts = {
		.least = 1, .percent = 2,
		.flags = CODEARENA_COLLECTOR_F_STRESS,
	};
	static const struct codearena_runtime_opts runtime = { .ask = ask };

	(void)state;
	expect_input_sizes(&opts, CA__SIZE_COLLECTOR_OPTS, sizeof(opts),
			   new_collector);
	expect_input_sizes(&runtime, CA__SIZE_RUNTIME_OPTS, sizeof(runtime),
			   join);
	expect_output_sizes(CA__SIZE_COLLECTOR_COUNTERS,
			    sizeof(struct codearena_collector_counters),
			    collector_stat);
}

static int new_table(void *opts)
{
	struct codearena_handle_table *table;
	int ret = codearena_handle_table_new(opts, &table);

	codearena_handle_table_free(table);
	return ret;
}

static int table_stat(void *counters)
{
	return codearena_handle_table_stat(made.table, counters);
}

static void handle_table_structures(void **state)
{
	static const struct codearena_handle_table_opts opts = {
		.max_entries = 4096,
	};

	(void)state;
	expect_input_sizes(&opts, CA__SIZE_HANDLE_TABLE_OPTS, sizeof(opts),
			   new_table);
	expect_output_sizes(CA__SIZE_HANDLE_TABLE_COUNTERS,
			    sizeof(struct codearena_handle_table_counters),
			    table_stat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_structures),
		cmocka_unit_test(collector_structures),
		cmocka_unit_test(handle_table_structures),
	};

	return cmocka_run_group_tests_name("code_sizes", tests, setup,
					   teardown);
}
