// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Releasing code: decommitted pages, graces, and errors.
 */
#include <stdlib.h>

#include "codearena/trap.h"
#include "space/space_helpers.h"

#define SPACE_PAGES	8

struct space {
	struct codearena_manager *manager;
	struct codearena_allocator *allocator;
	struct codearena_arena *arena;
	uint64_t page;
	uint64_t unit;
	uint64_t base;
};

static int setup_with(void **state, uint32_t arena_flags)
{
	CODEARENA_OPTS(codearena_manager_opts, opts,
		       .arena_flags = arena_flags);
	struct space *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(codearena_manager_new(&opts, &s->manager), 0);
	s->page = manager_stat(s->manager).page_size;
	s->unit = manager_stat(s->manager).unit;
	s->allocator = allocator_of(s->manager, SPACE_PAGES * s->page);
	s->arena = space_info(s->allocator, 0).arena;
	s->base = space_info(s->allocator, 0).region.begin;
	*state = s;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 0);
}

static int setup_permanent(void **state)
{
	return setup_with(state, CODEARENA_RESERVE_F_PERMANENT);
}

static int teardown(void **state)
{
	struct space *s = *state;

	check_accounts(s->manager, s->allocator);
	codearena_allocator_free(s->allocator);
	assert_int_equal(manager_stat(s->manager).committed, 0);
	assert_int_equal(manager_stat(s->manager).reserved, 0);
	assert_int_equal(manager_stat(s->manager).spaces, 0);
	codearena_manager_free(s->manager);
	free(s);
	return 0;
}

static struct codearena_region part(const struct space *s, uint64_t from,
				    uint64_t to)
{
	return (struct codearena_region){ s->base + from, to - from };
}

static uint64_t committed(const struct space *s)
{
	check_accounts(s->manager, s->allocator);
	return allocator_stat(s->allocator).committed;
}

/*
 * V8's FreeCode, which decommits whole free pages. With
 * pages of 4096 bytes: [0x1000,0x1800), then [0x1800,0x2000).
 */
static void free_code_halves_of_a_page(void **state)
{
	struct space *s = *state;
	uint64_t p = s->page;

	get(s->allocator, SPACE_PAGES * p);
	assert_int_equal(release_one(s->allocator, part(s, p, p + p / 2)), 0);
	assert_int_equal(committed(s), SPACE_PAGES * p);
	assert_int_equal(release_one(s->allocator, part(s, p + p / 2, 2 * p)),
			 0);
	assert_int_equal(committed(s), (SPACE_PAGES - 1) * p);
}

/* And [0x1800,0x3800), then [0x3800,0x4000). */
static void free_code_over_pages(void **state)
{
	struct space *s = *state;
	uint64_t p = s->page;
	uint8_t byte;

	get(s->allocator, SPACE_PAGES * p);
	assert_int_equal(release_one(s->allocator,
				     part(s, p + p / 2, 3 * p + p / 2)), 0);
	assert_int_equal(committed(s), (SPACE_PAGES - 1) * p);
	assert_false(peek(s->arena, 2 * p, &byte, 1));
	assert_int_equal(release_one(s->allocator,
				     part(s, 3 * p + p / 2, 4 * p)), 0);
	assert_int_equal(committed(s), (SPACE_PAGES - 2) * p);
	assert_false(peek(s->arena, 3 * p, &byte, 1));
}

/* Code is gone at once: traps where the page stays, nothing where it goes. */
static void release_takes_code_away(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, 1);
	struct codearena_region b = get(s->allocator, 1);
	uint8_t bytes[16], traps[16];

	assert_int_equal(a.size, s->unit);
	assert_int_equal(a.begin, s->base);
	assert_int_equal(b.begin, s->base + s->unit);
	assert_int_equal(publish_return(s->arena, 0, 5, 0), 0);
	assert_int_equal(publish_return(s->arena, s->unit, 6, 0), 0);
	assert_int_equal(execute(s->arena, 0), 5);
	assert_int_equal(release_one(s->allocator, a), 0);
	assert_true(peek(s->arena, 0, bytes, sizeof(bytes)));
	trap_bytes(0, traps, sizeof(traps));
	assert_memory_equal(bytes, traps, sizeof(traps));
	assert_int_equal(execute(s->arena, s->unit), 6);
	assert_int_equal(release_one(s->allocator, b), 0);
	assert_int_equal(committed(s), 0);
	assert_int_equal(stat_of(s->arena).out_sealed, 0);
}

/* V8 never reuses released space; here a grace must end first. */
static void space_is_used_again_after_a_grace(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, s->page), b;
	uint64_t before = codearena_allocator_grace_begin(s->allocator), after;

	assert_int_equal(publish_return(s->arena, 0, 5, 0), 0);
	assert_int_equal(release_one(s->allocator, a), 0);
	after = codearena_allocator_grace_begin(s->allocator);
	assert_true(before && after > before);
	/* It had begun before the release. */
	assert_int_equal(codearena_allocator_grace_end(s->allocator, before),
			 0);
	assert_int_equal(allocator_stat(s->allocator).waiting, s->page);
	b = get(s->allocator, s->page);
	assert_int_equal(b.begin, a.begin + s->page);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, after), 0);
	assert_int_equal(allocator_stat(s->allocator).waiting, 0);
	b = get(s->allocator, s->page);
	assert_int_equal(b.begin, a.begin);
	/* And it can be used: the page was committed again. */
	assert_int_equal(publish_return(s->arena, 0, 6, 0), 0);
	assert_int_equal(execute(s->arena, 0), 6);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, after), 0);
}

/* A later grace covers what an earlier one waits for. */
static void graces_overlap(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, 1);
	struct codearena_region b = get(s->allocator, 1);
	struct codearena_region c = get(s->allocator, 1);
	uint64_t first, second;

	assert_int_equal(release_one(s->allocator, b), 0);
	first = codearena_allocator_grace_begin(s->allocator);
	assert_int_equal(release_one(s->allocator, a), 0);
	second = codearena_allocator_grace_begin(s->allocator);
	assert_int_equal(release_one(s->allocator, c), 0);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, first), 0);
	assert_int_equal(get(s->allocator, 1).begin, b.begin);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, second),
			 0);
	assert_int_equal(get(s->allocator, 1).begin, a.begin);
	assert_int_equal(allocator_stat(s->allocator).waiting, c.size);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, first), 0);
	assert_int_equal(codearena_allocator_grace_end(s->allocator,
						       second + 1), -ENOENT);
	assert_int_equal(codearena_allocator_grace_end(s->allocator, 0),
			 -ENOENT);
	assert_int_equal(codearena_allocator_grace_end(NULL, 1), -EINVAL);
	assert_int_equal(codearena_allocator_grace_begin(NULL), 0);
}

/* Neighbours merge in any order. */
static void released_neighbours_join(void **state)
{
	struct space *s = *state;
	struct codearena_region r[3];
	size_t i;

	for (i = 0; i < 3; i++)
		r[i] = get(s->allocator, s->page);
	get(s->allocator, (SPACE_PAGES - 3) * s->page);
	assert_int_equal(codearena_allocator_release(s->allocator, r + 2, 1,
						     NULL), 0);
	assert_int_equal(codearena_allocator_release(s->allocator, r, 2, &i),
			 0);
	assert_int_equal(i, 2);
	grace(s->allocator);
	assert_int_equal(get(s->allocator, 3 * s->page).begin, r[0].begin);
}

/* Regions may be released in pieces, and together with others. */
static void release_of_pieces(void **state)
{
	struct space *s = *state;
	struct codearena_region all = get(s->allocator, 4 * s->page);
	struct codearena_region piece[32];
	size_t i, done;

	assert_int_equal(ca__allocator_divide(s->allocator, all, 64), 0);
	for (i = 0; i < 32; i++)
		piece[i] = (struct codearena_region){
			all.begin + (i * 2 + 1) * all.size / 64, all.size / 64
		};
	assert_int_equal(codearena_allocator_release(s->allocator, piece, 32,
						     &done), 0);
	assert_int_equal(done, 32);
	assert_int_equal(committed(s), 4 * s->page);
	for (i = 0; i < 32; i++)
		piece[i].begin -= all.size / 64;
	assert_int_equal(codearena_allocator_release(s->allocator, piece, 32,
						     &done), 0);
	assert_int_equal(committed(s), 0);
	grace(s->allocator);
	assert_int_equal(get(s->allocator, 4 * s->page).begin, all.begin);
}

/* More regions than one call of the backend takes, in two spaces. */
static void release_of_many(void **state)
{
	struct space *s = *state;
	size_t count = 1500, done = 0, i;
	struct codearena_region *r = calloc(count, sizeof(*r));
	uint64_t before;

	for (i = 0; i < count; i++)
		r[i] = get(s->allocator, 1);
	assert_true(space_count(s->allocator) > 1);
	before = allocator_stat(s->allocator).live;
	/* Every other one first, so that there are many ranges. */
	for (i = 0; i < count / 2; i++) {
		struct codearena_region odd = r[i];

		r[i] = r[2 * i];
		r[2 * i] = odd;
	}
	assert_int_equal(codearena_allocator_release(s->allocator, r, count,
						     &done), 0);
	assert_int_equal(done, count);
	assert_int_equal(before, count * s->unit);
	assert_int_equal(committed(s), 0);
	grace(s->allocator);
	assert_int_equal(allocator_stat(s->allocator).free,
			 allocator_stat(s->allocator).reserved);
	free(r);
}

static void expect_refusal(struct space *s, const struct codearena_region *r,
			   size_t count, int error)
{
	struct codearena_allocator_counters before = allocator_stat(s->allocator);
	struct codearena_allocator_counters after;
	size_t done = 7;

	assert_int_equal(codearena_allocator_release(s->allocator, r, count,
						     &done), error);
	assert_int_equal(done, 0);
	after = allocator_stat(s->allocator);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void release_refuses(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, 2 * s->unit);
	struct codearena_region r[2] = { a, a };
	struct codearena_region bad[] = {
		{ a.begin, 0 }, { a.begin + 1, s->unit },
		{ a.begin, s->unit + 1 },
	};
	struct codearena_region none[] = {
		{ a.begin, 3 * s->unit }, { a.begin + a.size, s->unit },
		{ a.begin - s->unit, s->unit }, { s->unit, s->unit },
		{ a.begin, (SPACE_PAGES + 1) * s->page },
	};
	struct codearena_region far = { -s->unit, s->unit };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_refusal(s, bad + i, 1, -EINVAL);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		expect_refusal(s, none + i, 1, -ENOENT);
	expect_refusal(s, &far, 1, -EOVERFLOW);
	/* Named twice, as a whole or in part. */
	expect_refusal(s, r, 2, -ENOENT);
	r[1].size = s->unit;
	expect_refusal(s, r, 2, -ENOENT);
	expect_refusal(s, NULL, 1, -EINVAL);
	assert_int_equal(codearena_allocator_release(NULL, r, 1, NULL),
			 -EINVAL);
	assert_int_equal(codearena_allocator_release(s->allocator, NULL, 0,
						     NULL), 0);
	/* It is still allocated, and can be released once. */
	assert_int_equal(release_one(s->allocator, a), 0);
	expect_refusal(s, &a, 1, -ENOENT);
	grace(s->allocator);
	expect_refusal(s, &a, 1, -ENOENT);
}

static void divide_refuses(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, s->unit), b = a;

	assert_int_equal(ca__allocator_divide(NULL, a, 1), -EINVAL);
	assert_int_equal(ca__allocator_divide(s->allocator, a, 0),
			 -EINVAL);
	b.begin += s->unit;
	assert_int_equal(ca__allocator_divide(s->allocator, b, 1),
			 -ENOENT);
	b.size = 1;
	assert_int_equal(ca__allocator_divide(s->allocator, b, 1),
			 -EINVAL);
	assert_int_equal(ca__allocator_divide(s->allocator, a, SIZE_MAX),
			 -ENOMEM);
	assert_int_equal(ca__allocator_divide(s->allocator, a, 1), 0);
}

static void permanent_code_cannot_be_released(void **state)
{
	struct space *s = *state;
	struct codearena_region a = get(s->allocator, s->unit);

	assert_int_equal(publish_return(s->arena, 0, 5, 0), 0);
	expect_refusal(s, &a, 1, -EPERM);
	assert_int_equal(execute(s->arena, 0), 5);
}

/* The second step fails: the first one is not undone. */
static void failure_in_the_middle(void **state)
{
	struct space *s = *state;
	struct codearena_region pad = get(s->allocator, s->unit);
	struct codearena_region code = get(s->allocator, s->unit);
	struct codearena_region other, r[2];
	struct codearena_trap trap = { .start = 0, .length = 1 };
	size_t done = 7;
	uint64_t id;

	assert_int_equal(publish_return(s->arena, 0, 5, 0), 0);
	assert_int_equal(publish_return(s->arena, s->unit, 5, 0), 0);
	trap.landing = pad.begin - s->base;
	assert_int_equal(codearena_trap_table_register(s->arena, code.begin - s->base,
						 s->unit, &trap, 1, 0, &id,
						       NULL), 0);
	/* Not in the first space, therefore a step of its own. */
	get(s->allocator, SPACE_PAGES * s->page - 2 * s->unit);
	other = get(s->allocator, s->unit);
	assert_int_equal(space_count(s->allocator), 2);
	r[0] = other;
	r[1] = pad;
	assert_int_equal(codearena_allocator_release(s->allocator, r, 2, &done),
			 -EBUSY);
	assert_int_equal(done, 1);
	assert_int_equal(allocator_stat(s->allocator).waiting, s->unit);
	check_accounts(s->manager, s->allocator);
	assert_int_equal(execute(s->arena, 0), 5);
	/* With the code that needs it the pad may go. */
	r[0] = pad;
	r[1] = code;
	assert_int_equal(codearena_allocator_release(s->allocator, r, 2, &done),
			 0);
	assert_int_equal(stat_of(s->arena).out_trap_tables, 0);
	assert_int_equal(codearena_trap_table_release(s->arena, id), -ENOENT);
}

/* A naive picture of one space: the state of each unit. */
enum { FREE, LIVE, GONE };

static void random_against_model(void **state)
{
	enum { UNITS = SPACE_PAGES * 64, MOST = 100 };
	static struct codearena_region live[UNITS], gone[UNITS];
	struct space *s = *state;
	struct codearena_region window = part(s, 0, SPACE_PAGES * s->page), r;
	size_t lives = 0, gones = 0, units = window.size / s->unit, i, k, want;
	uint8_t what[UNITS] = { 0 };
	unsigned int step, rnd = 1;
	int ret;

	assert_int_equal(units, UNITS);
	for (step = 0; step < 3000; step++) {
		rnd = rnd * 1103515245 + 12345;
		if (rnd >> 16 & 1) {
			size_t size = 1 + (rnd >> 18) % MOST;

			for (want = 0, k = 0; want + size <= UNITS; want++) {
				for (k = 0; k < size && what[want + k] == FREE;)
					k++;
				if (k == size)
					break;
			}
			ret = codearena_allocator_allocate(s->allocator,
							   size * s->unit,
							   &window, &r);
			assert_int_equal(ret, k == size ? 0 : -ENOSPC);
			if (ret)
				continue;
			assert_int_equal(r.begin, s->base + want * s->unit);
			memset(what + want, LIVE, size);
			live[lives++] = r;
		} else if (lives && (rnd >> 17 & 7)) {
			i = (rnd >> 20) % lives;
			assert_int_equal(release_one(s->allocator, live[i]), 0);
			memset(what + (live[i].begin - s->base) / s->unit, GONE,
			       live[i].size / s->unit);
			gone[gones++] = live[i];
			live[i] = live[--lives];
		} else {
			grace(s->allocator);
			for (i = 0; i < gones; i++)
				memset(what + (gone[i].begin - s->base) /
				       s->unit, FREE, gone[i].size / s->unit);
			gones = 0;
		}
		/* Exactly the pages with live units are committed. */
		for (want = 0, i = 0; i < SPACE_PAGES; i++)
			want += memchr(what + i * 64, LIVE, 64) != NULL;
		assert_int_equal(committed(s), want * s->page);
	}
}

#define SPACE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPACE_TEST(free_code_halves_of_a_page),
		SPACE_TEST(free_code_over_pages),
		SPACE_TEST(release_takes_code_away),
		SPACE_TEST(space_is_used_again_after_a_grace),
		SPACE_TEST(graces_overlap),
		SPACE_TEST(released_neighbours_join),
		SPACE_TEST(release_of_pieces),
		SPACE_TEST(release_of_many),
		SPACE_TEST(release_refuses),
		SPACE_TEST(divide_refuses),
		cmocka_unit_test_setup_teardown(
			permanent_code_cannot_be_released, setup_permanent,
			teardown),
		SPACE_TEST(failure_in_the_middle),
		SPACE_TEST(random_against_model),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
