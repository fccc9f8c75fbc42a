// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Writing, and sealing what was written.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/helpers.h"

static struct codearena_chunk chunk(uint64_t offset, const void *source,
				    uint64_t length)
{
	return (struct codearena_chunk){
		.offset = offset,
		.source = (uintptr_t)source,
		.length = length,
	};
}

static void write_arrives(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[100], back[100], traps[100];
	struct codearena_chunk c = chunk(f->fresh + 3, bytes, sizeof(bytes));
	struct codearena_stat before = stat_of(f->arena), after;
	size_t failed = 1, i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i + 1;
	assert_int_equal(codearena_arena_write(f->arena, &c, 1, &failed), 0);
	assert_true(failed == SIZE_MAX);
	assert_true(peek(f->arena, f->fresh + 3, back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));

	/* Not one byte beside it, and nothing but one counter. */
	trap_bytes(f->fresh, traps, 3);
	assert_true(peek(f->arena, f->fresh, back, 3));
	assert_memory_equal(back, traps, 3);
	trap_bytes(f->fresh + 103, traps, 64);
	assert_true(peek(f->arena, f->fresh + 103, back, 64));
	assert_memory_equal(back, traps, 64);
	after = stat_of(f->arena);
	assert_int_equal(after.out_written - before.out_written, 100);
	before.out_written = after.out_written;
	assert_memory_equal(&before, &after, sizeof(after));
}

static void write_crosses_pages(void **state)
{
	struct fixture *f = *state;
	uint64_t length = f->page - f->fresh + f->page;
	uint8_t *bytes = malloc(length), *back = malloc(length);
	struct codearena_chunk c = chunk(f->fresh, bytes, length);
	uint64_t i;

	for (i = 0; i < length; i++)
		bytes[i] = i * 7 + i / 256;
	assert_int_equal(codearena_arena_write(f->arena, &c, 1, NULL), 0);
	assert_int_equal(codearena_arena_seal(f->arena, f->fresh, length, 0),
			 0);
	assert_true(peek(f->arena, f->fresh, back, length));
	assert_memory_equal(back, bytes, length);
	free(bytes);
	free(back);
}

static void written_code_runs_once_sealed(void **state)
{
	struct fixture *f = *state;
	uint8_t code[CODE_MAX];
	struct codearena_chunk c;
	struct codearena_stat before = stat_of(f->arena), after;

	c = chunk(f->fresh, code, code_return(code, 321));
	assert_int_equal(codearena_arena_write(f->arena, &c, 1, NULL), 0);
	assert_int_equal(codearena_arena_seal(f->arena, f->fresh, f->granule,
					      0), 0);
	assert_int_equal(execute(f->arena, f->fresh), 321);
	after = stat_of(f->arena);
	assert_int_equal(after.out_sealed - before.out_sealed, f->granule);
	assert_int_equal(after.out_patchable, before.out_patchable);
	assert_int_equal(after.out_published, before.out_published);
}

static void write_many_chunks_in_any_order(void **state)
{
	struct fixture *f = *state;
	size_t count = f->page / f->granule, i;
	struct codearena_chunk *chunks = calloc(count, sizeof(*chunks));
	uint8_t *values = malloc(count), byte;

	for (i = 0; i < count; i++) {
		values[i] = i + 1;
		chunks[i] = chunk(f->pristine + (count - 1 - i) * f->granule,
				  &values[i], 1);
	}
	assert_int_equal(codearena_arena_write(f->arena, chunks, count, NULL),
			 0);
	assert_int_equal(codearena_arena_seal(f->arena, f->pristine, f->page,
					      0), 0);
	for (i = 0; i < count; i++) {
		assert_true(peek(f->arena, chunks[i].offset, &byte, 1));
		assert_int_equal(byte, i + 1);
	}
	free(chunks);
	free(values);
}

static void write_replaces_what_was_written(void **state)
{
	struct fixture *f = *state;
	uint8_t two[2] = { 1, 2 }, back[4];
	struct codearena_chunk c = chunk(f->written + 1, two, 2);

	assert_int_equal(codearena_arena_write(f->arena, &c, 1, NULL), 0);
	assert_true(peek(f->arena, f->written, back, 4));
	assert_int_equal(back[0], WRITTEN_BYTE);
	assert_int_equal(back[1], 1);
	assert_int_equal(back[2], 2);
	assert_int_equal(back[3], WRITTEN_BYTE);
}

static void write_refuses_bad_chunks(void **state)
{
	static const struct {
		uint64_t pages;
		int64_t bytes;
		uint64_t length;
		int error;
	} bad[] = {
		{ 1, 0, 0, EINVAL },
		{ 0, -1, 2, EOVERFLOW },
		{ 1, 8, -8, EOVERFLOW },
		{ ARENA_PAGES, 0, 1, ENOENT },
		{ ARENA_PAGES, -1, 2, ENOENT },
		{ 2, 0, 1, ENOENT },
		{ 2, -1, 2, ENOENT },
		{ 0, 0, 1, EPERM },
		{ 0, 64, 1, EPERM },
	};
	struct fixture *f = *state;
	struct codearena_chunk c[3];
	uint8_t bytes[16] = { 1 };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		c[0] = chunk(f->fresh, bytes, 16);
		c[1] = chunk(f->pristine, bytes, 16);
		c[2] = chunk(bad[i].pages * f->page + bad[i].bytes, bytes,
			     bad[i].length);
		expect_refused_at(f->arena, bad[i].error, 2,
				  codearena_arena_write(f->arena, c, 3,
							&failed));
	}
}

static void write_reaches_into_sealed_code(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[256] = { 1 };
	struct codearena_chunk c;

	/* Its last byte is the first of a sealed granule. */
	assert_int_equal(publish_return(f->arena, f->fresh + 4 * f->granule, 1,
					0), 0);
	c = chunk(f->fresh + 4 * f->granule - 20, bytes, 21);
	expect_refused_at(f->arena, EPERM, 0,
			  codearena_arena_write(f->arena, &c, 1, &failed));
	c.length = 20;
	assert_int_equal(codearena_arena_write(f->arena, &c, 1, NULL), 0);
}

static void write_refuses_a_granule_named_twice(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 1;
	struct codearena_chunk c[3] = {
		chunk(f->fresh + f->granule, &byte, 1),
		chunk(f->fresh, &byte, 1),
		chunk(f->fresh + f->granule - 1, &byte, 1),
	};

	expect_refused_at(f->arena, EBUSY, 2,
			  codearena_arena_write(f->arena, c, 3, &failed));
	c[2].offset = f->fresh + 2 * f->granule - 1;
	expect_refused_at(f->arena, EBUSY, 2,
			  codearena_arena_write(f->arena, c, 3, &failed));
	/* The refused calls hold no granule back. */
	assert_int_equal(codearena_arena_write(f->arena, c, 2, NULL), 0);
}

static void write_refuses_bad_counts(void **state)
{
	struct fixture *f = *state;
	struct codearena_info info = { .sz = sizeof(info) };
	uint8_t byte = 1;
	struct codearena_chunk c = chunk(f->fresh, &byte, 1);

	assert_int_equal(codearena_probe(CODEARENA_BACKEND_AUTO, &info), 0);
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_write(f->arena, &c, 0, &failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_write(f->arena, &c,
						info.max_entries + 1ULL,
						&failed));
	expect_refused_at(f->arena, EINVAL, SIZE_MAX,
			  codearena_arena_write(f->arena, &c, 1ULL << 32 | 1,
						&failed));
}

static void write_refuses_bad_sources(void **state)
{
	struct fixture *f = *state;
	uint8_t *half = half_readable(f->page), byte = 1;
	struct codearena_chunk c[3] = {
		chunk(f->written, &byte, 1),
		chunk(f->fresh, half + f->page - 100, 200),
		chunk(f->pristine, &byte, 1),
	};

	if (!reads_safely())
		skip_because("the fallback reads memory as its caller");
	/* Both what was written before and traps come back. */
	expect_refused_at(f->arena, EFAULT, 1,
			  codearena_arena_write(f->arena, c, 3, &failed));
	c[1].source = 0;
	expect_refused_at(f->arena, EFAULT, 1,
			  codearena_arena_write(f->arena, c, 3, &failed));
	c[1].source = -4096ULL;
	expect_refused_at(f->arena, EFAULT, 1,
			  codearena_arena_write(f->arena, c, 3, &failed));
	c[1].source = 1ULL << 63;
	expect_refused_at(f->arena, EFAULT, 1,
			  codearena_arena_write(f->arena, c, 3, &failed));
	/* Up to the last byte that can be read. */
	c[1] = chunk(f->fresh, half + f->page - 200, 200);
	assert_int_equal(codearena_arena_write(f->arena, c, 3, NULL), 0);
	half_readable_free(half, f->page);
}

static void write_refuses_bad_arrays(void **state)
{
	struct fixture *f = *state;
	uint8_t *half = half_readable(f->page), byte = 1;
	struct codearena_chunk *c = (void *)(half + f->page);

	if (!reads_safely())
		skip_because("the fallback reads memory as its caller");
	c[-1] = chunk(f->fresh, &byte, 1);
	expect_refused_at(f->arena, EFAULT, SIZE_MAX,
			  codearena_arena_write(f->arena, c - 1, 2, &failed));
	expect_refused_at(f->arena, EFAULT, SIZE_MAX,
			  codearena_arena_write(f->arena, NULL, 1, &failed));
	expect_refused_at(f->arena, EFAULT, SIZE_MAX,
			  codearena_arena_write(f->arena, c - 1, 1000,
						&failed));
	assert_int_equal(codearena_arena_write(f->arena, c - 1, 1, NULL), 0);
	half_readable_free(half, f->page);
}

/* As much as is in use already: nothing more can be mapped. */
static struct rlimit address_space_full(void)
{
	struct rlimit old, now;

	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	now = old;
	now.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	return old;
}

static void write_needs_no_memory(void **state)
{
	struct fixture *f = *state;
	const uint64_t pages = 512, length = pages * f->page;
	struct codearena_arena *large;
	struct codearena_chunk c;
	struct rlimit old;
	uint8_t *source;
	int ret;

	/* The kernel's memory is not ours to exhaust. */
	only_on(CODEARENA_BACKEND_MEMFD);
	skip_with_sanitizer();
	assert_int_equal(codearena_arena_new(length, NULL, &large), 0);
	assert_int_equal(codearena_arena_commit(large, 0, length), 0);
	source = mmap(NULL, length, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(source != MAP_FAILED);
	c = chunk(0, source, length);
	old = address_space_full();
	ret = codearena_arena_write(large, &c, 1, NULL);
	setrlimit(RLIMIT_AS, &old);
	assert_int_equal(ret, 0);
	assert_int_equal(stat_of(large).out_written, length);
	munmap(source, length);
	codearena_arena_free(large);
}

static void seal_is_idempotent(void **state)
{
	struct fixture *f = *state;
	struct codearena_stat before, after;

	assert_int_equal(codearena_arena_seal(f->arena, f->written,
					      2 * f->granule, 0), 0);
	before = stat_of(f->arena);
	assert_int_equal(codearena_arena_seal(f->arena, f->written,
					      2 * f->granule, 0), 0);
	after = stat_of(f->arena);
	assert_memory_equal(&before, &after, sizeof(after));
	/* Over sealed and fresh granules: only the fresh ones count. */
	assert_int_equal(codearena_arena_seal(f->arena, f->written,
					      4 * f->granule, 0), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_sealed - before.out_sealed, 2 * f->granule);
}

static void seal_patchable(void **state)
{
	struct fixture *f = *state;
	struct codearena_patch_entry patch = {
		.offset = f->written + 8,
		.expected = 0x5a5a5a5a,
		.value = 0x01020304,
		.width = 4,
	};
	struct codearena_stat before = stat_of(f->arena), after;
	uint32_t word;

	assert_int_equal(codearena_arena_seal(f->arena, f->written, f->granule,
					      CODEARENA_SEAL_F_PATCHABLE), 0);
	after = stat_of(f->arena);
	assert_int_equal(after.out_patchable - before.out_patchable,
			 f->granule);
	assert_int_equal(after.out_sealed - before.out_sealed, f->granule);
	assert_int_equal(codearena_arena_patch(f->arena, &patch, 1, 0, NULL),
			 0);
	assert_true(peek(f->arena, patch.offset, &word, 4));
	assert_int_equal(word, patch.value);
}

static void seal_withdraws_patchability(void **state)
{
	struct fixture *f = *state;
	struct codearena_patch_entry patch = {
		.offset = f->word,
		.expected = WORD_VALUE,
		.value = 1,
		.width = 8,
	};
	struct codearena_stat before = stat_of(f->arena), after;

	assert_int_equal(codearena_arena_seal(f->arena, f->slot, f->granule, 0),
			 0);
	after = stat_of(f->arena);
	assert_int_equal(before.out_patchable - after.out_patchable,
			 f->granule);
	assert_int_equal(before.out_sealed, after.out_sealed);
	expect_refused_at(f->arena, EPERM, 0,
			  codearena_arena_patch(f->arena, &patch, 1, 0,
						&failed));
	assert_int_equal(execute(f->arena, f->slot), SLOT_VALUE);
}

static void seal_refuses(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *a = f->arena;
	uint32_t bit;

	for (bit = 1; bit < 32; bit++)
		expect_refused(a, EOPNOTSUPP,
			       codearena_arena_seal(a, f->fresh, f->granule,
						    1U << bit));
	expect_refused(a, EINVAL, codearena_arena_seal(a, f->fresh, 0, 0));
	expect_refused(a, EINVAL,
		       codearena_arena_seal(a, f->fresh + 1, f->granule, 0));
	expect_refused(a, EINVAL,
		       codearena_arena_seal(a, f->fresh, f->granule - 1, 0));
	expect_refused(a, EOVERFLOW,
		       codearena_arena_seal(a, -f->granule, 2 * f->granule, 0));
	expect_refused(a, ENOENT,
		       codearena_arena_seal(a, f->length, f->granule, 0));
	expect_refused(a, ENOENT,
		       codearena_arena_seal(a, f->reserved, f->granule, 0));
	expect_refused(a, ENOENT,
		       codearena_arena_seal(a, f->reserved - f->granule,
					    2 * f->granule, 0));
	/* Nothing gives the right to patch back. */
	expect_refused(a, EPERM,
		       codearena_arena_seal(a, f->fixed, f->granule,
					    CODEARENA_SEAL_F_PATCHABLE));
	expect_refused(a, EPERM,
		       codearena_arena_seal(a, f->fixed, 3 * f->granule,
					    CODEARENA_SEAL_F_PATCHABLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(write_arrives),
		FIXTURE_TEST(write_crosses_pages),
		FIXTURE_TEST(written_code_runs_once_sealed),
		FIXTURE_TEST(write_many_chunks_in_any_order),
		FIXTURE_TEST(write_replaces_what_was_written),
		FIXTURE_TEST(write_refuses_bad_chunks),
		FIXTURE_TEST(write_reaches_into_sealed_code),
		FIXTURE_TEST(write_refuses_a_granule_named_twice),
		FIXTURE_TEST(write_refuses_bad_counts),
		FIXTURE_TEST(write_refuses_bad_sources),
		FIXTURE_TEST(write_refuses_bad_arrays),
		FIXTURE_TEST(write_needs_no_memory),
		FIXTURE_TEST(seal_is_idempotent),
		FIXTURE_TEST(seal_patchable),
		FIXTURE_TEST(seal_withdraws_patchability),
		FIXTURE_TEST(seal_refuses),
	};

	return cmocka_run_group_tests_name("arena_write", tests, NULL, NULL);
}
