// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Code memory of each way. All of it is resident before anything is measured,
 * so that no way pays for the first touch of a page.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "memory.h"

#define DEVICE	"/dev/codearena"

void memory_open_arena(struct memory *memory, size_t length)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.length = length,
		.name = "bench",
	};
	struct codearena_commit commit = {
		.size = sizeof(commit),
		.length = length,
	};

	memory->length = length;
	memory->alias = NULL;
	memory->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (memory->fd < 0)
		bench_die(DEVICE);
	if (ioctl(memory->fd, CODEARENA_RESERVE, &reserve))
		bench_die("RESERVE");
	if (ioctl(memory->fd, CODEARENA_COMMIT, &commit))
		bench_die("COMMIT");
	memory->exec = mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_SHARED,
			    memory->fd, 0);
	if (memory->exec == MAP_FAILED)
		bench_die("mmap of the code view");
}

static char *map_anonymous(size_t length)
{
	char *memory;

	memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		bench_die("mmap");
	/* Huge pages would make the peers' cost depend on their alignment. */
	madvise(memory, length, MADV_NOHUGEPAGE);
	memset(memory, 0, length);
	if (mprotect(memory, length, PROT_READ | PROT_EXEC))
		bench_die("mprotect");
	return memory;
}

void memory_open_mprotect(struct memory *memory, size_t length)
{
	memory->length = length;
	memory->alias = NULL;
	memory->fd = -1;
	memory->exec = map_anonymous(length);
}

void memory_open_procmem(struct memory *memory, size_t length)
{
	memory_open_mprotect(memory, length);
	memory->fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (memory->fd < 0)
		bench_die("/proc/self/mem");
}

void memory_open_memfd(struct memory *memory, size_t length)
{
	size_t i;

	memory->length = length;
	memory->fd = memfd_create("bench", MFD_CLOEXEC);
	if (memory->fd < 0 || ftruncate(memory->fd, (off_t)length))
		bench_die("memfd");
	memory->alias = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			     memory->fd, 0);
	memory->exec = mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_SHARED,
			    memory->fd, 0);
	if (memory->alias == MAP_FAILED || memory->exec == MAP_FAILED)
		bench_die("mmap of a memfd");
	memset(memory->alias, 0, length);
	for (i = 0; i < length; i += 4096)
		*(volatile char *)(memory->exec + i);
}

void memory_open_pwrite(struct memory *memory, size_t length)
{
	static const char zeros[4096];
	size_t i;

	memory->length = length;
	memory->alias = NULL;
	memory->fd = memfd_create("bench", MFD_CLOEXEC);
	if (memory->fd < 0)
		bench_die("memfd");
	for (i = 0; i < length; i += sizeof(zeros))
		if (write(memory->fd, zeros, sizeof(zeros)) != sizeof(zeros))
			bench_die("write to a memfd");
	memory->exec = mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_SHARED,
			    memory->fd, 0);
	if (memory->exec == MAP_FAILED)
		bench_die("mmap of a memfd");
	for (i = 0; i < length; i += sizeof(zeros))
		*(volatile char *)(memory->exec + i);
}

void memory_open_rwx(struct memory *memory, size_t length)
{
	memory_open_mprotect(memory, length);
	memory_protect(memory, 0, length, PROT_READ | PROT_WRITE | PROT_EXEC);
}

void memory_open_own(struct memory *memory, size_t length, size_t run)
{
	size_t at;

	memory_open_mprotect(memory, length);
	for (at = run; at < length; at += 2 * run)
		memory_protect(memory, at, run, PROT_NONE);
}

bool memory_open_pkey(struct memory *memory, size_t length)
{
#if defined(__x86_64__)
	static int key = -1;
	uint32_t rights, high;

	if (key < 0)
		key = pkey_alloc(0, 0);
	if (key < 0)
		return false;
	memory_open_mprotect(memory, length);
	if (pkey_mprotect(memory->exec, length,
			  PROT_READ | PROT_WRITE | PROT_EXEC, key))
		bench_die("pkey_mprotect");
	asm volatile("rdpkru" : "=a"(rights), "=d"(high) : "c"(0));
	memory->pkru_open = rights & ~(3U << 2 * key);
	memory->pkru_closed = memory->pkru_open | PKEY_DISABLE_WRITE << 2 * key;
	memory_pkru(memory->pkru_closed);
	return true;
#else
	(void)memory;
	(void)length;
	return false;
#endif
}

void memory_close(struct memory *memory)
{
	munmap(memory->exec, memory->length);
	if (memory->alias)
		munmap(memory->alias, memory->length);
	if (memory->fd >= 0)
		close(memory->fd);
}

void memory_protect(struct memory *memory, size_t offset, size_t length,
		    int rights)
{
	static size_t page;
	size_t begin, end;

	if (!page)
		page = (size_t)sysconf(_SC_PAGESIZE);
	begin = offset & ~(page - 1);
	end = (offset + length + page - 1) & ~(page - 1);
	if (mprotect(memory->exec + begin, end - begin, rights))
		bench_die("mprotect");
}

void memory_pwrite(struct memory *memory, size_t offset, const void *from,
		   size_t length)
{
	if (pwrite(memory->fd, from, length,
		   (off_t)(uintptr_t)(memory->exec + offset)) != (ssize_t)length)
		bench_die("pwrite on /proc/self/mem");
}

void memory_publish(struct memory *memory, size_t offset, const void *from,
		    size_t length, uint32_t flags)
{
	struct codearena_object object = {
		.offset = offset,
		.source = (uintptr_t)from,
		.length = length,
		.flags = flags,
	};
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.objects = (uintptr_t)&object,
		.object_count = 1,
	};

	if (ioctl(memory->fd, CODEARENA_PUBLISH, &publish))
		bench_die("PUBLISH");
}

void memory_discard(struct memory *memory, size_t offset, size_t length)
{
	struct codearena_range range = {
		.offset = offset,
		.length = length,
	};
	struct codearena_discard discard = {
		.size = sizeof(discard),
		.ranges = (uintptr_t)&range,
		.count = 1,
	};

	if (ioctl(memory->fd, CODEARENA_DISCARD, &discard))
		bench_die("DISCARD");
}

void memory_sync_core_register(void)
{
	if (syscall(SYS_membarrier,
		    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0))
		bench_die("membarrier");
}

void memory_sync_core(void)
{
	if (syscall(SYS_membarrier,
		    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0))
		bench_die("membarrier");
}

char *memory_map_views(const struct memory *memory, unsigned int count)
{
	const size_t page = 4096;
	unsigned int i;
	char *views;

	views = mmap(NULL, count * page, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (views == MAP_FAILED)
		bench_die("mmap");
	for (i = 0; i < count; i++)
		if (mmap(views + i * page, page, PROT_READ | PROT_EXEC,
			 MAP_SHARED | MAP_FIXED, memory->fd, 0) == MAP_FAILED)
			bench_die("mmap of a view");
	return views;
}

void memory_unmap_views(char *views, unsigned int count)
{
	munmap(views, (size_t)count * 4096);
}
