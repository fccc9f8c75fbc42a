// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Jump tables in arenas: targets of slots, by executing them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "jump/test_jump.h"

#define AT(...)		((const uint64_t[]){ __VA_ARGS__ })
#define FUNCTIONS	20
#define BUILTINS	3
#define LAZY_FIRST	1000
#define LAZY		CODEARENA_JUMP_TABLE_F_LAZY
#define ENTRY		CODEARENA_JUMP_TABLE_F_BRANCH_TARGET

/**
 * struct tables - an arena with functions, and one that is far away
 * @arena: page 0: functions 0 to 31, which return their number; page 1 to 3:
 *         near, far and lazy slots; pages from 4: committed
 * @far: functions 0 to 31, which return their number + 100
 * @page: bytes in a page
 * @granule: bytes in a granule
 * @targets: of builtins
 * @table: the table
 */
struct tables {
	struct codearena_arena *arena;
	struct codearena_arena *far;
	uint64_t page;
	uint64_t granule;
	uint64_t targets[BUILTINS];
	struct codearena_jump_table *table;
};

static uint64_t function(const struct tables *t, unsigned int i)
{
	return base_of(t->arena) + i * t->granule;
}

static uint64_t far_function(const struct tables *t, unsigned int i)
{
	return base_of(t->far) + i * t->granule;
}

static struct codearena_jump_table_opts opts_of(const struct tables *t,
						uint32_t flags)
{
	CODEARENA_OPTS(codearena_jump_table_opts, opts,
		       .builtin_targets = t->targets, .functions = FUNCTIONS,
		       .builtins = BUILTINS, .flags = flags, .lazy_builtin = 2,
		       .lazy_first = LAZY_FIRST);

	return opts;
}

static int new(struct tables *t, const struct codearena_jump_table_opts *opts,
	       struct codearena_jump_table **table)
{
	return table_new(opts, t->arena,
			 AT(t->page, 2 * t->page, 3 * t->page), table);
}

static int setup_flags(void **state, uint32_t flags)
{
	struct tables *t = calloc(1, sizeof(*t));
	struct codearena_jump_table_opts opts;
	uint8_t code[CODE_MAX];
	struct codearena_object object = { .source = (uintptr_t)code };
	unsigned int i;

	if (backend_setup(state) || !t)
		return -1;
	t->page = sysconf(_SC_PAGESIZE);
	t->arena = arena_of(8 * t->page, 0);
	t->far = arena_far_from(base_of(t->arena), t->page);
	t->granule = codearena_arena_granule(t->arena);
	for (i = 0; i < 32; i++) {
		assert_int_equal(publish_return(t->arena, i * t->granule, i, 0),
				 0);
		assert_int_equal(publish_return(t->far, i * t->granule, i + 100,
						0), 0);
	}
	object.offset = 32 * t->granule;
	object.length = code_lazy(code);
	assert_int_equal(codearena_arena_publish(t->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	t->targets[0] = function(t, 0);
	t->targets[1] = far_function(t, 1);
	t->targets[2] = function(t, 32);
	opts = opts_of(t, flags);
	assert_int_equal(new(t, &opts, &t->table), 0);
	*state = t;
	return 0;
}

static int setup(void **state)
{
	return setup_flags(state, LAZY);
}

static int setup_entry(void **state)
{
	return setup_flags(state, LAZY | ENTRY);
}

static int teardown(void **state)
{
	struct tables *t = *state;

	codearena_jump_table_free(t->table);
	codearena_arena_free(t->arena);
	codearena_arena_free(t->far);
	free(t);
	return 0;
}

static void set(struct tables *t, uint32_t index, uint64_t target)
{
	struct codearena_jump_set one = { .index = index, .target = target };

	assert_int_equal(codearena_jump_table_set(t->table, &one, 1, 0, NULL),
			 0);
	assert_true(codearena_jump_table_target(t->table, index) == target);
}

/* Only bytes that the encoder writes are a slot. */
static void discarded_slots_lead_nowhere(void **state)
{
	struct tables *t = *state;
	struct codearena_patch_entry entries[CODEARENA_JUMP_ENTRIES];
	struct codearena_range range = { .length = t->granule };
	uint64_t near = codearena_jump_table_slot(t->table, 0);

	/* All near slots may be in one granule: their page keeps other code. */
	assert_int_equal(publish_return(t->arena, 2 * t->page - t->granule, 1,
					0), 0);
	set(t, 0, function(t, 3));
	range.offset = near - base_of(t->arena);
	assert_int_equal(range.offset % t->granule, 0);
	assert_int_equal(codearena_arena_discard(t->arena, &range, 1, NULL), 0);
	assert_true(codearena_jump_table_target(t->table, 0) == 0);
	assert_int_equal(codearena_jump_table_prepare(t->table, 0,
						      function(t, 3), entries),
			 -ENOENT);
}

static void builtins_and_lazy_slots_run(void **state)
{
	struct tables *t = *state;
	unsigned int i;

	assert_int_equal(call(codearena_jump_table_builtin_slot(t->table, 0)),
			 0);
	assert_int_equal(call(codearena_jump_table_builtin_slot(t->table, 1)),
			 101);
	for (i = 0; i < FUNCTIONS; i++) {
		uint64_t lazy = codearena_jump_table_lazy_slot(t->table, i);
		uint64_t far = ca__jump_table_far_slot(t->table, i);

		assert_int_equal(call(lazy), LAZY_FIRST + i);
		assert_int_equal(call(codearena_jump_table_slot(t->table, i)),
				 LAZY_FIRST + i);
		assert_true(codearena_jump_table_target(t->table, i) == lazy);
		assert_true(ca__jump_table_initial(t->table, i) == lazy);
		assert_true((far == 0) == (MACHINE == EM_RISCV));
		/* Unlike V8's, they do not jump to themselves. */
		if (far)
			assert_int_equal(call(far), LAZY_FIRST + i);
	}
}

static void slots_lead_near_and_far_and_back(void **state)
{
	struct tables *t = *state;
	uint64_t slot, far;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		slot = codearena_jump_table_slot(t->table, i);
		far = ca__jump_table_far_slot(t->table, i);
		set(t, i, function(t, i));
		assert_int_equal(call(slot), i);
		/* A target within reach leaves the far slot unchanged. */
		if (far)
			assert_int_equal(call(far), LAZY_FIRST + i);
		set(t, i, far_function(t, i));
		assert_int_equal(call(slot), i + 100);
		if (far)
			assert_int_equal(call(far), i + 100);
		set(t, i, far_function(t, i + 1));
		assert_int_equal(call(slot), i + 101);
		set(t, i, function(t, i + 2));
		assert_int_equal(call(slot), i + 2);
		set(t, i, ca__jump_table_initial(t->table, i));
		assert_int_equal(call(slot), LAZY_FIRST + i);
		set(t, i, far_function(t, i));
	}
	for (i = 0; i < FUNCTIONS; i++)
		assert_int_equal(call(codearena_jump_table_slot(t->table, i)),
				 i + 100);
}

static void many_slots_in_one_call(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_set sets[FUNCTIONS] = { { 0 } };
	uint64_t before = stat_of(t->arena).out_patched;
	size_t failed = 5;
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		sets[i].index = FUNCTIONS - 1 - i;
		sets[i].target = i % 2 ? function(t, i) : far_function(t, i);
	}
	assert_int_equal(codearena_jump_table_set(t->table, sets, FUNCTIONS, 0,
						  &failed), 0);
	assert_true(failed == SIZE_MAX);
	for (i = 0; i < FUNCTIONS; i++)
		assert_int_equal(call(codearena_jump_table_slot(t->table,
						FUNCTIONS - 1 - i)),
				 i % 2 ? i : i + 100);
	assert_int_equal(stat_of(t->arena).out_patched - before,
			 MACHINE == EM_RISCV ? FUNCTIONS : FUNCTIONS * 3 / 2);
}

/* The far word is stored before the near slot branches to it. */
static void far_comes_first(void **state)
{
	struct tables *t = *state;
	struct codearena_patch_entry entries[CODEARENA_JUMP_ENTRIES];
	uint64_t slot = codearena_jump_table_slot(t->table, 4);
	uint64_t far = ca__jump_table_far_slot(t->table, 4);

	assert_int_equal(codearena_jump_table_prepare(t->table, 4,
						      function(t, 4), entries),
			 1);
	assert_true(entries[0].offset - (slot - base_of(t->arena)) < 24);
	if (MACHINE == EM_RISCV)
		return;
	assert_int_equal(codearena_jump_table_prepare(t->table, 4,
						      far_function(t, 4),
						      entries), 2);
	assert_true(entries[0].offset == far + 8 - base_of(t->arena));
	assert_true(entries[0].value == far_function(t, 4));
	assert_true(entries[0].expected ==
		    ca__jump_table_initial(t->table, 4));
	assert_true(entries[1].offset - (slot - base_of(t->arena)) < 16);
	/* Nothing has changed. */
	assert_int_equal(call(slot), LAZY_FIRST + 4);
}

static void prepared_words_go_with_a_publication(void **state)
{
	struct tables *t = *state;
	struct codearena_patch_entry entries[2 * CODEARENA_JUMP_ENTRIES];
	uint8_t code[CODE_MAX];
	struct codearena_object object = {
		.offset = 4 * t->page,
		.source = (uintptr_t)code,
		.length = code_return(code, 77),
	};
	size_t failed;
	int count;

	count = codearena_jump_table_prepare(t->table, 7, base_of(t->arena) +
					     object.offset, entries);
	count += codearena_jump_table_prepare(t->table, 8, far_function(t, 8),
					      entries + count);
	assert_int_equal(codearena_arena_publish(t->arena, &object, 1, entries,
						 count, 0, NULL), 0);
	assert_int_equal(call(codearena_jump_table_slot(t->table, 7)), 77);
	assert_int_equal(call(codearena_jump_table_slot(t->table, 8)), 108);
	/* Entries prepared before the slot changed are stale. */
	assert_int_equal(codearena_arena_patch(t->arena, entries, count, 0,
					       &failed), -EAGAIN);
	assert_int_equal(call(codearena_jump_table_slot(t->table, 7)), 77);
}

static void one_bad_set_changes_nothing(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_set sets[] = {
		{ .index = 0, .target = function(t, 0) },
		{ .index = 1, .target = far_function(t, 1) },
		{ .index = 0, .target = far_function(t, 0) },
	};

	expect_refused_at(t->arena, EINVAL, 2,
			  codearena_jump_table_set(t->table, sets, 3, 0,
						   &failed));
	sets[2].index = FUNCTIONS;
	expect_refused_at(t->arena, EINVAL, 2,
			  codearena_jump_table_set(t->table, sets, 3, 0,
						   &failed));
	sets[2].index = 2;
	sets[1].__reserved = 1;
	expect_refused_at(t->arena, EOPNOTSUPP, 1,
			  codearena_jump_table_set(t->table, sets, 3, 0,
						   &failed));
	sets[1].__reserved = 0;
	expect_refused(t->arena, EOPNOTSUPP,
		       codearena_jump_table_set(t->table, sets, 3, 2, NULL));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_set(t->table, sets, 0, 0, NULL));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_set(t->table, sets, SIZE_MAX, 0,
						NULL));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_set(t->table, NULL, 1, 0, NULL));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_set(NULL, sets, 1, 0, NULL));
	if (MACHINE != EM_X86_64) {
		sets[1].target++;
		expect_refused_at(t->arena, EINVAL, 1,
				  codearena_jump_table_set(t->table, sets, 3, 0,
							   &failed));
		sets[1].target--;
	}
	assert_int_equal(codearena_jump_table_set(t->table, sets, 3,
						  CODEARENA_PATCH_F_SYNC,
						  NULL), 0);
}

static void expect_found(struct tables *t, uint64_t address,
			 enum codearena_jump_kind kind, uint32_t index)
{
	enum codearena_jump_kind kind_found;
	uint32_t found;
	int i;

	for (i = -3; i <= 3; i++)
		assert_int_equal(codearena_jump_table_find(t->table,
							   address + i,
							   &kind_found, &found),
				 i ? -ENOENT : 0);
	assert_int_equal(codearena_jump_table_find(t->table, address,
						   &kind_found, &found), 0);
	assert_int_equal(kind_found, kind);
	assert_int_equal(found, index);
}

static void addresses_are_found_exactly(void **state)
{
	struct tables *t = *state;
	enum codearena_jump_kind kind;
	uint32_t i;

	for (i = 0; i < FUNCTIONS; i++) {
		expect_found(t, codearena_jump_table_slot(t->table, i),
			     CODEARENA_JUMP_NEAR, i);
		expect_found(t, codearena_jump_table_lazy_slot(t->table, i),
			     CODEARENA_JUMP_LAZY, i);
		if (ca__jump_table_far_slot(t->table, i))
			expect_found(t,
				     ca__jump_table_far_slot(t->table, i),
				     CODEARENA_JUMP_FAR, i);
	}
	for (i = 0; i < BUILTINS; i++)
		expect_found(t, codearena_jump_table_builtin_slot(t->table, i),
			     CODEARENA_JUMP_BUILTIN, i);
	assert_int_equal(codearena_jump_table_find(t->table, 0, &kind, &i),
			 -ENOENT);
	assert_int_equal(codearena_jump_table_find(t->table, 0, NULL, &i),
			 -EINVAL);
	assert_true(!codearena_jump_table_slot(t->table, FUNCTIONS));
	assert_true(!ca__jump_table_far_slot(t->table, FUNCTIONS));
	assert_true(!codearena_jump_table_lazy_slot(t->table, FUNCTIONS));
	assert_true(!codearena_jump_table_builtin_slot(t->table, BUILTINS));
	assert_true(!codearena_jump_table_target(t->table, FUNCTIONS));
}

/* The parts are at their offsets and have their sizes. */
static void parts_have_their_sizes(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts opts = opts_of(t, LAZY);
	const struct ca__jump_layout *l = t->table->layout;
	uint64_t at = base_of(t->arena) + t->page;
	struct codearena_jump_parts bytes;
	uint32_t last = FUNCTIONS - 1, far = BUILTINS;

	assert_int_equal(codearena_jump_table_size(&opts, &bytes), 0);
	assert_true(codearena_jump_table_slot(t->table, 0) == at);
	assert_true(codearena_jump_table_slot(t->table, last) + l->near_size ==
		    at + bytes.near);
	at += t->page;
	assert_true(codearena_jump_table_builtin_slot(t->table, 0) == at);
	if (MACHINE != EM_RISCV) {
		far += FUNCTIONS;
		assert_true(ca__jump_table_far_slot(t->table, last) +
			    l->far_size == at + bytes.far);
	}
	assert_int_equal(bytes.far, far * l->far_size);
	at += t->page;
	assert_true(codearena_jump_table_lazy_slot(t->table, 0) == at);
	assert_true(codearena_jump_table_lazy_slot(t->table, last) +
		    l->lazy_size == at + bytes.lazy);
	opts.flags = 0;
	assert_int_equal(codearena_jump_table_size(&opts, &bytes), 0);
	assert_int_equal(bytes.lazy, 0);
}

/* Options of callers that know more, or less, than this library. */
static void options_grow(void **state)
{
	struct tables *t = *state;
	struct {
		struct codearena_jump_table_opts known;
		uint8_t more;
	} opts = { .known = opts_of(t, LAZY) };
	struct codearena_jump_parts bytes;

	opts.known.sz = sizeof(opts);
	assert_int_equal(codearena_jump_table_size(&opts.known, &bytes), 0);
	opts.more = 1;
	assert_int_equal(codearena_jump_table_size(&opts.known, &bytes),
			 -E2BIG);
	opts.known.sz = CA__SIZE_JUMP_TABLE_OPTS - 1;
	assert_int_equal(codearena_jump_table_size(&opts.known, &bytes),
			 -EINVAL);
}

/* Patch a word with itself, which succeeds only if it is patchable. */
static int touch(struct tables *t, uint64_t address)
{
	struct codearena_patch_entry entry = { .width = 4 };
	uint32_t word;

	entry.offset = (address & ~3ULL) - base_of(t->arena);
	memcpy(&word, (const void *)(uintptr_t)(address & ~3ULL), 4);
	entry.expected = word;
	entry.value = word;
	return codearena_arena_patch(t->arena, &entry, 1, 0, NULL);
}

static void lazy_slots_are_not_patchable(void **state)
{
	struct tables *t = *state;

	assert_int_equal(touch(t, codearena_jump_table_slot(t->table, 1)), 0);
	assert_int_equal(touch(t, codearena_jump_table_builtin_slot(t->table,
								    1)), 0);
	assert_int_equal(touch(t, codearena_jump_table_lazy_slot(t->table, 1)),
			 -EPERM);
}

/* Slots of the table of a later code space branch to the main one. */
static void later_tables_branch_to_the_main_one(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts opts = opts_of(t, 0);
	struct codearena_jump_table *later;
	struct codearena_jump_set one = { .index = 3 };

	opts.main = t->table;
	assert_int_equal(codearena_arena_commit(t->far, 0, t->page), -EEXIST);
	assert_int_equal(table_new(&opts, t->arena,
				   AT(5 * t->page, 6 * t->page, 0), &later), 0);
	set(t, 3, far_function(t, 3));
	assert_int_equal(call(codearena_jump_table_slot(later, 3)), 103);
	assert_int_equal(call(codearena_jump_table_slot(later, 4)),
			 LAZY_FIRST + 4);
	assert_true(ca__jump_table_initial(later, 3) ==
		    codearena_jump_table_slot(t->table, 3));
	assert_true(!codearena_jump_table_lazy_slot(later, 3));
	one.target = function(t, 9);
	assert_int_equal(codearena_jump_table_set(later, &one, 1, 0, NULL), 0);
	assert_int_equal(call(codearena_jump_table_slot(later, 3)), 9);
	assert_int_equal(call(codearena_jump_table_slot(t->table, 3)), 103);
	codearena_jump_table_free(later);
}

/* The same in an arena that near branches do not leave. */
static void distant_tables_lead_to_the_main_one(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts opts = opts_of(t, 0);
	struct codearena_arena *arena =
		arena_far_from(base_of(t->arena), 2 * t->page);
	struct codearena_jump_table *later;

	opts.main = t->table;
	assert_int_equal(table_new(&opts, arena, AT(0, t->page, 0), &later), 0);
	assert_int_equal(call(codearena_jump_table_slot(later, 4)),
			 LAZY_FIRST + 4);
	assert_true(codearena_jump_table_target(later, 4) ==
		    codearena_jump_table_slot(t->table, 4));
	codearena_jump_table_free(later);
	codearena_arena_free(arena);
}

static bool call_nowhere(void *context)
{
	struct codearena_jump_table *table = context;

	call(codearena_jump_table_slot(table, 0));
	return true;
}

static void chosen_targets_and_nowhere(void **state)
{
	struct tables *t = *state;
	uint64_t targets[3] = { 0, far_function(t, 9), function(t, 8) };
	struct codearena_jump_table_opts opts = opts_of(t, 0);
	struct codearena_jump_table *table;

	opts.targets = targets;
	opts.functions = 3;
	/* The offset of a part without slots is ignored. */
	assert_int_equal(table_new(&opts, t->arena, AT(5 * t->page, 6 * t->page,
						       UINT64_MAX), &table), 0);
	assert_int_equal(call(codearena_jump_table_slot(table, 1)), 109);
	assert_int_equal(call(codearena_jump_table_slot(table, 2)), 8);
	assert_true(codearena_jump_table_target(table, 0) == 0);
	assert_true(ca__jump_table_initial(table, 2) == 0);
	assert_int_equal(in_child(call_nowhere, table), SIGSEGV);
	codearena_jump_table_free(table);
}

static void bad_options(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts good = opts_of(t, LAZY), opts = good;
	struct codearena_jump_table *out;
	struct codearena_jump_parts at = { 0 };

#define expect_bad(error, change)					\
	do {								\
		opts = good;						\
		change;							\
		out = t->table;						\
		expect_refused(t->arena, error,				\
			table_new(&opts, t->arena, AT(4 * t->page,	\
				  5 * t->page, 6 * t->page), &out));	\
		assert_null(out);					\
	} while (0)

	expect_bad(EINVAL, opts.sz--);
	expect_bad(EINVAL, opts.sz = 0);
	expect_bad(EOPNOTSUPP, opts.flags |= 4);
	expect_bad(EOPNOTSUPP, opts.__reserved = 1);
	expect_bad(EINVAL, opts.functions = opts.builtins = 0);
	expect_bad(EINVAL, opts.functions = 1 << 24);
	expect_bad(EINVAL, opts.builtins = 1 << 24);
	expect_bad(EINVAL, opts.lazy_builtin = BUILTINS);
	expect_bad(EINVAL, opts.builtin_targets = NULL);
	expect_bad(EINVAL, (opts.main = t->table, opts.functions = 3));
	expect_bad(EINVAL, (opts.main = t->table, opts.targets = t->targets));
	expect_bad(EINVAL, (opts.main = t->table, opts.flags ^= ENTRY));
#undef expect_bad
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_new(&good, NULL, &at, &out));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_new(NULL, t->arena, &at, &out));
	expect_refused(t->arena, EINVAL,
		       codearena_jump_table_new(&good, t->arena, NULL, &out));
	assert_int_equal(codearena_jump_table_size(&good, NULL), -EINVAL);
	assert_int_equal(codearena_jump_table_size(NULL, &at), -EINVAL);
	codearena_jump_table_free(NULL);
}

static void bad_offsets(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts opts = opts_of(t, LAZY);
	struct codearena_jump_table *out;
	uint64_t at[][4] = {
		{ 4 * t->page + 8, 5 * t->page, 6 * t->page, EINVAL },
		{ 4 * t->page, 5 * t->page, 8 * t->page, ENOENT },
		{ 4 * t->page, 0 - t->granule, 6 * t->page, EOVERFLOW },
		/* Parts may not share granules. */
		{ 4 * t->page, 4 * t->page, 6 * t->page, EBUSY },
		/* There is code already. */
		{ 4 * t->page, 5 * t->page, 0, EPERM },
	};
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		expect_refused(t->arena, at[i][3],
			       table_new(&opts, t->arena, at[i], &out));
		assert_null(out);
	}
}

/* Only arenas of arm64 are larger than near branches reach. */
static void parts_too_far_apart(void **state)
{
	struct tables *t = *state;
	struct codearena_jump_table_opts opts = opts_of(t, 0);
	CODEARENA_OPTS(codearena_arena_opts, arena_opts, .name = "wide");
	struct codearena_jump_table *out;
	struct codearena_arena *arena;
	uint64_t far = 200ULL << 20;

	if (MACHINE != EM_AARCH64)
		skip_because("branches reach all of an arena here");
	assert_int_equal(codearena_arena_new(256ULL << 20, &arena_opts, &arena),
			 0);
	assert_int_equal(codearena_arena_commit(arena, 0, t->page), 0);
	assert_int_equal(codearena_arena_commit(arena, far, t->page), 0);
	assert_int_equal(table_new(&opts, arena, AT(0, far, 0), &out), -ERANGE);
	assert_null(out);
	codearena_arena_free(arena);
}

int main(void)
{
#define TABLE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BOTH_TEST(name)							\
	TABLE_TEST(name),						\
	{ #name "_with_branch_targets", name, setup_entry, teardown, NULL }
	const struct CMUnitTest tests[] = {
		BOTH_TEST(builtins_and_lazy_slots_run),
		BOTH_TEST(discarded_slots_lead_nowhere),
		BOTH_TEST(slots_lead_near_and_far_and_back),
		BOTH_TEST(many_slots_in_one_call),
		BOTH_TEST(far_comes_first),
		BOTH_TEST(prepared_words_go_with_a_publication),
		BOTH_TEST(one_bad_set_changes_nothing),
		BOTH_TEST(addresses_are_found_exactly),
		TABLE_TEST(parts_have_their_sizes),
		TABLE_TEST(options_grow),
		BOTH_TEST(lazy_slots_are_not_patchable),
		TABLE_TEST(later_tables_branch_to_the_main_one),
		TABLE_TEST(distant_tables_lead_to_the_main_one),
		TABLE_TEST(chosen_targets_and_nowhere),
		TABLE_TEST(bad_options),
		TABLE_TEST(bad_offsets),
		TABLE_TEST(parts_too_far_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
