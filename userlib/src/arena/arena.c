// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The arena as a public object: checks what no backend should have to check,
 * and passes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "arena/backend.h"

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
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	ret = ca__opts_get(&all, opts);
	if (!ret)
		ret = ca__backend_select(all.backend, all.device, &backend);
	if (!ret)
		ret = ca__arena_alloc(&arena, backend);
	if (ret)
		return ret;
	ret = backend->create(arena, length, &all);
	if (ret)
		free(arena);
	else
		*out = arena;
	return ret;
}

static int ca__attach_backend(int fd, enum codearena_backend id,
			      const struct ca__backend **backend)
{
	struct stat status;

	if (fstat(fd, &status))
		return -EBADF;
	*backend = S_ISCHR(status.st_mode) ? &ca__device_backend :
					     &ca__memfd_backend;
	if (id == CODEARENA_BACKEND_AUTO || id == (*backend)->id)
		return 0;
	return id == CODEARENA_BACKEND_DEVICE || id == CODEARENA_BACKEND_MEMFD ?
	       -EBADFD : -EINVAL;
}

CODEARENA_API int
codearena_arena_attach(int fd, const struct codearena_arena_opts *opts,
		       struct codearena_arena **out)
{
	const struct ca__backend *backend;
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
	ret = ca__attach_backend(fd, all.backend, &backend);
	if (!ret)
		ret = ca__arena_alloc(&arena, backend);
	if (ret)
		return ret;
	arena->attached = true;
	ret = backend->attach(arena, fd, &all);
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
	ca__guards_leave(arena);
	arena->backend->destroy(arena);
	free(arena);
}

CODEARENA_API enum codearena_backend
codearena_arena_backend(const struct codearena_arena *arena)
{
	return arena ? arena->backend->id : CODEARENA_BACKEND_AUTO;
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
	return arena ? arena->fd : -1;
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

/* A handle on the device may be open for writing, and yet was only attached. */
static int ca__arena_check(const struct codearena_arena *arena)
{
	if (!arena)
		return -EINVAL;
	return arena->attached ? -EBADF : 0;
}

/* The same for operations that can say which entry they refused. */
static int ca__arena_check_failed(const struct codearena_arena *arena,
				  size_t **failed, size_t *ignored)
{
	if (!*failed)
		*failed = ignored;
	**failed = SIZE_MAX;
	return ca__arena_check(arena);
}

CODEARENA_API int codearena_arena_commit(struct codearena_arena *arena,
					 uint64_t offset, uint64_t length)
{
	int ret = ca__arena_check(arena);

	return ret ? ret : arena->backend->commit(arena, offset, length);
}

CODEARENA_API int codearena_arena_decommit(struct codearena_arena *arena,
					   uint64_t offset, uint64_t length)
{
	int ret = ca__arena_check(arena);

	return ret ? ret : arena->backend->decommit(arena, offset, length);
}

CODEARENA_API int codearena_arena_write(struct codearena_arena *arena,
					const struct codearena_chunk *chunks,
					size_t count, size_t *failed)
{
	size_t ignored;
	int ret = ca__arena_check_failed(arena, &failed, &ignored);

	return ret ? ret : arena->backend->write(arena, chunks, count, failed);
}

CODEARENA_API int codearena_arena_seal(struct codearena_arena *arena,
				       uint64_t offset, uint64_t length,
				       uint32_t flags)
{
	int ret = ca__arena_check(arena);

	return ret ? ret : arena->backend->seal(arena, offset, length, flags);
}

CODEARENA_API int
codearena_arena_publish(struct codearena_arena *arena,
			struct codearena_object *objects,
			size_t object_count,
			const struct codearena_patch_entry *patches,
			size_t patch_count, uint32_t flags, size_t *failed)
{
	size_t ignored;
	int ret = ca__arena_check_failed(arena, &failed, &ignored);

	if (ret)
		return ret;
	return arena->backend->publish(arena, objects, object_count, patches,
				       patch_count, flags, failed);
}

CODEARENA_API int
codearena_arena_patch(struct codearena_arena *arena,
		      const struct codearena_patch_entry *patches, size_t count,
		      uint32_t flags, size_t *failed)
{
	size_t ignored;
	int ret = ca__arena_check_failed(arena, &failed, &ignored);

	if (ret)
		return ret;
	return arena->backend->patch(arena, patches, count, flags, failed);
}

CODEARENA_API int codearena_arena_discard(struct codearena_arena *arena,
					  const struct codearena_range *ranges,
					  size_t count, size_t *failed)
{
	size_t ignored;
	int ret = ca__arena_check_failed(arena, &failed, &ignored);

	if (ret)
		return ret;
	return arena->backend->discard(arena, ranges, count, failed);
}

/**
 * ca__arena_release - discard, and decommit if that is cheaper at once
 * @arena: arena of the library's own
 * @ranges: array of the library's own
 * @count: its entries
 * @decommitted: gets whether what is whole pages of a range has no memory now
 *
 * Return: as codearena_arena_discard().
 */
int ca__arena_release(struct codearena_arena *arena,
		      const struct codearena_range *ranges, size_t count,
		      bool *decommitted)
{
	size_t ignored = SIZE_MAX;

	*decommitted = arena->backend->release;
	if (!*decommitted)
		return arena->backend->discard(arena, ranges, count, &ignored);
	return arena->backend->release(arena, ranges, count, &ignored);
}

CODEARENA_API int codearena_arena_share(struct codearena_arena *arena, int *fd)
{
	int ret;

	if (!fd)
		return -EINVAL;
	*fd = -1;
	if (!arena)
		return -EINVAL;
	ret = arena->backend->share(arena, fd);
	if (ret)
		*fd = -1;
	return ret;
}

CODEARENA_API int codearena_arena_stat(struct codearena_arena *arena,
				       struct codearena_stat *stat)
{
	if (!arena || !stat)
		return -EINVAL;
	return arena->backend->stat(arena, stat);
}
