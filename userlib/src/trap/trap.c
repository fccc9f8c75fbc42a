// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Tables of traps as a public interface: checks what no backend should have to
 * check, and passes on.
 */
#include <errno.h>

#include "arena/backend.h"
#include "codearena/trap.h"

CODEARENA_API uint32_t codearena_trap_kinds(const struct codearena_arena *arena)
{
	return arena ? arena->trap_kinds : 0;
}

CODEARENA_API int codearena_trap_register(struct codearena_arena *arena,
					  uint64_t offset, uint64_t length,
					  const struct codearena_trap *traps,
					  size_t count, uint32_t flags,
					  uint64_t *id, size_t *failed)
{
	size_t ignored;
	int ret;

	if (!failed)
		failed = &ignored;
	*failed = SIZE_MAX;
	if (!id)
		return -EINVAL;
	*id = 0;
	if (!arena)
		return -EINVAL;
	if (arena->attached)
		return -EBADF;
	ret = arena->backend->trap_register(arena, offset, length, traps, count,
					    flags, id, failed);
	if (ret)
		*id = 0;
	return ret;
}

CODEARENA_API int codearena_trap_release(struct codearena_arena *arena,
					 uint64_t id)
{
	if (!arena)
		return -EINVAL;
	if (arena->attached)
		return -EBADF;
	return arena->backend->trap_release(arena, id);
}

CODEARENA_API int codearena_trap_set_landing(struct codearena_arena *arena,
					     const void *address)
{
	if (!arena)
		return -EINVAL;
	return arena->backend->trap_landing(arena, (uintptr_t)address);
}
