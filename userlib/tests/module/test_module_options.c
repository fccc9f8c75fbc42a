// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules: options, callbacks, handles, reverse lookups.
 */
#include "code/handle.h"
#include "lib/sizes.h"
#include "module/module_helpers.h"
#include "jump/test_jump.h"

static struct module_fixture fixture;

static int setup(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);

	backend_setup(state);
	module_begin(&fixture, 0, &opts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	module_end(&fixture);
	return 0;
}

/* Imported functions are counted. */
static void lazy_builtin_gets_function_index(void **state)
{
	struct module_fixture other;
	struct codearena_module_opts opts = module_opts(&other);
	struct codearena_arena *arena = arena_of(1 << 16, 0);
	uint8_t code[CODE_MAX];
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = code_lazy(code),
	};
	uint32_t i;

	(void)state;
	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	other.builtins[1] = base_of(arena);
	opts.lazy_builtin = 1;
	module_begin(&other, 0, &opts);
	for (i = MODULE_IMPORTS; i < MODULE_IMPORTS + MODULE_FUNCTIONS; i++)
		assert_int_equal(call_function(other.module, i, 0), i);
	module_end(&other);
	codearena_arena_free(arena);
}

/* Optimised code with deoptimisation data may be replaced. */
static void install_rule_deopt(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct module_fixture other;
	struct codearena_code *code;
	struct body body;
	int round;

	(void)state;
	opts.flags = CODEARENA_MODULE_F_DEOPT;
	module_begin(&other, 0, &opts);
	for (round = 0; round < 2; round++) {
		body_return(&body, 5 + round, 1);
		body.desc.tier = CODEARENA_TIER_OPTIMIZED;
		if (round) {
			body.desc.deopt = "data";
			body.desc.deopt_size = 4;
		}
		code = publish_body(other.module, &body);
		codearena_code_put(code);
		body_return(&body, 5 + round, 2);
		code = publish_body(other.module, &body);
		codearena_code_put(code);
		assert_int_equal(call_function(other.module, 5 + round, 0),
				 round ? 2 : 1);
	}
	module_end(&other);
}

static void reverse_lookups(void **state)
{
	uint64_t address;
	uint32_t i, index;
	bool builtin;

	(void)state;
	for (i = MODULE_IMPORTS; i < MODULE_IMPORTS + MODULE_FUNCTIONS; i++) {
		assert_int_equal(codearena_module_call_target(fixture.module,
				i, 0, &address), 0);
		assert_int_equal(codearena_module_slot(fixture.module, address,
						       &builtin, &index), 0);
		assert_int_equal(index, i);
		assert_false(builtin);
		assert_int_equal(codearena_module_slot(fixture.module,
				address + 1, &builtin, &index), -ENOENT);
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(codearena_module_builtin_target(
				fixture.module, i, 0, &address), 0);
		assert_int_equal(codearena_module_slot(fixture.module, address,
						       &builtin, &index), 0);
		assert_int_equal(index, i);
		assert_true(builtin);
		/* The lazy one is not for being called. */
		if (i)
			assert_int_equal(call_address(address), i);
		assert_int_equal(codearena_module_slot(fixture.module,
				address + 1, &builtin, &index), -ENOENT);
	}
}

static int new_sized(void *opts)
{
	struct codearena_module *module;
	int ret = codearena_module_new(fixture.manager, opts, &module);

	codearena_module_free(module);
	return ret;
}

static int counters_sized(void *counters)
{
	return codearena_module_stat(fixture.module, counters);
}

static int removed_sized(void *removed)
{
	return codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL,
				       removed);
}

/* Refused each time, which is a success here. */
static int failed_sized(void *failed)
{
	struct codearena_code *code;
	struct body body;
	int ret;

	body_call(&body, 5, CODEARENA_RELOC_CALL, 500);
	ret = codearena_module_add(fixture.module, &body.desc, 1, &code,
				   failed);
	return ret == -ENOENT ? 0 : ret;
}

static void sizes_of_other_versions(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);

	(void)state;
	expect_input_sizes(&opts, CA__SIZE_MODULE_OPTS, sizeof(opts),
			   new_sized);
	expect_output_sizes(CA__SIZE_MODULE_COUNTERS,
			    sizeof(struct codearena_module_counters),
			    counters_sized);
	expect_output_sizes(CA__SIZE_REMOVED, sizeof(struct codearena_removed),
			    removed_sized);
	expect_output_sizes(CA__SIZE_RELOC_ERROR,
			    sizeof(struct codearena_reloc_error), failed_sized);
}

/* An array of descriptions of a newer program. */
static void descriptions_have_the_callers_stride(void **state)
{
	struct {
		struct codearena_code_desc desc;
		uint64_t newer[3];
	} descs[3];
	CODEARENA_OPTS(codearena_reloc_error, failed);
	struct codearena_code *codes[3];
	struct body bodies[3];
	uint32_t i;

	(void)state;
	memset(descs, 0, sizeof(descs));
	for (i = 0; i < 3; i++) {
		body_return(&bodies[i], 5 + i, 10 + i);
		descs[i].desc = bodies[i].desc;
		descs[i].desc.sz = sizeof(descs[i]);
	}
	assert_int_equal(codearena_module_add_publish(fixture.module,
			&descs[0].desc, 3, NULL, &failed), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(call_function(fixture.module, 5 + i, 0),
				 10 + i);
	descs[1].newer[2] = 1;
	assert_int_equal(codearena_module_add(fixture.module, &descs[0].desc, 3,
					      codes, &failed), -E2BIG);
	assert_int_equal(failed.object, 1);
	assert_int_equal(failed.error, -E2BIG);
	descs[1].newer[2] = 0;
	descs[2].desc.sz -= 8;
	assert_int_equal(codearena_module_add(fixture.module, &descs[0].desc, 3,
					      codes, &failed), -EINVAL);
	assert_int_equal(failed.object, 2);
	descs[0].desc.sz = CA__SIZE_CODE_DESC - 1;
	assert_int_equal(codearena_module_add(fixture.module, &descs[0].desc, 1,
					      codes, &failed), -EINVAL);
	assert_int_equal(failed.object, 0);
}

static void zero_options_are_valid(void **state)
{
	CODEARENA_OPTS(codearena_module_opts, opts);
	struct codearena_module *module;
	struct body body;

	(void)state;
	assert_int_equal(codearena_module_new(fixture.manager, &opts, &module),
			 0);
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 3);
	assert_int_equal(codearena_module_add_publish(module, &body.desc, 1,
						      NULL, NULL), 0);
	codearena_module_free(module);
	opts.functions = 4;
	assert_int_equal(codearena_module_new(fixture.manager, &opts, &module),
			 0);
	codearena_module_free(module);
}

static int stale;

static int validate(void *data, struct codearena_module *module,
		    struct codearena_code *const *codes, size_t count)
{
	(void)data;
	assert_non_null(module);
	assert_non_null(codes[0]);
	assert_int_equal(count, 1);
	return stale;
}

static int events[8];

static void event(void *data, struct codearena_module *module,
		  enum codearena_event what, struct codearena_code *code)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	(void)data;
	assert_int_not_equal(codearena_code_start(code), 0);
	/* No lock is held. */
	if (what != CODEARENA_EVENT_FREED)
		assert_int_equal(codearena_module_stat(module, &stat), 0);
	events[what]++;
}

static void stale_assumptions_and_events(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct module_fixture other;
	struct codearena_code *code;
	struct body body;

	(void)state;
	opts.validate = validate;
	opts.event = event;
	module_begin(&other, 0, &opts);
	memset(events, 0, sizeof(events));
	body_return(&body, 5, 1);
	assert_int_equal(codearena_module_add(other.module, &body.desc, 1,
					      &code, NULL), 0);
	stale = 1;
	assert_int_equal(codearena_module_publish(other.module, &code, 1, NULL),
			 -ESTALE);
	assert_int_equal(call_function(other.module, 5, 0), LAZY_VALUE);
	assert_null(codearena_code_find(codearena_code_start(code)));
	assert_int_equal(events[CODEARENA_EVENT_PUBLISHED], 0);
	stale = 0;
	assert_int_equal(codearena_module_publish(other.module, &code, 1, NULL),
			 0);
	assert_int_equal(events[CODEARENA_EVENT_INSTALLED], 1);
	body_return(&body, 5, 2);
	assert_int_equal(codearena_module_add_publish(other.module, &body.desc,
						      1, NULL, NULL), 0);
	assert_int_equal(events[CODEARENA_EVENT_PUBLISHED], 2);
	assert_int_equal(events[CODEARENA_EVENT_RETIRED], 1);
	assert_int_equal(events[CODEARENA_EVENT_FREED], 0);
	assert_int_equal(codearena_module_reap(other.module, NULL), 0);
	assert_int_equal(events[CODEARENA_EVENT_FREED], 1);
	module_end(&other);
	assert_int_equal(events[CODEARENA_EVENT_FREED], 2);
}

/* Where nothing was current nothing is retired. */
static void events_of_reinstalling(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct module_fixture other;
	struct codearena_code *code;
	struct body body;

	(void)state;
	opts.event = event;
	opts.flags = CODEARENA_MODULE_F_DEBUG;
	module_begin(&other, 0, &opts);
	memset(events, 0, sizeof(events));
	body_return(&body, 5, 1);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	code = publish_body(other.module, &body);
	assert_int_equal(codearena_module_remove(other.module,
						 CODEARENA_FILTER_ALL, NULL),
			 0);
	assert_int_equal(codearena_module_reinstall_debug(other.module, code),
			 1);
	assert_int_equal(events[CODEARENA_EVENT_INSTALLED], 2);
	assert_int_equal(events[CODEARENA_EVENT_RETIRED], 1);
	/* It is current already. */
	assert_int_equal(codearena_module_reinstall_debug(other.module, code),
			 1);
	assert_int_equal(events[CODEARENA_EVENT_INSTALLED], 2);
	codearena_code_put(code);
	module_end(&other);
}

static void handles_follow_current_code(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_handle_table *table;
	struct module_fixture other;
	struct codearena_code *code;
	uint64_t entry, slot;
	codearena_handle handle, again;
	struct body body;
	uint8_t *from;

	(void)state;
	assert_int_equal(codearena_handle_table_new(NULL, &table), 0);
	opts.handles = table;
	module_begin(&other, 0, &opts);
	assert_int_equal(codearena_module_handle(other.module, 5, 42, &handle),
			 0);
	codearena_module_call_target(other.module, 5, 0, &slot);
	ca__handle_get(table, handle, &entry, NULL);
	assert_int_equal(entry, slot);
	body_return(&body, 5, 3);
	code = publish_body(other.module, &body);
	ca__handle_get(table, handle, &entry, NULL);
	assert_int_equal(entry, codearena_code_start(code));
	codearena_code_put(code);
	assert_int_equal(codearena_module_handle(other.module, 5, 42, &again),
			 0);
	assert_int_equal(again, handle);
	assert_int_equal(codearena_module_handle(other.module, 5, 43, &again),
			 -EINVAL);
	/* A relocation takes the handle of its function. */
	body_return(&body, 6, 1);
	body.desc.relocs = &body.reloc;
	body.desc.reloc_count = 1;
	body.desc.instructions_size = 24;
	body.reloc = (struct codearena_reloc){
		.offset = 16,
		.kind = CODEARENA_RELOC_INDIRECT,
		.form = CODEARENA_FORM_ABS32,
		.index = 5,
	};
	code = publish_body(other.module, &body);
	from = (uint8_t *)(uintptr_t)codearena_code_start(code);
	assert_memory_equal(from + 16, &handle, sizeof(handle));
	codearena_code_put(code);
	/* A handle with another target is refused. */
	ca__handle_set(table, handle, 0x1000);
	assert_int_equal(codearena_module_add(other.module, &body.desc, 1,
					      &code, NULL), -ENOENT);
	assert_int_equal(codearena_module_remove(other.module,
			CODEARENA_FILTER_ALL, NULL), 0);
	ca__handle_get(table, handle, &entry, NULL);
	assert_int_equal(entry, slot);
	module_end(&other);
	assert_int_equal(ca__handle_get(table, handle, NULL, NULL),
			 -ENOENT);
	codearena_handle_table_free(table);
}

/* Code for debugging counts in neither tier, nor do wrappers. */
static void bytes_of_tiers(void **state)
{
	CODEARENA_OPTS(codearena_module_counters, stat);
	struct codearena_code *code;
	struct body body;
	uint32_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		body_return(&body, 2 + i, i);
		body.desc.tier = i & 1 ? CODEARENA_TIER_OPTIMIZED :
					 CODEARENA_TIER_BASELINE;
		body.desc.debug = i / 2;
		code = publish_body(fixture.module, &body);
		codearena_code_put(code);
	}
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 9);
	body.desc.kind = CODEARENA_CODE_HOST_WRAPPER;
	body.desc.tier = CODEARENA_TIER_NONE;
	code = publish_body(fixture.module, &body);
	codearena_code_put(code);
	assert_int_equal(codearena_module_stat(fixture.module, &stat), 0);
	assert_int_equal(stat.codes, 5);
	assert_int_equal(stat.code_bytes, 5 * granule_size());
	assert_int_equal(stat.baseline_bytes,
			 stat.table_bytes + granule_size());
	assert_int_equal(stat.optimized_bytes,
			 stat.table_bytes + granule_size());
}

/* V8 [OLD] Lookup, its last row; and nothing of the module is left. */
static void lookup_ends_with_the_module(void **state)
{
	CODEARENA_OPTS(codearena_manager_counters, before);
	CODEARENA_OPTS(codearena_manager_counters, after);
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module *module;
	struct codearena_code *code;
	uint64_t start, slot;
	struct body body;

	(void)state;
	assert_int_equal(codearena_manager_stat(fixture.manager, &before), 0);
	assert_int_equal(codearena_module_new(fixture.manager, &opts, &module),
			 0);
	body_return(&body, 5, 1);
	code = publish_body(module, &body);
	start = codearena_code_start(code);
	codearena_module_call_target(module, 5, 0, &slot);
	assert_ptr_equal(codearena_code_find(start), code);
	assert_non_null(codearena_code_find(slot));
	codearena_code_put(code);
	codearena_module_free(module);
	assert_null(codearena_code_find(start));
	assert_null(codearena_code_find(slot));
	assert_int_equal(codearena_manager_stat(fixture.manager, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* Neither functions nor builtins: no space, no tables, until there is code. */
static void module_without_functions(void **state)
{
	CODEARENA_OPTS(codearena_module_counters, stat);
	struct codearena_module *module;
	struct codearena_code *code;
	struct body body;
	uint64_t address;

	(void)state;
	assert_int_equal(codearena_module_new(fixture.manager, NULL, &module),
			 0);
	assert_int_equal(codearena_module_stat(module, &stat), 0);
	assert_int_equal(stat.spaces, 0);
	assert_int_equal(stat.tables, 0);
	assert_int_equal(codearena_module_call_target(module, 0, 0, &address),
			 -ENOENT);
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 9);
	body.desc.tier = CODEARENA_TIER_NONE;
	code = publish_body(module, &body);
	assert_int_equal(call_address(codearena_code_start(code)), 9);
	codearena_code_put(code);
	assert_int_equal(codearena_module_stat(module, &stat), 0);
	assert_int_equal(stat.spaces, 1);
	assert_int_equal(stat.tables, 0);
	assert_int_equal(stat.table_bytes, 0);
	codearena_module_free(module);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lazy_builtin_gets_function_index),
		TEST(install_rule_deopt),
		TEST(reverse_lookups),
		TEST(sizes_of_other_versions),
		TEST(descriptions_have_the_callers_stride),
		TEST(zero_options_are_valid),
		TEST(stale_assumptions_and_events),
		TEST(events_of_reinstalling),
		TEST(handles_follow_current_code),
		TEST(bytes_of_tiers),
		TEST(lookup_ends_with_the_module),
		TEST(module_without_functions),
	};

	return cmocka_run_group_tests_name("module options", tests, NULL, NULL);
}
