/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A code object, for those who make and free them.
 */
#ifndef CA__CODE_H
#define CA__CODE_H

#include "codearena/module.h"

/**
 * enum ca__code_phase - what its owner has done with an object
 * @CA__CODE_MADE: nothing that it has to remember, as for jump tables
 * @CA__CODE_ADDED: added; @place.staged is the owner's record of it
 * @CA__CODE_PUBLISHED: published; @place.index is its index in the owner's array
 * @CA__CODE_RELEASED: the same, and the owner's reference was dropped
 */
enum ca__code_phase {
	CA__CODE_MADE = 0,
	CA__CODE_ADDED,
	CA__CODE_PUBLISHED,
	CA__CODE_RELEASED
};

/**
 * struct codearena_code - the public object, with its metadata behind it
 * @start: address of the body
 * @owner: the module, or NULL; who it is given back to
 * @place: where the owner keeps it; @phase says which member is valid
 * @link: next in a chain, see ref.c and collect.h
 * @size: bytes of its region
 * @sections: bytes of the parts of the body
 * @function_index: in the module, or CODEARENA_CODE_ANONYMOUS
 * @trap_count: how many traps
 * @reloc_count: how many relocations
 * @position_count: how many source positions
 * @inlining_count: how many inlining positions
 * @deopt_size: bytes of data about deoptimisation
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
 *
 * One allocation holds it all: behind this structure come traps, relocations,
 * source positions, inlining positions, data about deoptimisation, the name. The
 * first four are arrays of structures whose size is a multiple of what they
 * must be aligned to, in an order that needs no gaps.
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
	uint32_t sections[5];
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
	uint8_t flags;
};

/* So many references that a leak has to be the reason; far from overflow. */
#define CA__REFERENCES_MAX	0x7fffffffU

/* V8's budget, on 64 bits. */
_Static_assert(sizeof(struct codearena_code) <= 104,
	       "a code object is too large");
_Static_assert(sizeof(struct codearena_code) % 8 == 0,
	       "the metadata of a code object would be misaligned");

/* code.c */
int ca__code_new(const struct codearena_code_desc *desc,
		 struct codearena_region region, void *owner,
		 struct codearena_code **out);
void ca__code_destroy(struct codearena_code *code);
bool ca__code_try_ref(struct codearena_code *code);
bool ca__code_unref(struct codearena_code *code);

#endif /* CA__CODE_H */
