// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The index of code objects by address: a radix tree like a page table, with a
 * record for every 4 KiB that contain code.
 *
 * A record has two bits for each 64 bytes: whether an object covers them, and
 * whether one starts there. It also names the object that begins before these
 * 4 KiB and reaches into them. So a lookup takes one load per level, and the bits.
 *
 * Readers only load. Writers hold a mutex, and store in this order:
 *
 * - Adding stores the object, then its start bit, then its covered bits. So a
 *   reader that sees a covered bit sees the object.
 * - Removing clears the covered bits, then increments the count of removals, then
 *   clears the start bit.
 *
 * A reader compares the count before and after. Assume that it saw a covered
 * bit of object X, and then not X but a later state: no start bit, or another
 * object that starts there. That state was stored after the increment. The
 * reader had loaded the count before it saw the covered bit, so before the
 * increment. The counts differ, and the reader retries. Stores for other
 * objects never affect the lookup of an object that stays.
 *
 * Nodes are never freed, since a reader may be in them; code that is later
 * placed at the same addresses uses them again. They take 0.8 percent of the
 * size of the code, plus 12.5 percent where objects start.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "code/code.h"
#include "base/base.h"
#include "code/lookup.h"
#include "code/ref.h"

/* Address bits: 12 for each level, 12 within a record. */
#define CA__ADDRESS_BITS	48
#define CA__LEVEL_BITS		12
#define CA__NODE_ENTRIES	(1U << CA__LEVEL_BITS)
#define CA__RECORD_BITS		12
#define CA__RECORD_SIZE		(1ULL << CA__RECORD_BITS)
#define CA__RECORD_UNITS	(CA__RECORD_SIZE / CA__LOOKUP_UNIT)

/**
 * struct ca__lookup_record - the objects in 4 KiB
 * @covered: a bit for every 64 bytes: an object covers them
 * @starts: a bit for every 64 bytes: an object starts there
 * @incoming: the object that starts before and covers the first bytes
 * @objects: the objects that start here, by unit; NULL until there is one
 */
struct ca__lookup_record {
	uint64_t covered;
	uint64_t starts;
	struct codearena_code *incoming;
	struct codearena_code **objects;
};

struct ca__leaf {
	struct ca__lookup_record records[CA__NODE_ENTRIES];
};

struct ca__middle {
	struct ca__leaf *leaves[CA__NODE_ENTRIES];
};

static struct ca__middle *ca__root[CA__NODE_ENTRIES];
static uint64_t ca__removals;

/* Serialises writers. fork() waits for it, since a child has code of its own. */
static pthread_mutex_t ca__lookup_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t ca__lookup_once = PTHREAD_ONCE_INIT;
static int ca__lookup_error;

#define ca__load(pointer)	__atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define ca__store(pointer, value) \
	__atomic_store_n(pointer, value, __ATOMIC_RELEASE)

static void ca__lookup_lock(void)
{
	pthread_mutex_lock(&ca__lookup_mutex);
}

static void ca__lookup_unlock(void)
{
	pthread_mutex_unlock(&ca__lookup_mutex);
}

static void ca__lookup_init(void)
{
	ca__lookup_error = -pthread_atfork(ca__lookup_lock, ca__lookup_unlock,
					   ca__lookup_unlock);
}

/* No atomic read-modify-write: the mutex excludes other writers. */
static void ca__set_bits(uint64_t *word, uint64_t bits)
{
	ca__store(word, *word | bits);
}

static void ca__clear_bits(uint64_t *word, uint64_t bits)
{
	ca__store(word, *word & ~bits);
}

static unsigned int ca__level(uint64_t address, unsigned int above)
{
	return address >> (CA__RECORD_BITS + above * CA__LEVEL_BITS) &
	       (CA__NODE_ENTRIES - 1);
}

static struct ca__lookup_record *ca__record_find(uint64_t address)
{
	struct ca__middle *middle;
	struct ca__leaf *leaf;

	if (address >> CA__ADDRESS_BITS)
		return NULL;
	middle = ca__load(&ca__root[ca__level(address, 2)]);
	if (!middle)
		return NULL;
	leaf = ca__load(&middle->leaves[ca__level(address, 1)]);
	return leaf ? &leaf->records[ca__level(address, 0)] : NULL;
}

static struct ca__lookup_record *ca__record_get(uint64_t address)
{
	struct ca__middle **root = &ca__root[ca__level(address, 2)];
	struct ca__leaf **leaf;

	if (!*root) {
		struct ca__middle *made = calloc(1, sizeof(*made));

		if (!made)
			return NULL;
		ca__store(root, made);
	}
	leaf = &(*root)->leaves[ca__level(address, 1)];
	if (!*leaf) {
		/* Large and sparse: calloc() leaves fresh pages untouched. */
		struct ca__leaf *made = calloc(1, sizeof(*made));

		if (!made)
			return NULL;
		ca__store(leaf, made);
	}
	return &(*leaf)->records[ca__level(address, 0)];
}

static unsigned int ca__unit(uint64_t address)
{
	return address % CA__RECORD_SIZE / CA__LOOKUP_UNIT;
}

/* The bits of an object, from an address to the end of its record. */
static uint64_t ca__bits(uint64_t address, uint64_t end)
{
	uint64_t record_end = (address | (CA__RECORD_SIZE - 1)) + 1;
	uint64_t bits = ~0ULL << ca__unit(address);

	if (end < record_end)
		bits &= ~(~0ULL << ca__unit(end));
	return bits;
}

static uint64_t ca__next(uint64_t address)
{
	return (address | (CA__RECORD_SIZE - 1)) + 1;
}

/*
 * GCC's analyzer does not see that ca__record_find() finds a node that
 * ca__record_get() made.
 */
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-null-dereference"
#endif
/* Makes all nodes, so that nothing can fail afterwards. */
static int ca__lookup_prepare(const struct codearena_code *code)
{
	uint64_t at = code->start, end = at + code->size;
	struct ca__lookup_record *record;

	if (!code->size || (at | code->size) % CA__LOOKUP_UNIT)
		return -EINVAL;
	if (end < at || (end - 1) >> CA__ADDRESS_BITS)
		return -EOVERFLOW;
	for (; at < end; at = ca__next(at)) {
		record = ca__record_get(at);
		if (!record)
			return -ENOMEM;
		if (record->covered & ca__bits(at, end))
			return -EEXIST;
	}
	record = ca__record_find(code->start);
	if (!record->objects) {
		struct codearena_code **made =
			calloc(CA__RECORD_UNITS, sizeof(*made));

		if (!made)
			return -ENOMEM;
		ca__store(&record->objects, made);
	}
	return 0;
}

static void ca__insert(struct codearena_code *code)
{
	uint64_t at = code->start, end = at + code->size;
	struct ca__lookup_record *record = ca__record_find(at);

	ca__store(&record->objects[ca__unit(at)], code);
	ca__set_bits(&record->starts, 1ULL << ca__unit(at));
	for (at = ca__next(at); at < end; at = ca__next(at))
		ca__store(&ca__record_find(at)->incoming, code);
	ca__set_bits(&record->covered, ca__bits(code->start, end));
	for (at = ca__next(code->start); at < end; at = ca__next(at))
		ca__set_bits(&ca__record_find(at)->covered, ca__bits(at, end));
}
#pragma GCC diagnostic pop

static void ca__uncover(const struct codearena_code *code)
{
	uint64_t at = code->start, end = at + code->size;

	for (; at < end; at = ca__next(at))
		ca__clear_bits(&ca__record_find(at)->covered,
			       ca__bits(at, end));
}

static void ca__erase(const struct codearena_code *code)
{
	uint64_t at = code->start, end = at + code->size;
	struct ca__lookup_record *record = ca__record_find(at);

	ca__clear_bits(&record->starts, 1ULL << ca__unit(at));
	for (at = ca__next(at); at < end; at = ca__next(at))
		ca__store(&ca__record_find(at)->incoming, NULL);
}

static void ca__lookup_remove_locked(struct codearena_code *const *codes,
			      size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		ca__uncover(codes[i]);
	__atomic_fetch_add(&ca__removals, 1, __ATOMIC_ACQ_REL);
	for (i = 0; i < count; i++)
		ca__erase(codes[i]);
}

/**
 * ca__lookup_add - add objects to the index
 * @codes: array of objects
 * @count: entries of @codes
 *
 * Return: 0; -EINVAL: an object is empty or misaligned; -EOVERFLOW: it ends
 * above 2^48; -EEXIST: it overlaps another object; -ENOMEM. On failure none of
 * them is in the index.
 */
int ca__lookup_add(struct codearena_code *const *codes, size_t count)
{
	int ret = 0;
	size_t i;

	pthread_once(&ca__lookup_once, ca__lookup_init);
	if (ca__lookup_error)
		return ca__lookup_error;
	ca__lookup_lock();
	for (i = 0; i < count; i++) {
		ret = ca__lookup_prepare(codes[i]);
		if (ret) {
			ca__lookup_remove_locked(codes, i);
			break;
		}
		ca__insert(codes[i]);
	}
	ca__lookup_unlock();
	return ret;
}

/**
 * ca__lookup_remove - remove objects from the index
 * @codes: array of objects that are in the index
 * @count: entries of @codes
 *
 * Afterwards codearena_code_find_ref() does not access them, so they can be
 * freed.
 */
void ca__lookup_remove(struct codearena_code *const *codes, size_t count)
{
	ca__lookup_lock();
	ca__lookup_remove_locked(codes, count);
	ca__lookup_unlock();
}

/**
 * ca__lookup_forget - remove all objects in a range from the index
 * @begin: first address
 * @size: bytes; no object reaches beyond either end
 *
 * For a child of fork(), where the lists of objects may be incomplete.
 */
void ca__lookup_forget(uint64_t begin, uint64_t size)
{
	uint64_t at, end = begin + size;
	struct ca__lookup_record *record;

	ca__lookup_lock();
	for (at = begin; at < end; at = ca__next(at)) {
		record = ca__record_find(at);
		if (record)
			ca__clear_bits(&record->covered, ca__bits(at, end));
	}
	__atomic_fetch_add(&ca__removals, 1, __ATOMIC_ACQ_REL);
	for (at = begin; at < end; at = ca__next(at)) {
		record = ca__record_find(at);
		if (!record)
			continue;
		ca__clear_bits(&record->starts, ca__bits(at, end));
		ca__store(&record->incoming, NULL);
	}
	ca__lookup_unlock();
}

/* Looks an address up in a record; the caller compares the removals. */
static struct codearena_code *
ca__record_object(struct ca__lookup_record *record, uint64_t pc)
{
	unsigned int unit = ca__unit(pc);
	uint64_t starts;

	if (!(ca__load(&record->covered) >> unit & 1))
		return NULL;
	starts = ca__load(&record->starts) & ((2ULL << unit) - 1);
	if (!starts)
		return ca__load(&record->incoming);
	unit = 63 - __builtin_clzll(starts);
	return ca__load(&ca__load(&record->objects)[unit]);
}

static struct codearena_code *ca__find(uint64_t pc)
{
	struct ca__lookup_record *record = ca__record_find(pc);
	struct codearena_code *code;
	uint64_t removals;

	if (!record)
		return NULL;
	do {
		removals = ca__load(&ca__removals);
		code = ca__record_object(record, pc);
	} while (removals != __atomic_load_n(&ca__removals, __ATOMIC_RELAXED));
	return code;
}

CODEARENA_API const struct codearena_code *codearena_code_find(uint64_t pc)
{
	return ca__find(pc);
}

/**
 * ca__lookup_ref - find an object, and take a reference
 * @pc: any address
 * @owner: NULL, or the owner that the object must have
 *
 * Return: the object; NULL: none, another owner's or process's, or dead.
 */
struct codearena_code *ca__lookup_ref(uint64_t pc,
				      const struct ca__owner *owner)
{
	struct codearena_code *code;

	pthread_once(&ca__lookup_once, ca__lookup_init);
	/* Other owners may free their code in spite of references. */
	/* Objects are freed after they were removed under the mutex. */
	ca__lookup_lock();
	code = ca__find(pc);
	if (code && ((owner && code->owner != owner) ||
		     ca__code_inherited(code) || !ca__code_try_ref(code)))
		code = NULL;
	ca__lookup_unlock();
	return code;
}

CODEARENA_API struct codearena_code *codearena_code_find_ref(uint64_t pc)
{
	return ca__lookup_ref(pc, NULL);
}
