// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Slots are patched while threads execute them: the counterpart of V8's
 * JumpTablePatchingStress, and variants of it.
 *
 * A thunk loads the stop flag, returns if it is set, and else jumps back to the
 * slot, so that a thread that calls a slot goes round through it until the test
 * ends. No assertion depends on when a thread takes a new branch: an old thunk
 * stays valid, and obeys the flag too.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "jump/test_jump.h"

#define SLOTS		128
#define RUNNERS		5
#define PATCHERS	3
#define PATCHES		64
#define THUNK_MAX	64
#define THUNKS		(2 * PATCHERS)
#define LENGTH		(16ULL << 20)
/* Minimum distance between thunks. */
#define APART		(64ULL << 10)

static int stop_flag;

#if defined(__x86_64__)

/* movabs stop, %rax; cmpl $0, (%rax); jne 1f; jmp *(%rip), slot; 1: ret */
static size_t code_thunk(uint8_t *code, uint64_t slot, const int *stop)
{
	static const uint8_t head[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0xb8 };
	static const uint8_t tail[] = {
		0x83, 0x38, 0x00, 0x75, 0x0e, 0xff, 0x25, 0, 0, 0, 0,
	};
	uint8_t *at = code;

	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	memcpy(at, &stop, 8);
	at += 8;
	memcpy(at, tail, sizeof(tail));
	at += sizeof(tail);
	memcpy(at, &slot, 8);
	at += 8;
	*at++ = 0xc3;
	return at - code;
}

#elif defined(__aarch64__)

/* bti c; ldr x9, stop; ldr w9, [x9]; cbnz w9, 1f; ldr x16, slot; br x16;
 * 1: ret; nop; and the two words
 */
static size_t code_thunk(uint8_t *code, uint64_t slot, const int *stop)
{
	const uint32_t words[] = {
		0xd503245f, 0x58000000 | 28 / 4 << 5 | 9, 0xb9400129,
		0x35000000 | 12 / 4 << 5 | 9, 0x58000000 | 24 / 4 << 5 | 16,
		0xd61f0200, 0xd65f03c0, 0xd503201f,
	};

	memcpy(code, words, sizeof(words));
	memcpy(code + 32, &stop, 8);
	memcpy(code + 40, &slot, 8);
	return 48;
}

#else

/* auipc t5, 0; ld t4, stop; lw t4, (t4); bnez t4, 1f; ld t5, slot; jr t5;
 * 1: ret; nop; and the two words
 */
static size_t code_thunk(uint8_t *code, uint64_t slot, const int *stop)
{
	const uint32_t words[] = {
		0x00000f17, 0x00003003 | 32 << 20 | 30 << 15 | 29 << 7,
		0x00002003 | 29 << 15 | 29 << 7,
		/* bnez t4, 12: the offset's bits 4 to 1 are 0110 */
		0x00001063 | 29 << 15 | 6 << 8,
		0x00003003 | 40 << 20 | 30 << 15 | 30 << 7,
		0x00000067 | 30 << 15, 0x00008067, 0x00000013,
	};

	memcpy(code, words, sizeof(words));
	memcpy(code + 32, &stop, 8);
	memcpy(code + 40, &slot, 8);
	return 48;
}

#endif

/**
 * struct stress - one run
 * @tables: of the machine: where slots are; its code view has trap bytes
 * @thunks: where thunks are; the same, or an arena that is far away
 * @table: jump table
 * @index: of the slot that is being tested
 * @lock: serialises the patchers
 * @targets: thunks of the slot; two for each patcher
 * @running: runners that have begun
 * @returned: runners that have come back
 * @errors: counted, since a thread cannot end the test
 */
struct stress {
	struct codearena_arena *tables;
	struct codearena_arena *thunks;
	struct codearena_jump_table *table;
	uint32_t index;
	pthread_mutex_t lock;
	uint64_t targets[THUNKS];
	int running;
	int returned;
	int errors;
};

struct patcher {
	struct stress *stress;
	unsigned int number;
	pthread_t thread;
};

static uint64_t slot_of(const struct stress *s)
{
	return codearena_jump_table_slot(s->table, s->index);
}

static int retarget(struct stress *s, uint64_t target)
{
	struct codearena_jump_set one = { .index = s->index, .target = target };

	return codearena_jump_table_set(s->table, &one, 1, 0, NULL);
}

static void *run_slot(void *context)
{
	struct stress *s = context;

	__atomic_add_fetch(&s->running, 1, __ATOMIC_RELAXED);
	call(slot_of(s));
	__atomic_add_fetch(&s->returned, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *patch_slot(void *context)
{
	struct patcher *patcher = context;
	struct stress *s = patcher->stress;
	unsigned int i;

	for (i = 0; i < PATCHES; i++) {
		uint64_t target = s->targets[2 * patcher->number + i % 2];
		uint64_t now;
		int ret;

		pthread_mutex_lock(&s->lock);
		ret = retarget(s, target);
		now = codearena_jump_table_target(s->table, s->index);
		pthread_mutex_unlock(&s->lock);
		if (ret || now != target)
			__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Publish thunks at unused places, far from each other. */
static void publish_thunks(struct stress *s)
{
	uint64_t granule = codearena_arena_granule(s->thunks);
	uint64_t steps = APART / granule, offset;
	uint8_t code[THUNK_MAX];
	struct codearena_object object = { .source = (uintptr_t)code };
	unsigned int i;

	for (i = 0; i < THUNKS; i++) {
		/* Every granule of a stretch once; the tables take the last. */
		offset = (s->index * 7ULL + i * 29) % (LENGTH / APART - 16) *
			 APART + (s->index * THUNKS + i) % steps * granule;
		object.offset = offset;
		object.length = code_thunk(code, slot_of(s), &stop_flag);
		assert_int_equal(codearena_arena_publish(s->thunks, &object, 1,
							 NULL, 0, 0, NULL), 0);
		s->targets[i] = base_of(s->thunks) + offset;
	}
}

static void stress_slot(struct stress *s, uint32_t index)
{
	struct patcher patchers[PATCHERS];
	pthread_t runners[RUNNERS];
	unsigned int i;

	s->index = index;
	s->running = 0;
	s->returned = 0;
	__atomic_store_n(&stop_flag, 0, __ATOMIC_RELAXED);
	publish_thunks(s);
	assert_int_equal(retarget(s, s->targets[0]), 0);
	for (i = 0; i < RUNNERS; i++)
		assert_int_equal(pthread_create(&runners[i], NULL, run_slot, s),
				 0);
	for (i = 0; i < PATCHERS; i++) {
		patchers[i] = (struct patcher){ .stress = s, .number = i };
		assert_int_equal(pthread_create(&patchers[i].thread, NULL,
						patch_slot, &patchers[i]), 0);
	}
	for (i = 0; i < PATCHERS; i++)
		pthread_join(patchers[i].thread, NULL);
	/* No runner has returned yet. */
	assert_int_equal(__atomic_load_n(&s->returned, __ATOMIC_RELAXED), 0);
	__atomic_store_n(&stop_flag, 1, __ATOMIC_RELEASE);
	for (i = 0; i < RUNNERS; i++)
		pthread_join(runners[i], NULL);
	assert_int_equal(s->running, RUNNERS);
	assert_int_equal(s->returned, RUNNERS);
	assert_int_equal(s->errors, 0);
}

/* Tables go to the last MiB of their arena. */
static void stress_table(struct stress *s, uint32_t flags, uint32_t slots)
{
	CODEARENA_OPTS(codearena_jump_table_opts, opts, .functions = SLOTS,
		       .flags = flags);
	uint64_t granule = codearena_arena_granule(s->tables);
	struct codearena_jump_parts bytes, at = { LENGTH - (1 << 20), 0, 0 };
	uint32_t i;

	pthread_mutex_init(&s->lock, NULL);
	assert_int_equal(codearena_jump_table_size(&opts, &bytes), 0);
	at.far = (at.near + bytes.near + granule - 1) & ~(granule - 1);
	assert_int_equal(codearena_jump_table_new(&opts, s->tables, &at,
						  &s->table), 0);
	for (i = 0; i < slots; i++)
		stress_slot(s, i);
	codearena_jump_table_free(s->table);
	codearena_arena_free(s->tables);
	if (s->thunks != s->tables)
		codearena_arena_free(s->thunks);
	pthread_mutex_destroy(&s->lock);
}

/* V8: JumpTablePatchingStress */
static void jump_table_patching_stress(void **state)
{
	struct stress s = { .tables = arena_of(LENGTH, 0) };

	(void)state;
	s.thunks = s.tables;
	stress_table(&s, 0, SLOTS);
}

static void patching_stress_with_branch_targets(void **state)
{
	struct stress s = { .tables = arena_of(LENGTH, 0) };

	(void)state;
	s.thunks = s.tables;
	stress_table(&s, CODEARENA_JUMP_TABLE_F_BRANCH_TARGET, SLOTS / 8);
}

/* What V8 does not test: every thunk is beyond the reach of near branches. */
static void far_patching_stress(void **state)
{
	struct stress s = { .tables = arena_of(LENGTH, 0) };

	(void)state;
	s.thunks = arena_far_from(base_of(s.tables), LENGTH);
	stress_table(&s, 0, SLOTS / 4);
}

/**
 * struct race - threads that set the same slots without a lock
 * @table: the table
 * @targets: targets of slots: near and far ones in turn
 * @errors: counted
 */
struct race {
	struct codearena_jump_table *table;
	uint64_t targets[8];
	int errors;
};

static void *set_slots(void *context)
{
	struct race *race = context;
	struct codearena_jump_set sets[2] = { { .index = 1 }, { .index = 2 } };
	unsigned int i, j;

	for (i = 0; i < 400; i++) {
		uint64_t now = codearena_jump_table_target(race->table, 1);
		bool known = false;

		for (j = 0; j < 8; j++)
			known |= now == race->targets[j];
		sets[0].target = race->targets[i % 8];
		sets[1].target = race->targets[i / 8 % 8];
		if (!known || codearena_jump_table_set(race->table, sets, 2, 0,
						       NULL))
			__atomic_add_fetch(&race->errors, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Without a lock: the target of a slot is always one that was set. */
static void writers_beside_each_other(void **state)
{
	struct codearena_arena *arena = arena_of(1 << 20, 0);
	struct codearena_arena *far = arena_far_from(base_of(arena), 1 << 20);
	uint64_t granule = codearena_arena_granule(arena), first[4];
	CODEARENA_OPTS(codearena_jump_table_opts, opts, .targets = first,
		       .functions = 4);
	struct race race = { .errors = 0 };
	pthread_t threads[4];
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		assert_int_equal(publish_return(i % 2 ? far : arena,
						i * granule, i, 0), 0);
		race.targets[i] = base_of(i % 2 ? far : arena) + i * granule;
	}
	for (i = 0; i < 4; i++)
		first[i] = race.targets[0];
	assert_int_equal(table_new(&opts, arena, (uint64_t[]){ 1 << 18,
				   1 << 19, 0 }, &race.table), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, set_slots,
						&race), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.errors, 0);
	assert_true(call(codearena_jump_table_slot(race.table, 1)) < 8);
	codearena_jump_table_free(race.table);
	codearena_arena_free(arena);
	codearena_arena_free(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(jump_table_patching_stress,
				       backend_setup),
		cmocka_unit_test_setup(patching_stress_with_branch_targets,
				       backend_setup),
		cmocka_unit_test_setup(far_patching_stress, backend_setup),
		cmocka_unit_test_setup(writers_beside_each_other,
				       backend_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
