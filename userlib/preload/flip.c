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

#include "preload.h"
#include "raw.h"

#define BOTH		(PROT_WRITE | PROT_EXEC)

/* From this many pages on, those that hold zeros only are not published. */
#define LARGE		64

/* A part of a range: pages of one chunk, by index. */
struct piece {
	struct pl_chunk *chunk;
	size_t first, end;
};

static uintptr_t address_of(const struct piece *piece)
{
	return piece->chunk->base + (piece->first << pl.page_shift);
}

static size_t bytes_of(const struct piece *piece)
{
	return (piece->end - piece->first) << pl.page_shift;
}

static uint64_t offset_of(const struct piece *piece)
{
	return (uint64_t)piece->first << pl.page_shift;
}

static struct pl_arena *arena_of(const struct piece *piece)
{
	return &piece->chunk->arenas[!!(piece->chunk->state[piece->first] & PL_SHARED)];
}

static uint8_t *state_of(const struct piece *piece)
{
	return &piece->chunk->state[piece->first];
}

static void set_states(const struct piece *piece, uint8_t clear, uint8_t set)
{
	for (size_t i = piece->first; i < piece->end; i++)
		piece->chunk->state[i] = (piece->chunk->state[i] & ~clear) | set;
}

/* Cut the front with equal bits of mask off rest; false at the end. */
static bool next_run(struct piece *rest, uint8_t mask, struct piece *run)
{
	const uint8_t *state = rest->chunk->state;
	size_t i = rest->first;

	if (i == rest->end)
		return false;
	while (i < rest->end && !((state[i] ^ state[rest->first]) & mask))
		i++;
	*run = *rest;
	run->end = i;
	rest->first = i;
	return true;
}

/* Only what is needed: a larger mapping would fault its other pages in again. */
static int map_views(const struct piece *piece)
{
	int ret = pl_arena_map(arena_of(piece), offset_of(piece), address_of(piece),
			       bytes_of(piece));

	if (!ret)
		set_states(piece, 0, PL_VIEW | PL_LIVE);
	return ret;
}

/* In a forked child: map all views anew, from the arena that it has now. */
int pl_remap_views(struct pl_chunk *chunk)
{
	struct piece run, rest = { chunk, 0, PL_CHUNK_SIZE >> pl.page_shift };
	int ret = 0;

	while (!ret && next_run(&rest, PL_VIEW | PL_LIVE | PL_SHARED, &run)) {
		uint8_t state = *state_of(&run);

		if (!(state & PL_VIEW) || (state & PL_SHARED))
			continue;
		ret = pl_arena_map(arena_of(&run), offset_of(&run), address_of(&run),
				   bytes_of(&run));
		if (!ret && !(state & PL_LIVE))
			ret = raw_mprotect(address_of(&run), bytes_of(&run),
					   state & PROT_READ);
	}
	return ret;
}

/* Publish anonymous pages; they are not mapped yet. */
static int publish(const struct piece *piece)
{
	struct piece run, rest = *piece;
	int ret = pl_arena_make(arena_of(piece), *state_of(piece) & PL_SHARED);

	while (!ret && next_run(&rest, PL_COMMITTED, &run)) {
		ret = pl_arena_publish(arena_of(&run), offset_of(&run),
				       (void *)address_of(&run), bytes_of(&run),
				       state_of(&run));
		if (!ret)
			set_states(&run, 0, PL_COMMITTED);
	}
	return ret;
}

static int to_code(const struct piece *piece)
{
	int ret = publish(piece);

	if (!ret)
		ret = map_views(piece);
	if (!ret)
		pl.counters.to_code += piece->end - piece->first;
	return ret;
}

static bool is_zero(uintptr_t address)
{
	const uint64_t *words = (const uint64_t *)address;
	size_t i = 0;

	while (i < pl.page / sizeof(*words) && !words[i])
		i++;
	return i == pl.page / sizeof(*words);
}

/*
 * The same where much of the memory may never have been touched: pages of zeros
 * stay what they are, without the right to write. In memory that processes share
 * they become views too, because another process may put code there.
 */
static int to_code_sparse(const struct piece *piece)
{
	struct piece run = *piece;
	int ret = raw_mprotect(address_of(piece), bytes_of(piece), PROT_READ);

	if (!ret)
		ret = pl_arena_make(arena_of(piece), *state_of(piece) & PL_SHARED);
	for (; !ret && run.first < piece->end; run.first = run.end) {
		bool zero = is_zero(address_of(&run));

		run.end = run.first + 1;
		while (run.end < piece->end &&
		       is_zero(run.chunk->base + (run.end << pl.page_shift)) == zero)
			run.end++;
		if (!zero)
			ret = to_code(&run);
		else if (*state_of(&run) & PL_SHARED)
			ret = map_views(&run);
	}
	return ret;
}

/* A page of shared memory that no process has written is zeros, not trap fill. */
static int fill_shared(const struct piece *piece)
{
	struct piece page = *piece;
	int ret = 0;

	for (; !ret && page.first < piece->end; page.first++)
		if (!(*state_of(&page) & PL_COMMITTED))
			ret = pl_arena_zero(arena_of(&page), offset_of(&page));
	return ret;
}

/* Exchange views for anonymous memory with the same bytes. */
static int to_data(const struct piece *piece, int prot)
{
	size_t size = bytes_of(piece);
	int ret = *state_of(piece) & PL_SHARED ? fill_shared(piece) : 0;
	long copy;

	if (ret)
		return ret;
	copy = raw_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (raw_failed(copy))
		return (int)copy;
	memcpy((void *)copy, arena_of(piece)->shadow + offset_of(piece), size);
	if (prot != (PROT_READ | PROT_WRITE))
		ret = raw_mprotect((uintptr_t)copy, size, prot);
	if (!ret) {
		long moved = raw_mremap((uintptr_t)copy, size, size,
					MREMAP_MAYMOVE | MREMAP_FIXED, address_of(piece));

		ret = raw_failed(moved) ? (int)moved : 0;
	}
	if (ret) {
		raw_munmap((uintptr_t)copy, size);
		return ret;
	}
	set_states(piece, PL_VIEW | PL_LIVE, PL_COMMITTED);
	pl.counters.to_data += piece->end - piece->first;
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
static int run_to_code(const struct piece *run)
{
	uint8_t state = *state_of(run);
	int ret;

	if (state & PL_LIVE)
		return 0;
	if (state & PL_VIEW)
		return map_views(run);
	/* What is not readable cannot be compared. */
	if ((state & PL_COMMITTED) && !(state & PL_PROT & ~PROT_EXEC)) {
		ret = raw_mprotect(address_of(run), bytes_of(run), PROT_READ);
		if (ret)
			return ret;
	}
	if (run->end - run->first >= LARGE)
		return to_code_sparse(run);
	ret = to_code(run);
	if (ret == -EFAULT && !raw_mprotect(address_of(run), bytes_of(run), PROT_READ))
		ret = to_code(run);
	return ret;
}

/* Give a run any other protection. */
static int run_to_other(const struct piece *run, int prot)
{
	uint8_t state = *state_of(run);
	int ret;

	if (!(state & PL_VIEW))
		return raw_mprotect(address_of(run), bytes_of(run), data_prot(prot));
	if (!(prot & PROT_WRITE)) {
		ret = raw_mprotect(address_of(run), bytes_of(run), data_prot(prot));
		if (!ret)
			set_states(run, PL_LIVE, 0);
		return ret;
	}
	if ((state & PL_HOT) && !(prot & PROT_EXEC))
		return to_data(run, data_prot(prot));
	return state & PL_LIVE ? 0 : map_views(run);
}

/* The pages of a range in its first chunk. Moves address and length on. */
static bool next_piece(uintptr_t *address, size_t *length, struct piece *piece)
{
	uintptr_t base = *address & ~(PL_CHUNK_SIZE - 1);
	size_t size = base + PL_CHUNK_SIZE - *address;

	if (!*length)
		return false;
	if (size > *length)
		size = *length;
	piece->chunk = pl_chunk_get(*address);
	piece->first = (*address - base) >> pl.page_shift;
	piece->end = piece->first + (size >> pl.page_shift);
	*address += size;
	*length -= size;
	return true;
}

/*
 * Pages that become ours belong to the arena that their memory asks for. A reservation
 * of 1 GiB, as JavaScriptCore makes, is not looked up page by page.
 */
static void claim(const struct piece *piece)
{
	struct piece page = *piece;

	if (!pl_shared_any(address_of(piece), bytes_of(piece)))
		return;
	for (; page.first < piece->end; page.first++)
		if (!*state_of(&page) &&
		    pl_shared_kind(address_of(&page)) == PL_ANONYMOUS)
			*state_of(&page) = PL_SHARED;
}

static void set_prot(const struct piece *piece, int prot)
{
	uint8_t *state = piece->chunk->state;

	for (size_t i = piece->first; i < piece->end; i++)
		if (state[i] || (prot & PROT_EXEC))
			state[i] = (state[i] & ~PL_PROT) | prot;
}

bool pl_allowed(int prot)
{
	return pl.mode == PL_EMULATE || (prot & BOTH) != BOTH;
}

/* Do for a program what mprotect() promises it. */
int pl_protect(uintptr_t address, size_t length, int prot)
{
	const uint8_t mask = PL_VIEW | PL_LIVE | PL_COMMITTED | PL_SHARED | PL_PROT;
	struct piece rest, run;
	int ret = 0;

	while (!ret && next_piece(&address, &length, &rest)) {
		struct piece all = rest;
		bool code = (prot & BOTH) == PROT_EXEC;

		if (!rest.chunk)
			return -ENOMEM;
		if (prot & PROT_EXEC)
			claim(&rest);
		while (!ret && next_run(&rest, mask | (code ? 0 : PL_HOT), &run))
			ret = code ? run_to_code(&run) : run_to_other(&run, prot);
		if (!ret)
			set_prot(&all, prot);
	}
	return ret;
}

/*
 * The program unmaps a range or maps something else there: give the memory of the
 * arena back. Shared arenas keep it, since other processes may use it.
 */
int pl_forget(uintptr_t address, size_t length)
{
	struct piece rest, run;

	while (next_piece(&address, &length, &rest)) {
		if (!rest.chunk)
			return -ENOMEM;
		while (next_run(&rest, PL_COMMITTED | PL_SHARED, &run)) {
			if ((*state_of(&run) & (PL_COMMITTED | PL_SHARED)) == PL_COMMITTED)
				pl_arena_decommit(arena_of(&run), offset_of(&run),
						  bytes_of(&run));
			set_states(&run, 0xff, 0);
		}
	}
	return 0;
}

/* Make all views in a range anonymous memory that the program may read. */
int pl_to_anonymous(uintptr_t address, size_t length)
{
	struct piece rest, run;
	int ret = 0;

	while (!ret && next_piece(&address, &length, &rest)) {
		if (!rest.chunk)
			return -ENOMEM;
		while (!ret && next_run(&rest, PL_VIEW | PL_SHARED | PL_PROT, &run))
			if (*state_of(&run) & PL_VIEW)
				ret = to_data(&run, data_prot(*state_of(&run) & PL_PROT));
	}
	return ret;
}

/* The page of an address, if it is ours and the program asked for this right. */
static int page_of(uintptr_t address, int right, struct piece *page)
{
	page->chunk = pl_chunk_find(address);
	if (!page->chunk)
		return -ENOENT;
	page->first = (address - page->chunk->base) >> pl.page_shift;
	page->end = page->first + 1;
	return *state_of(page) & right ? 0 : -ENOENT;
}

/* A store faulted. 0: repeat it. ENOENT: the fault is none of ours. */
int pl_serve_write(uintptr_t address, uintptr_t pc)
{
	static bool said;
	struct piece page;
	int ret = page_of(address, PROT_WRITE, &page);

	if (ret)
		return ret;
	if (!(*state_of(&page) & PL_VIEW))
		return 0; /* another thread was faster */
	if (pc >> pl.page_shift == address >> pl.page_shift) {
		pl.counters.unserved++;
		pl_say_once(&said, "an instruction writes the page that it runs in: not served",
			    NULL);
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
	struct piece page;
	int ret = page_of(address, PROT_EXEC, &page);

	if (ret || (*state_of(&page) & PL_LIVE))
		return ret;
	ret = raw_mprotect(address_of(&page), pl.page, PROT_READ);
	if (!ret)
		ret = to_code(&page);
	if (ret)
		raw_mprotect(address_of(&page), pl.page,
			     data_prot(*state_of(&page) & PL_PROT));
	return ret;
}
