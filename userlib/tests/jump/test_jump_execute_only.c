// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Arenas that cannot be read: code, jump tables and landing pads in them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "codearena/trap.h"
#include "arch/arch.h"
#include "jump/test_jump.h"

#define EXECUTE_ONLY	CODEARENA_RESERVE_F_EXECUTE_ONLY
#define FUNCTIONS	4

/* uint32_t load(const uint32_t *address) */
static size_t code_load(uint8_t code[CODE_MAX])
{
#if defined(__x86_64__)
	memcpy(code, "\x8b\x07\xc3", 3);
	return 3;
#elif defined(__aarch64__)
	static const uint32_t words[] = { 0xb9400000, 0xd65f03c0 };
#else
	static const uint32_t words[] = { 0x00052503, 0x00008067 };
#endif
#if !defined(__x86_64__)
	memcpy(code, words, sizeof(words));
	return sizeof(words);
#endif
}

/* Also where the processor does not enforce it: the library does not know. */
static struct codearena_arena *arena_new(uint32_t flags)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_DEVICE,
		       .flags = EXECUTE_ONLY | flags);
	struct codearena_arena *arena;
	int ret;

	ret = codearena_arena_new(16 * sysconf(_SC_PAGESIZE), &opts, &arena);
	if (ret == -EOPNOTSUPP) {
		opts.flags |= CODEARENA_RESERVE_F_UNENFORCED;
		ret = codearena_arena_new(16 * sysconf(_SC_PAGESIZE), &opts,
					  &arena);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(codearena_arena_commit(arena, 0,
						codearena_arena_length(arena)),
			 0);
	return arena;
}

static void fallback_says_no(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .backend = CODEARENA_BACKEND_MEMFD,
		       .flags = EXECUTE_ONLY);
	struct codearena_arena *arena;

	(void)state;
	assert_int_equal(codearena_arena_new(1 << 20, &opts, &arena),
			 -EOPNOTSUPP);
	opts.flags |= CODEARENA_RESERVE_F_UNENFORCED;
	assert_int_equal(codearena_arena_new(1 << 20, &opts, &arena),
			 -EOPNOTSUPP);
}

static struct codearena_jump_table *slots_new(struct codearena_arena *arena,
					      int wanted)
{
	uint64_t page = codearena_arena_page_size(arena), targets[FUNCTIONS];
	const struct codearena_jump_parts parts = {
		.near = page,
		.far = 2 * page,
		.lazy = 3 * page,
	};
	CODEARENA_OPTS(codearena_jump_table_opts, opts, .targets = targets,
		       .functions = FUNCTIONS);
	struct codearena_jump_table *table;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++)
		targets[i] = base_of(arena) +
			     i * codearena_arena_granule(arena);
	assert_int_equal(codearena_jump_table_new(&opts, arena, &parts, &table),
			 wanted);
	return table;
}

static void jump_table_works(void **state)
{
	struct codearena_arena *arena;
	struct codearena_jump_table *table;
	struct codearena_jump_set set;
	uint64_t granule;
	unsigned int i;

	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	arena = arena_new(0);
	granule = codearena_arena_granule(arena);
	for (i = 0; i < 2 * FUNCTIONS; i++)
		assert_int_equal(publish_return(arena, i * granule, i + 10, 0),
				 0);
	if (CA__CODE_LOADS) {
		assert_null(slots_new(arena, -EOPNOTSUPP));
		codearena_arena_free(arena);
		return;
	}
	table = slots_new(arena, 0);
	for (i = 0; i < FUNCTIONS; i++)
		assert_int_equal(call(codearena_jump_table_slot(table, i)),
				 i + 10);
	for (i = 0; i < FUNCTIONS; i++) {
		set = (struct codearena_jump_set){
			.index = i,
			.target = base_of(arena) + (i + FUNCTIONS) * granule,
		};
		assert_int_equal(codearena_jump_table_set(table, &set, 1, 0,
							  NULL), 0);
		assert_true(codearena_jump_table_target(table, i) ==
			    set.target);
		assert_int_equal(call(codearena_jump_table_slot(table, i)),
				 i + FUNCTIONS + 10);
	}
	/* A far slot would load its target from the arena. */
	set.target = base_of(arena) + (1ULL << 40);
	assert_int_equal(codearena_jump_table_set(table, &set, 1, 0, NULL),
			 -ERANGE);
	codearena_jump_table_free(table);
	codearena_arena_free(arena);
}

/* Nobody knows what other processes have patched. */
static void jump_table_needs_one_writer(void **state)
{
	struct codearena_arena *arena;

	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	arena = arena_new(CODEARENA_RESERVE_F_SHARED_WRITER);
	assert_null(slots_new(arena, -EOPNOTSUPP));
	codearena_arena_free(arena);
}

static void attached_arena_executes(void **state)
{
	struct codearena_arena *arena, *attached;
	int fd;

	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	arena = arena_new(0);
	assert_int_equal(publish_return(arena, 0, 21, 0), 0);
	assert_int_equal(codearena_arena_share(arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, NULL, &attached), 0);
	assert_int_equal(execute(attached, 0), 21);
	codearena_arena_free(attached);
	close(fd);
	codearena_arena_free(arena);
}

static void landing_pad_works(void **state)
{
	const struct codearena_trap trap = { .length = 1, .landing = 0 };
	struct codearena_arena *arena;
	struct codearena_guard *guard;
	struct codearena_trap_report report;
	uint8_t code[CODE_MAX];
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.traps = (uintptr_t)&trap,
		.trap_count = 1,
		.flags = CODEARENA_OBJECT_F_REPORT,
	};
	uint64_t address;

	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	arena = arena_new(0);
	object.offset = codearena_arena_page_size(arena);
	object.length = code_load(code);
	if (CA__CODE_LOADS) {
		assert_int_equal(codearena_pad_publish(arena, 0, NULL, NULL, 0),
				 -EOPNOTSUPP);
		codearena_arena_free(arena);
		return;
	}
	assert_int_equal(codearena_pad_publish(arena, 0, NULL, NULL, 0), 0);
	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	assert_int_equal(codearena_guard_new(arena, 1 << 20, NULL, &guard), 0);
	address = (uintptr_t)codearena_guard_base(guard) + 64;
	assert_int_equal(codearena_trap_call((const uint8_t *)
					     codearena_arena_base(arena) +
					     object.offset, &address, 1, NULL,
					     &report), CODEARENA_TRAPPED);
	assert_int_equal(report.kind, CODEARENA_TRAP_MEMORY);
	assert_true(report.address == address);
	codearena_guard_free(guard);
	codearena_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallback_says_no),
		cmocka_unit_test(jump_table_works),
		cmocka_unit_test(jump_table_needs_one_writer),
		cmocka_unit_test(attached_arena_executes),
		cmocka_unit_test(landing_pad_works),
	};

	return cmocka_run_group_tests_name("jump_execute_only", tests, NULL,
					   NULL);
}
