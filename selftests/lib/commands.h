/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One valid call of each command on a populated arena, for tests that change one
 * thing of it at a time. Calls of different commands do not get in each other's
 * way.
 */
#ifndef CODEARENA_SELFTESTS_COMMANDS_H
#define CODEARENA_SELFTESTS_COMMANDS_H

#include "utils.h"

/**
 * struct command - what is known about a command
 * @name: for messages
 * @request: its number
 * @size: bytes of its structure
 * @first: bytes of the first version of it
 * @flags: the flags it knows
 * @reserved: offset of its __reserved member, 0 without one
 * @outputs: writes to the structure when it succeeds
 * @makes_handle: the output is a descriptor, where &struct codearena_share has it
 * @needs_arena: refused on an empty handle
 * @changes: refused on a handle that is not opened for writing
 */
struct command {
	const char *name;
	unsigned long request;
	size_t size;
	size_t first;
	uint32_t flags;
	size_t reserved;
	bool outputs;
	bool makes_handle;
	bool needs_arena;
	bool changes;
};

enum command_index {
	COMMAND_QUERY,
	COMMAND_RESERVE,
	COMMAND_COMMIT,
	COMMAND_DECOMMIT,
	COMMAND_WRITE,
	COMMAND_SEAL,
	COMMAND_PUBLISH,
	COMMAND_PATCH,
	COMMAND_DISCARD,
	COMMAND_SHARE,
	COMMAND_STAT,
	COMMAND_TRAP_REGISTER,
	COMMAND_TRAP_RELEASE,
	COMMAND_TRAP_LANDING,
	COMMAND_CLONE,
	COMMAND_OPEN,
	COMMAND_COUNT
};

extern const struct command commands[COMMAND_COUNT];

/**
 * struct command_call - a call and what it points to
 * @raw: the structure, with room for a newer program's members after it
 * @source: bytes for WRITE and PUBLISH
 */
struct command_call {
	union {
		struct {
			__u32 size;
			__u32 flags;
		} head;
		struct codearena_query query;
		struct codearena_reserve reserve;
		struct codearena_commit commit;
		struct codearena_decommit decommit;
		struct codearena_write write;
		struct codearena_seal seal;
		struct codearena_publish publish;
		struct codearena_patch patch;
		struct codearena_discard discard;
		struct codearena_share share;
		struct codearena_stat stat;
		struct codearena_trap_register trap_register;
		struct codearena_trap_release trap_release;
		struct codearena_trap_landing trap_landing;
		struct codearena_clone clone;
		struct codearena_open open;
		uint8_t raw[4096];
	};
	struct codearena_chunk chunk;
	struct codearena_object object;
	struct codearena_patch_entry entry;
	struct codearena_range range;
	struct codearena_trap trap;
	uint8_t source[64];
};

/*
 * Fill in the call. Outputs are poisoned. For TRAP_RELEASE this registers a
 * table through a->fd, if that may change the arena.
 */
void command_prepare(enum command_index index, const struct arena *a,
		     struct command_call *call);

#endif /* CODEARENA_SELFTESTS_COMMANDS_H */
