// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Placement near an address: the arithmetic, the parser, and real arenas.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/helpers.h"
#include "arena/place.h"

#define PAGE	0x1000ULL
#define MIB	(1ULL << 20)
#define NOWHERE	UINT64_MAX

/* Search among mappings that are given as pairs, ended by 0, 0. */
static uint64_t find(uint64_t near, uint64_t reach, uint64_t length,
		     uint64_t align, const uint64_t *used)
{
	struct ca__gap_request request = {
		.near = near,
		.reach = reach,
		.length = length,
		.align = align,
		.lowest = 0x10000,
	};
	struct ca__gap_search search;
	uint64_t address;

	ca__gap_begin(&search, &request);
	for (; used[1]; used += 2)
		ca__gap_used(&search, used[0], used[1]);
	return ca__gap_end(&search, &address) ? address : NOWHERE;
}

static void gap_prefers_the_nearest(void **state)
{
	/* Gaps of 1 MiB below, and of 2 MiB above, the program at 16 MiB. */
	const uint64_t used[] = {
		0x10000, 8 * MIB, 9 * MIB, 15 * MIB, 16 * MIB, 17 * MIB,
		19 * MIB, 40 * MIB, 0, 0
	};

	(void)state;
	/* Adjacent, just below. */
	assert_int_equal(find(16 * MIB, 1ULL << 30, PAGE, PAGE, used),
			 16 * MIB - PAGE);
	/* From the program's end the other side is nearer. */
	assert_int_equal(find(17 * MIB, 1ULL << 30, PAGE, PAGE, used),
			 17 * MIB);
	/* Too large for the gap below. */
	assert_int_equal(find(16 * MIB, 1ULL << 30, 2 * MIB, PAGE, used),
			 17 * MIB);
	/* Too large for both. */
	assert_int_equal(find(16 * MIB, 1ULL << 30, 3 * MIB, PAGE, used),
			 NOWHERE);
}

static void gap_respects_the_reach(void **state)
{
	const uint64_t used[] = {
		0x10000, 15 * MIB, 16 * MIB, 20 * MIB, 24 * MIB, 40 * MIB, 0, 0
	};

	(void)state;
	/* The gap of 15..16 MiB, seen from 18 MiB, to the byte. */
	assert_int_equal(find(18 * MIB, 2 * MIB + PAGE, PAGE, PAGE, used),
			 16 * MIB - PAGE);
	assert_int_equal(find(18 * MIB, 2 * MIB, PAGE, PAGE, used), NOWHERE);
	/* The whole view counts: its far end is what is out of reach. */
	assert_int_equal(find(18 * MIB, 3 * MIB, MIB, PAGE, used), 15 * MIB);
	assert_int_equal(find(17 * MIB, 2 * MIB - 1, MIB, PAGE, used), NOWHERE);
	assert_int_equal(find(19 * MIB, 5 * MIB, 4 * MIB, PAGE, used),
			 20 * MIB);
	assert_int_equal(find(19 * MIB, 5 * MIB - 1, 4 * MIB, PAGE, used),
			 NOWHERE);
}

static void gap_aligns(void **state)
{
	const uint64_t used[] = {
		0x10000, 16 * MIB + PAGE, 22 * MIB + PAGE, 40 * MIB, 0, 0
	};

	(void)state;
	assert_int_equal(find(16 * MIB, 1ULL << 30, 2 * MIB, 2 * MIB, used),
			 18 * MIB);
	assert_int_equal(find(30 * MIB, 1ULL << 30, 2 * MIB, 2 * MIB, used),
			 20 * MIB);
	assert_int_equal(find(30 * MIB, 1ULL << 30, 2 * MIB, PAGE, used),
			 20 * MIB + PAGE);
	/* Six MiB free, but not at a multiple of four. */
	assert_int_equal(find(30 * MIB, 1ULL << 30, 4 * MIB, 4 * MIB, used),
			 NOWHERE);
}

static void gap_surrounds_the_address(void **state)
{
	const uint64_t used[] = { 0x10000, 0x20000, 64 * MIB, 65 * MIB, 0, 0 };

	(void)state;
	/* In the middle of nothing: as far to one side as to the other. */
	assert_int_equal(find(32 * MIB, 2 * MIB, 4 * MIB, PAGE, used),
			 30 * MIB);
	assert_int_equal(find(32 * MIB, 2 * MIB - 1, 4 * MIB, PAGE, used),
			 NOWHERE);
	assert_int_equal(find(32 * MIB, 3 * MIB, 4 * MIB, 2 * MIB, used),
			 30 * MIB);
	assert_int_equal(find(33 * MIB, 3 * MIB, 4 * MIB, 2 * MIB, used),
			 30 * MIB);
}

static void gap_at_the_ends(void **state)
{
	const uint64_t used[] = {
		0x20000, 0x30000, -2 * PAGE, -PAGE, 0, 0
	};
	const uint64_t none[] = { 0, 0 };

	(void)state;
	/* Nothing below the lowest address. */
	assert_int_equal(find(0x8000, 1ULL << 20, PAGE, PAGE, used), 0x10000);
	assert_int_equal(find(0, 0x10fff, PAGE, PAGE, used), NOWHERE);
	assert_int_equal(find(0, 0x11000, PAGE, PAGE, used), 0x10000);
	/* No arithmetic overflows. */
	assert_int_equal(find(UINT64_MAX, UINT64_MAX, PAGE, PAGE, used),
			 -3 * PAGE);
	assert_int_equal(find(1, UINT64_MAX, UINT64_MAX, PAGE, used), NOWHERE);
	assert_int_equal(find(1, 1ULL << 40, UINT64_MAX - PAGE, MIB, used),
			 NOWHERE);
	/* What is above the last mapping is unknown. */
	assert_int_equal(find(PAGE, UINT64_MAX, PAGE, PAGE, none), NOWHERE);
}

static void gap_with_overlapping_ranges(void **state)
{
	/* The room for a stack may reach into its neighbour. */
	const uint64_t used[] = {
		0x10000, 16 * MIB, 12 * MIB, 14 * MIB, 15 * MIB, 18 * MIB,
		20 * MIB, 40 * MIB, 0, 0
	};

	(void)state;
	assert_int_equal(find(15 * MIB, 1ULL << 30, PAGE, PAGE, used),
			 18 * MIB);
}

/* Try all places, the slow way. */
static uint64_t find_slowly(uint64_t near, uint64_t reach, uint64_t length,
			    uint64_t align, const uint64_t *used)
{
	uint64_t best = NOWHERE, cost = UINT64_MAX, start, end = 0, i, c;

	for (i = 0; used[i + 1]; i += 2)
		end = used[i + 1] > end ? used[i + 1] : end;
	for (start = 0x10000; start + length <= end; start += PAGE) {
		bool ok = start % align == 0 && start + reach >= near &&
			  start + length <= near + reach;

		for (i = 0; used[i + 1]; i += 2)
			ok &= start >= used[i + 1] ||
			      start + length <= used[i];
		if (!ok)
			continue;
		c = start > near ? start - near : near - start;
		if (start + length > near && start + length - near > c)
			c = start + length - near;
		if (c < cost) {
			cost = c;
			best = start;
		}
	}
	return best;
}

static void gap_agrees_with_a_slow_search(void **state)
{
	uint64_t used[18], round, i, found = 0;

	(void)state;
	srand(1);
	for (round = 0; round < 3000; round++) {
		uint64_t near = rand() % 400 * PAGE + rand() % 3;
		uint64_t reach = rand() % 200 * PAGE + rand() % 3;
		uint64_t length = (1 + rand() % 24) * PAGE;
		uint64_t align = PAGE << rand() % 4, a, b, at = 0x10000;

		for (i = 0; i < 16; i += 2) {
			used[i] = at + rand() % 40 * PAGE;
			used[i + 1] = used[i] + (1 + rand() % 20) * PAGE;
			at = used[i + 1];
		}
		used[16] = 0;
		used[17] = 0;
		a = find(near, reach, length, align, used);
		b = find_slowly(near, reach, length, align, used);
		found += b != NOWHERE;
		if (a == b)
			continue;
		/* Two places may be equally far. */
		assert_true(a != NOWHERE && b != NOWHERE);
		assert_int_equal(a + length - near, near - b);
	}
	/* The test saw both outcomes. */
	assert_true(found > 500 && found < 2500);
}

struct ranges {
	uint64_t range[8][2];
	unsigned int count;
};

static void remember(void *context, uint64_t start, uint64_t end)
{
	struct ranges *ranges = context;

	assert_true(ranges->count < 8);
	ranges->range[ranges->count][0] = start;
	ranges->range[ranges->count++][1] = end;
}

static const char maps[] =
	"00400000-00401000 r-xp 00000000 08:01 123 /bin/a b\n"
	"01000000-01021000 rw-p 00000000 00:00 0 [heap]\n"
	"7f0000000000-7f0000001000 ---p 00000000 00:00 0 \n"
	"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static void maps_are_understood(void **state)
{
	const uint64_t expected[5][2] = {
		{ 0x400000, 0x401000 },
		{ 0x1000000, 0x1021000 + 5 },
		{ 0x7f0000000000, 0x7f0000001000 },
		{ 0x7ffc00000000 - 3, 0x7ffc00021000 },
		{ 0xffffffffff600000, 0xffffffffff601000 },
	};
	size_t piece, at, i;

	(void)state;
	/* In pieces of every size. */
	for (piece = 1; piece < sizeof(maps); piece++) {
		struct ranges ranges = { 0 };
		struct ca__maps_parser parser = {
			.used_range = remember,
			.context = &ranges,
			.stack_room = 3,
			.heap_room = 5,
		};

		for (at = 0; at < sizeof(maps) - 1; at += piece) {
			i = sizeof(maps) - 1 - at;
			assert_int_equal(ca__maps_feed(&parser, maps + at,
						       i < piece ? i : piece),
					 0);
		}
		assert_int_equal(ranges.count, 5);
		for (i = 0; i < 5; i++) {
			assert_true(ranges.range[i][0] == expected[i][0]);
			assert_true(ranges.range[i][1] == expected[i][1]);
		}
	}
}

static void maps_with_long_lines(void **state)
{
	struct ranges ranges = { 0 };
	struct ca__maps_parser parser = {
		.used_range = remember,
		.context = &ranges,
	};
	unsigned int i;

	(void)state;
	assert_int_equal(ca__maps_feed(&parser, "1000-2000 r-xp /", 16), 0);
	for (i = 0; i < 5000; i++)
		assert_int_equal(ca__maps_feed(&parser, "x", 1), 0);
	assert_int_equal(ca__maps_feed(&parser, "\n3000-4000 r\n", 13), 0);
	assert_int_equal(ranges.count, 2);
	assert_int_equal(ranges.range[1][1], 0x4000);
}

static void maps_with_nonsense(void **state)
{
	static const char * const lines[] = {
		"\n", "x\n", "1000\n", "1000-\n", "1000-2000\n", "-2000 r\n",
		"2000-1000 r\n", "11111111111111111-2 r\n",
		"1-11111111111111111 r\n", "1000 -2000 r\n", "G000-2000 r\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct ranges ranges = { 0 };
		struct ca__maps_parser parser = {
			.used_range = remember,
			.context = &ranges,
		};

		assert_int_equal(ca__maps_feed(&parser, lines[i],
					       strlen(lines[i])), -EPROTO);
		assert_int_equal(ranges.count, 0);
	}
}

/* The distance of the byte that is farthest away. */
static uint64_t farthest(struct codearena_arena *arena, const void *near)
{
	uint64_t start = (uintptr_t)codearena_arena_base(arena);
	uint64_t end = start + codearena_arena_length(arena);
	uint64_t from = (uintptr_t)near;
	uint64_t below = start < from ? from - start : 0;
	uint64_t above = end > from ? end - from : 0;

	return below > above ? below : above;
}

static void near_the_program(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .near = &near_the_program);
	uint64_t reach = 1ULL << 31;
	struct codearena_arena *arena;

	(void)state;
#if defined(__aarch64__)
	reach = 1ULL << 27;
#endif
	assert_int_equal(codearena_arena_new(8 * MIB, &opts, &arena), 0);
	assert_true(farthest(arena, opts.near) <= reach);
	assert_int_equal((uintptr_t)codearena_arena_base(arena) % (2 * MIB), 0);
	assert_int_equal(codearena_arena_commit(arena, 0, 64 << 10), 0);
	assert_int_equal(publish_return(arena, 0, 55, 0), 0);
	assert_int_equal(execute(arena, 0), 55);
	codearena_arena_free(arena);
}

static void many_near_one_address(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .near = &maps);
	struct codearena_arena *arenas[30];
	unsigned int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		assert_int_equal(codearena_arena_new(MIB, &opts, &arenas[i]),
				 0);
		assert_true(farthest(arenas[i], opts.near) < 128 * MIB);
	}
	for (i = 0; i < 30; i++)
		codearena_arena_free(arenas[i]);
}

/* Where the next arena would lie, there is another mapping. */
static void beside_other_mappings(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .near = &maps);
	struct codearena_arena *arenas[3];
	uint64_t distance;
	const char *first, *next;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++)
		assert_int_equal(codearena_arena_new(MIB, &opts, &arenas[i]),
				 0);
	first = codearena_arena_base(arenas[0]);
	next = codearena_arena_base(arenas[1]);
	distance = next < first ? first - next : next - first;
	next += next - first;
	assert_int_equal(distance % MIB, 0);
	assert_ptr_equal(mmap((void *)next, MIB, PROT_NONE, MAP_PRIVATE |
			      MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 next);
	assert_int_equal(codearena_arena_new(MIB, &opts, &arenas[2]), 0);
	assert_ptr_not_equal(codearena_arena_base(arenas[2]), next);
	assert_true(farthest(arenas[2], opts.near) < 128 * MIB);
	for (i = 0; i < 3; i++)
		codearena_arena_free(arenas[i]);
	munmap((void *)next, MIB);
}

static void out_of_reach(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .reach = 16 * MIB);
	struct codearena_arena *arena = (void *)1;
	const uint64_t size = 128 * MIB;
	uint64_t page = sysconf(_SC_PAGESIZE);
	char *wall;

	(void)state;
	wall = mmap(NULL, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(wall != MAP_FAILED);
	opts.near = wall + size / 2;
	assert_int_equal(codearena_arena_new(page, &opts, &arena), -ENOSPC);
	assert_null(arena);
	/* One hole, exactly as large as is needed. */
	assert_int_equal(munmap(wall + size / 2 + 4 * MIB + page, 4 * page), 0);
	assert_int_equal(codearena_arena_new(8 * page, &opts, &arena), -ENOSPC);
	assert_int_equal(codearena_arena_new(4 * page, &opts, &arena), 0);
	assert_ptr_equal(codearena_arena_base(arena),
			 wall + size / 2 + 4 * MIB + page);
	codearena_arena_free(arena);
	munmap(wall, size);
}

static void small_places_do_for_large_arenas(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .reach = 16 * MIB);
	struct codearena_arena *arena;
	const uint64_t size = 128 * MIB;
	uint64_t page = sysconf(_SC_PAGESIZE);
	char *wall, *hole;

	(void)state;
	wall = mmap(NULL, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(wall != MAP_FAILED);
	hole = (char *)(((uintptr_t)wall + size / 2) & -(2 * MIB)) + page;
	opts.near = hole;
	/* Four MiB are free, but none of it at a multiple of two. */
	assert_int_equal(munmap(hole, 4 * MIB), 0);
	assert_int_equal(codearena_arena_new(4 * MIB, &opts, &arena), 0);
	assert_ptr_equal(codearena_arena_base(arena), hole);
	codearena_arena_free(arena);
	munmap(wall, size);
}

static void attached_near_an_address(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .near = &maps,
		       .reach = 1ULL << 30);
	struct codearena_arena *arena, *view;
	int fd;

	(void)state;
	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(codearena_arena_new(MIB, NULL, &arena), 0);
	assert_int_equal(codearena_arena_share(arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, &opts, &view), 0);
	close(fd);
	assert_true(farthest(view, opts.near) <= opts.reach);
	codearena_arena_free(view);
	codearena_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gap_prefers_the_nearest),
		cmocka_unit_test(gap_respects_the_reach),
		cmocka_unit_test(gap_aligns),
		cmocka_unit_test(gap_surrounds_the_address),
		cmocka_unit_test(gap_at_the_ends),
		cmocka_unit_test(gap_with_overlapping_ranges),
		cmocka_unit_test(gap_agrees_with_a_slow_search),
		cmocka_unit_test(maps_are_understood),
		cmocka_unit_test(maps_with_long_lines),
		cmocka_unit_test(maps_with_nonsense),
		cmocka_unit_test(near_the_program),
		cmocka_unit_test(many_near_one_address),
		cmocka_unit_test(beside_other_mappings),
		cmocka_unit_test(out_of_reach),
		cmocka_unit_test(small_places_do_for_large_arenas),
		cmocka_unit_test(attached_near_an_address),
	};
	void *state;

	if (backend_setup(&state))
		return 1;
	return cmocka_run_group_tests_name("arena_place", tests, NULL, NULL);
}
