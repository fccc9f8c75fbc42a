// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Reports: rights from /proc, the counters of the arena, and calls of the library
 * and the kernel, which the linker wraps (--wrap) so that they are counted.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/ioctl.h>

#include "demo.h"

struct demo_calls demo_calls;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_codearena_arena_commit(struct codearena_arena *arena,
				  uint64_t offset, uint64_t length);
int __wrap_codearena_arena_commit(struct codearena_arena *arena,
				  uint64_t offset, uint64_t length);
int __real_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);
int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);
int __real_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed);
int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed);
int __real_codearena_arena_discard(struct codearena_arena *arena,
				   const struct codearena_range *ranges,
				   size_t count, size_t *failed);
int __wrap_codearena_arena_discard(struct codearena_arena *arena,
				   const struct codearena_range *ranges,
				   size_t count, size_t *failed);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(request) == CODEARENA_IOC_TYPE)
		demo_calls.ioctls++;
	return __real_ioctl(fd, request, argument);
}

int __wrap_codearena_arena_commit(struct codearena_arena *arena,
				  uint64_t offset, uint64_t length)
{
	demo_calls.commit++;
	return __real_codearena_arena_commit(arena, offset, length);
}

int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t object_count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed)
{
	demo_calls.publish++;
	return __real_codearena_arena_publish(arena, objects, object_count,
					      patches, patch_count, flags,
					      failed);
}

int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed)
{
	demo_calls.patch++;
	return __real_codearena_arena_patch(arena, patches, count, flags,
					    failed);
}

int __wrap_codearena_arena_discard(struct codearena_arena *arena,
				   const struct codearena_range *ranges,
				   size_t count, size_t *failed)
{
	demo_calls.discard++;
	return __real_codearena_arena_discard(arena, ranges, count, failed);
}

void demo_show_maps(struct demo *demo, const char *when)
{
	uint64_t base = (uintptr_t)codearena_arena_base(demo->arena);
	uint64_t end = base + codearena_arena_length(demo->arena);
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int views = 0;
	char line[512];

	printf("Rights of the arena, %s:\n", when);
	if (!demo_check(demo, maps, "cannot read /proc/self/maps"))
		return;
	while (fgets(line, sizeof(line), maps)) {
		uint64_t from, to;
		char rights[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to,
			   rights) != 3 || from >= end || to <= base)
			continue;
		printf("  %s", line);
		views++;
		demo_check(demo, !strncmp(rights, "r-x", 3),
			   "a view of code has the rights %s", rights);
	}
	fclose(maps);
	/* The device never splits the mapping. */
	demo_check(demo, codearena_arena_backend(demo->arena) ==
		   CODEARENA_BACKEND_DEVICE ? views == 1 : views,
		   "the arena has %u views", views);
}

void demo_show_stat(struct demo *demo)
{
	struct codearena_stat stat = { .size = sizeof(stat) };
	int ret = codearena_arena_stat(demo->arena, &stat);

	if (!demo_check(demo, !ret, "counters: %s", strerror(-ret)))
		return;
	printf("Counters of the arena:\n"
	       "  bytes: %llu committed, %llu sealed, %llu copied in, %llu discarded\n"
	       "  %llu objects published, %llu words patched, %llu synchronisations\n",
	       (unsigned long long)stat.out_committed,
	       (unsigned long long)stat.out_sealed,
	       (unsigned long long)stat.out_written,
	       (unsigned long long)stat.out_discarded,
	       (unsigned long long)stat.out_published,
	       (unsigned long long)stat.out_patched,
	       (unsigned long long)stat.out_syncs);
	printf("Calls: %u publish, %u patch, %u discard, %u commit; ioctls of all kinds: %u\n",
	       demo_calls.publish, demo_calls.patch, demo_calls.discard,
	       demo_calls.commit, demo_calls.ioctls);
	demo_check(demo, stat.out_patched == demo_calls.patch,
		   "patched words and calls differ");
}
