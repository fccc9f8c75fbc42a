// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules: adding, publishing, which code becomes current, removing, looking up,
 * and freeing code.
 */
#include <stdlib.h>

#include "lib/code_info.h"
#include "module/module_helpers.h"

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

static struct codearena_module_counters stat_get(void)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	assert_int_equal(codearena_module_stat(fixture.module, &stat), 0);
	return stat;
}

/* All that can be observed; functions are called too. */
struct seen {
	struct codearena_module_counters stat;
	uint32_t values[MODULE_FUNCTIONS];
};

static struct seen look(void)
{
	struct seen seen = { .stat = stat_get() };
	uint32_t i;

	for (i = 0; i < MODULE_FUNCTIONS; i++)
		seen.values[i] = call_function(fixture.module,
					       MODULE_IMPORTS + i, 0);
	return seen;
}

#define expect_unchanged(error, call)				\
	do {							\
		struct seen before_ = look(), after_;		\
								\
		assert_int_equal(call, error);			\
		after_ = look();				\
		assert_memory_equal(&before_, &after_, sizeof(before_)); \
	} while (0)

static struct codearena_code *publish(struct body *body)
{
	return publish_body(fixture.module, body);
}

static unsigned int call(uint32_t function)
{
	return call_function(fixture.module, function, 0);
}

static void functions_begin_lazy(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < MODULE_FUNCTIONS; i++)
		assert_int_equal(call(MODULE_IMPORTS + i), LAZY_VALUE);
	assert_int_equal(stat_get().current, 0);
	assert_int_equal(stat_get().tables, 1);
}

static void published_code_runs(void **state)
{
	struct codearena_code *code, *found;
	struct body body;

	(void)state;
	body_return(&body, 5, 77);
	code = publish(&body);
	assert_int_equal(call(5), 77);
	assert_int_equal(call(6), LAZY_VALUE);
	assert_int_equal(call_address(codearena_code_start(code)), 77);
	assert_int_equal(stat_get().current, 1);
	assert_int_equal(stat_get().codes, 1);
	assert_int_equal(codearena_module_code(fixture.module, 5, &found), 0);
	assert_ptr_equal(found, code);
	codearena_code_put(found);
	codearena_code_put(code);
}

/* V8: AddCode runs on many threads, nothing is visible until PublishCode. */
static void nothing_is_visible_before_publishing(void **state)
{
	struct codearena_code *code;
	struct body body;
	uint64_t start;

	(void)state;
	body_return(&body, 4, 7);
	assert_int_equal(codearena_module_add(fixture.module, &body.desc, 1,
					      &code, NULL), 0);
	start = codearena_code_start(code);
	assert_null(codearena_code_find(start));
	assert_int_equal(call(4), LAZY_VALUE);
	assert_int_equal(stat_get().added, 1);
	assert_int_equal(stat_get().codes, 0);
	assert_int_equal(codearena_module_publish(fixture.module, &code, 1,
						  NULL), 0);
	assert_ptr_equal(codearena_code_find(start), code);
	assert_int_equal(call(4), 7);
	assert_int_equal(stat_get().added, 0);
}

static void dropped_code_leaves_nothing(void **state)
{
	struct codearena_code *codes[3];
	struct codearena_code_desc descs[3];
	struct body bodies[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		body_return(&bodies[i], 3 + i, i);
		descs[i] = bodies[i].desc;
	}
	assert_int_equal(codearena_module_add(fixture.module, descs, 3, codes,
					      NULL), 0);
	assert_int_equal(codearena_module_publish(fixture.module, &codes[1], 1,
						  NULL), 0);
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module,
							   codes, 3));
	codes[1] = codes[2];
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module,
							   codes, 3));
	assert_int_equal(codearena_module_drop(fixture.module, codes, 2), 0);
	assert_int_equal(stat_get().added, 0);
	assert_int_equal(call(4), 1);
	assert_int_equal(call(3), LAZY_VALUE);
}

static void calls_are_relocated(void **state)
{
	struct codearena_code *code;
	struct body body;

	(void)state;
	body_call(&body, 2, CODEARENA_RELOC_CALL, 3);
	code = publish(&body);
	codearena_code_put(code);
	assert_int_equal(call(2), LAZY_VALUE);
	body_return(&body, 3, 55);
	code = publish(&body);
	codearena_code_put(code);
	assert_int_equal(call(2), 55);
	body_call(&body, 4, CODEARENA_RELOC_STUB_CALL, 2);
	code = publish(&body);
	codearena_code_put(code);
	assert_int_equal(call(4), 2);
}

static void bad_relocations_are_named(void **state)
{
	CODEARENA_OPTS(codearena_reloc_error, error);
	struct codearena_code *codes[2];
	struct codearena_code_desc descs[2];
	struct body bodies[2];

	(void)state;
	body_call(&bodies[0], 2, CODEARENA_RELOC_CALL, 3);
	body_call(&bodies[1], 3, CODEARENA_RELOC_CALL, MODULE_IMPORTS - 1);
	descs[0] = bodies[0].desc;
	descs[1] = bodies[1].desc;
	expect_unchanged(-ENOENT, codearena_module_add(fixture.module, descs,
						       2, codes, &error));
	assert_null(codes[0]);
	assert_int_equal(error.object, 1);
	assert_int_equal(error.index, 0);
	assert_int_equal(error.reason, CODEARENA_RELOC_BAD_FUNCTION);
	bodies[1].reloc.kind = CODEARENA_RELOC_STUB_CALL;
	bodies[1].reloc.index = 3;
	expect_unchanged(-ENOENT, codearena_module_add(fixture.module, descs,
						       2, codes, &error));
	assert_int_equal(error.reason, CODEARENA_RELOC_BAD_BUILTIN);
	/* No table of handles. */
	bodies[1].reloc.kind = CODEARENA_RELOC_INDIRECT;
	bodies[1].reloc.form = CODEARENA_FORM_ABS64;
	bodies[1].reloc.index = 3;
	bodies[1].desc.instructions_size = 16;
	descs[1].instructions_size = 16;
	expect_unchanged(-ENOENT, codearena_module_add(fixture.module, descs,
						       2, codes, &error));
	assert_int_equal(error.object, 1);
	assert_int_equal(error.reason, CODEARENA_RELOC_BAD_HANDLE);
}

/* One row of the installation rules. */
struct rule {
	bool debug_state;
	uint32_t prior_tier, prior_debug, tier, debug;
	bool installed;
};

#define B CODEARENA_TIER_BASELINE
#define O CODEARENA_TIER_OPTIMIZED

static const struct rule rules[] = {
	/* higher and equal tiers win, lower ones do not */
	{ false, B, 0, O, 0, true },
	{ false, B, 0, B, 0, true },
	{ false, O, 0, O, 0, true },
	{ false, O, 0, B, 0, false },
	/* code for debugging is always replaced, also outside of debugging */
	{ false, O, 1, B, 0, true },
	{ false, B, 2, B, 0, true },
	{ false, B, 0, B, 1, true },
	{ false, O, 0, B, 1, false },
	/* never stepping */
	{ false, B, 0, B, 3, false },
	{ true, B, 1, B, 3, false },
	/* in the debug state only code for debugging, of the same level */
	{ true, B, 1, O, 0, false },
	{ true, B, 0, O, 0, false },
	{ true, O, 0, B, 1, true },
	{ true, B, 1, B, 1, true },
	{ true, B, 1, B, 2, true },
	{ true, B, 2, B, 1, false },
	{ true, B, 2, B, 2, true },
};

static void install_rule(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		struct codearena_code *codes[2];
		struct body body;

		codearena_module_set_debug(fixture.module, false);
		assert_int_equal(codearena_module_remove(fixture.module,
				CODEARENA_FILTER_ALL, NULL), 0);
		body_return(&body, 5, 1);
		body.desc.tier = rule->prior_tier;
		body.desc.debug = rule->prior_debug;
		codes[0] = publish(&body);
		assert_int_equal(call(5), 1);
		codearena_module_set_debug(fixture.module, rule->debug_state);
		body_return(&body, 5, 2);
		body.desc.tier = rule->tier;
		body.desc.debug = rule->debug;
		codes[1] = publish(&body);
		if (call(5) != 1 + (unsigned int)rule->installed)
			fail_msg("rule %zu", i);
		/* The loser lives by our reference only. */
		assert_int_equal(stat_get().dead, 0);
		codearena_code_put(codes[!rule->installed]);
		codearena_code_put(codes[rule->installed]);
		codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL,
					NULL);
		assert_int_equal(codearena_module_reap(fixture.module, NULL),
				 0);
	}
}

/* Several for one function in one call: the rules apply in their order. */
static void batch_with_one_function_thrice(void **state)
{
	struct codearena_code_desc descs[3];
	struct codearena_code *codes[3];
	struct body bodies[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		body_return(&bodies[i], 7, 10 + i);
		bodies[i].desc.tier = i == 1 ? CODEARENA_TIER_OPTIMIZED :
					       CODEARENA_TIER_BASELINE;
		descs[i] = bodies[i].desc;
	}
	assert_int_equal(codearena_module_add_publish(fixture.module, descs, 3,
						      codes, NULL), 0);
	assert_int_equal(call(7), 11);
	assert_int_equal(stat_get().current, 1);
	ca__module_put(codes, 3);
	assert_int_equal(stat_get().dead, 2);
	assert_int_equal(stat_get().codes, 3);
}

/* V8 [OLD] LookupWorksAfterRewrite. */
static void lookup_works_after_rewrite(void **state)
{
	struct codearena_code *first, *second;
	uint64_t old, new;
	struct body body;
	size_t count;

	(void)state;
	body_return(&body, 5, 1);
	first = publish(&body);
	old = codearena_code_start(first);
	assert_ptr_equal(codearena_code_find(old), first);
	body_return(&body, 5, 2);
	second = publish(&body);
	new = codearena_code_start(second);
	assert_int_not_equal(old, new);
	assert_ptr_equal(codearena_code_find(old), first);
	assert_ptr_equal(codearena_code_find(new), second);
	assert_int_equal(call_address(old), 1);
	assert_int_equal(call(5), 2);
	/* Dead code is found by its address until it is reaped. */
	codearena_code_put(first);
	assert_ptr_equal(codearena_code_find(old), first);
	assert_int_equal(codearena_module_reap(fixture.module, &count), 0);
	assert_int_equal(count, 1);
	assert_null(codearena_code_find(old));
	assert_ptr_equal(codearena_code_find(new), second);
	codearena_code_put(second);
}

static void lookup_by_address(void **state)
{
	struct codearena_code *code, *found;
	struct body body;
	uint64_t start, slot;

	(void)state;
	body_return(&body, 5, 1);
	code = publish(&body);
	start = codearena_code_start(code);
	assert_int_equal(codearena_module_lookup(fixture.module,
			(void *)(uintptr_t)(start + 3), &found), 0);
	assert_ptr_equal(found, code);
	codearena_code_put(found);
	codearena_code_put(code);
	assert_int_equal(codearena_module_lookup(fixture.module,
			(void *)(uintptr_t)(start + granule_size()), &found), -ENOENT);
	assert_null(found);
	assert_int_equal(codearena_module_lookup(fixture.module, &body, &found),
			 -ENOENT);
	/* Jump tables are code too. */
	assert_int_equal(codearena_module_call_target(fixture.module, 5, 0,
						      &slot), 0);
	assert_int_equal(codearena_module_lookup(fixture.module,
			(void *)(uintptr_t)slot, &found), 0);
	assert_int_equal(code_info(found).kind, CODEARENA_CODE_JUMP_TABLE);
	codearena_code_put(found);
}

/* V8 mjsunit code-flushing: baseline code goes, optimised code stays. */
static void code_flushing(void **state)
{
	CODEARENA_OPTS(codearena_removed, removed);
	uint64_t bytes = 3 * granule_size();
	struct codearena_code *code;
	struct body body;
	uint32_t i;

	(void)state;
	for (i = 2; i < 8; i++) {
		body_return(&body, i, i);
		body.desc.tier = i & 1 ? CODEARENA_TIER_OPTIMIZED :
					 CODEARENA_TIER_BASELINE;
		code = publish(&body);
		codearena_code_put(code);
	}
	assert_int_equal(stat_get().baseline_bytes,
			 stat_get().table_bytes + bytes);
	assert_int_equal(codearena_module_remove(fixture.module,
			CODEARENA_FILTER_BASELINE, &removed), 0);
	assert_int_equal(removed.functions, 3);
	assert_int_equal(removed.code_bytes, bytes);
	assert_true(removed.metadata_bytes >= 3 * 64);
	for (i = 2; i < 8; i++)
		assert_int_equal(call(i), i & 1 ? i : LAZY_VALUE);
	assert_int_equal(stat_get().dead, 3);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(stat_get().codes, 3);
	assert_int_equal(stat_get().baseline_bytes, stat_get().table_bytes);
	assert_int_equal(stat_get().optimized_bytes,
			 stat_get().table_bytes + bytes);
}

static void filters(void **state)
{
	static const struct {
		enum codearena_filter filter;
		unsigned int left;	/* bits of tier + 2 * debug */
	} cases[] = {
		{ CODEARENA_FILTER_DEBUG, 0x3 },
		{ CODEARENA_FILTER_NOT_DEBUG, 0xc },
		{ CODEARENA_FILTER_BASELINE, 0xa },
		{ CODEARENA_FILTER_OPTIMIZED, 0x5 },
		{ CODEARENA_FILTER_ALL, 0 },
	};
	struct codearena_code *code;
	struct body body;
	uint32_t i, k;

	(void)state;
	for (k = 0; k < 5; k++) {
		for (i = 0; i < 4; i++) {
			body_return(&body, 2 + i, i);
			body.desc.tier = i & 1 ? CODEARENA_TIER_OPTIMIZED :
						 CODEARENA_TIER_BASELINE;
			body.desc.debug = i / 2;
			code = publish(&body);
			codearena_code_put(code);
		}
		assert_int_equal(codearena_module_remove(fixture.module,
				cases[k].filter, NULL), 0);
		for (i = 0; i < 4; i++)
			assert_int_equal(call(2 + i), cases[k].left >> i & 1 ?
					 i : LAZY_VALUE);
		codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL,
					NULL);
	}
	expect_unchanged(-EINVAL, codearena_module_remove(fixture.module, 0,
							  NULL));
	expect_unchanged(-EINVAL, codearena_module_remove(fixture.module, 6,
							  NULL));
}

static void lazy_again_without_code(void **state)
{
	struct codearena_code *code;
	struct body body;

	(void)state;
	assert_int_equal(call(5), LAZY_VALUE);
	body_return(&body, 5, 1);
	code = publish(&body);
	codearena_code_put(code);
	assert_int_equal(call(5), 1);
	assert_int_equal(codearena_module_remove(fixture.module,
						 CODEARENA_FILTER_ALL, NULL),
			 0);
	assert_int_equal(call(5), LAZY_VALUE);
}

static void reinstall_debug(void **state)
{
	struct codearena_code *codes[2];
	struct body body;

	(void)state;
	codearena_module_set_debug(fixture.module, true);
	body_return(&body, 5, 1);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	codes[0] = publish(&body);
	body_return(&body, 5, 2);
	body.desc.debug = CODEARENA_DEBUG_BREAKPOINTS;
	codes[1] = publish(&body);
	assert_int_equal(call(5), 2);
	assert_int_equal(codearena_module_reinstall_debug(fixture.module,
							  codes[0]), 1);
	assert_int_equal(call(5), 1);
	assert_int_equal(stat_get().dead, 0);
	assert_int_equal(stat_get().current, 1);
	codearena_module_set_debug(fixture.module, false);
	expect_unchanged(0, codearena_module_reinstall_debug(fixture.module,
							     codes[1]));
	ca__module_put(codes, 2);
	assert_int_equal(stat_get().dead, 1);
	body_return(&body, 6, 2);
	codes[0] = publish(&body);
	expect_unchanged(-EINVAL,
			 codearena_module_reinstall_debug(fixture.module,
							  codes[0]));
	codearena_code_put(codes[0]);
}

static void wrappers_live_until_dropped(void **state)
{
	struct codearena_code *code;
	struct body body;

	(void)state;
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 9);
	body.desc.kind = CODEARENA_CODE_HOST_WRAPPER;
	body.desc.tier = CODEARENA_TIER_NONE;
	code = publish(&body);
	codearena_code_put(code);
	assert_int_equal(stat_get().dead, 0);
	assert_int_equal(call_address(codearena_code_start(code)), 9);
	assert_int_equal(codearena_module_drop(fixture.module, &code, 1), 0);
	assert_int_equal(stat_get().dead, 1);
	assert_int_equal(codearena_module_drop(fixture.module, &code, 1),
			 -ENOENT);
	assert_int_equal(stat_get().dead, 1);
	body_return(&body, 5, 9);
	code = publish(&body);
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module, &code,
							1));
	codearena_code_put(code);
}

/* Unpublished code and wrappers in one call, all or none. */
static void drop_is_all_or_nothing(void **state)
{
	struct codearena_code *codes[4];
	struct body body;

	(void)state;
	body_return(&body, 5, 1);
	assert_int_equal(codearena_module_add(fixture.module, &body.desc, 1,
					      &codes[0], NULL), 0);
	body_return(&body, CODEARENA_CODE_ANONYMOUS, 9);
	codes[1] = publish(&body);
	body_return(&body, 6, 2);
	codes[2] = publish(&body);
	codes[3] = codes[1];
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module, codes,
							3));
	codes[2] = codes[0];
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module, codes,
							3));
	expect_unchanged(-ENOENT, codearena_module_drop(fixture.module,
							&codes[1], 3));
	assert_int_equal(stat_get().added, 1);
	assert_int_equal(codearena_module_drop(fixture.module, codes, 2), 0);
	assert_int_equal(stat_get().added, 0);
	assert_int_equal(stat_get().dead, 0);
	codearena_code_put(codes[1]);
	assert_int_equal(stat_get().dead, 1);
}

static void codes_are_listed(void **state)
{
	struct codearena_code *codes[16], *code;
	struct body body;
	size_t count, i;

	(void)state;
	for (i = 0; i < 6; i++) {
		body_return(&body, 2 + i / 2, i);
		code = publish(&body);
		codearena_code_put(code);
	}
	count = 2;
	assert_int_equal(codearena_module_codes(fixture.module, 0, codes,
						       &count), -EMSGSIZE);
	assert_int_equal(count, 6);
	/* Three were replaced, and are dead. */
	assert_int_equal(codearena_module_codes(fixture.module, 0, codes,
						       &count), 0);
	assert_int_equal(count, 3);
	for (i = 1; i < count; i++)
		assert_true(codearena_code_start(codes[i - 1]) <
			    codearena_code_start(codes[i]));
	ca__module_put(codes, count);
	assert_int_equal(codearena_module_codes(fixture.module, CODEARENA_CODES_CURRENT, codes,
							 &count), -EMSGSIZE);
	assert_int_equal(count, MODULE_FUNCTIONS);
	assert_int_equal(codearena_module_codes(fixture.module, CODEARENA_CODES_CURRENT, codes,
							 &count), 0);
	for (i = 0; i < count; i++) {
		assert_int_equal(!!codes[i], i < 3);
		if (codes[i])
			assert_int_equal(code_info(codes[i]).function_index,
					 2 + i);
	}
	ca__module_put(codes, count);
	assert_int_equal(stat_get().dead, 3);
}

static void space_is_used_again(void **state)
{
	struct codearena_allocator *allocator;
	CODEARENA_OPTS(codearena_allocator_counters, stat);
	struct codearena_code *code;
	struct body body;
	uint64_t cookie, live;
	int i;

	(void)state;
	allocator = codearena_module_allocator(fixture.module);
	assert_int_equal(codearena_allocator_stat(allocator, &stat), 0);
	live = stat.live;
	for (i = 0; i < 2000; i++) {
		body_return(&body, 5, i % 2000);
		code = publish(&body);
		codearena_code_put(code);
		if (i % 100)
			continue;
		assert_int_equal(codearena_module_reap(fixture.module, NULL),
				 0);
		cookie = codearena_allocator_grace_begin(allocator);
		assert_int_equal(codearena_allocator_grace_end(allocator,
							       cookie), 0);
	}
	assert_int_equal(call(5), 1999);
	assert_int_equal(stat_get().spaces, 1);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	assert_int_equal(codearena_allocator_stat(allocator, &stat), 0);
	assert_int_equal(stat.live, live + granule_size());
}

static void bad_input(void **state)
{
	struct codearena_module_opts opts = module_opts(&fixture);
	struct codearena_module *module = (void *)&opts;
	struct codearena_code *code, *codes[2];
	struct module_fixture other;
	struct body body;
	uint64_t address = 1;
	size_t count = 2, failed;
	uint32_t index;
	bool builtin;

	(void)state;
	assert_int_equal(codearena_module_new(fixture.manager, &opts, NULL),
			 -EINVAL);
	assert_int_equal(codearena_module_new(NULL, &opts, &module), -EINVAL);
	assert_null(module);
#define BAD_OPTS(error, change)						\
	do {								\
		opts = module_opts(&fixture);				\
		change;							\
		assert_int_equal(codearena_module_new(fixture.manager,	\
				&opts, &module), -(error));		\
		assert_null(module);					\
	} while (0)
	BAD_OPTS(EINVAL, opts.sz = CA__SIZE_MODULE_OPTS - 1);
	BAD_OPTS(EOPNOTSUPP, opts.flags = 0x10);
	BAD_OPTS(EOPNOTSUPP, opts.jump_flags = 0x80);
	BAD_OPTS(EINVAL, opts.builtins = NULL);
	BAD_OPTS(EINVAL, opts.external_count = 1);
	BAD_OPTS(EINVAL, opts.lazy_builtin = 3);
	BAD_OPTS(EINVAL, opts.flags = 0; opts.lazy_builtin = 1);
	BAD_OPTS(EINVAL, opts.reach = UINT64_MAX);
	BAD_OPTS(EINVAL, opts.imports = INT32_MAX);
	BAD_OPTS(EINVAL, opts.name = "\n");
	opts = module_opts(&fixture);
	module_begin(&other, 0, &opts);
	body_return(&body, 5, 1);
	assert_int_equal(codearena_module_add(other.module, &body.desc, 1,
					      &code, NULL), 0);
	expect_unchanged(-EINVAL, codearena_module_publish(fixture.module,
							   &code, 1, &failed));
	assert_int_equal(failed, 0);
	expect_unchanged(-EINVAL, codearena_module_drop(fixture.module,
							   &code, 1));
	codes[0] = code;
	codes[1] = code;
	assert_int_equal(codearena_module_publish(other.module, codes, 2,
						  &failed), -EINVAL);
	assert_int_equal(failed, 1);
	assert_int_equal(codearena_module_publish(other.module, &code, 1, NULL),
			 0);
	assert_int_equal(codearena_module_publish(other.module, &code, 1, NULL),
			 -EINVAL);
	module_end(&other);
	expect_unchanged(-EINVAL, codearena_module_publish(fixture.module, NULL,
							   1, NULL));
	expect_unchanged(-EINVAL, codearena_module_publish(fixture.module,
							   &code, 0, NULL));
	expect_unchanged(-EINVAL, codearena_module_add(fixture.module, NULL, 1,
						       &code, NULL));
	expect_unchanged(-EINVAL, codearena_module_add(fixture.module,
						       &body.desc, 0, &code,
						       NULL));
	expect_unchanged(-EINVAL, codearena_module_add(fixture.module,
						       &body.desc, 1, NULL,
						       NULL));
	body.desc.function_index = MODULE_FUNCTIONS + MODULE_IMPORTS;
	expect_unchanged(-EINVAL, codearena_module_add(fixture.module,
						       &body.desc, 1, &code,
						       NULL));
	body.desc.function_index = 5;
	body.desc.instructions_size = 0;
	expect_unchanged(-EINVAL, codearena_module_add(fixture.module,
						       &body.desc, 1, &code,
						       NULL));
	assert_int_equal(codearena_module_call_target(fixture.module, 1, 0,
						      &address), -ENOENT);
	assert_int_equal(address, 0);
	assert_int_equal(codearena_module_call_target(fixture.module, 5, 1,
						      &address), -ENOENT);
	assert_int_equal(codearena_module_builtin_target(fixture.module, 3, 0,
							 &address), -ENOENT);
	assert_int_equal(codearena_module_call_target(NULL, 5, 0, &address),
			 -EINVAL);
	assert_int_equal(codearena_module_slot(NULL, 5, &builtin, &index),
			 -EINVAL);
	assert_int_equal(codearena_module_codes(fixture.module, 2, codes,
						&count), -EOPNOTSUPP);
	assert_int_equal(codearena_module_codes(fixture.module, 0, NULL,
						&count), -EINVAL);
	assert_int_equal(codearena_module_reap(NULL, NULL), -EINVAL);
	assert_int_equal(codearena_module_stat(fixture.module, NULL), -EINVAL);
	assert_null(codearena_module_allocator(NULL));
	codearena_module_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_begin_lazy),
		TEST(published_code_runs),
		TEST(nothing_is_visible_before_publishing),
		TEST(dropped_code_leaves_nothing),
		TEST(calls_are_relocated),
		TEST(bad_relocations_are_named),
		TEST(install_rule),
		TEST(batch_with_one_function_thrice),
		TEST(lookup_works_after_rewrite),
		TEST(lookup_by_address),
		TEST(code_flushing),
		TEST(filters),
		TEST(lazy_again_without_code),
		TEST(reinstall_debug),
		TEST(wrappers_live_until_dropped),
		TEST(drop_is_all_or_nothing),
		TEST(codes_are_listed),
		TEST(space_is_used_again),
		TEST(bad_input),
	};

	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
