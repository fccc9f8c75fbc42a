// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Exchanging views of an arena and anonymous memory. Lock held throughout.
 *
 * Memory that the program makes executable is published at once. Memory that it
 * makes writable again stays a view until a store faults, except for pages that
 * were written the last time: a JIT that flips 64 KiB for each trace writes one
 * or two pages of them.
 */
#include <errno.h>
#include <string.h>
#include <sys/param.h>

#include "preload.h"
#include "raw.h"

/* From this many pages on, those that hold zeros only are not published. */
#define LARGE		64

static struct pl_run run_at(struct pl_chunk *chunk, uintptr_t address, size_t length)
{
	uint8_t *states = &chunk->state[pl_page_number(address)];

	return (struct pl_run){
		.address = address,
		.offset = address - chunk->base,
		.length = length,
		.states = states,
		.arena = &chunk->arenas[!!(*states & PL_SHARED)],
	};
}

static size_t count_of(const struct pl_run *run)
{
	return run->length >> pl.page_shift;
}

static void set_states(const struct pl_run *run, uint8_t clear, uint8_t set)
{
	for (size_t i = 0; i < count_of(run); i++)
		run->states[i] = (run->states[i] & ~clear) | set;
}

/*
 * The pages from address on, below end, that are of one chunk and alike in mask.
 * Skips what has no chunk, and moves address on; false at the end.
 */
static bool next_run(uintptr_t *address, uintptr_t end, uint8_t mask, struct pl_run *run)
{
	struct pl_chunk *chunk = NULL;
	const uint8_t *state;
	size_t first, last, i;

	while (*address < end && !(chunk = pl_chunk_find(*address)))
		*address = (*address | (PL_CHUNK_SIZE - 1)) + 1;
	if (!chunk)
		return false;
	state = chunk->state;
	last = MIN(end - chunk->base, PL_CHUNK_SIZE) >> pl.page_shift;
	i = first = pl_page_number(*address);
	do
		i++;
	while (i < last && !((state[i] ^ state[first]) & mask));
	*run = run_at(chunk, *address, (i - first) << pl.page_shift);
	*address += run->length;
	return true;
}

/* Call what() for each run of pages of a range that are alike in mask. */
static int each_run(uintptr_t address, size_t length, uint8_t mask,
		    int (*what)(const struct pl_run *run, int prot), int prot)
{
	uintptr_t end = address + length;
	struct pl_run run;
	int ret = 0;

	while (!ret && next_run(&address, end, mask, &run))
		ret = what(&run, prot);
	return ret;
}

/* Whether a page of the range is ours. */
bool pl_range_ours(uintptr_t address, size_t length)
{
	uintptr_t end = address + length;
	struct pl_run run;

	while (next_run(&address, end, 0xff, &run))
		if (*run.states)
			return true;
	return false;
}

static int kernel_protect(const struct pl_run *run, int prot)
{
	return raw_call(SYS_mprotect, run->address, run->length, prot);
}

/* Only what is needed: a larger mapping would fault its other pages in again. */
static int map_views(const struct pl_run *run)
{
	int ret = raw_status(raw_call(SYS_mmap, run->address, run->length,
				      PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
				      run->arena->fd, run->offset));

	if (!ret)
		set_states(run, 0, PL_VIEW | PL_LIVE);
	return ret;
}

/* Publish anonymous pages and map them. */
static int to_code(const struct pl_run *run)
{
	int ret = pl_arena_make(run);

	if (!ret)
		ret = pl_arena_publish(run);
	if (ret)
		return ret;
	set_states(run, 0, PL_COMMITTED);
	pl.counters.to_code += count_of(run);
	return map_views(run);
}

static bool is_zero(uintptr_t address)
{
	const char *page = (const char *)address;

	return !page[0] && !memcmp(page, page + 1, pl.page - 1);
}

/*
 * The same where much of the memory may never have been touched: pages of zeros
 * stay what they are, without the right to write. In memory that processes share
 * they become views too, because another process may put code there.
 */
static int to_code_sparse(const struct pl_run *run)
{
	int ret = kernel_protect(run, PROT_READ);
	size_t at = 0, end;

	if (!ret)
		ret = pl_arena_make(run);
	for (; !ret && at < run->length; at = end) {
		bool zero = is_zero(run->address + at);
		struct pl_run part;

		end = at + pl.page;
		while (end < run->length && is_zero(run->address + end) == zero)
			end += pl.page;
		part = pl_part(run, at, end - at);
		if (!zero)
			ret = to_code(&part);
		else if (*run->states & PL_SHARED)
			ret = map_views(&part);
	}
	return ret;
}

/* Exchange views for anonymous memory with the same bytes. */
static int to_data(const struct pl_run *run, int prot)
{
	/* Shared memory that no process has written is zeros, not trap fill. */
	int ret = *run->states & PL_SHARED ? pl_arena_zero(run) : 0;
	size_t size = run->length;
	long copy;

	if (ret)
		return ret;
	copy = raw_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1);
	if (raw_failed(copy))
		return (int)copy;
	memcpy((void *)copy, run->arena->shadow + run->offset, size);
	if (prot != (PROT_READ | PROT_WRITE))
		ret = raw_call(SYS_mprotect, copy, size, prot);
	if (!ret)
		ret = raw_status(raw_call(SYS_mremap, copy, size, size,
					  MREMAP_MAYMOVE | MREMAP_FIXED, run->address));
	if (ret) {
		raw_call(SYS_munmap, copy, size);
		return ret;
	}
	set_states(run, PL_VIEW | PL_LIVE, PL_COMMITTED);
	pl.counters.to_data += count_of(run);
	return 0;
}

/* What the kernel is asked for where the program asked for prot. */
static int data_prot(int prot)
{
	if (prot & PROT_WRITE)
		return PROT_READ | PROT_WRITE;
	return prot ? PROT_READ : PROT_NONE;
}

/* Make a run, alike in all that matters, executable and not writable. */
static int run_to_code(const struct pl_run *run)
{
	uint8_t state = *run->states;
	int ret;

	if (state & PL_LIVE)
		return 0;
	if (state & PL_VIEW)
		return map_views(run);
	/* What is not readable cannot be compared. */
	if ((state & PL_COMMITTED) && !(state & PL_PROT & ~PROT_EXEC)) {
		ret = kernel_protect(run, PROT_READ);
		if (ret)
			return ret;
	}
	if (count_of(run) >= LARGE)
		return to_code_sparse(run);
	ret = to_code(run);
	if (ret == -EFAULT && !kernel_protect(run, PROT_READ))
		ret = to_code(run);
	return ret;
}

/* Give a run any other protection. */
static int run_to_other(const struct pl_run *run, int prot)
{
	uint8_t state = *run->states;
	int ret;

	if (!(state & PL_VIEW) || !(prot & PROT_WRITE)) {
		ret = kernel_protect(run, data_prot(prot));
		if (!ret && (state & PL_LIVE))
			set_states(run, PL_LIVE, 0);
		return ret;
	}
	if ((state & PL_HOT) && !(prot & PROT_EXEC))
		return to_data(run, data_prot(prot));
	return state & PL_LIVE ? 0 : map_views(run);
}

static int protect_run(const struct pl_run *run, int prot)
{
	int ret = (prot & PL_BOTH) == PROT_EXEC ? run_to_code(run) : run_to_other(run, prot);

	if (!ret && (*run->states || (prot & PROT_EXEC)))
		set_states(run, PL_PROT, prot);
	return ret;
}

/* Do for a program what mprotect() promises it. */
int pl_protect(uintptr_t address, size_t length, int prot)
{
	uint8_t mask = (prot & PL_BOTH) == PROT_EXEC ? (uint8_t)~PL_HOT : 0xff;
	uintptr_t at = address & ~(PL_CHUNK_SIZE - 1);

	for (; at < address + length; at += PL_CHUNK_SIZE)
		if (!pl_chunk_get(at))
			return -ENOMEM;
	if (prot & PROT_EXEC)
		pl_shared_claim(address, length);
	return each_run(address, length, mask, protect_run, prot);
}

/* In a forked child: map views anew, from the arena that it has now. */
static int remap_run(const struct pl_run *run, int prot)
{
	uint8_t state = *run->states;
	int ret;

	(void)prot;
	if (!(state & PL_VIEW) || (state & PL_SHARED))
		return 0;
	ret = map_views(run);
	return ret || (state & PL_LIVE) ? ret : run_to_other(run, state & PROT_READ);
}

int pl_remap_views(struct pl_chunk *chunk)
{
	return each_run(chunk->base, PL_CHUNK_SIZE, PL_VIEW | PL_LIVE | PL_SHARED | PROT_READ,
			remap_run, 0);
}

static int forget_run(const struct pl_run *run, int prot)
{
	(void)prot;
	/* Shared arenas keep the memory, since other processes may use it. */
	if ((*run->states & (PL_COMMITTED | PL_SHARED)) == PL_COMMITTED)
		pl_arena_decommit(run);
	set_states(run, 0xff, 0);
	return 0;
}

/*
 * The program has unmapped a range or mapped something else there: give the memory of
 * the arena back.
 */
void pl_forget(uintptr_t address, size_t length)
{
	if (pl_range_ours(address, length))
		each_run(address, length, PL_COMMITTED | PL_SHARED, forget_run, 0);
}

static int anonymous_run(const struct pl_run *run, int prot)
{
	(void)prot;
	return *run->states & PL_VIEW ? to_data(run, data_prot(*run->states & PL_PROT)) : 0;
}

/* Make all views in a range anonymous memory that the program may read. */
int pl_to_anonymous(uintptr_t address, size_t length)
{
	return each_run(address, length, PL_VIEW | PL_SHARED | PL_PROT, anonymous_run, 0);
}

/* The page of an address, if it is ours and the program asked for this right. */
static int page_of(uintptr_t address, int right, struct pl_run *page)
{
	bool ours;

	address &= ~(pl.page - 1);
	ours = next_run(&address, address + pl.page, 0, page) && (*page->states & right);
	return ours ? 0 : -ENOENT;
}

/* A store faulted. 0: repeat it. ENOENT: the fault is none of ours. */
int pl_serve_write(uintptr_t address, uintptr_t pc)
{
	struct pl_run page;
	int ret = page_of(address, PROT_WRITE, &page);

	if (ret)
		return ret;
	if (!(*page.states & PL_VIEW))
		return 0; /* another thread was faster */
	if (pc >> pl.page_shift == address >> pl.page_shift) {
		if (!pl.counters.unserved++)
			pl_say("an instruction writes the page that it runs in: not served", NULL);
		return -ENOENT;
	}
	ret = to_data(&page, PROT_READ | PROT_WRITE);
	if (!ret)
		set_states(&page, 0, PL_HOT);
	return ret;
}

/* A fetch faulted. Stores of other threads wait while the page is published. */
int pl_serve_exec(uintptr_t address)
{
	struct pl_run page;
	int ret = page_of(address, PROT_EXEC, &page);

	if (ret || (*page.states & PL_LIVE))
		return ret;
	ret = kernel_protect(&page, PROT_READ);
	if (!ret)
		ret = to_code(&page);
	if (ret)
		kernel_protect(&page, data_prot(*page.states & PL_PROT));
	return ret;
}
