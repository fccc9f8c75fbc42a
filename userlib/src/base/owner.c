// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The calling address space. A process ID does not identify it: it is reused,
 * and vfork() gives two of them to one address space.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"

/**
 * struct ca__owner_page - on a page which the kernel clears in a child of fork(),
 *                         and only there
 * @mark: number of the address space; 0: none yet
 * @adopted: objects of ancestors may be used
 */
static struct ca__owner_page {
	uint64_t mark;
	uint64_t adopted;
} *ca__owner_page;

/* In ordinary memory, so that a child continues the count of its parent. */
static uint64_t ca__owner_last;

static pthread_once_t ca__owner_once = PTHREAD_ONCE_INIT;

static void ca__owner_init(void)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK))
		munmap(page, size);
	else
		ca__owner_page = page;
}

/**
 * ca__owner_current - number of the calling address space
 *
 * Unique among the address space and its ancestors: an object inherited from an
 * ancestor has another number.
 *
 * Return: the number, or 0 if the system cannot tell address spaces apart.
 */
uint64_t ca__owner_current(void)
{
	uint64_t mark, next;

	pthread_once(&ca__owner_once, ca__owner_init);
	if (!ca__owner_page)
		return 0;
	mark = __atomic_load_n(&ca__owner_page->mark, __ATOMIC_ACQUIRE);
	if (mark)
		return mark;
	/* No lock: after fork() a thread that is gone could hold it. */
	next = __atomic_add_fetch(&ca__owner_last, 1, __ATOMIC_RELAXED);
	if (__atomic_compare_exchange_n(&ca__owner_page->mark, &mark, next,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return next;
	return mark;
}

/**
 * ca__owner_adopt - let this address space use the objects of its ancestors
 *
 * The caller knows that no other thread was using them at the moment of fork().
 */
void ca__owner_adopt(void)
{
	ca__owner_current();
	if (ca__owner_page)
		__atomic_store_n(&ca__owner_page->adopted, 1, __ATOMIC_RELEASE);
}

/**
 * ca__inherited - is an object an ancestor's, and not adopted?
 * @owner: number of the address space that made it
 *
 * Return: the answer.
 */
bool ca__inherited(uint64_t owner)
{
	return owner != ca__owner_current() &&
	       !__atomic_load_n(&ca__owner_page->adopted, __ATOMIC_ACQUIRE);
}
