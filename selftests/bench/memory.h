/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code memory of each way: an arena, and what programs use without one.
 */
#ifndef CODEARENA_BENCH_MEMORY_H
#define CODEARENA_BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/codearena.h>

/**
 * struct memory - code memory
 * @exec: where it is executed
 * @alias: where it can be written all the time, or NULL
 * @length: bytes
 * @fd: the arena, the memfd or /proc/self/mem; -1 if there is none
 * @pkru_open: rights of protection keys with which it can be written
 * @pkru_closed: the same with which it cannot
 */
struct memory {
	char *exec;
	char *alias;
	size_t length;
	int fd;
	uint32_t pkru_open;
	uint32_t pkru_closed;
};

void memory_open_arena(struct memory *memory, size_t length);
void memory_open_mprotect(struct memory *memory, size_t length);
void memory_open_procmem(struct memory *memory, size_t length);
void memory_open_memfd(struct memory *memory, size_t length);
void memory_open_pwrite(struct memory *memory, size_t length);
void memory_open_rwx(struct memory *memory, size_t length);
/* Mappings of @run bytes, 2 * @run from each other, the first at 0. */
void memory_open_own(struct memory *memory, size_t length, size_t run);
/* False: this machine has no protection keys. */
bool memory_open_pkey(struct memory *memory, size_t length);
void memory_close(struct memory *memory);

/* Set the rights of all protection keys, of this thread. */
static inline void memory_pkru(uint32_t rights)
{
#if defined(__x86_64__)
	asm volatile("wrpkru" : : "a"(rights), "c"(0), "d"(0) : "memory");
#else
	(void)rights;
#endif
}

/* Rights of the pages that [offset, offset + length) touches. */
void memory_protect(struct memory *memory, size_t offset, size_t length,
		    int rights);

void memory_pwrite(struct memory *memory, size_t offset, const void *from,
		   size_t length);

void memory_publish(struct memory *memory, size_t offset, const void *from,
		    size_t length, uint32_t flags);
void memory_discard(struct memory *memory, size_t offset, size_t length);

/* Many views of the first page of an arena or a memfd, in a row. */
#define VIEWS	10000U
char *memory_map_views(const struct memory *memory, unsigned int count);
void memory_unmap_views(char *views, unsigned int count);

/* Every other thread of the process executes no old code after this. */
void memory_sync_core_register(void);
void memory_sync_core(void);

#endif /* CODEARENA_BENCH_MEMORY_H */
