/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The preload library: executable memory of a program that knows nothing of
 * codearena is mapped from arenas.
 *
 * The address space is divided into chunks of 256 MiB, at multiples of that. A
 * chunk in which the program has made memory executable gets an arena of the
 * same size, so that an address and its offset in the arena differ by a constant.
 * A page that holds code is a view of the arena; a page that the program writes
 * is ordinary anonymous memory at the same address. One is exchanged for the
 * other by a single mmap() or mremap(): no thread ever finds the address empty.
 *
 * pl_lock() protects all of this. It blocks signals, so the fault handler and the
 * handlers of the program never find it held by their own thread.
 */
#ifndef CODEARENA_PRELOAD_H
#define CODEARENA_PRELOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <linux/codearena.h>

#define PL_EXPORT __attribute__((visibility("default")))

#define PL_BOTH		(PROT_WRITE | PROT_EXEC)

#define PL_CHUNK_SHIFT	28
#define PL_CHUNK_SIZE	(1UL << PL_CHUNK_SHIFT)

/* What the device must offer. */
#define PL_FEATURES	\
	(CODEARENA_FEATURE_REPLACE | CODEARENA_FEATURE_CLONE | CODEARENA_FEATURE_OPEN)

/*
 * The state of a page, one byte. The low bits are what the program asked for:
 * PROT_READ, PROT_WRITE, PROT_EXEC. 0: the page is none of ours.
 */
#define PL_PROT		(PROT_READ | PROT_WRITE | PROT_EXEC)
#define PL_VIEW		0x08 /* a view of the arena, not anonymous memory */
#define PL_LIVE		0x10 /* and mapped readable and executable */
#define PL_COMMITTED	0x20 /* the arena has the page, all of it sealed */
#define PL_SHARED	0x40 /* it belongs to the arena that processes share */
#define PL_HOT		0x80 /* was written when it was writable last */

/* An arena of a chunk. */
struct pl_arena {
	int fd; /* -1: not made yet */
	const unsigned char *shadow; /* all of it, mapped readable elsewhere */
};

struct pl_chunk {
	struct pl_chunk *next; /* in pl.chunks */
	uintptr_t base;
	struct pl_arena arenas[2]; /* private, and shared with other processes */
	uint8_t state[]; /* of each page */
};

/* Pages of a chunk, alike in what matters. */
struct pl_run {
	uintptr_t address;
	uint64_t offset; /* in the arena */
	size_t length; /* bytes */
	uint8_t *states; /* of its pages */
	struct pl_arena *arena;
};

/* What a mapping shares. */
enum pl_kind {
	PL_PRIVATE,
	PL_ANONYMOUS, /* MAP_SHARED | MAP_ANONYMOUS: memory, with forked processes */
	PL_FILE /* MAP_SHARED: left to the kernel */
};

struct pl_counters {
	unsigned long long to_code; /* pages that became views */
	unsigned long long to_data; /* pages that became anonymous memory */
	unsigned long long published; /* bytes copied into arenas */
	unsigned long long served; /* faults */
	unsigned long long forwarded; /* faults handed to the program */
	unsigned long long refused; /* requests for writable and executable memory */
	unsigned long long both; /* those that were served */
	unsigned long long arenas; /* made, and those of the parent when it forked */
	unsigned long long forks; /* arenas cloned */
	unsigned long long unserved; /* instructions that write their own page */
};

struct pl_state {
	bool emulate; /* also serve those that want memory writable and executable */
	int device; /* an empty handle; below 0: -errno */
	bool engaged; /* the handler of faults is installed */
	int report; /* descriptor for the report, or -1 */
	size_t page;
	unsigned int page_shift;
	size_t granule;
	struct pl_chunk *chunks; /* never freed */
	struct pl_counters counters;
};

extern struct pl_state pl;

/* Which page of its chunk an address is in. */
static inline size_t pl_page_number(uintptr_t address)
{
	return (address & (PL_CHUNK_SIZE - 1)) >> pl.page_shift;
}

/* Bytes of a run, from its byte at on. */
static inline struct pl_run pl_part(const struct pl_run *run, size_t at, size_t length)
{
	struct pl_run part = *run;

	part.address += at;
	part.offset += at;
	part.length = length;
	part.states += at >> pl.page_shift;
	return part;
}

/* chunk.c */
extern uint64_t pl_lock_mask;
void pl_lock(void);
void pl_unlock(void);
struct pl_chunk *pl_chunk_find(uintptr_t address);
struct pl_chunk *pl_chunk_get(uintptr_t address);
uint8_t pl_page_state(uintptr_t address);
void pl_shared_add(uintptr_t address, size_t length, enum pl_kind kind);
void pl_shared_remove(uintptr_t address, size_t length);
void pl_shared_claim(uintptr_t address, size_t length);
enum pl_kind pl_shared_kind(uintptr_t address);

/* device.c */
int pl_device_open(void);
int pl_fd_keep(int fd);
int pl_arena_make(const struct pl_run *run);
int pl_arena_publish(const struct pl_run *run);
int pl_arena_zero(const struct pl_run *run);
void pl_arena_decommit(const struct pl_run *run);
int pl_arena_clone(struct pl_arena *arena);

/* flip.c */
bool pl_range_ours(uintptr_t address, size_t length);
int pl_protect(uintptr_t address, size_t length, int prot);
void pl_forget(uintptr_t address, size_t length);
int pl_to_anonymous(uintptr_t address, size_t length);
int pl_remap_views(struct pl_chunk *chunk);
int pl_serve_write(uintptr_t address, uintptr_t pc);
int pl_serve_exec(uintptr_t address);

/* signal.c */
int pl_engage(void);
void pl_signal_init(void);

/* process.c */
void pl_process_init(void);

/* report.c */
void pl_init(void);
void pl_say(const char *what, const char *why);

#endif
