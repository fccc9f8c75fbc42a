// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Tables of traps, of all sizes and shapes: every instruction in them lands on
 * its own pad, every other one does not, and refused commands change neither.
 */
#include "lib/harness.h"

#include "lib/trap_code.h"

#define EXTERNAL CODEARENA_LANDING_EXTERNAL

/* A code object of nothing but loads, followed by pads. */
FIXTURE(sled)
{
	struct trap_arena t;
	struct trap_state *state;
	uint64_t stride;	/* bytes of an instruction */
	uint64_t code;		/* offset of the object */
	uint64_t length;	/* bytes of it */
	uint64_t pads;		/* offset of the pads, one in each granule */
	uint64_t fixed;
};

#define SLED_PAGES	512
#define PAD_COUNT	1024

FIXTURE_SETUP(sled)
{
	struct trap_arena *t = &self->t;
	struct codearena_object *objects;
	uint8_t *bytes;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, SLED_PAGES));
	self->state = trap_state_new();
	self->stride = fragment_stride(&code_load);
	self->code = 4 * t->arena.page;
	self->length = 2 * 65536 * self->stride;
	bytes = malloc(self->length);
	ASSERT_NE(NULL, bytes);
	trap_sled(bytes, &code_load, 2 * 65536);
	ASSERT_ZERO(do_publish1(t->fd, self->code, bytes, self->length, 0));
	free(bytes);

	self->pads = t->arena.length - 32 * t->arena.page;
	ASSERT_LE(self->code + self->length, self->pads);
	objects = calloc(PAD_COUNT, sizeof(*objects));
	ASSERT_NE(NULL, objects);
	for (uint64_t i = 0; i < PAD_COUNT; i++)
		objects[i] = object_of(self->pads + i * t->arena.granule,
				       code_pad.start,
				       fragment_length(&code_pad), 0);
	ASSERT_ZERO(do_publish(t->fd, objects, PAD_COUNT, NULL, 0, 0));
	free(objects);
}

FIXTURE_TEARDOWN(sled)
{
	EXPECT_EQ(self->fixed, traps_fixed(self->t.fd));
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

static uint64_t pad_at(const struct trap_arena *t, uint64_t pads, uint64_t i)
{
	return pads + i * t->arena.granule;
}

#define PAD(i) pad_at(&self->t, self->pads, i)
#define VIEW(offset) (self->t.arena.view + (offset))

/* Run from instruction number i of the object on. */
#define RUN(i)								\
	trap_access(self->state, VIEW(self->code + (i) * self->stride),	\
		    self->t.guard + 8 * (i))

#define EXPECT_LANDS_ON(i, pad)						\
	do {								\
		RUN(i);							\
		EXPECT_LANDED(self->state, VIEW(pad));			\
		EXPECT_TRUE(trap_registers_same(self->state, 0));	\
		self->fixed++;						\
	} while (0)

#define EXPECT_NO_TRAP(i)						\
	do {								\
		RUN(i);							\
		EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR,	\
			      self->t.guard + 8 * (i));			\
	} while (0)

/* Numbers up to a limit, each once, in no order. */
static void shuffle(uint32_t *numbers, uint32_t count)
{
	uint64_t random = 12345;

	for (uint32_t i = 0; i < count; i++)
		numbers[i] = i;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other, number = numbers[i - 1];

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		other = (uint32_t)(random >> 33) % i;
		numbers[i - 1] = numbers[other];
		numbers[other] = number;
	}
}

enum order { ASCENDING, DESCENDING, SHUFFLED };

/* Entries for every other instruction, the odd ones. */
static void every_other(struct codearena_trap *traps, uint32_t count,
			uint64_t stride, enum order order, bool ranges,
			uint64_t pads, uint64_t pad_step, uint32_t pad_count)
{
	uint32_t *numbers = malloc(count * sizeof(*numbers));

	if (!numbers)
		abort();
	shuffle(numbers, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = order == ASCENDING ? i :
			     order == DESCENDING ? count - 1 - i : numbers[i];

		traps[i] = trap_of((uint32_t)((2 * n + 1) * stride),
				   ranges ? (uint32_t)stride : 1,
				   pads + n % pad_count * pad_step);
	}
	free(numbers);
}

#define CHECK_SLED(count, order, ranges, pad_count)			\
	do {								\
		uint32_t count_ = count, pads_ = pad_count;		\
		uint64_t length_ = (2 * (uint64_t)count_ + 1) *		\
				   self->stride, id_;			\
		uint32_t step_ = count_ / 24 + 1;			\
									\
		if (length_ > self->length)				\
			length_ = self->length;				\
		every_other(traps, count_, self->stride, order, ranges,	\
			    self->pads, self->t.arena.granule, pads_);	\
		ASSERT_ZERO(do_register(self->t.fd, self->code, length_, \
					traps, count_, 0, &id_));	\
		EXPECT_TABLES(self->t.fd, 1, count_);			\
		for (uint32_t i_ = 0; i_ < count_; i_ += step_) {	\
			EXPECT_LANDS_ON(2 * i_ + 1, PAD(i_ % pads_));	\
			EXPECT_NO_TRAP(2 * i_);				\
		}							\
		EXPECT_LANDS_ON(2 * count_ - 1,				\
				PAD((count_ - 1) % pads_));		\
		ASSERT_ZERO(do_release(self->t.fd, id_));		\
		EXPECT_TABLES(self->t.fd, 0, 0);			\
		EXPECT_NO_TRAP(1);					\
	} while (0)

TEST_F(sled, tables_of_all_sizes)
{
	static const uint32_t counts[] = {
		1, 2, 3, 4, 7, 8, 9, 10, 11, 15, 16, 17, 18, 31, 32, 33, 100,
		1000, 5000, 20000, 65535, 65536,
	};
	struct codearena_trap *traps = calloc(65536, sizeof(*traps));

	ASSERT_NE(NULL, traps);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		CHECK_SLED(counts[i], SHUFFLED, false, 1);
		CHECK_SLED(counts[i], SHUFFLED, true, PAD_COUNT);
	}
	free(traps);
}

/* All shapes of the memory of a table, in all orders of the entries. */
TEST_F(sled, tables_of_all_shapes)
{
	static const uint32_t counts[] = { 2, 20, 3000, 12000 };
	struct codearena_trap *traps = calloc(65536, sizeof(*traps));

	ASSERT_NE(NULL, traps);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		for (int shape = 0; shape < 12; shape++)
			CHECK_SLED(counts[i], shape % 3, shape & 4,
				   shape < 8 ? 1 : 2);
	free(traps);
}

/* Every instruction, not samples, where the search has few steps. */
TEST_F(sled, every_entry)
{
	struct codearena_trap traps[40];
	uint64_t id;

	for (uint32_t count = 1; count <= 40; count += 3) {
		every_other(traps, count, self->stride, DESCENDING, count % 2,
			    self->pads, self->t.arena.granule, PAD_COUNT);
		ASSERT_ZERO(do_register(self->t.fd, self->code,
					(2 * count + 2) * self->stride, traps,
					count, 0, &id));
		for (uint32_t i = 0; i < count; i++) {
			EXPECT_NO_TRAP(2 * i);
			EXPECT_LANDS_ON(2 * i + 1, PAD(i));
		}
		EXPECT_NO_TRAP(2 * count);
		ASSERT_ZERO(do_release(self->t.fd, id));
	}
}

/* A short table in the middle of code that is wide. */
TEST_F(sled, object_longer_than_64_kib)
{
	static const uint32_t at[] = { 0, 1, 16382, 16384, 16389, 60000, 65535 };
	struct codearena_trap traps[ARRAY_SIZE(at)];

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		traps[i] = trap_of((uint32_t)(at[i] * self->stride), 1, PAD(i));
	ASSERT_ZERO(do_register(self->t.fd, self->code, self->length, traps,
				ARRAY_SIZE(at), 0, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		EXPECT_LANDS_ON(at[i], PAD(i));
		EXPECT_NO_TRAP(at[i] + 3);
		/* What has the same lower 16 bits of its offset. */
		if (self->stride == 4)
			EXPECT_NO_TRAP(at[i] + 16384 + 3);
	}
}

/* The last offset that 16 bits hold, in the longest code that gets them. */
TEST_F(sled, object_of_64_kib)
{
	uint32_t last = (uint32_t)(65536 / self->stride) - 1;
	const struct codearena_trap traps[] = {
		trap_of((uint32_t)(last * self->stride), 1, PAD(1)),
		trap_of(0, (uint32_t)((last - 1) * self->stride), PAD(0)),
	};

	for (uint64_t length = 65535; length <= 65537; length++) {
		uint64_t id;

		ASSERT_ZERO(do_register(self->t.fd, self->code, length, traps,
					2, 0, &id));
		EXPECT_LANDS_ON(0, PAD(0));
		EXPECT_LANDS_ON(last - 2, PAD(0));
		EXPECT_NO_TRAP(last - 1);
		EXPECT_LANDS_ON(last, PAD(1));
		EXPECT_NO_TRAP(last + 1);
		ASSERT_ZERO(do_release(self->t.fd, id));
	}
}

/* The first instruction that begins at this offset or after it. */
#define FIRST(offset) (((offset) + self->stride - 1) / self->stride)

TEST_F(sled, ranges_across_pages)
{
	const uint32_t page = self->t.arena.page;
	const struct codearena_trap traps[] = {
		trap_of(page - 96, 192, PAD(0)),
		trap_of(2 * page, 3 * page, PAD(1)),
		trap_of(5 * page, 20 * page, PAD(2)),
	};

	ASSERT_ZERO(do_register(self->t.fd, self->code, 30 * page, traps, 3, 0,
				NULL));
	EXPECT_NO_TRAP(FIRST(page - 96) - 1);
	EXPECT_LANDS_ON(FIRST(page - 96), PAD(0));
	EXPECT_LANDS_ON(FIRST(page), PAD(0));
	EXPECT_LANDS_ON(FIRST(page + 96) - 1, PAD(0));
	EXPECT_NO_TRAP(FIRST(page + 96));
	EXPECT_NO_TRAP(FIRST(2 * page) - 1);
	EXPECT_LANDS_ON(FIRST(2 * page), PAD(1));
	EXPECT_LANDS_ON(FIRST(4 * page) - 1, PAD(1));
	EXPECT_LANDS_ON(FIRST(5 * page) - 1, PAD(1));
	EXPECT_LANDS_ON(FIRST(5 * page), PAD(2));
	EXPECT_LANDS_ON(FIRST(25 * page) - 1, PAD(2));
	EXPECT_NO_TRAP(FIRST(25 * page));
}

/* Tables next to each other, registered and released in all orders. */
TEST_F(sled, neighbours)
{
	const uint64_t bytes = 16 * self->stride;
	const struct codearena_trap traps[] = {
		trap_of(0, 1, PAD(0)),
		trap_of((uint32_t)(15 * self->stride), 1, PAD(0)),
	};
	uint32_t order[64];
	uint64_t ids[64];

	shuffle(order, 64);
	for (uint32_t i = 0; i < 64; i++) {
		struct codearena_trap own[] = { traps[0], traps[1] };

		own[0].landing = PAD(order[i]);
		own[1].landing = PAD(order[i] + 64);
		ASSERT_ZERO(do_register(self->t.fd,
					self->code + order[i] * bytes, bytes,
					own, 2, 0, &ids[order[i]]));
	}
	for (uint32_t i = 0; i < 64; i++) {
		EXPECT_LANDS_ON(16 * i, PAD(i));
		EXPECT_NO_TRAP(16 * i + 1);
		EXPECT_LANDS_ON(16 * i + 15, PAD(i + 64));
	}
	for (uint32_t i = 0; i < 64; i += 2)
		ASSERT_ZERO(do_release(self->t.fd, ids[order[i]]));
	EXPECT_TABLES(self->t.fd, 32, 64);
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t n = order[i];

		if (i % 2)
			EXPECT_LANDS_ON(16 * n + 15, PAD(n + 64));
		else
			EXPECT_NO_TRAP(16 * n + 15);
	}
	for (uint32_t i = 0; i < 64; i++)
		EXPECT_EQ(i % 2 ? 0 : -1, do_release(self->t.fd, ids[order[i]]));
	EXPECT_TABLES(self->t.fd, 0, 0);
}

/* The id of a table that is gone does not become that of its successor. */
TEST_F(sled, ids_are_not_used_again)
{
	const struct codearena_trap trap = trap_of(0, 1, PAD(0));
	uint64_t ids[100];

	for (unsigned int i = 0; i < 100; i++) {
		ASSERT_ZERO(do_register(self->t.fd, self->code, 64, &trap, 1,
					0, &ids[i]));
		for (unsigned int j = 0; j < i; j++) {
			EXPECT_NE(ids[j], ids[i]);
			EXPECT_ERRNO(ENOENT, do_release(self->t.fd, ids[j]));
		}
		EXPECT_TABLES(self->t.fd, 1, 1);
		if (i % 10 == 0)
			EXPECT_LANDS_ON(0, PAD(0));
		ASSERT_ZERO(do_release(self->t.fd, ids[i]));
		EXPECT_ERRNO(ENOENT, do_release(self->t.fd, ids[i]));
	}
}

/* An id is the arena's: another one does not know it. */
TEST_F(sled, ids_of_another_arena)
{
	const struct codearena_trap trap = trap_of(0, 1, 0);
	struct trap_arena other;
	uint64_t id, its;

	ASSERT_ZERO(trap_arena_new(&other, SLED_PAGES));
	ASSERT_ZERO(do_register(self->t.fd, self->code, 64, &trap, 1, 0, &id));
	EXPECT_ERRNO(ENOENT, do_release(other.fd, id));
	ASSERT_ZERO(do_seal(other.fd, self->code,
			    other.arena.granule, 0));
	ASSERT_ZERO(do_register(other.fd, self->code, 64, &trap, 1, 0, &its));
	ASSERT_ZERO(do_release(other.fd, its));
	EXPECT_LANDS_ON(0, self->t.pad.start);
	trap_arena_free(&other);
}

/* Refused commands: afterwards each trap lands where it did before. */
FIXTURE(refused)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site first;	/* lands on the pad */
	struct site second;	/* lands on the program's pad */
	struct site free_;	/* has no table */
	uint64_t id;
	uint64_t fixed;
};

FIXTURE_SETUP(refused)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(t, &code_load, &self->first));
	ASSERT_ZERO(site_new(t, &code_store, &self->second));
	ASSERT_ZERO(site_new(t, &code_load, &self->free_));
	ASSERT_ZERO(site_protect(t, &self->first, t->pad.start, 0, &self->id));
	ASSERT_ZERO(site_protect(t, &self->second, EXTERNAL, 0, NULL));
	ASSERT_ZERO(do_landing(t->fd, (uintptr_t)trap_external_pad));
}

FIXTURE_TEARDOWN(refused)
{
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

static bool traps_behave(const struct trap_arena *t, struct trap_state *state,
			 const struct site *first, const struct site *second,
			 const struct site *unprotected)
{
	trap_access(state, site_entry(t, first), t->guard);
	if (state->where != pad_address(t) || state->signals)
		return false;
	trap_access(state, site_entry(t, second), t->guard);
	if (state->where != (uintptr_t)trap_external_pad || state->signals)
		return false;
	trap_access(state, site_entry(t, unprotected), t->guard);
	return state->signo == SIGSEGV && state->signals == 1;
}

#define EXPECT_NO_CHANGE(expected_errno, call)				\
	do {								\
		EXPECT_REFUSED(&self->t.arena, expected_errno, call);	\
		EXPECT_TABLES(self->t.fd, 2, 2);			\
		EXPECT_TRUE(traps_behave(&self->t, self->state,		\
					 &self->first, &self->second,	\
					 &self->free_))			\
			TH_LOG("after %s", #call);			\
	} while (0)

#define REGISTER_FREE(...)						\
	({								\
		struct codearena_trap traps_[] = { __VA_ARGS__ };	\
									\
		do_register(self->t.fd, self->free_.start,		\
			    self->free_.length, traps_,			\
			    ARRAY_SIZE(traps_), 0, NULL);		\
	})

TEST_F(refused, registrations)
{
	struct trap_arena *t = &self->t;
	uint32_t at = (uint32_t)(self->free_.trap - self->free_.start);
	const struct codearena_trap good = trap_of(at, 1, t->pad.start);
	const struct codearena_trap outside = trap_of(0, 4, EXTERNAL);
	uint64_t unsealed = 40 * t->arena.page;
	uint64_t id;

	EXPECT_NO_CHANGE(EINVAL, do_register(t->fd, self->free_.start, 0, &good,
					     1, 0, &id));
	EXPECT_NO_CHANGE(EINVAL, do_register(t->fd, self->free_.start, 16,
					     &good, 0, 0, &id));
	EXPECT_NO_CHANGE(EINVAL, do_register(t->fd, self->free_.start, 16,
					     &good, 65537, 0, &id));
	EXPECT_NO_CHANGE(EFAULT, do_register(t->fd, self->free_.start, 16,
					     (void *)8, 1, 0, &id));
	for (uint32_t flag = 2; flag; flag <<= 1)
		EXPECT_NO_CHANGE(EOPNOTSUPP,
				 do_register(t->fd, self->free_.start, 16,
					     &good, 1, flag, &id));
	EXPECT_NO_CHANGE(EOVERFLOW, do_register(t->fd, self->free_.start,
						-self->free_.start, &good, 1,
						0, &id));
	EXPECT_NO_CHANGE(ENOENT, do_register(t->fd, t->arena.length, 16, &good,
					     1, 0, &id));
	EXPECT_NO_CHANGE(ENOENT, do_register(t->fd, unsealed, 16, &good, 1, 0,
					     &id));
	EXPECT_NO_CHANGE(EEXIST, do_register(t->fd, self->first.start,
					     self->first.length, &good, 1, 0,
					     &id));
	EXPECT_NO_CHANGE(EEXIST, do_register(t->fd, self->first.start,
					     t->next - self->first.start,
					     &good, 1, 0, &id));
	/* A range over a pad that others name, and a pad in such a range. */
	EXPECT_NO_CHANGE(EEXIST, do_register(t->fd, t->pad.start, 16, &outside,
					     1, 0, &id));
	EXPECT_NO_CHANGE(EEXIST, REGISTER_FREE(trap_of(at, 1,
						       self->first.trap)));
	EXPECT_NO_CHANGE(EINVAL, REGISTER_FREE(trap_of(at, 1,
						       self->free_.trap)));
	EXPECT_NO_CHANGE(ENOENT, REGISTER_FREE(trap_of(at, 1, unsealed)));
	EXPECT_NO_CHANGE(ENOENT, REGISTER_FREE(trap_of(at, 1, t->arena.length)));
	EXPECT_NO_CHANGE(EINVAL, REGISTER_FREE(trap_of(at, 0, t->pad.start)));
	EXPECT_NO_CHANGE(EINVAL, REGISTER_FREE(good, good));
	/* The last of them fails: those before it are undone. */
	EXPECT_NO_CHANGE(ENOENT, REGISTER_FREE(good,
					       trap_of(at + 4, 4, unsealed)));
	EXPECT_ZERO(REGISTER_FREE(good));
	EXPECT_TABLES(t->fd, 3, 3);
}

TEST_F(refused, releases)
{
	struct trap_arena *t = &self->t;
	struct codearena_trap_release command = {
		.size = sizeof(command),
		.id = self->id,
	};

	EXPECT_NO_CHANGE(ENOENT, do_release(t->fd, 0));
	EXPECT_NO_CHANGE(ENOENT, do_release(t->fd, self->id + 1));
	EXPECT_NO_CHANGE(ENOENT, do_release(t->fd, self->id + (1ULL << 32)));
	for (command.flags = 1; command.flags; command.flags <<= 1)
		EXPECT_NO_CHANGE(EOPNOTSUPP,
				 ioctl(t->fd, CODEARENA_TRAP_RELEASE,
				       &command));
	EXPECT_ZERO(do_release(t->fd, self->id));
	EXPECT_TABLES(t->fd, 1, 1);
}

TEST_F(refused, landings)
{
	struct trap_arena *t = &self->t;
	struct codearena_trap_landing command = {
		.size = sizeof(command),
		.address = (uintptr_t)trap_external_pad,
	};

	EXPECT_NO_CHANGE(EBUSY, do_landing(t->fd, pad_address(t)));
	EXPECT_NO_CHANGE(EBUSY, do_landing(t->fd,
					   (uintptr_t)trap_external_pad));
	EXPECT_NO_CHANGE(EINVAL, do_landing(t->fd, 0));
	EXPECT_NO_CHANGE(EINVAL, do_landing(t->fd, -4096ULL));
	for (command.flags = 1; command.flags; command.flags <<= 1)
		EXPECT_NO_CHANGE(EOPNOTSUPP,
				 ioctl(t->fd, CODEARENA_TRAP_LANDING,
				       &command));
}

/* The pad's code cannot be removed, in any way. */
TEST_F(refused, discards_of_a_pad)
{
	struct trap_arena *t = &self->t;
	const uint64_t granule = t->arena.granule;
	const struct codearena_range both[] = {
		{ self->free_.start, granule },
		{ t->pad.start, granule },
	};
	const struct codearena_range all[] = {
		{ t->pad.start, granule },
		{ self->first.start, granule },
	};

	EXPECT_NO_CHANGE(EBUSY, do_discard1(t->fd, t->pad.start, granule));
	EXPECT_NO_CHANGE(EBUSY, do_discard(t->fd, both, 2));
	EXPECT_EQ(1, last_failed);
	/* Together with the table that names it, it can. */
	ASSERT_ZERO(do_discard(t->fd, all, 2));
	EXPECT_TABLES(t->fd, 1, 1);
	ASSERT_ZERO(site_new_at(t, &code_load, self->first.start,
				&self->first));
	trap_access(self->state, site_entry(t, &self->first), t->guard);
	EXPECT_EQ(SIGSEGV, self->state->signo);
}

/* Code that went away comes back without its traps. */
TEST_F(refused, decommit)
{
	struct trap_arena *t = &self->t;

	ASSERT_ZERO(do_decommit(t->fd, 0, t->arena.page));
	EXPECT_TABLES(t->fd, 0, 0);
	EXPECT_ERRNO(ENOENT, do_release(t->fd, self->id));
	ASSERT_ZERO(do_commit(t->fd, 0, t->arena.page));
	ASSERT_ZERO(site_new_at(t, &code_load, self->first.start,
				&self->first));
	trap_access(self->state, site_entry(t, &self->first), t->guard);
	EXPECT_SIGNAL(self->state, SIGSEGV, SEGV_MAPERR, t->guard);
	ASSERT_ZERO(site_protect(t, &self->first, t->other_pad.start, 0, NULL));
	trap_access(self->state, site_entry(t, &self->first), t->guard);
	EXPECT_LANDED(self->state, t->arena.view + t->other_pad.start);
}

TEST_HARNESS_MAIN
