// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Headers of snapshots: the one that a module expects, and comparing with it.
 */
#include <errno.h>
#include <string.h>

#include "codearena/trap.h"
#include "snapshot/snapshot.h"
#include "space/space.h"

_Static_assert(sizeof(struct codearena_snapshot_opts) ==
	       2 * sizeof(size_t) + 3 * sizeof(void *) +
	       sizeof(uint64_t) + 2 * sizeof(uint32_t),
	       "codearena_snapshot_opts has padding");

/**
 * ca__snapshot_reason - describe a reason
 * @reason: any value
 *
 * Return: English text without a full stop; "unknown reason" for other values.
 */
const char *ca__snapshot_reason(uint32_t reason)
{
	static const char *const reasons[] = {
		[CODEARENA_SNAPSHOT_OK] = "the snapshot is not to blame",
		[CODEARENA_SNAPSHOT_TOO_SHORT] = "shorter than a header",
		[CODEARENA_SNAPSHOT_NO_SNAPSHOT] = "not a snapshot",
		[CODEARENA_SNAPSHOT_BYTE_ORDER] = "other byte order",
		[CODEARENA_SNAPSHOT_FORMAT] = "unknown format",
		[CODEARENA_SNAPSHOT_HEAD] = "damaged header",
		[CODEARENA_SNAPSHOT_MACHINE] = "for another architecture",
		[CODEARENA_SNAPSHOT_PAGE_SIZE] = "for another page size",
		[CODEARENA_SNAPSHOT_UNIT] = "for another alignment of code",
		[CODEARENA_SNAPSHOT_CPU_FEATURES] =
			"for other processor features",
		[CODEARENA_SNAPSHOT_ABI] = "for another interface between code and library",
		[CODEARENA_SNAPSHOT_JUMP_FLAGS] = "for other jump tables",
		[CODEARENA_SNAPSHOT_TRAP_KINDS] =
			"needs traps that have no landing pads here",
		[CODEARENA_SNAPSHOT_VERSION] =
			"saved by another version of the library",
		[CODEARENA_SNAPSHOT_BUILD] = 
			"saved by another build of the runtime",
		[CODEARENA_SNAPSHOT_IMPORTS] =
			"other number of imported functions",
		[CODEARENA_SNAPSHOT_FUNCTIONS] =
			"other number of declared functions",
		[CODEARENA_SNAPSHOT_BUILTINS] = "other number of builtins",
		[CODEARENA_SNAPSHOT_SIGNATURES] =
			"other number of signatures",
		[CODEARENA_SNAPSHOT_EXTERNALS] =
			"other number of external addresses",
		[CODEARENA_SNAPSHOT_LENGTH] = "too short or too long",
		[CODEARENA_SNAPSHOT_CHECKSUM] = "damaged contents",
		[CODEARENA_SNAPSHOT_STRUCTURE] = "inconsistent contents",
		[CODEARENA_SNAPSHOT_OBJECT] = "a code object was refused",
	};

	return reason < sizeof(reasons) / sizeof(*reasons) ? reasons[reason] :
							     "unknown reason";
}

/**
 * ca__snapshot_opts_get - copy options
 * @to: gets all members
 * @from: the caller's options, or NULL
 *
 * Return: 0, -EINVAL, -E2BIG or -EOPNOTSUPP.
 */
int ca__snapshot_opts_get(struct codearena_snapshot_opts *to,
			  const struct codearena_snapshot_opts *from)
{
	int ret;

	ret = ca__struct_get(to, from, CA__SIZE_SNAPSHOT_OPTS, sizeof(*to));
	if (ret)
		return ret;
	if ((to->flags & ~(CODEARENA_SNAPSHOT_F_BASELINE |
			   CODEARENA_SNAPSHOT_F_OTHERS)) || to->__reserved)
		return -EOPNOTSUPP;
	if (to->build_size > CODEARENA_SNAPSHOT_BUILD_MAX ||
	    (to->build_size && !to->build))
		return -EINVAL;
	return 0;
}

/* All arenas of a module have the same; without an arena any will do. */
static uint32_t ca__module_trap_kinds(const struct codearena_module *module)
{
	return module->space_count ?
	       codearena_trap_kinds(module->spaces[0].arena) : UINT32_MAX;
}

/**
 * ca__head_expect - make the header that a module expects
 * @head: gets it, without members that depend on the code
 * @module: module, whose lock is held
 * @opts: valid options
 */
void ca__head_expect(struct ca__head *head,
		     const struct codearena_module *module,
		     const struct codearena_snapshot_opts *opts)
{
	*head = (struct ca__head){
		.order = CA__SNAPSHOT_ORDER,
		.format = CA__SNAPSHOT_FORMAT,
		.head_size = sizeof(*head),
		.abi = CA__SNAPSHOT_ABI,
		.machine = module->machine,
		.page_size = module->allocator->manager->info.page_size,
		.unit = module->unit,
		.jump_flags = module->opts.jump_flags,
		.cpu_features = opts->cpu_features,
		.trap_kinds = ca__module_trap_kinds(module),
		.build_size = opts->build_size,
		.imports = module->opts.imports,
		.functions = module->opts.functions,
		.builtins = module->opts.builtin_count,
		.signatures = module->opts.signature_count,
		.externals = module->opts.external_count,
	};
	memcpy(head->magic, CA__SNAPSHOT_MAGIC, sizeof(head->magic));
	memcpy(head->version, codearena_version(),
	       strnlen(codearena_version(), sizeof(head->version) - 1));
	if (opts->build_size)
		memcpy(head->build, opts->build, opts->build_size);
}

/**
 * ca__head_seal - compute the checksum of a header
 * @head: header whose other members are final
 */
void ca__head_seal(struct ca__head *head)
{
	head->head_crc = ca__crc32c(0, head, offsetof(struct ca__head,
						      head_crc));
}

static int ca__refuse(uint32_t *to, uint32_t reason, int error)
{
	*to = reason;
	return error;
}

/**
 * ca__head_read - read a header
 * @from: the snapshot
 * @size: bytes of it
 * @head: gets the header
 * @reason: gets what is wrong
 *
 * Members that tell formats apart are checked before the checksum, others after
 * it.
 *
 * Return: 0, -EBADMSG, -ENOEXEC or -EOPNOTSUPP.
 */
int ca__head_read(const void *from, size_t size, struct ca__head *head,
		  uint32_t *reason)
{
	uint32_t crc;

	*reason = CODEARENA_SNAPSHOT_OK;
	if (size < sizeof(*head))
		return ca__refuse(reason, CODEARENA_SNAPSHOT_TOO_SHORT,
				  -EBADMSG);
	memcpy(head, from, sizeof(*head));
	if (memcmp(head->magic, CA__SNAPSHOT_MAGIC, sizeof(head->magic)))
		return ca__refuse(reason, CODEARENA_SNAPSHOT_NO_SNAPSHOT,
				  -EBADMSG);
	if (head->order != CA__SNAPSHOT_ORDER)
		return ca__refuse(reason, CODEARENA_SNAPSHOT_BYTE_ORDER,
				  -ENOEXEC);
	if (head->format != CA__SNAPSHOT_FORMAT)
		return ca__refuse(reason, CODEARENA_SNAPSHOT_FORMAT,
				  -EOPNOTSUPP);
	crc = ca__crc32c(0, head, offsetof(struct ca__head, head_crc));
	if (head->head_crc != crc || head->head_size != sizeof(*head) ||
	    head->version[sizeof(head->version) - 1] ||
	    head->build_size > sizeof(head->build))
		return ca__refuse(reason, CODEARENA_SNAPSHOT_HEAD, -EBADMSG);
	return 0;
}

#define CA__MEMBER(name)						\
	.offset = offsetof(struct ca__head, name),			\
	.size = sizeof(((struct ca__head *)0)->name)

/**
 * ca__head_compare - does a snapshot fit a module?
 * @head: header of the snapshot
 * @expected: header that the module expects
 * @reason: gets what is wrong
 *
 * Return: 0, -ENOEXEC, -EOPNOTSUPP, -ESTALE or -EINVAL.
 */
int ca__head_compare(const struct ca__head *head,
		     const struct ca__head *expected, uint32_t *reason)
{
	static const struct {
		size_t offset;
		size_t size;
		uint32_t reason;
		int error;
	} members[] = {
		{ CA__MEMBER(machine), CODEARENA_SNAPSHOT_MACHINE, -ENOEXEC },
		{ CA__MEMBER(page_size), CODEARENA_SNAPSHOT_PAGE_SIZE,
		  -ENOEXEC },
		{ CA__MEMBER(unit), CODEARENA_SNAPSHOT_UNIT, -ENOEXEC },
		{ CA__MEMBER(cpu_features), CODEARENA_SNAPSHOT_CPU_FEATURES,
		  -ENOEXEC },
		{ CA__MEMBER(abi), CODEARENA_SNAPSHOT_ABI, -ENOEXEC },
		{ CA__MEMBER(jump_flags), CODEARENA_SNAPSHOT_JUMP_FLAGS,
		  -ENOEXEC },
		{ CA__MEMBER(version), CODEARENA_SNAPSHOT_VERSION, -ESTALE },
		{ CA__MEMBER(build_size), CODEARENA_SNAPSHOT_BUILD, -ESTALE },
		{ CA__MEMBER(build), CODEARENA_SNAPSHOT_BUILD, -ESTALE },
		{ CA__MEMBER(imports), CODEARENA_SNAPSHOT_IMPORTS, -EINVAL },
		{ CA__MEMBER(functions), CODEARENA_SNAPSHOT_FUNCTIONS,
		  -EINVAL },
		{ CA__MEMBER(builtins), CODEARENA_SNAPSHOT_BUILTINS, -EINVAL },
		{ CA__MEMBER(signatures), CODEARENA_SNAPSHOT_SIGNATURES,
		  -EINVAL },
		{ CA__MEMBER(externals), CODEARENA_SNAPSHOT_EXTERNALS,
		  -EINVAL },
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(*members); i++) {
		const uint8_t *a = (const uint8_t *)head + members[i].offset;
		const uint8_t *b = (const uint8_t *)expected +
				   members[i].offset;

		if (memcmp(a, b, members[i].size))
			return ca__refuse(reason, members[i].reason,
					  members[i].error);
	}
	/* More kinds of traps than the code needs do no harm. */
	if (head->trap_kinds & ~expected->trap_kinds)
		return ca__refuse(reason, CODEARENA_SNAPSHOT_TRAP_KINDS,
				  -EOPNOTSUPP);
	return 0;
}

CODEARENA_API int codearena_snapshot_inspect(const void *from, size_t size,
					     struct codearena_snapshot_info *info)
{
	struct codearena_snapshot_info own;
	struct ca__head head;
	uint32_t reason;
	int ret;

	if (!from || !info || info->sz < CA__SIZE_SNAPSHOT_INFO)
		return -EINVAL;
	ret = ca__head_read(from, size, &head, &reason);
	if (ret)
		return ret;
	own = (struct codearena_snapshot_info){
		.length = head.length,
		.code_bytes = head.code_bytes,
		.cpu_features = head.cpu_features,
		.machine = head.machine,
		.page_size = head.page_size,
		.unit = head.unit,
		.jump_flags = head.jump_flags,
		.trap_kinds = head.trap_kinds,
		.imports = head.imports,
		.functions = head.functions,
		.builtins = head.builtins,
		.signatures = head.signatures,
		.externals = head.externals,
		.saved = head.saved,
		.eager = head.eager,
		.others = head.others,
		.build_size = head.build_size,
	};
	memcpy(own.build, head.build, sizeof(own.build));
	memcpy(own.version, head.version, sizeof(own.version));
	return ca__struct_put(info, &own, CA__SIZE_SNAPSHOT_INFO, sizeof(own));
}
