// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena as a public object: checks that all backends need, and commands to
 * them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena/backend.h"
#include "arena/translate.h"

/**
 * ca__file_new - make a reference-counted descriptor
 * @fd: the descriptor, which is closed on failure
 * @file: gets the object, with one reference; NULL on failure
 *
 * Return: 0 or -ENOMEM.
 */
int ca__file_new(int fd, struct ca__file **file)
{
	*file = malloc(sizeof(**file));
	if (!*file) {
		close(fd);
		return -ENOMEM;
	}
	(*file)->fd = fd;
	(*file)->refs = 1;
	return 0;
}

/**
 * ca__file_get - take a reference
 * @file: object
 *
 * Return: @file.
 */
struct ca__file *ca__file_get(struct ca__file *file)
{
	__atomic_add_fetch(&file->refs, 1, __ATOMIC_RELAXED);
	return file;
}

/**
 * ca__file_put - give a reference back
 * @file: object, or NULL
 */
void ca__file_put(struct ca__file *file)
{
	if (!file || __atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close(file->fd);
	free(file);
}

static int ca__arena_alloc(struct codearena_arena **arena,
			   const struct ca__backend *backend)
{
	*arena = calloc(1, sizeof(**arena));
	if (!*arena)
		return -ENOMEM;
	(*arena)->backend = backend;
	return 0;
}

CODEARENA_API int codearena_arena_new(uint64_t length,
				      const struct codearena_arena_opts *opts,
				      struct codearena_arena **out)
{
	const struct ca__backend *backend;
	struct codearena_arena_opts all;
	struct codearena_arena *arena;
	int ret, reason;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__opts_get(&all, opts);
	if (!ret)
		ret = ca__backend_select(all.backend, all.device, &backend,
					 &reason);
	if (!ret)
		ret = ca__arena_alloc(&arena, backend);
	if (ret)
		return ret;
	arena->reason = reason;
	ret = backend->create(arena, length, &all);
	if (ret)
		free(arena);
	else
		*out = arena;
	return ret;
}

/* Only arenas on the device can be attached. */
static int ca__attach_check(int fd, enum codearena_backend id)
{
	struct stat status;
	bool memfd;

	if (fstat(fd, &status))
		return -EBADF;
	/* A file on a tmpfs has seals as well, but a name. */
	memfd = !status.st_nlink && fcntl(fd, F_GET_SEALS) >= 0;
	switch (id) {
	case CODEARENA_BACKEND_AUTO:
		break;
	case CODEARENA_BACKEND_DEVICE:
		memfd = false;
		break;
	case CODEARENA_BACKEND_MEMFD:
		return memfd ? -EOPNOTSUPP : -EBADFD;
	default:
		return -EINVAL;
	}
	if (S_ISCHR(status.st_mode))
		return 0;
	return memfd ? -EOPNOTSUPP : -EBADFD;
}

CODEARENA_API int
codearena_arena_attach(int fd, const struct codearena_arena_opts *opts,
		       struct codearena_arena **out)
{
	struct codearena_arena_opts all;
	struct codearena_arena *arena;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__opts_get(&all, opts);
	if (ret)
		return ret;
	/* These were decided when the arena was made. */
	if (all.name || all.device || all.flags || all.commit_limit)
		return -EINVAL;
	ret = ca__attach_check(fd, all.backend);
	if (!ret)
		ret = ca__arena_alloc(&arena, &ca__device_backend);
	if (ret)
		return ret;
	arena->attached = true;
	ret = arena->backend->attach(arena, fd, &all);
	if (ret)
		free(arena);
	else
		*out = arena;
	return ret;
}

CODEARENA_API void codearena_arena_free(struct codearena_arena *arena)
{
	if (!arena)
		return;
	arena->backend->destroy(arena);
	free(arena);
}

CODEARENA_API enum codearena_backend
codearena_arena_backend(const struct codearena_arena *arena)
{
	return arena ? arena->backend->id : CODEARENA_BACKEND_AUTO;
}

CODEARENA_API int
codearena_arena_backend_reason(const struct codearena_arena *arena)
{
	return arena ? arena->reason : -EINVAL;
}

CODEARENA_API const void *
codearena_arena_base(const struct codearena_arena *arena)
{
	return arena ? arena->base : NULL;
}

CODEARENA_API uint64_t
codearena_arena_length(const struct codearena_arena *arena)
{
	return arena ? arena->length : 0;
}

CODEARENA_API int codearena_arena_fd(const struct codearena_arena *arena)
{
	return arena ? arena->file->fd : -1;
}

CODEARENA_API uint32_t
codearena_arena_granule(const struct codearena_arena *arena)
{
	return arena ? arena->granule : 0;
}

CODEARENA_API uint32_t
codearena_arena_page_size(const struct codearena_arena *arena)
{
	return arena ? arena->page_size : 0;
}

/**
 * ca__count_to_uapi - the entries of an array, as commands have them
 * @count: entries
 *
 * Return: @count, or a number that every backend refuses.
 */
uint32_t ca__count_to_uapi(size_t count)
{
	return count < UINT32_MAX ? count : UINT32_MAX;
}

/**
 * ca__arena_command - let the backend change an arena
 * @arena: arena, or NULL
 * @number: of the ioctl
 * @command: its structure
 *
 * Return: 0 or a negative errno.
 */
int ca__arena_command(struct codearena_arena *arena, unsigned long number,
		      void *command)
{
	if (!arena)
		return -EINVAL;
	/* Its handle may be open for writing all the same. */
	if (arena->attached)
		return -EBADF;
	return arena->backend->command(arena, number, command);
}

/**
 * ca__arena_array_command - the same for commands that name an entry to blame
 * @arena: arena, or NULL
 * @number: of the ioctl
 * @command: its structure
 * @out_failed: member of @command
 * @failed: NULL, or gets the index of the entry; SIZE_MAX if there is none
 *
 * Return: 0 or a negative errno.
 */
int ca__arena_array_command(struct codearena_arena *arena, unsigned long number,
			    void *command, const uint32_t *out_failed,
			    size_t *failed)
{
	int ret = ca__arena_command(arena, number, command);

	if (failed)
		*failed = ret && *out_failed != CODEARENA_NO_INDEX ?
				  *out_failed : SIZE_MAX;
	return ret;
}

CODEARENA_API int codearena_arena_commit(struct codearena_arena *arena,
					 uint64_t offset, uint64_t length)
{
	struct codearena_commit commit = {
		.size = sizeof(commit),
		.offset = offset,
		.length = length,
	};

	return ca__arena_command(arena, CODEARENA_COMMIT, &commit);
}

CODEARENA_API int codearena_arena_decommit(struct codearena_arena *arena,
					   uint64_t offset, uint64_t length)
{
	struct codearena_decommit decommit = {
		.size = sizeof(decommit),
		.offset = offset,
		.length = length,
	};
	int ret = ca__arena_command(arena, CODEARENA_DECOMMIT, &decommit);

	if (!ret)
		ca__shadow_discard(arena, &(struct codearena_range){
					   offset, length }, 1);
	return ret;
}

CODEARENA_API int codearena_arena_write(struct codearena_arena *arena,
					const struct codearena_chunk *chunks,
					size_t count, size_t *failed)
{
	struct codearena_write write = {
		.size = sizeof(write),
		.chunks = (uintptr_t)chunks,
		.count = ca__count_to_uapi(count),
		.out_failed = CODEARENA_NO_INDEX,
	};

	return ca__arena_array_command(arena, CODEARENA_WRITE, &write,
				       &write.out_failed, failed);
}

CODEARENA_API int codearena_arena_seal(struct codearena_arena *arena,
				       uint64_t offset, uint64_t length,
				       uint32_t flags)
{
	struct codearena_seal seal = {
		.size = sizeof(seal),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ca__arena_command(arena, CODEARENA_SEAL, &seal);
}

CODEARENA_API int
codearena_arena_publish(struct codearena_arena *arena,
			struct codearena_object *objects,
			size_t object_count,
			const struct codearena_patch_entry *patches,
			size_t patch_count, uint32_t flags, size_t *failed)
{
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.flags = flags,
		.objects = (uintptr_t)objects,
		.patches = (uintptr_t)patches,
		.object_count = ca__count_to_uapi(object_count),
		.patch_count = ca__count_to_uapi(patch_count),
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret;

	ret = ca__arena_array_command(arena, CODEARENA_PUBLISH, &publish,
				      &publish.out_failed, failed);
	if (!ret) {
		ca__shadow_publish(arena, objects, object_count);
		ca__shadow_patch(arena, patches, patch_count);
		ca__translations_objects(arena, objects, object_count);
		ca__translations_patches(arena, patches, patch_count);
	}
	return ret;
}

CODEARENA_API int
codearena_arena_patch(struct codearena_arena *arena,
		      const struct codearena_patch_entry *patches, size_t count,
		      uint32_t flags, size_t *failed)
{
	struct codearena_patch patch = {
		.size = sizeof(patch),
		.flags = flags,
		.patches = (uintptr_t)patches,
		.count = ca__count_to_uapi(count),
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret;

	ret = ca__arena_array_command(arena, CODEARENA_PATCH, &patch,
				      &patch.out_failed, failed);
	if (!ret) {
		ca__shadow_patch(arena, patches, count);
		ca__translations_patches(arena, patches, count);
	}
	return ret;
}

CODEARENA_API int codearena_arena_discard(struct codearena_arena *arena,
					  const struct codearena_range *ranges,
					  size_t count, size_t *failed)
{
	struct codearena_discard discard = {
		.size = sizeof(discard),
		.ranges = (uintptr_t)ranges,
		.count = ca__count_to_uapi(count),
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret;

	ret = ca__arena_array_command(arena, CODEARENA_DISCARD, &discard,
				      &discard.out_failed, failed);
	if (!ret) {
		ca__shadow_discard(arena, ranges, count);
		ca__translations_ranges(arena, ranges, count);
	}
	return ret;
}

/**
 * ca__arena_release - discard, and decommit if that is cheaper at once
 * @arena: arena
 * @ranges: ranges
 * @count: how many
 * @decommitted: gets whether the whole pages of each range have no memory now
 *
 * Return: as codearena_arena_discard().
 */
int ca__arena_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      bool *decommitted)
{
	struct codearena_discard discard = {
		.size = sizeof(discard),
		.ranges = (uintptr_t)ranges,
		.count = ca__count_to_uapi(count),
		.out_failed = CODEARENA_NO_INDEX,
	};

	int ret;

	*decommitted = arena->backend->release;
	ret = *decommitted ? arena->backend->release(arena, &discard) :
			     ca__arena_command(arena, CODEARENA_DISCARD,
					       &discard);
	if (!ret)
		ca__translations_ranges(arena, ranges, count);
	return ret;
}

CODEARENA_API int codearena_arena_share(struct codearena_arena *arena, int *fd)
{
	int ret;

	if (!fd)
		return -EINVAL;
	*fd = -1;
	if (!arena)
		return -EINVAL;
	if (!arena->backend->share)
		return -EOPNOTSUPP;
	ret = arena->backend->share(arena, fd);
	if (ret)
		*fd = -1;
	return ret;
}

CODEARENA_API int codearena_arena_clone(struct codearena_arena *arena)
{
	if (!arena)
		return -EINVAL;
	return arena->backend->clone ? arena->backend->clone(arena) :
				       -EOPNOTSUPP;
}

CODEARENA_API int codearena_arena_stat(struct codearena_arena *arena,
				       struct codearena_stat *stat)
{
	if (!arena || !stat)
		return -EINVAL;
	return arena->backend->command(arena, CODEARENA_STAT, stat);
}
