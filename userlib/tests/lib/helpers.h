/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of arenas share.
 *
 * The tests run on the backend that CODEARENA_BACKEND names, and on the memfd
 * where it is not set. One that makes no sense on a backend skips itself.
 */
#ifndef TEST_HELPERS_H
#define TEST_HELPERS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "codearena.h"

/* An arena of this many pages, of which this many may be committed. */
#define ARENA_PAGES	16
#define LIMIT_PAGES	8

/* Values that the code of the fixture returns. */
#define FIXED_VALUE	11
#define SLOT_VALUE	22

/**
 * struct fixture - an arena with granules in every state
 * @arena: ARENA_PAGES pages, of which LIMIT_PAGES may be committed
 * @page: bytes in a page
 * @granule: bytes in a granule
 * @fixed: offset of a sealed granule; its code returns FIXED_VALUE. In the same
 *         page, so that all of it can be read on every backend:
 * @slot: offset of a sealed, patchable granule; its code returns SLOT_VALUE
 * @word: offset in @slot of 8 patchable bytes, which are not executed
 * @written: offset of a granule that holds WRITTEN_BYTE, not sealed
 * @fresh: offset of the trap fill after it, to the end of the page
 * @pristine: offset of a page that is committed, and nothing more
 * @reserved: offset of the first page that is not committed
 * @length: of the arena
 */
struct fixture {
	struct codearena_arena *arena;
	uint64_t page;
	uint64_t granule;
	uint64_t fixed;
	uint64_t slot;
	uint64_t word;
	uint64_t written;
	uint64_t fresh;
	uint64_t pristine;
	uint64_t reserved;
	uint64_t length;
};

#define WRITTEN_BYTE	0x5a
#define WORD_VALUE	0x1122334455667788ULL

/* As cmocka's setup and teardown; the test's state is the fixture. */
int fixture_setup(void **state);
int fixture_setup_permanent(void **state);
int fixture_teardown(void **state);

/* The same for tests that need no arena to begin with. */
int backend_setup(void **state);

#define FIXTURE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

bool backend_is(enum codearena_backend backend);

/* Skips the test, with the reason on the line before its result. */
#define skip_because(reason)					\
	do {							\
		print_message("%s\n", reason);			\
		skip();						\
	} while (0)

/* Skips the test unless it runs on this backend. */
#define only_on(backend)					\
	do {							\
		if (!backend_is(backend))			\
			skip_because("tests the other backend");	\
	} while (0)

/* The device reads memory of the caller safely, the fallback as the caller. */
#define reads_safely()	backend_is(CODEARENA_BACKEND_DEVICE)

/* Skips the test where the sanitizer would react to what is being tested. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define skip_with_sanitizer() skip_because("a sanitizer reacts to it")
#else
#define skip_with_sanitizer() ((void)0)
#endif

/* Bytes in a granule, the least that code takes. */
static inline uint64_t granule_size(void)
{
	return sysconf(_SC_PAGESIZE) / 64;
}

/* Code of a function that returns a value below 2048; returns its length. */
#define CODE_MAX	16
size_t code_return(uint8_t code[CODE_MAX], unsigned int value);

/* Eight bytes of code at offset @from that jump to offset @to. */
uint64_t code_jump(uint64_t from, uint64_t to);

/* Trap instructions, as they lie at @offset. */
void trap_bytes(uint64_t offset, uint8_t *to, size_t length);

/* Execute the code at @offset. */
unsigned int execute(struct codearena_arena *arena, uint64_t offset);

/* Read through the code view; false where nothing can be read. */
bool peek(struct codearena_arena *arena, uint64_t offset, void *to,
	  size_t length);

struct codearena_stat stat_of(struct codearena_arena *arena);

/* All that can be observed of an arena. */
struct snapshot;
struct snapshot *snapshot_take(struct codearena_arena *arena);
void snapshot_check(struct codearena_arena *arena, struct snapshot *snapshot);

/* The call answers with this error and leaves no trace. */
#define expect_refused(arena, error, call)				\
	do {								\
		struct snapshot *before_ = snapshot_take(arena);	\
									\
		assert_int_equal(call, -(error));			\
		snapshot_check(arena, before_);				\
	} while (0)

/* One that answers with the index of an entry too; the call uses &failed. */
#define expect_refused_at(arena, error, index, call)			\
	do {								\
		size_t failed = 12345;					\
									\
		expect_refused(arena, error, call);			\
		assert_true(failed == (size_t)(index));			\
	} while (0)

/* Publish a function that returns @value in a granule at @offset. */
int publish_return(struct codearena_arena *arena, uint64_t offset,
		   unsigned int value, uint32_t flags);

/*
 * Run a function in a child of fork(): 0 if it returned true, the number of
 * the signal if one ended it, else -1.
 */
int in_child(bool (*function)(void *context), void *context);

/* Children: sent over a socket, with room for one descriptor. */
bool send_fd(int socket, int fd);
int receive_fd(int socket);

/* An address at which one page can be read, and the next one cannot. */
uint8_t *half_readable(size_t page);
void half_readable_free(uint8_t *start, size_t page);

#endif /* TEST_HELPERS_H */
