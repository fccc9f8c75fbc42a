// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects: making, counting and freeing them, and what is asked of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "code/code_check.h"
#include "arena/arena.h"
#include "code/ref.h"

static size_t ca__deopt_offset(const struct codearena_code *code)
{
	return sizeof(*code) +
	       code->trap_count * sizeof(struct codearena_trap) +
	       code->reloc_count * sizeof(struct codearena_reloc) +
	       code->position_count *
		       sizeof(struct codearena_source_position) +
	       code->inlining_count *
		       sizeof(struct codearena_inlining_position);
}

static void *ca__copy(uint8_t **at, const void *from, size_t size)
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

	traps = ca__copy(&at, desc->traps,
			 desc->trap_count * sizeof(*desc->traps));
	ca__code_traps_sort(traps, desc->trap_count);
	ca__copy(&at, desc->relocs, desc->reloc_count * sizeof(*desc->relocs));
	ca__copy(&at, desc->positions,
		 desc->position_count * sizeof(*desc->positions));
	ca__copy(&at, desc->inlinings,
		 desc->inlining_count * sizeof(*desc->inlinings));
	ca__copy(&at, desc->deopt, desc->deopt_size);
	ca__copy(&at, desc->name, code->name_length);
	if (code->name_length)
		*at = '\0';
}

/**
 * ca__code_new - make an object
 * @desc: what codearena_code_check() has passed
 * @region: where its body goes; it must be large enough
 * @owner: the module, or NULL
 * @out: gets the object, with one reference
 *
 * The body is not looked at. Return: 0; -ENOMEM; -EINVAL: the region is too
 * small, or larger than an object can be.
 */
int ca__code_new(const struct codearena_code_desc *desc,
		 struct codearena_region region, void *owner,
		 struct codearena_code **out)
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
	};
	struct codearena_code *code;
	size_t memory;

	if (region.size > UINT32_MAX || region.size < ca__code_body_size(desc))
		return -EINVAL;
	memory = codearena_code_memory(&counts);
	code = malloc(memory);
	if (!code)
		return -ENOMEM;
	*code = counts;
	if (memory != sizeof(*code))
		ca__code_fill(code, desc);
	*out = code;
	return 0;
}

/**
 * ca__code_destroy - free an object
 * @code: NULL, or an object which nobody can find any more
 */
void ca__code_destroy(struct codearena_code *code)
{
	free(code);
}

/**
 * ca__code_try_ref - take a reference if it is not dead yet
 * @code: object whose memory is known to stay
 *
 * Return: whether a reference was taken; not either when there are too many.
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

/**
 * ca__code_unref - drop a reference
 * @code: object
 *
 * Return: whether it was the last one.
 */
bool ca__code_unref(struct codearena_code *code)
{
	return __atomic_sub_fetch(&code->references, 1, __ATOMIC_ACQ_REL) == 0;
}

CODEARENA_API int codearena_code_ref(struct codearena_code *code)
{
	if (!code)
		return -EINVAL;
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

CODEARENA_API uint32_t
codearena_code_body_size(const struct codearena_code *code)
{
	uint32_t size = 0;
	size_t i;

	for (i = 0; code && i <= CODEARENA_SECTION_COMMENTS; i++)
		size += code->sections[i];
	return size;
}

CODEARENA_API uint64_t
codearena_code_section(const struct codearena_code *code,
		       enum codearena_code_section section, uint32_t *size)
{
	uint64_t address;
	unsigned int i;

	if (size)
		*size = 0;
	if (!code || (unsigned int)section > CODEARENA_SECTION_COMMENTS ||
	    !code->sections[section])
		return 0;
	address = code->start;
	for (i = 0; i < (unsigned int)section; i++)
		address += code->sections[i];
	if (size)
		*size = code->sections[section];
	return address;
}

CODEARENA_API enum codearena_code_kind
codearena_code_kind(const struct codearena_code *code)
{
	return code ? code->kind : CODEARENA_CODE_FUNCTION;
}

CODEARENA_API enum codearena_code_tier
codearena_code_tier(const struct codearena_code *code)
{
	return code ? code->tier : CODEARENA_TIER_NONE;
}

CODEARENA_API enum codearena_code_debug
codearena_code_debug(const struct codearena_code *code)
{
	return code ? code->debug : CODEARENA_DEBUG_NONE;
}

CODEARENA_API uint32_t codearena_code_flags(const struct codearena_code *code)
{
	return code ? code->flags : 0;
}

CODEARENA_API int32_t
codearena_code_function_index(const struct codearena_code *code)
{
	return code ? code->function_index : CODEARENA_CODE_ANONYMOUS;
}

CODEARENA_API uint32_t
codearena_code_frame_slots(const struct codearena_code *code)
{
	return code ? code->frame_slots : 0;
}

CODEARENA_API uint32_t
codearena_code_parameter_slots(const struct codearena_code *code)
{
	return code ? code->parameter_slots : 0;
}

CODEARENA_API bool codearena_code_contains(const struct codearena_code *code,
					   uint64_t pc)
{
	return code && pc - code->start < code->size;
}

/* An array of the metadata: where it begins, and how much it holds. */
static const void *ca__array(const struct codearena_code *code, size_t offset,
			     uint32_t number, size_t *count)
{
	*count = number;
	return number ? (const uint8_t *)code + offset : NULL;
}

CODEARENA_API const struct codearena_trap *
codearena_code_traps(const struct codearena_code *code, size_t *count)
{
	if (!code || !count)
		return NULL;
	return ca__array(code, sizeof(*code), code->trap_count, count);
}

CODEARENA_API const struct codearena_reloc *
codearena_code_relocs(const struct codearena_code *code, size_t *count)
{
	if (!code || !count)
		return NULL;
	return ca__array(code, sizeof(*code) +
			 code->trap_count * sizeof(struct codearena_trap),
			 code->reloc_count, count);
}

CODEARENA_API const struct codearena_source_position *
codearena_code_positions(const struct codearena_code *code, size_t *count)
{
	if (!code || !count)
		return NULL;
	return ca__array(code, ca__deopt_offset(code) -
			 code->inlining_count *
				 sizeof(struct codearena_inlining_position) -
			 code->position_count *
				 sizeof(struct codearena_source_position),
			 code->position_count, count);
}

CODEARENA_API const struct codearena_inlining_position *
codearena_code_inlinings(const struct codearena_code *code, size_t *count)
{
	if (!code || !count)
		return NULL;
	return ca__array(code, ca__deopt_offset(code) -
			 code->inlining_count *
				 sizeof(struct codearena_inlining_position),
			 code->inlining_count, count);
}

CODEARENA_API const void *codearena_code_deopt(const struct codearena_code *code,
					       size_t *size)
{
	if (!code || !size)
		return NULL;
	return ca__array(code, ca__deopt_offset(code), code->deopt_size, size);
}

CODEARENA_API size_t codearena_code_memory(const struct codearena_code *code)
{
	if (!code)
		return 0;
	return ca__deopt_offset(code) + code->deopt_size + code->name_length +
	       !!code->name_length;
}
