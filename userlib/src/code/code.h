/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code objects, from the inside.
 */
#ifndef CA__CODE_H
#define CA__CODE_H

#include "codearena/module.h"

struct ca__slab;

/* Sizes in the first release. */
#define CA__SIZE_CODE_DESC	152
#define CA__SIZE_CODE_INFO	160

_Static_assert(sizeof(struct codearena_code_desc) >= CA__SIZE_CODE_DESC &&
	       sizeof(struct codearena_code_info) >= CA__SIZE_CODE_INFO,
	       "structures only grow");

/* Parts of a body, in their order. */
enum ca__section {
	CA__SECTION_INSTRUCTIONS,
	CA__SECTION_SAFEPOINTS,
	CA__SECTION_HANDLERS,
	CA__SECTION_CONSTANTS,
	CA__SECTION_COMMENTS,
	CA__SECTIONS
};

/**
 * enum ca__code_phase - what its owner has done with an object
 * @CA__CODE_MADE: nothing that it has to remember, as for jump tables
 * @CA__CODE_ADDED: added; @place.staged is the owner's record of it
 * @CA__CODE_PUBLISHED: published; @place.index is its index in the owner's
 *                      array
 * @CA__CODE_RELEASED: the same, and the owner's reference was dropped
 */
enum ca__code_phase {
	CA__CODE_MADE = 0,
	CA__CODE_ADDED,
	CA__CODE_PUBLISHED,
	CA__CODE_RELEASED
};

/**
 * struct codearena_code - the public object, followed by its metadata
 * @start: address of the body
 * @owner: NULL, or who frees it: a module
 * @place: where the owner keeps it; @phase says which member is valid
 * @link: next in a chain, see ref.c and collect.h
 * @size: bytes of its region
 * @sections: bytes of the parts of the body, by enum ca__section
 * @function_index: in the module, or CODEARENA_CODE_ANONYMOUS
 * @trap_count: number of traps
 * @reloc_count: number of relocations
 * @position_count: number of source positions
 * @inlining_count: number of inlining positions
 * @deopt_size: bytes of deoptimisation data
 * @name_length: bytes of the name, without the 0 at its end; 0: no name
 * @references: atomic
 * @frame_slots: slots of its stack frames
 * @parameter_slots: slots of tagged parameters
 * @state: enum ca__state, see collect.h
 * @phase: enum ca__code_phase, protected by the owner's lock
 * @kind: enum codearena_code_kind
 * @tier: enum codearena_code_tier
 * @debug: enum codearena_code_debug
 * @flags: CODEARENA_CODE_F_* bits
 * @unwind: enum codearena_unwind_rule
 * @slab: 0: from malloc(), else what ca__slab_put() needs
 * @unwind_size: bytes of call frame instructions, or of the frame
 *
 * One allocation holds it all: this structure is followed by traps,
 * relocations, source positions, inlining positions, deoptimisation data, call
 * frame instructions and the name. The first four are arrays of structures, in an order that needs no
 * padding.
 */
struct codearena_code {
	uint64_t start;
	void *owner;
	union {
		void *staged;
		size_t index;
	} place;
	struct codearena_code *link;
	uint32_t size;
	uint32_t sections[CA__SECTIONS];
	int32_t function_index;
	uint32_t trap_count;
	uint32_t reloc_count;
	uint32_t position_count;
	uint32_t inlining_count;
	uint32_t deopt_size;
	uint32_t references;
	uint16_t name_length;
	uint16_t frame_slots;
	uint16_t parameter_slots;
	uint8_t state;
	uint8_t phase;
	uint8_t kind : 4;
	uint8_t tier : 2;
	uint8_t debug : 2;
	uint8_t flags : 4;
	uint8_t unwind : 4;
	uint8_t slab;
	uint32_t unwind_size;
};

/* More references can only be a leak; far from overflow. */
#define CA__REFERENCES_MAX	0x7fffffffU

/* V8's limit, on 64 bits. */
_Static_assert(sizeof(struct codearena_code) <= 104,
	       "a code object is too large");
_Static_assert(sizeof(struct codearena_code) % 8 == 0,
	       "the metadata of a code object would be misaligned");

static inline const struct codearena_trap *
ca__code_traps(const struct codearena_code *code)
{
	return (const void *)(code + 1);
}

static inline const struct codearena_reloc *
ca__code_relocs(const struct codearena_code *code)
{
	return (const void *)(ca__code_traps(code) + code->trap_count);
}

static inline const struct codearena_source_position *
ca__code_positions(const struct codearena_code *code)
{
	return (const void *)(ca__code_relocs(code) + code->reloc_count);
}

static inline const struct codearena_inlining_position *
ca__code_inlinings(const struct codearena_code *code)
{
	return (const void *)(ca__code_positions(code) + code->position_count);
}

static inline const uint8_t *ca__code_deopt(const struct codearena_code *code)
{
	return (const void *)(ca__code_inlinings(code) + code->inlining_count);
}

static inline const uint8_t *ca__code_cfi(const struct codearena_code *code)
{
	return ca__code_deopt(code) + code->deopt_size;
}

static inline size_t ca__code_cfi_size(const struct codearena_code *code)
{
	return code->unwind == CODEARENA_UNWIND_CFI ? code->unwind_size : 0;
}

/* Valid if the name is not empty; ends with a 0. */
static inline const char *ca__code_name(const struct codearena_code *code)
{
	return (const char *)ca__code_cfi(code) + ca__code_cfi_size(code);
}

static inline bool ca__code_contains(const struct codearena_code *code,
				     uint64_t pc)
{
	return pc - code->start < code->size;
}

/* code.c */
int ca__code_new(const struct codearena_code_desc *desc,
		 struct codearena_region region, void *owner,
		 struct codearena_code **out);
int ca__code_new_in(const struct codearena_code_desc *desc,
		    struct codearena_region region, void *owner,
		    struct ca__slab *slab, struct codearena_code **out);
void ca__code_destroy(struct codearena_code *code);
bool ca__code_try_ref(struct codearena_code *code);
uint32_t ca__code_body_bytes(const struct codearena_code *code);
size_t ca__code_memory(const struct codearena_code *code);

/* code_find.c */
const char *ca__code_kind_name(uint32_t kind);

#endif /* CA__CODE_H */
