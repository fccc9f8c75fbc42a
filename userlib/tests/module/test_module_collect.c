// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules with scopes and a collector.
 */
#include <stdlib.h>

#include "code/ref.h"
#include "module/module_helpers.h"

static struct module_fixture fixture;
static struct codearena_collector *collector;
static struct codearena_runtime *runtime;
static uint64_t asked;
static int freed;

static void ask(void *data, struct codearena_runtime *from, uint64_t sequence)
{
	(void)data;
	(void)from;
	asked = sequence;
}

static void event(void *data, struct codearena_module *module,
		  enum codearena_event what, struct codearena_code *code)
{
	(void)data;
	(void)module;
	(void)code;
	freed += what == CODEARENA_EVENT_FREED;
}

static int setup(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	CODEARENA_OPTS(codearena_collector_opts, how,
		       .flags = CODEARENA_COLLECTOR_F_MANUAL);
	CODEARENA_OPTS(codearena_runtime_opts, join, .ask = ask);

	backend_setup(state);
	asked = 0;
	freed = 0;
	assert_int_equal(codearena_collector_new(&how, &collector), 0);
	assert_int_equal(codearena_collector_join(collector, &join, &runtime),
			 0);
	opts.collector = collector;
	opts.event = event;
	module_begin(&fixture, 0, &opts);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	module_end(&fixture);
	assert_int_equal(codearena_collector_leave(runtime), 0);
	assert_int_equal(codearena_collector_free(collector), 0);
	return 0;
}

static uint64_t replace(uint32_t value)
{
	struct codearena_code *code;
	struct body body;
	uint64_t start;

	body_return(&body, 5, value);
	code = publish_body(fixture.module, &body);
	start = codearena_code_start(code);
	codearena_code_put(code);
	return start;
}

static void collect(const uint64_t *pcs, size_t count)
{
	asked = 0;
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_not_equal(asked, 0);
	assert_int_equal(codearena_collector_report(runtime, asked, pcs, count),
			 0);
}

static void collection_frees_retired_code(void **state)
{
	uint64_t first = replace(1), second = replace(2), third = replace(3);

	(void)state;
	assert_int_equal(freed, 0);
	/* A thread is in the first one. */
	collect(&first, 1);
	assert_int_equal(freed, 1);
	assert_non_null(codearena_code_find(first));
	assert_null(codearena_code_find(second));
	assert_int_equal(call_address(first), 1);
	collect(NULL, 0);
	assert_int_equal(freed, 2);
	assert_null(codearena_code_find(first));
	assert_non_null(codearena_code_find(third));
	assert_int_equal(call_function(fixture.module, 5, 0), 3);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), -EINVAL);
}

/* V8: replaced code is kept by the scope of the thread that replaced it. */
static void scope_keeps_what_is_replaced(void **state)
{
	struct codearena_scope *scope;
	uint64_t first;

	(void)state;
	assert_int_equal(codearena_scope_open(&scope), 0);
	first = replace(1);
	assert_int_equal(ca__scope_count(scope), 1);
	replace(2);
	assert_int_equal(ca__scope_count(scope), 2);
	assert_int_equal(codearena_module_remove(fixture.module,
			CODEARENA_FILTER_ALL, NULL), 0);
	assert_int_equal(ca__scope_count(scope), 2);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(freed, 0);
	assert_int_equal(call_address(first), 1);
	assert_int_equal(codearena_scope_close(scope), 0);
	collect(NULL, 0);
	assert_int_equal(freed, 2);
	assert_int_equal(call_function(fixture.module, 5, 0), LAZY_VALUE);
	/* Also code published before the scope was opened, when it is removed. */
	replace(3);
	assert_int_equal(codearena_scope_open(&scope), 0);
	codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL, NULL);
	assert_int_equal(ca__scope_count(scope), 1);
	replace(4);
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(codearena_scope_open(&scope), 0);
	replace(5);
	assert_int_equal(ca__scope_count(scope), 2);
	assert_int_equal(codearena_scope_close(scope), 0);
}

/* What is only potentially dead can be looked up, and made current again. */
static void potentially_dead_code_lives_again(void **state)
{
	struct codearena_code *code;
	struct body body;

	(void)state;
	codearena_module_set_debug(fixture.module, true);
	body_return(&body, 5, 1);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	code = publish_body(fixture.module, &body);
	codearena_code_put(code);
	body_return(&body, 5, 2);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	assert_int_equal(codearena_module_add_publish(fixture.module,
			&body.desc, 1, NULL, NULL), 0);
	assert_int_equal(codearena_module_lookup(fixture.module,
			(void *)(uintptr_t)codearena_code_start(code), &code),
			0);
	assert_int_equal(codearena_module_reinstall_debug(fixture.module,
							  code), 1);
	codearena_code_put(code);
	collect(NULL, 0);
	assert_int_equal(freed, 1);
	assert_int_equal(call_function(fixture.module, 5, 0), 1);
}

/*
 * A module does not touch code of another module, which may be freed meanwhile,
 * and would have to be checked anew by its collector.
 */
static void lookup_leaves_others_alone(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_code *found;
	struct codearena_module *other;
	uint64_t first = replace(1);

	(void)state;
	assert_int_equal(codearena_module_new(fixture.manager, &opts, &other),
			 0);
	replace(2);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(codearena_module_lookup(other,
			(void *)(uintptr_t)first, &found), -ENOENT);
	assert_null(found);
	assert_int_equal(codearena_collector_report(runtime, asked, NULL, 0),
			 0);
	assert_int_equal(freed, 1);
	/* The callback removes code of its own module, which collects again. */
	first = replace(3);
	replace(4);
	asked = 0;
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(codearena_module_lookup(fixture.module,
			(void *)(uintptr_t)first, &found), 0);
	codearena_code_put(found);
	assert_int_equal(codearena_collector_report(runtime, asked, NULL, 0),
			 0);
	assert_non_null(codearena_code_find(first));
	codearena_module_free(other);
}

/* A module may go in the middle of a collection. */
static void module_dies_during_collection(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module *module;
	struct body body;
	int i;

	(void)state;
	opts.collector = collector;
	assert_int_equal(codearena_module_new(fixture.manager, &opts, &module),
			 0);
	replace(1);
	replace(2);
	for (i = 0; i < 3; i++) {
		body_return(&body, 5, i);
		assert_int_equal(codearena_module_add_publish(module,
				&body.desc, 1, NULL, NULL), 0);
	}
	assert_int_equal(codearena_collector_request(collector), 0);
	codearena_module_free(module);
	assert_int_equal(codearena_collector_report(runtime, asked, NULL, 0),
			 0);
	assert_int_equal(freed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(collection_frees_retired_code),
		TEST(scope_keeps_what_is_replaced),
		TEST(potentially_dead_code_lives_again),
		TEST(lookup_leaves_others_alone),
		TEST(module_dies_during_collection),
	};

	return cmocka_run_group_tests_name("module collect", tests, NULL, NULL);
}
