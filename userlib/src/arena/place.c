// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Mappings near an address, or well aligned.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arch/arch.h"
#include "arena/arena.h"
#include "arena/place.h"

/* Tries, since another thread may take the place first. */
#define CA__PLACE_TRIES		32

/*
 * Places taken of the rest of a free range before searching again: at least so many, and
 * one for so many mappings that the search read. Its cost for each place stays the same
 * in a process with many arenas.
 */
#define CA__PLACE_REUSE		64
#define CA__PLACE_MAPPINGS	8

/* The kernel keeps 1 MiB below the stack free. */
#define CA__STACK_GUARD		(1ULL << 20)
#define CA__STACK_MIN		(8ULL << 20)
#define CA__STACK_MAX		(128ULL << 20)
#define CA__HEAP_ROOM		(32ULL << 20)

/* The usual limit for unprivileged processes, and enough to catch NULL. */
#define CA__LOWEST		(64ULL << 10)

/**
 * struct ca__searches - two searches in one pass over the mappings
 * @large: aligned as large views are
 * @small: aligned to pages
 * @mappings: read
 */
struct ca__searches {
	struct ca__gap_search large;
	struct ca__gap_search small;
	unsigned int mappings;
};

static void ca__searches_used(void *context, uint64_t start, uint64_t end)
{
	struct ca__searches *searches = context;

	/* The vsyscall page lies far above user space. */
	if (start >> 63)
		return;
	ca__gap_used(&searches->large, start, end);
	ca__gap_used(&searches->small, start, end);
	searches->mappings++;
}

static uint64_t ca__stack_room(void)
{
	uint64_t room = CA__STACK_MAX;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < room)
		room = limit.rlim_cur;
	return (room < CA__STACK_MIN ? CA__STACK_MIN : room) + CA__STACK_GUARD;
}

static int ca__maps_read(struct ca__maps_parser *parser)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), ret = 0;
	char text[4096];
	ssize_t got;

	if (fd < 0)
		return -ENOSPC;
	do {
		got = read(fd, text, sizeof(text));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ret = -ENOSPC;
		else
			ret = ca__maps_feed(parser, text, got);
	} while (got && !ret);
	close(fd);
	return ret ? -ENOSPC : 0;
}

/*
 * What the last search left of the range that it chose. Many arenas near one another
 * would otherwise read all mappings for each: a time that grows with their square.
 * Room for the heap and the stack was left when it was searched, so it is only used a
 * limited number of times.
 */
static struct {
	pthread_mutex_t lock;
	uint64_t start;
	uint64_t end;
	unsigned int left;
} ca__rest = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t ca__place_reach(const struct ca__place *place)
{
	return place->reach ? place->reach : CA__BRANCH_REACH;
}

static bool ca__place_reaches(const struct ca__place *place, uint64_t address)
{
	uint64_t near = (uintptr_t)place->near, reach = ca__place_reach(place);
	uint64_t end = address + place->length;

	return (near < reach || address >= near - reach) &&
		(end <= near || end - near <= reach);
}

/* Keep the larger part of the range beside a place in it. */
static void ca__rest_set(uint64_t start, uint64_t end, uint64_t address,
			 uint64_t length)
{
	bool below = address - start > end - (address + length);

	ca__rest.start = below ? start : address + length;
	ca__rest.end = below ? address : end;
}

/* Take the place of the rest that is nearest; false: search. */
static bool ca__rest_take(const struct ca__place *place, uint64_t *address)
{
	uint64_t align = place->length < CA__LARGE_ALIGN ?
		(uint64_t)sysconf(_SC_PAGESIZE) : CA__LARGE_ALIGN;
	uint64_t start, end;
	bool fits = false;

	/* In a child of fork(), a thread that is gone may hold it for ever. */
	if (pthread_mutex_trylock(&ca__rest.lock))
		return false;
	start = ca__align_up(ca__rest.start, align);
	end = ca__align_down(ca__rest.end, align);
	if (ca__rest.left && end > start && end - start >= place->length) {
		*address = (uintptr_t)place->near > end ?
			ca__align_down(end - place->length, align) : start;
		fits = ca__place_reaches(place, *address);
	}
	if (fits) {
		ca__rest.left--;
		ca__rest_set(ca__rest.start, ca__rest.end, *address,
			     place->length);
	}
	pthread_mutex_unlock(&ca__rest.lock);
	return fits;
}

static void ca__rest_put(const struct ca__gap_search *search,
			 const struct ca__place *place, unsigned int mappings)
{
	unsigned int uses = mappings / CA__PLACE_MAPPINGS;

	if (pthread_mutex_trylock(&ca__rest.lock))
		return;
	ca__rest_set(search->start, search->end, search->best, place->length);
	ca__rest.left = uses > CA__PLACE_REUSE ? uses : CA__PLACE_REUSE;
	pthread_mutex_unlock(&ca__rest.lock);
}

/* Find the place among the current mappings. */
static int ca__place_find(const struct ca__place *place, uint64_t *address)
{
	struct ca__gap_request request = {
		.near = (uintptr_t)place->near,
		.reach = ca__place_reach(place),
		.length = place->length,
		.align = sysconf(_SC_PAGESIZE),
		.lowest = CA__LOWEST,
	};
	struct ca__searches searches = { .mappings = 0 };
	struct ca__maps_parser parser = {
		.used_range = ca__searches_used,
		.context = &searches,
		.stack_room = ca__stack_room(),
		.heap_room = CA__HEAP_ROOM,
	};
	int ret;

	ca__gap_begin(&searches.small, &request);
	if (place->length >= CA__LARGE_ALIGN)
		request.align = CA__LARGE_ALIGN;
	ca__gap_begin(&searches.large, &request);
	ret = ca__maps_read(&parser);
	if (ret)
		return ret;
	if (ca__gap_end(&searches.large, address))
		ca__rest_put(&searches.large, place, searches.mappings);
	else if (ca__gap_end(&searches.small, address))
		ca__rest_put(&searches.small, place, searches.mappings);
	else
		return -ENOSPC;
	return 0;
}

static int ca__map_at(const struct ca__place *place, void *address, int fixed,
		      void **result)
{
	*result = mmap(address, place->length, place->prot,
		       place->flags | fixed, place->fd, place->offset);
	return *result == MAP_FAILED ? -errno : 0;
}

static int ca__map_near(const struct ca__place *place, void **result)
{
	uint64_t address;
	unsigned int try;
	int ret = -ENOSPC;

	for (try = 0; try < CA__PLACE_TRIES; try++) {
		/* Somebody else's mapping in the rest costs one try. */
		ret = !try && ca__rest_take(place, &address) ? 0 :
			ca__place_find(place, &address);
		if (ret)
			return ret;
		ret = ca__map_at(place, (void *)(uintptr_t)address,
				 MAP_FIXED_NOREPLACE, result);
		if (!ret && *result == (void *)(uintptr_t)address)
			return 0;
		/* To kernels before 4.17 the address is only a hint. */
		if (!ret)
			munmap(*result, place->length);
		else if (ret != -EEXIST)
			return ret;
	}
	return -ENOSPC;
}

/* Map more than is needed, and keep an aligned part of it. */
static int ca__map_aligned(const struct ca__place *place, void **result)
{
	uint64_t room = place->length + CA__LARGE_ALIGN, start, first;
	void *area;
	int ret;

	if (room < place->length)
		return -ENOMEM;
	area = mmap(NULL, room, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return -ENOMEM;
	start = (uintptr_t)area;
	first = ca__align_up(start, CA__LARGE_ALIGN);
	ret = ca__map_at(place, (void *)(uintptr_t)first, MAP_FIXED, result);
	if (ret) {
		munmap(area, room);
		return ret;
	}
	if (first > start)
		munmap(area, first - start);
	if (start + room > first + place->length)
		munmap((char *)*result + place->length,
		       start + room - first - place->length);
	return 0;
}

/**
 * ca__sparse_map - map memory of which few pages may be used
 * @length: bytes
 * @flags: as for mmap(), without MAP_NORESERVE
 * @fd: of a file that is mapped from its start; or -1
 *
 * After mlockall(MCL_FUTURE) the kernel fills new mappings that can be accessed.
 *
 * Return: the address, readable and writable; NULL.
 */
void *ca__sparse_map(uint64_t length, int flags, int fd)
{
	void *area = mmap(NULL, length, PROT_NONE, flags | MAP_NORESERVE, fd, 0);

	if (area == MAP_FAILED)
		return NULL;
	munlock(area, length);
	if (!mprotect(area, length, PROT_READ | PROT_WRITE))
		return area;
	munmap(area, length);
	return NULL;
}

/**
 * ca__place_map - make a mapping
 * @place: the mapping
 * @address: gets the address
 *
 * Return: 0; -ENOSPC: no place that @place describes is free; the errors of
 * mmap().
 */
int ca__place_map(const struct ca__place *place, void **address)
{
	void *plain;
	int ret;

	if (place->near)
		return ca__map_near(place, address);
	ret = ca__map_at(place, NULL, 0, &plain);
	if (ret)
		return ret;
	*address = plain;
	if (place->length < CA__LARGE_ALIGN ||
	    !((uintptr_t)plain % CA__LARGE_ALIGN))
		return 0;
	/* Alignment only saves page-table memory. */
	if (!ca__map_aligned(place, address))
		munmap(plain, place->length);
	else
		*address = plain;
	return 0;
}
