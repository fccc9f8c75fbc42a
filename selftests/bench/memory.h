/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code memory of each way: an arena, and what programs use without one.
 */
#ifndef CODEARENA_BENCH_MEMORY_H
#define CODEARENA_BENCH_MEMORY_H

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
 */
struct memory {
	char *exec;
	char *alias;
	size_t length;
	int fd;
};

void memory_open_arena(struct memory *memory, size_t length);
void memory_open_mprotect(struct memory *memory, size_t length);
void memory_open_procmem(struct memory *memory, size_t length);
void memory_open_memfd(struct memory *memory, size_t length);
void memory_close(struct memory *memory);

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
