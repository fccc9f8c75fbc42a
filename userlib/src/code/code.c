// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects: making, counting, freeing and describing them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "code/code_check.h"
#include "base/base.h"
#include "code/slab.h"
#include "code/ref.h"

static void *ca__code_copy(uint8_t **at, const void *from, size_t size)
{
	void *to = *at;

	if (size)
		memcpy(to, from, size);
	*at += size;
	return to;
}

static void ca__code_fill(struct codearena_code *code,
			  const struct codearena_code_desc *desc)
{
	uint8_t *at = (uint8_t *)(code + 1);
	void *traps;

	traps = ca__code_copy(&at, desc->traps,
			      desc->trap_count * sizeof(*desc->traps));
	ca__code_traps_sort(traps, desc->trap_count);
	ca__code_copy(&at, desc->relocs,
		      desc->reloc_count * sizeof(*desc->relocs));
	ca__code_copy(&at, desc->positions,
		      desc->position_count * sizeof(*desc->positions));
	ca__code_copy(&at, desc->inlinings,
		      desc->inlining_count * sizeof(*desc->inlinings));
	ca__code_copy(&at, desc->deopt, desc->deopt_size);
	ca__code_copy(&at, desc->cfi, desc->cfi_size);
	ca__code_copy(&at, desc->name, code->name_length);
	if (code->name_length)
		*at = '\0';
}

static struct codearena_code *ca__code_alloc(size_t memory,
					     struct ca__slab *slab,
					     unsigned int *shift)
{
	struct codearena_code *code = NULL;

	*shift = 0;
	if (slab && memory == sizeof(*code))
		code = ca__slab_take(slab, shift);
	return code ? code : malloc(memory);
}

/**
 * ca__code_new_in - make an object
 * @desc: description that ca__code_check() accepts
 * @region: where its body goes
 * @owner: NULL, or the module
 * @slab: NULL, or memory for the object if it has no metadata
 * @out: receives the object, with one reference
 *
 * Does not read the body.
 *
 * Return: 0; -ENOMEM; -EINVAL: @region is smaller than the body, or 4 GiB and
 * more.
 */
int ca__code_new_in(const struct codearena_code_desc *desc,
		    struct codearena_region region, void *owner,
		    struct ca__slab *slab, struct codearena_code **out)
{
	size_t name = desc->name ? strlen(desc->name) : 0;
	struct codearena_code counts = {
		.start = region.begin,
		.owner = owner,
		.size = region.size,
		.sections = {
			desc->instructions_size, desc->safepoint_size,
			desc->handler_size, desc->constant_pool_size,
			desc->comments_size,
		},
		.function_index = desc->function_index,
		.trap_count = desc->trap_count,
		.reloc_count = desc->reloc_count,
		.position_count = desc->position_count,
		.inlining_count = desc->inlining_count,
		.deopt_size = desc->deopt_size,
		.references = 1,
		.name_length = name,
		.frame_slots = desc->frame_slots,
		.parameter_slots = desc->parameter_slots,
		.kind = desc->kind,
		.tier = desc->tier,
		.debug = desc->debug,
		.flags = desc->flags,
		.unwind = desc->unwind,
		.unwind_size = desc->cfi_size ? desc->cfi_size :
						desc->frame_size,
	};
	struct codearena_code *code;
	unsigned int shift;
	size_t memory;

	if (region.size > UINT32_MAX || region.size < ca__code_body_size(desc))
		return -EINVAL;
	memory = ca__code_memory(&counts);
	code = ca__code_alloc(memory, slab, &shift);
	if (!code)
		return -ENOMEM;
	*code = counts;
	code->slab = shift;
	if (memory != sizeof(*code))
		ca__code_fill(code, desc);
	*out = code;
	return 0;
}

/**
 * ca__code_new - make an object in memory of its own
 * @desc: as for ca__code_new_in()
 * @region: as for it
 * @owner: as for it
 * @out: as for it
 *
 * Return: as ca__code_new_in().
 */
int ca__code_new(const struct codearena_code_desc *desc,
		 struct codearena_region region, void *owner,
		 struct codearena_code **out)
{
	return ca__code_new_in(desc, region, owner, NULL, out);
}

/**
 * ca__code_destroy - free an object
 * @code: NULL, or an object that cannot be found any more
 */
void ca__code_destroy(struct codearena_code *code)
{
	if (code && code->slab)
		ca__slab_put(code, code->slab);
	else
		free(code);
}

/**
 * ca__code_try_ref - take a reference unless the object is dead
 * @code: object whose memory stays valid during the call
 *
 * Return: whether a reference was taken; false too if there are too many.
 */
bool ca__code_try_ref(struct codearena_code *code)
{
	uint32_t old = __atomic_load_n(&code->references, __ATOMIC_RELAXED);
	const struct ca__owner *owner = code->owner;

	do {
		if (!old || old >= CA__REFERENCES_MAX)
			return false;
		if (old == 1 && owner && owner->collector)
			return ca__collector_revive(owner->collector, code);
	} while (!__atomic_compare_exchange_n(&code->references, &old, old + 1,
					      true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return true;
}

CODEARENA_API int codearena_code_ref(struct codearena_code *code)
{
	if (!code)
		return -EINVAL;
	if (ca__code_inherited(code))
		return -EPERM;
	return ca__code_try_ref(code) ? 0 : -EOVERFLOW;
}

CODEARENA_API uint64_t codearena_code_start(const struct codearena_code *code)
{
	return code ? code->start : 0;
}

CODEARENA_API uint32_t codearena_code_size(const struct codearena_code *code)
{
	return code ? code->size : 0;
}

/**
 * ca__code_body_bytes - size of the body
 * @code: object
 *
 * Return: the bytes, without padding.
 */
uint32_t ca__code_body_bytes(const struct codearena_code *code)
{
	uint32_t size = 0;
	size_t i;

	for (i = 0; i < CA__SECTIONS; i++)
		size += code->sections[i];
	return size;
}

/**
 * ca__code_memory - memory of an object beside the machine code
 * @code: object
 *
 * Return: bytes of the object and its metadata.
 */
size_t ca__code_memory(const struct codearena_code *code)
{
	return sizeof(*code) +
	       code->trap_count * sizeof(struct codearena_trap) +
	       code->reloc_count * sizeof(struct codearena_reloc) +
	       code->position_count *
		       sizeof(struct codearena_source_position) +
	       code->inlining_count *
		       sizeof(struct codearena_inlining_position) +
	       code->deopt_size + ca__code_cfi_size(code) +
	       code->name_length + !!code->name_length;
}

static void ca__code_info(const struct codearena_code *code,
			  struct codearena_code_info *info)
{
	*info = (struct codearena_code_info){
		.trap_count = code->trap_count,
		.reloc_count = code->reloc_count,
		.position_count = code->position_count,
		.inlining_count = code->inlining_count,
		.deopt_size = code->deopt_size,
		.memory = ca__code_memory(code),
		.start = code->start,
		.size = code->size,
		.body_size = ca__code_body_bytes(code),
		.kind = code->kind,
		.tier = code->tier,
		.debug = code->debug,
		.function_index = code->function_index,
		.flags = code->flags,
		.instructions_size = code->sections[CA__SECTION_INSTRUCTIONS],
		.safepoint_size = code->sections[CA__SECTION_SAFEPOINTS],
		.handler_size = code->sections[CA__SECTION_HANDLERS],
		.constant_pool_size = code->sections[CA__SECTION_CONSTANTS],
		.comments_size = code->sections[CA__SECTION_COMMENTS],
		.frame_slots = code->frame_slots,
		.parameter_slots = code->parameter_slots,
	};
	if (code->trap_count)
		info->traps = ca__code_traps(code);
	if (code->reloc_count)
		info->relocs = ca__code_relocs(code);
	if (code->position_count)
		info->positions = ca__code_positions(code);
	if (code->inlining_count)
		info->inlinings = ca__code_inlinings(code);
	if (code->deopt_size)
		info->deopt = ca__code_deopt(code);
}

CODEARENA_API int codearena_code_get_info(const struct codearena_code *code,
					  struct codearena_code_info *info)
{
	struct codearena_code_info known;

	if (!code)
		return -EINVAL;
	ca__code_info(code, &known);
	return ca__struct_put(info, &known, CA__SIZE_CODE_INFO, sizeof(known));
}
