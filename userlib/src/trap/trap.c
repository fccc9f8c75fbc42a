// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Tables of traps as a public interface.
 */
#include <errno.h>

#include "arena/backend.h"
#include "codearena/trap.h"

CODEARENA_API uint32_t codearena_trap_kinds(const struct codearena_arena *arena)
{
	return arena ? arena->trap_kinds : 0;
}

CODEARENA_API int
codearena_trap_table_register(struct codearena_arena *arena, uint64_t offset,
			      uint64_t length,
			      const struct codearena_trap *traps, size_t count,
			      uint32_t flags, uint64_t *id, size_t *failed)
{
	struct codearena_trap_register request = {
		.size = sizeof(request),
		.flags = flags,
		.offset = offset,
		.length = length,
		.traps = (uintptr_t)traps,
		.count = ca__count_to_uapi(count),
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret;

	ret = ca__arena_array_command(id ? arena : NULL,
				      CODEARENA_TRAP_REGISTER, &request,
				      &request.out_failed, failed);
	if (id)
		*id = ret ? 0 : request.out_id;
	return ret;
}

CODEARENA_API int codearena_trap_table_release(struct codearena_arena *arena,
					       uint64_t id)
{
	struct codearena_trap_release release = {
		.size = sizeof(release),
		.id = id,
	};

	return ca__arena_command(arena, CODEARENA_TRAP_RELEASE, &release);
}

CODEARENA_API int codearena_trap_set_landing(struct codearena_arena *arena,
					     const void *address)
{
	struct codearena_trap_landing landing = {
		.size = sizeof(landing),
		.address = (uintptr_t)address,
	};

	int ret;

	if (!arena)
		return -EINVAL;
	ret = arena->backend->command(arena, CODEARENA_TRAP_LANDING, &landing);
	if (!ret)
		arena->landing = landing.address;
	return ret;
}
