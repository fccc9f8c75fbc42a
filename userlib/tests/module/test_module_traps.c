// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Traps in the code of modules, however many code spaces they grow to.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "codearena/trap.h"
#include "module/module_helpers.h"

#define MIB		(1ULL << 20)
#define HANDLED		4711

/* Loads a byte from the address in its argument, and returns it. */
static const uint8_t load[] = {
#if defined(__x86_64__)
	0x0f, 0xb6, 0x07, 0xc3,		/* movzbl (%rdi), %eax; ret */
#elif defined(__aarch64__)
	0x00, 0x00, 0x40, 0x39, 0xc0, 0x03, 0x5f, 0xd6,	/* ldrb; ret */
#else
	0x03, 0x45, 0x05, 0x00, 0x67, 0x80, 0x00, 0x00,	/* lbu; ret */
#endif
};

static struct codearena_trap trap = {
	.start = 0,
#if defined(__x86_64__)
	.length = 1,
#else
	.length = 4,
#endif
	.landing = CODEARENA_LANDING_EXTERNAL,
};

/**
 * struct traps - a module whose functions all trap
 * @fixture: the module
 * @guard: what they access
 * @body: one body for all
 * @size: bytes of it
 * @count: functions
 */
struct traps {
	struct module_fixture fixture;
	struct codearena_guard *guard;
	uint8_t *body;
	uint32_t size;
	uint32_t count;
};

static struct codearena_code_desc desc_of(const struct traps *t, uint32_t index)
{
	return (struct codearena_code_desc){
		.sz = sizeof(struct codearena_code_desc),
		.body = t->body,
		.traps = &trap,
		.trap_count = 1,
		.function_index = index,
		.tier = CODEARENA_TIER_BASELINE,
		.flags = CODEARENA_CODE_F_REPORT,
		.instructions_size = t->size,
	};
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	if (!codearena_trap_signal(number, info, context))
		signal(number, SIG_DFL);
}

/* cmocka replaces the handlers for every test. */
static void handle_faults(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
}

static int traps_setup(void **state)
{
	int ret = backend_setup(state);

	return ret ? ret : codearena_trap_host_signals();
}

static void traps_begin(struct traps *t, uint32_t count, uint32_t size,
			const void *landing)
{
	struct codearena_module_opts opts = module_opts(&t->fixture);

	handle_faults();
	opts.imports = 0;
	opts.functions = count;
	opts.landing = landing;
	t->count = count;
	t->size = size;
	t->body = calloc(1, size);
	assert_non_null(t->body);
	memcpy(t->body, load, sizeof(load));
	module_begin(&t->fixture, MIB, &opts);
	assert_int_equal(codearena_module_guard_new(t->fixture.module,
						    1U << 16, NULL, &t->guard),
			 0);
}

static void traps_end(struct traps *t)
{
	module_end(&t->fixture);
	codearena_guard_free(t->guard);
	free(t->body);
}

static void publish_all(struct traps *t)
{
	struct codearena_code_desc *descs = calloc(t->count, sizeof(*descs));
	uint32_t i;

	assert_non_null(descs);
	for (i = 0; i < t->count; i++)
		descs[i] = desc_of(t, i);
	assert_int_equal(codearena_module_add_publish(t->fixture.module, descs,
						      t->count, NULL, NULL),
			 0);
	free(descs);
}

static void publish_one(struct traps *t, uint32_t index)
{
	struct codearena_code_desc desc = desc_of(t, index);

	assert_int_equal(codearena_module_add_publish(t->fixture.module, &desc,
						      1, NULL, NULL), 0);
}

static int call_trapping(struct traps *t, uint32_t index, uint64_t *result,
			 struct codearena_trap_report *report)
{
	const uint64_t argument =
		(uintptr_t)codearena_guard_base(t->guard) + index;
	uint64_t slot;

	assert_int_equal(codearena_module_call_target(t->fixture.module, index,
						      0, &slot), 0);
	return codearena_trap_call((const void *)(uintptr_t)slot, &argument, 1,
				   result, report);
}

static void check_traps(struct traps *t)
{
	struct codearena_trap_report report;
	struct codearena_code *code;
	uint32_t i;

	for (i = 0; i < t->count; i++) {
		assert_int_equal(call_trapping(t, i, NULL, &report),
				 CODEARENA_TRAPPED);
		assert_int_equal(codearena_module_code(t->fixture.module, i,
						       &code), 0);
		assert_int_equal(report.pc, codearena_code_start(code));
		assert_int_equal(report.address, i + (uintptr_t)
				 codearena_guard_base(t->guard));
		codearena_code_put(code);
	}
}

static uint64_t spaces_of(struct traps *t)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	assert_int_equal(codearena_module_stat(t->fixture.module, &stat), 0);
	return stat.spaces;
}

/* Large enough that all of them together need more than one code space. */
static uint32_t size_for(uint32_t count)
{
	uint64_t size = 5 * MIB / 2 / count / 64 * 64;

	return size > 300000 ? 300000 : size;
}

static const uint32_t counts[] = { 1, 2, 10, 63, 110, 700, 5000 };

static void together(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct traps t;

		traps_begin(&t, counts[i], size_for(counts[i]), NULL);
		publish_all(&t);
		assert_true(counts[i] < 10 || spaces_of(&t) > 1);
		check_traps(&t);
		traps_end(&t);
	}
}

static void one_by_one(void **state)
{
	size_t i;
	uint32_t j;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct traps t;

		traps_begin(&t, counts[i], size_for(counts[i]), NULL);
		for (j = 0; j < counts[i]; j++)
			publish_one(&t, j);
		assert_true(counts[i] < 10 || spaces_of(&t) > 1);
		check_traps(&t);
		traps_end(&t);
	}
}

/* Spaces that begin after the module was made get the pad too. */
static void module_without_a_first_space(void **state)
{
	struct codearena_module_opts opts = { .sz = sizeof(opts) };
	struct traps t = { .count = 0 };
	struct codearena_code_desc desc;
	struct codearena_code *code;
	uint64_t argument;

	(void)state;
	handle_faults();
	t.size = sizeof(load);
	t.body = malloc(t.size);
	memcpy(t.body, load, sizeof(load));
	module_begin(&t.fixture, MIB, &opts);
	assert_int_equal(spaces_of(&t), 0);
	assert_int_equal(codearena_module_guard_new(t.fixture.module, 1U << 16,
						    NULL, &t.guard), 0);
	argument = (uintptr_t)codearena_guard_base(t.guard);
	desc = desc_of(&t, 0);
	desc.function_index = CODEARENA_CODE_ANONYMOUS;
	assert_int_equal(codearena_module_add_publish(t.fixture.module, &desc,
						      1, &code, NULL), 0);
	assert_int_equal(codearena_trap_call((const void *)(uintptr_t)
					     codearena_code_start(code),
					     &argument, 1, NULL, NULL),
			 CODEARENA_TRAPPED);
	codearena_code_put(code);
	traps_end(&t);
}

static uint64_t handle_trap(const struct codearena_trap_report *report,
			    void *data)
{
	(void)report;
	return (uintptr_t)data;
}

static void pad_of_the_program(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts);
	struct codearena_arena *arena;
	uint64_t result = 0;
	struct traps t;
	uint32_t i;

	(void)state;
	assert_int_equal(codearena_arena_new(1 << 16, &opts, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0,
				codearena_arena_page_size(arena)), 0);
	assert_int_equal(codearena_pad_publish(arena, 0, handle_trap,
					       (void *)HANDLED, 0), 0);
	traps_begin(&t, 20, size_for(20), codearena_arena_base(arena));
	publish_all(&t);
	assert_true(spaces_of(&t) > 1);
	for (i = 0; i < t.count; i++) {
		assert_int_equal(call_trapping(&t, i, &result, NULL), 0);
		assert_int_equal(result, HANDLED);
	}
	traps_end(&t);
	codearena_arena_free(arena);
}

static void pad_cannot_be_replaced(void **state)
{
	CODEARENA_OPTS(codearena_space_info, info);
	struct traps t;
	uint64_t i;

	(void)state;
	traps_begin(&t, 20, size_for(20), NULL);
	publish_all(&t);
	for (i = 0; i < spaces_of(&t); i++) {
		assert_int_equal(codearena_allocator_space(
			codearena_module_allocator(t.fixture.module), i, &info),
			0);
		assert_int_equal(codearena_trap_set_landing(info.arena,
				 codearena_pad_external()), -EBUSY);
	}
	traps_end(&t);
}

static void pad_is_checked(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, manager_opts);
	struct codearena_module_opts opts;
	struct module_fixture fixture;
	struct codearena_manager *manager;
	struct codearena_module *module = (void *)&opts;

	(void)state;
	assert_int_equal(codearena_manager_new(&manager_opts, &manager), 0);
	opts = module_opts(&fixture);
	opts.landing = (const void *)UINTPTR_MAX;
	assert_int_equal(codearena_module_new(manager, &opts, &module),
			 -EINVAL);
	assert_null(module);
	codearena_manager_free(manager);
}

/* An exact estimate, with the lazy slots of a first space that is for lazy. */
static void exact_estimate_fits(void **state)
{
	static const uint32_t functions[] = { 1, 110, 225, 1000, 4000 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		struct codearena_module_opts opts;
		struct traps t;

		traps_begin(&t, functions[i], granule_size(), NULL);
		module_end(&t.fixture);
		opts = module_opts(&t.fixture);
		opts.imports = 0;
		opts.functions = functions[i];
		opts.estimate = functions[i] * granule_size();
		module_begin(&t.fixture, 0, &opts);
		publish_all(&t);
		assert_int_equal(spaces_of(&t), 1);
		check_traps(&t);
		traps_end(&t);
	}
}

static void guards_without_an_arena(void **state)
{
	CODEARENA_OPTS(codearena_manager_opts, opts);
	CODEARENA_OPTS(codearena_guard_opts, guard_opts, .align = 1 << 20);
	struct codearena_manager *manager;
	struct codearena_guard *guard = (void *)&opts;

	(void)state;
	assert_int_equal(codearena_manager_guard_new(NULL, 1U << 16, NULL,
						     &guard), -EINVAL);
	assert_null(guard);
	assert_int_equal(codearena_module_guard_new(NULL, 1U << 16, NULL,
						    &guard), -EINVAL);
	assert_int_equal(codearena_manager_new(&opts, &manager), 0);
	assert_int_equal(codearena_manager_guard_new(manager, 1U << 16, NULL,
						     NULL), -EINVAL);
	assert_int_equal(codearena_manager_guard_new(manager, 1, NULL, &guard),
			 -EINVAL);
	assert_int_equal(codearena_manager_guard_new(manager, 1U << 16,
						     &guard_opts, &guard), 0);
	assert_false((uintptr_t)codearena_guard_base(guard) % (1 << 20));
	codearena_manager_free(manager);
	assert_int_equal(codearena_guard_back(guard, 0,
					      sysconf(_SC_PAGESIZE)), 0);
	*(volatile char *)codearena_guard_base(guard) = 1;
	codearena_guard_free(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(together),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(module_without_a_first_space),
		cmocka_unit_test(pad_of_the_program),
		cmocka_unit_test(pad_cannot_be_replaced),
		cmocka_unit_test(pad_is_checked),
		cmocka_unit_test(exact_estimate_fits),
		cmocka_unit_test(guards_without_an_arena),
	};

	return cmocka_run_group_tests(tests, traps_setup, NULL);
}
