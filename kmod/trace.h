/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Tracepoints.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM codearena

#if !defined(CODEARENA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define CODEARENA_TRACE_H

#include <linux/tracepoint.h>

#include "codearena_private.h"

/*
 * Names and fields are kept: programs read them. New fields go to the end. What
 * is changed here is changed in codearena(4) and userspace-api.rst, too.
 *
 * arena	its number, as in fdinfo; never used twice while the module is
 *		loaded
 * owner	the process that reserved it, which is not always the caller
 * offset	in the arena, of the first entry of an array
 * length	bytes, of all entries together
 * count	entries
 * flags	as given by the caller
 * result	0 or a negative errno
 *
 * A call has one event, when it is done, whether it succeeded or not; but a
 * call that is refused before it is known what it is about (by its handle, its
 * size, its flags, or an array that cannot be read) has none.
 */
TRACE_EVENT(reserve,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_reserve *cmd, int result),
	TP_ARGS(arena, cmd, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, length)
		__field(u64, commit_limit)
		__field(u32, flags)
		__field(int, result)
		__array(char, name, CODEARENA_NAME_LEN)
	),
	TP_fast_assign(
		__entry->arena = arena ? arena->id : 0;
		__entry->owner = current->tgid;
		__entry->length = cmd->length;
		__entry->commit_limit = cmd->commit_limit;
		__entry->flags = cmd->flags;
		__entry->result = result;
		/* A name that was refused may lack its end, or be no text. */
		if (result == -EINVAL)
			memset(__entry->name, 0, CODEARENA_NAME_LEN);
		else
			memcpy(__entry->name, cmd->name, CODEARENA_NAME_LEN);
	),
	TP_printk("arena=%llu owner=%d length=%llu commit_limit=%llu flags=0x%x result=%d name=%s",
		  __entry->arena, __entry->owner, __entry->length,
		  __entry->commit_limit, __entry->flags, __entry->result,
		  __entry->name)
);

DECLARE_EVENT_CLASS(codearena_range,
	TP_PROTO(const struct codearena_arena *arena, u64 offset, u64 length,
		 u32 flags, int result),
	TP_ARGS(arena, offset, length, flags, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, flags)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = offset;
		__entry->length = length;
		__entry->flags = flags;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu flags=0x%x result=%d",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->flags, __entry->result)
);

DEFINE_EVENT(codearena_range, commit,
	TP_PROTO(const struct codearena_arena *arena, u64 offset, u64 length,
		 u32 flags, int result),
	TP_ARGS(arena, offset, length, flags, result)
);

DEFINE_EVENT(codearena_range, decommit,
	TP_PROTO(const struct codearena_arena *arena, u64 offset, u64 length,
		 u32 flags, int result),
	TP_ARGS(arena, offset, length, flags, result)
);

DEFINE_EVENT(codearena_range, seal,
	TP_PROTO(const struct codearena_arena *arena, u64 offset, u64 length,
		 u32 flags, int result),
	TP_ARGS(arena, offset, length, flags, result)
);

TRACE_EVENT(write,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_chunk *chunks, u32 count, int result),
	TP_ARGS(arena, chunks, count, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, count)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = chunks[0].offset;
		__entry->length = 0;
		for (u32 i = 0; i < count; i++)
			__entry->length += chunks[i].length;
		__entry->count = count;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu count=%u result=%d",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->count, __entry->result)
);

TRACE_EVENT(publish,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_publish *cmd,
		 const struct codearena_object *objects, int result),
	TP_ARGS(arena, cmd, objects, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, count)
		__field(u32, patches)
		__field(u32, flags)
		__field(int, result)
		__field(u32, replacing)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = objects[0].offset;
		__entry->length = 0;
		__entry->replacing = 0;
		for (u32 i = 0; i < cmd->object_count; i++) {
			__entry->length += objects[i].length;
			if (objects[i].flags & CODEARENA_OBJECT_F_REPLACE)
				__entry->replacing++;
		}
		__entry->count = cmd->object_count;
		__entry->patches = cmd->patch_count;
		__entry->flags = cmd->flags;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu count=%u patches=%u flags=0x%x result=%d replacing=%u",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->count, __entry->patches,
		  __entry->flags, __entry->result, __entry->replacing)
);

TRACE_EVENT(patch,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_patch_entry *patches, u32 count,
		 u32 flags, int result),
	TP_ARGS(arena, patches, count, flags, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, count)
		__field(u32, flags)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = patches[0].offset;
		__entry->length = 0;
		for (u32 i = 0; i < count; i++)
			__entry->length += patches[i].width;
		__entry->count = count;
		__entry->flags = flags;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu count=%u flags=0x%x result=%d",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->count, __entry->flags,
		  __entry->result)
);

TRACE_EVENT(discard,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_range *ranges, u32 count, int result),
	TP_ARGS(arena, ranges, count, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, count)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = ranges[0].offset;
		__entry->length = 0;
		for (u32 i = 0; i < count; i++)
			__entry->length += ranges[i].length;
		__entry->count = count;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu count=%u result=%d",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->count, __entry->result)
);

DECLARE_EVENT_CLASS(codearena_look,
	TP_PROTO(const struct codearena_arena *arena, int result),
	TP_ARGS(arena, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena ? arena->id : 0;
		__entry->owner = arena ? codearena_arena_owner(arena) :
					 current->tgid;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d result=%d", __entry->arena,
		  __entry->owner, __entry->result)
);

DEFINE_EVENT(codearena_look, query,
	TP_PROTO(const struct codearena_arena *arena, int result),
	TP_ARGS(arena, result)
);

DEFINE_EVENT(codearena_look, share,
	TP_PROTO(const struct codearena_arena *arena, int result),
	TP_ARGS(arena, result)
);

DEFINE_EVENT(codearena_look, stat,
	TP_PROTO(const struct codearena_arena *arena, int result),
	TP_ARGS(arena, result)
);

DEFINE_EVENT(codearena_look, open,
	TP_PROTO(const struct codearena_arena *arena, int result),
	TP_ARGS(arena, result)
);

TRACE_EVENT(clone,
	TP_PROTO(const struct codearena_arena *arena, u64 clone, int result),
	TP_ARGS(arena, clone, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, clone)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->clone = clone;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d clone=%llu result=%d", __entry->arena,
		  __entry->owner, __entry->clone, __entry->result)
);

TRACE_EVENT(trap_register,
	TP_PROTO(const struct codearena_arena *arena,
		 const struct codearena_trap_register *cmd, u64 id, int result),
	TP_ARGS(arena, cmd, id, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, offset)
		__field(u64, length)
		__field(u32, count)
		__field(u32, flags)
		__field(u64, id)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->offset = cmd->offset;
		__entry->length = cmd->length;
		__entry->count = cmd->count;
		__entry->flags = cmd->flags;
		__entry->id = id;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d offset=0x%llx length=%llu count=%u flags=0x%x id=0x%llx result=%d",
		  __entry->arena, __entry->owner, __entry->offset,
		  __entry->length, __entry->count, __entry->flags,
		  __entry->id, __entry->result)
);

TRACE_EVENT(trap_release,
	TP_PROTO(const struct codearena_arena *arena, u64 id, int result),
	TP_ARGS(arena, id, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, id)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->id = id;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d id=0x%llx result=%d", __entry->arena,
		  __entry->owner, __entry->id, __entry->result)
);

TRACE_EVENT(trap_landing,
	TP_PROTO(const struct codearena_arena *arena, u64 address, int result),
	TP_ARGS(arena, address, result),
	TP_STRUCT__entry(
		__field(u64, arena)
		__field(pid_t, owner)
		__field(u64, address)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->arena = arena->id;
		__entry->owner = codearena_arena_owner(arena);
		__entry->address = address;
		__entry->result = result;
	),
	TP_printk("arena=%llu owner=%d address=0x%llx result=%d",
		  __entry->arena, __entry->owner, __entry->address,
		  __entry->result)
);

#define codearena_show_kind(kind)					\
	__print_symbolic(kind,						\
			 { CODEARENA_TRAP_MEMORY, "memory" },		\
			 { CODEARENA_TRAP_DIVIDE, "divide" },		\
			 { CODEARENA_TRAP_UNDEFINED, "undefined" })

/* Traps: the process is the one that the event is recorded in. */
TRACE_EVENT(trap_fixed,
	TP_PROTO(u32 kind, unsigned long pc, unsigned long address,
		 unsigned long landing, const struct codearena_arena *arena),
	TP_ARGS(kind, pc, address, landing, arena),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(unsigned long, pc)
		__field(unsigned long, address)
		__field(unsigned long, landing)
		__field(u64, arena)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->pc = pc;
		__entry->address = address;
		__entry->landing = landing;
		__entry->arena = arena->id;
	),
	TP_printk("kind=%s pc=0x%lx address=0x%lx landing=0x%lx arena=%llu",
		  codearena_show_kind(__entry->kind), __entry->pc,
		  __entry->address, __entry->landing, __entry->arena)
);

TRACE_EVENT(trap_missed,
	TP_PROTO(u32 kind, unsigned long pc, unsigned long address),
	TP_ARGS(kind, pc, address),
	TP_STRUCT__entry(
		__field(u32, kind)
		__field(unsigned long, pc)
		__field(unsigned long, address)
	),
	TP_fast_assign(
		__entry->kind = kind;
		__entry->pc = pc;
		__entry->address = address;
	),
	TP_printk("kind=%s pc=0x%lx address=0x%lx",
		  codearena_show_kind(__entry->kind), __entry->pc,
		  __entry->address)
);

#endif /* CODEARENA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
