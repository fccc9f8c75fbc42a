// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Coverage of the module by the calling thread, where the kernel measures it. */
#include <linux/kcov.h>

#include "fuzz.h"

#define ENTRIES		(64UL << 10)
#define EDGE_BITS	20

struct kcov {
	int fd;
	unsigned long *trace;
};

static uint64_t seen[(1UL << EDGE_BITS) / 64];
static uint64_t edges;

/* NULL where the kernel has none. */
struct kcov *kcov_open(void)
{
	struct kcov *k;
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	void *trace;

	if (fd < 0)
		return NULL;
	if (ioctl(fd, KCOV_INIT_TRACE, ENTRIES))
		goto out_close;
	trace = mmap(NULL, ENTRIES * sizeof(unsigned long),
		     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace == MAP_FAILED)
		goto out_close;
	if (ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) {
		munmap(trace, ENTRIES * sizeof(unsigned long));
		goto out_close;
	}
	k = malloc(sizeof(*k));
	if (!k)
		abort();
	*k = (struct kcov) { .fd = fd, .trace = trace };
	return k;

out_close:
	close(fd);
	return NULL;
}

void kcov_begin(struct kcov *k)
{
	__atomic_store_n(k->trace, 0, __ATOMIC_RELAXED);
}

/* An edge is a pair of places that follow each other. */
uint64_t kcov_end(struct kcov *k)
{
	unsigned long count = __atomic_load_n(k->trace, __ATOMIC_RELAXED);
	uint64_t previous = 0, fresh = 0;

	for (unsigned long i = 1; i <= count && i < ENTRIES; i++) {
		uint64_t place = k->trace[i] * 0x9e3779b97f4a7c15ULL >> 20;
		uint64_t edge = (place ^ previous >> 1) &
				((1UL << EDGE_BITS) - 1);
		uint64_t bit = 1ULL << edge % 64;

		previous = place;
		if (!(__atomic_fetch_or(&seen[edge / 64], bit,
					__ATOMIC_RELAXED) & bit))
			fresh++;
	}
	__atomic_add_fetch(&edges, fresh, __ATOMIC_RELAXED);
	kcov_begin(k);
	return fresh;
}

void kcov_close(struct kcov *k)
{
	ioctl(k->fd, KCOV_DISABLE, 0);
	munmap(k->trace, ENTRIES * sizeof(unsigned long));
	close(k->fd);
	free(k);
}

uint64_t kcov_edges(void)
{
	return __atomic_load_n(&edges, __ATOMIC_RELAXED);
}
