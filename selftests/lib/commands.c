// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* The valid calls, see commands.h. */
#include "commands.h"

#define GROWN_COMMAND(command, type, first_size, ...)			\
	[COMMAND_##command] = {						\
		.name = #command,					\
		.request = CODEARENA_##command,				\
		.size = sizeof(struct type),				\
		.first = (first_size),					\
		__VA_ARGS__						\
	}

#define COMMAND(command, type, ...) \
	GROWN_COMMAND(command, type, sizeof(struct type), __VA_ARGS__)

const struct command commands[COMMAND_COUNT] = {
	GROWN_COMMAND(QUERY, codearena_query, 72, .outputs = true),
	COMMAND(RESERVE, codearena_reserve,
		.flags = CODEARENA_RESERVE_F_PERMANENT |
			 CODEARENA_RESERVE_F_SHARED_WRITER |
			 CODEARENA_RESERVE_F_EXECUTE_ONLY |
			 CODEARENA_RESERVE_F_UNENFORCED,
		.changes = true),
	COMMAND(COMMIT, codearena_commit,
		.needs_arena = true, .changes = true),
	COMMAND(DECOMMIT, codearena_decommit,
		.needs_arena = true, .changes = true),
	COMMAND(WRITE, codearena_write,
		.needs_arena = true, .changes = true),
	COMMAND(SEAL, codearena_seal, .flags = CODEARENA_SEAL_F_PATCHABLE,
		.needs_arena = true, .changes = true),
	COMMAND(PUBLISH, codearena_publish, .flags = CODEARENA_PUBLISH_F_SYNC,
		.reserved = offsetof(struct codearena_publish, __reserved),
		.needs_arena = true, .changes = true),
	COMMAND(PATCH, codearena_patch, .flags = CODEARENA_PATCH_F_SYNC,
		.needs_arena = true, .changes = true),
	COMMAND(DISCARD, codearena_discard,
		.needs_arena = true, .changes = true),
	COMMAND(SHARE, codearena_share, .outputs = true, .makes_handle = true,
		.reserved = offsetof(struct codearena_share, __reserved),
		.needs_arena = true),
	GROWN_COMMAND(STAT, codearena_stat, 128,
		      .outputs = true, .needs_arena = true),
	COMMAND(TRAP_REGISTER, codearena_trap_register, .outputs = true,
		.flags = CODEARENA_TRAP_F_REPORT,
		.needs_arena = true, .changes = true),
	COMMAND(TRAP_RELEASE, codearena_trap_release,
		.needs_arena = true, .changes = true),
	COMMAND(TRAP_LANDING, codearena_trap_landing, .needs_arena = true),
	COMMAND(CLONE, codearena_clone, .outputs = true, .makes_handle = true,
		.reserved = offsetof(struct codearena_clone, __reserved),
		.needs_arena = true),
	COMMAND(OPEN, codearena_open, .outputs = true, .makes_handle = true,
		.reserved = offsetof(struct codearena_open, __reserved)),
};

static void prepare_reserve(const struct arena *a, struct command_call *call)
{
	call->reserve.length = page_at(a, 16);
	call->reserve.commit_limit = page_at(a, 8);
	memcpy(call->reserve.name, "abi", 3);
}

static void prepare_write(const struct arena *a, struct command_call *call)
{
	call->chunk = chunk_of(granule_at(a, TRAP_PAGE, 3), call->source, 64);
	call->write.chunks = (uintptr_t)&call->chunk;
	call->write.count = 1;
	call->write.out_failed = POISON32;
}

static void prepare_publish(const struct arena *a, struct command_call *call)
{
	call->object = object_of(granule_at(a, TRAP_PAGE, 8), call->source, 64,
				 0);
	call->entry = patch_of(word_at(a, 0), 8, WORD(0), WORD(9));
	call->publish.objects = (uintptr_t)&call->object;
	call->publish.patches = (uintptr_t)&call->entry;
	call->publish.object_count = 1;
	call->publish.patch_count = 1;
	call->publish.out_failed = POISON32;
}

static void prepare_patch(const struct arena *a, struct command_call *call)
{
	call->entry = patch_of(word_at(a, 1), 8, WORD(1), WORD(9));
	call->patch.patches = (uintptr_t)&call->entry;
	call->patch.count = 1;
	call->patch.out_failed = POISON32;
}

static void prepare_discard(const struct arena *a, struct command_call *call)
{
	call->range.offset = granule_at(a, CODE_PAGE, 0);
	call->range.length = a->granule;
	call->discard.ranges = (uintptr_t)&call->range;
	call->discard.count = 1;
	call->discard.out_failed = POISON32;
}

/* Offsets in the last granule of a page, which is sealed. */
static void prepare_register(const struct arena *a, struct command_call *call,
			     unsigned int page)
{
	call->trap.start = 0;
	call->trap.length = a->granule;
	call->trap.landing = CODEARENA_LANDING_EXTERNAL;
	call->trap_register.size = sizeof(call->trap_register);
	call->trap_register.offset = granule_at(a, page, LAST_GRANULE);
	call->trap_register.length = a->granule;
	call->trap_register.traps = (uintptr_t)&call->trap;
	call->trap_register.count = 1;
	call->trap_register.out_failed = POISON32;
	call->trap_register.out_id = 0;
}

static void prepare_release(const struct arena *a, struct command_call *call)
{
	uint64_t id = 1;

	prepare_register(a, call, WRITTEN_PAGE);
	if (ioctl(a->fd, CODEARENA_TRAP_REGISTER, call) == 0)
		id = call->trap_register.out_id;
	memset(call->raw, 0, sizeof(call->raw));
	call->trap_release.id = id;
}

void command_prepare(enum command_index index, const struct arena *a,
		     struct command_call *call)
{
	memset(call, 0, sizeof(*call));
	memset(call->source, 0x33, sizeof(call->source));

	switch (index) {
	case COMMAND_QUERY:
		memset(&call->query, 0xef, sizeof(call->query));
		break;
	case COMMAND_RESERVE:
		prepare_reserve(a, call);
		break;
	case COMMAND_COMMIT:
		call->commit.offset = page_at(a, RESERVED_PAGE);
		call->commit.length = a->page;
		break;
	case COMMAND_DECOMMIT:
		call->decommit.offset = page_at(a, HIDDEN_PAGE);
		call->decommit.length = a->page;
		break;
	case COMMAND_WRITE:
		prepare_write(a, call);
		break;
	case COMMAND_SEAL:
		call->seal.offset = granule_at(a, TRAP_PAGE, 20);
		call->seal.length = a->granule;
		break;
	case COMMAND_PUBLISH:
		prepare_publish(a, call);
		break;
	case COMMAND_PATCH:
		prepare_patch(a, call);
		break;
	case COMMAND_DISCARD:
		prepare_discard(a, call);
		break;
	case COMMAND_SHARE:
		call->share.out_fd = (int32_t)POISON32;
		break;
	case COMMAND_STAT:
		memset(&call->stat, 0xef, sizeof(call->stat));
		break;
	case COMMAND_TRAP_REGISTER:
		prepare_register(a, call, TRAP_PAGE);
		break;
	case COMMAND_TRAP_RELEASE:
		prepare_release(a, call);
		break;
	case COMMAND_TRAP_LANDING:
		/* Any code will do: nothing reaches it. */
		call->trap_landing.address = (uintptr_t)commands & ~15UL;
		break;
	case COMMAND_CLONE:
		call->clone.out_fd = (int32_t)POISON32;
		break;
	case COMMAND_OPEN:
		call->open.out_fd = (int32_t)POISON32;
		break;
	case COMMAND_COUNT:
		abort();
	}
	call->head.size = commands[index].size;
	call->head.flags = 0;
}
