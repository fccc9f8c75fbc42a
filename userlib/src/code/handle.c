// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code pointer tables: the list of free entries, and operations on single
 * entries. Lock-free, except for growing.
 *
 * The list is a stack, linked through the entries. Its head is one word: the
 * link to the first entry, and a number that every change increments. To pop, a
 * thread reads the link of the first entry and then exchanges the head, which
 * fails after any change, even if the same entry is first again (ABA): an
 * undetected change takes 2^39 others during one operation, which is hours. The
 * link that it read may be garbage if another thread has popped the entry, but
 * entries never become inaccessible. V8 keeps the length in the head instead,
 * and a mark while a thread pops, for which others wait.
 */
#include <errno.h>
#include <stddef.h>

#include "code/handle.h"
#include "base/base.h"

#define CA__LINK_BITS	25
#define CA__LINK_MASK	((1ULL << CA__LINK_BITS) - 1)

_Static_assert(CA__HANDLE_MAX <= CA__LINK_MASK, "links have too few bits");
_Static_assert(sizeof(struct ca__entry) == CODEARENA_HANDLE_SIZE &&
	       offsetof(struct ca__entry, entry) == CODEARENA_HANDLE_ENTRY &&
	       offsetof(struct ca__entry, signature) ==
	       CODEARENA_HANDLE_SIGNATURE, "not what is documented");

static uint64_t ca__head_next(uint64_t head, uint32_t link)
{
	return ((head >> CA__LINK_BITS) + 1) << CA__LINK_BITS | link;
}

/**
 * ca__handle_next - read the link of a free entry
 * @table: table
 * @link: to the entry
 *
 * Return: the link; any value if the entry is not free.
 */
uint32_t ca__handle_next(const struct codearena_handle_table *table,
			 uint32_t link)
{
	/*
	 * Pairs with the stores of whoever popped the entry: seeing its value
	 * implies that the exchange of the head fails.
	 */
	return __atomic_load_n(&table->entries[link - 1].signature,
			       __ATOMIC_ACQUIRE) & CA__LINK_MASK;
}

/**
 * ca__handle_set_next - store the link of an entry that the caller owns
 * @table: table
 * @link: to the entry
 * @next: the link to store
 */
void ca__handle_set_next(struct codearena_handle_table *table, uint32_t link,
			 uint32_t next)
{
	__atomic_store_n(&table->entries[link - 1].signature, next,
			 __ATOMIC_RELEASE);
}

/**
 * ca__handle_pop - pop the first free entry
 * @table: table
 * @index: receives its index
 *
 * Return: false if the list is empty.
 */
bool ca__handle_pop(struct codearena_handle_table *table, uint32_t *index)
{
	uint64_t head = __atomic_load_n(&table->head, __ATOMIC_ACQUIRE), next;
	uint32_t link;

	do {
		link = head & CA__LINK_MASK;
		if (!link)
			return false;
		next = ca__head_next(head, ca__handle_next(table, link));
	} while (!__atomic_compare_exchange_n(&table->head, &head, next, false,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	__atomic_sub_fetch(&table->free, 1, __ATOMIC_RELAXED);
	*index = link - 1;
	return true;
}

/**
 * ca__handle_push - push a chain of entries
 * @table: table
 * @first: link to the first one
 * @last: link to the last one
 *
 * The caller owns the entries, and has counted them in @table->free.
 */
void ca__handle_push(struct codearena_handle_table *table, uint32_t first,
		     uint32_t last)
{
	uint64_t head = __atomic_load_n(&table->head, __ATOMIC_RELAXED), next;

	do {
		ca__handle_set_next(table, last, head & CA__LINK_MASK);
		next = ca__head_next(head, first);
	} while (!__atomic_compare_exchange_n(&table->head, &head, next, false,
					      __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
}

/**
 * ca__handle_unlink - remove all entries from the list
 * @table: table
 *
 * Return: the link to the first one; the caller owns them.
 */
uint32_t ca__handle_unlink(struct codearena_handle_table *table)
{
	uint64_t head = __atomic_load_n(&table->head, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(&table->head, &head,
					    ca__head_next(head, 0), false,
					    __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
	return head & CA__LINK_MASK;
}

/**
 * ca__handle_allocate - allocate an entry
 * @table: table
 * @entry: entry point, not 0
 * @signature: any value
 * @out: receives the handle; CODEARENA_HANDLE_INVALID on failure
 *
 * Return: 0; -ENOSPC: the table is full; -ENOMEM: no memory for a segment;
 * -EINVAL.
 */
int ca__handle_allocate(struct codearena_handle_table *table, uint64_t entry,
			uint64_t signature, codearena_handle *out)
{
	uint32_t index;
	int ret = 0;

	if (!out)
		return -EINVAL;
	*out = CODEARENA_HANDLE_INVALID;
	if (!table || !entry)
		return -EINVAL;
	if (!ca__handle_pop(table, &index))
		ret = ca__handle_grow(table, &index);
	if (ret)
		return ret;
	/* In this order: whoever sees the entry point sees its signature. */
	__atomic_store_n(&table->entries[index].signature, signature,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&table->entries[index].entry, entry, __ATOMIC_RELEASE);
	__atomic_add_fetch(&table->used, 1, __ATOMIC_RELAXED);
	*out = index;
	return 0;
}

/* Is the entry accessible? */
static int ca__handle_check(const struct codearena_handle_table *table,
			    codearena_handle handle)
{
	if (!table || handle >= table->max)
		return -EINVAL;
	if (handle / CA__SEGMENT_ENTRIES >=
	    __atomic_load_n(&table->usable, __ATOMIC_ACQUIRE))
		return -ENOENT;
	return 0;
}

/* Is it accessible, and not shared as those of native functions are? */
static int ca__handle_check_own(const struct codearena_handle_table *table,
				codearena_handle handle)
{
	int ret = ca__handle_check(table, handle);

	if (!ret && ca__handle_is_native(table, handle))
		ret = -EBUSY;
	return ret;
}

/**
 * ca__handle_set - store another entry point
 * @table: table
 * @handle: any value
 * @entry: entry point, not 0
 *
 * An atomic store with release semantics. Cannot fail for a handle that is
 * allocated.
 *
 * Return: 0; -ENOENT: the entry is free; -EBUSY: it belongs to a native
 * function; -EINVAL: @handle is out of range, or @entry is 0.
 */
int ca__handle_set(struct codearena_handle_table *table,
		   codearena_handle handle, uint64_t entry)
{
	uint64_t *word, old;
	int ret = ca__handle_check_own(table, handle);

	if (ret || !entry)
		return ret ? ret : -EINVAL;
	word = &table->entries[handle].entry;
	old = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		/* A plain store could revive a free entry. */
		if (!old)
			return -ENOENT;
	} while (!__atomic_compare_exchange_n(word, &old, entry, false,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	return 0;
}

/**
 * ca__handle_get - read an entry
 * @table: table
 * @handle: any value
 * @entry: NULL, or receives the entry point
 * @signature: NULL, or receives the signature
 *
 * Return: 0; -ENOENT: the entry is free; -EINVAL: @handle is out of range.
 * On failure nothing is stored.
 */
int ca__handle_get(const struct codearena_handle_table *table,
		   codearena_handle handle, uint64_t *entry,
		   uint64_t *signature)
{
	int ret = ca__handle_check(table, handle);
	uint64_t found;

	if (ret)
		return ret;
	found = __atomic_load_n(&table->entries[handle].entry,
				__ATOMIC_ACQUIRE);
	if (!found)
		return -ENOENT;
	if (entry)
		*entry = found;
	if (signature)
		*signature = __atomic_load_n(&table->entries[handle].signature,
					     __ATOMIC_RELAXED);
	return 0;
}

/**
 * ca__handle_release - free an entry
 * @table: table
 * @handle: any value
 *
 * Return: 0; -ENOENT: the entry is free already; -EBUSY: it belongs to a native
 * function; -EINVAL: @handle is out of range.
 */
int ca__handle_release(struct codearena_handle_table *table,
		       codearena_handle handle)
{
	int ret = ca__handle_check_own(table, handle);

	if (ret)
		return ret;
	/* Only one of several threads succeeds. */
	if (!__atomic_exchange_n(&table->entries[handle].entry, 0,
				 __ATOMIC_ACQ_REL))
		return -ENOENT;
	__atomic_sub_fetch(&table->used, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&table->free, 1, __ATOMIC_RELAXED);
	ca__handle_push(table, handle + 1, handle + 1);
	return 0;
}
