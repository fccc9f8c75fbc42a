/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The format of snapshots, and declarations that its files share.
 *
 * A snapshot is struct ca__head, then a byte for each declared function (enum
 * codearena_snapshot_state), then the code objects: those of declared functions
 * by ascending index, then the others by ascending address. An object is struct
 * ca__record, the body, the arrays of traps, relocations, source positions and
 * inlining positions, the deoptimisation data, the name with a NUL if there
 * is one, and how it unwinds: 4 bytes, the size of its frame or that of the call
 * frame instructions that follow, if its rule has one. There is no alignment and no
 * padding, so equal modules make equal bytes.
 *
 * Numbers are in host byte order.
 */
#ifndef CA__SNAPSHOT_H
#define CA__SNAPSHOT_H

#include "codearena/snapshot.h"
#include "module/module.h"

/* Sizes of the public structures in the first release. */
#define CA__SIZE_SNAPSHOT_OPTS	56
#define CA__SIZE_SNAPSHOT_INFO	184
#define CA__SIZE_SNAPSHOT_ERROR	40

_Static_assert(sizeof(struct codearena_snapshot_opts) >=
	       CA__SIZE_SNAPSHOT_OPTS &&
	       sizeof(struct codearena_snapshot_info) >=
	       CA__SIZE_SNAPSHOT_INFO &&
	       sizeof(struct codearena_snapshot_error) >=
	       CA__SIZE_SNAPSHOT_ERROR,
	       "a public structure has shrunk");

#define CA__SNAPSHOT_MAGIC	"CASNAP\x1a\n"
#define CA__SNAPSHOT_ORDER	0x01020304U
#define CA__SNAPSHOT_FORMAT	1

/*
 * To be incremented when existing code stops working: when the layout of slots or
 * of handle table entries changes, or the registers that landing pads get.
 */
#define CA__SNAPSHOT_ABI	1

/*
 * V8's limits: the number of batches, and the smallest number of bytes of a batch.
 * The fuzzer has smaller batches.
 */
#define CA__SNAPSHOT_BATCHES	100
#ifndef CA__SNAPSHOT_BATCH
#define CA__SNAPSHOT_BATCH	100000
#endif

/**
 * struct ca__head - the header
 * @magic: CA__SNAPSHOT_MAGIC
 * @order: CA__SNAPSHOT_ORDER
 * @format: CA__SNAPSHOT_FORMAT, the format of all that follows
 * @head_size: bytes of the header
 * @abi: CA__SNAPSHOT_ABI
 * @machine: ELF machine number
 * @page_size: bytes in a page
 * @unit: sizes of code are rounded up to this
 * @jump_flags: CODEARENA_JUMP_F_*
 * @cpu_features: see struct codearena_snapshot_opts
 * @trap_kinds: CODEARENA_TRAP_* where it was saved; 0: no traps
 * @build_size: bytes of @build
 * @version: version of the library, padded with 0
 * @build: build of the runtime, padded with 0
 * @imports: number of imported functions
 * @functions: number of declared functions
 * @builtins: number of builtins
 * @signatures: number of signatures
 * @externals: number of external addresses
 * @saved: number of states that are CODEARENA_SNAPSHOT_CODE
 * @eager: number of states that are CODEARENA_SNAPSHOT_EAGER
 * @others: number of objects after those of declared functions
 * @length: bytes of the snapshot
 * @code_bytes: bytes of all objects, each rounded up to @unit
 * @payload_crc: checksum of all that follows the header
 * @head_crc: checksum of the members before this one
 */
struct ca__head {
	uint8_t magic[8];
	uint32_t order;
	uint32_t format;
	uint32_t head_size;
	uint32_t abi;
	uint32_t machine;
	uint32_t page_size;
	uint32_t unit;
	uint32_t jump_flags;
	uint64_t cpu_features;
	uint32_t trap_kinds;
	uint32_t build_size;
	uint8_t version[32];
	uint8_t build[CODEARENA_SNAPSHOT_BUILD_MAX];
	uint32_t imports;
	uint32_t functions;
	uint32_t builtins;
	uint32_t signatures;
	uint32_t externals;
	uint32_t saved;
	uint32_t eager;
	uint32_t others;
	uint64_t length;
	uint64_t code_bytes;
	uint32_t payload_crc;
	uint32_t head_crc;
};

_Static_assert(sizeof(struct ca__head) == CODEARENA_SNAPSHOT_HEAD_SIZE &&
	       sizeof(struct ca__head) == 8 + 18 * 4 + 3 * 8 + 32 + 64 + 8,
	       "the header has padding");

/**
 * struct ca__record - the fixed part of an object
 * @kind: enum codearena_code_kind
 * @tier: enum codearena_code_tier
 * @report: CODEARENA_CODE_F_REPORT or 0
 * @unwind: enum codearena_unwind_rule
 * @function_index: in the module, or CODEARENA_CODE_ANONYMOUS
 * @sections: bytes of the parts of the body
 * @frame_slots: slots of stack frames
 * @parameter_slots: slots of tagged parameters
 * @traps: entries
 * @relocs: entries
 * @positions: entries
 * @inlinings: entries
 * @deopt_size: bytes
 * @name_length: bytes without the NUL; 0: no name
 */
struct ca__record {
	uint8_t kind;
	uint8_t tier;
	uint8_t report;
	uint8_t unwind;
	int32_t function_index;
	uint32_t sections[5];
	uint16_t frame_slots;
	uint16_t parameter_slots;
	uint32_t traps;
	uint32_t relocs;
	uint32_t positions;
	uint32_t inlinings;
	uint32_t deopt_size;
	uint32_t name_length;
};

/* A landing pad that is CODEARENA_LANDING_EXTERNAL */
#define CA__RECORD_EXTERNAL	0xffffffffU

_Static_assert((uint32_t)CODEARENA_LANDING_EXTERNAL == CA__RECORD_EXTERNAL,
	       "the low bits do not identify an external landing pad");

struct ca__record_trap {
	uint32_t start;
	uint32_t length;
	uint32_t landing;
};

struct ca__record_reloc {
	uint32_t offset;
	uint8_t kind;
	uint8_t form;
	uint16_t __reserved;
	uint32_t index;
	uint32_t addend[2];
};

/* These have no padding. */
typedef struct codearena_source_position ca__record_position;
typedef struct codearena_inlining_position ca__record_inlining;

_Static_assert(sizeof(struct ca__record) == 56 &&
	       sizeof(struct ca__record_trap) == 12 &&
	       sizeof(struct ca__record_reloc) == 20 &&
	       sizeof(ca__record_position) == 16 &&
	       sizeof(ca__record_inlining) == 16,
	       "a snapshot has padding");

static inline bool ca__unwind_has_size(uint32_t rule)
{
	return rule == CODEARENA_UNWIND_FIXED || rule == CODEARENA_UNWIND_CFI;
}

/**
 * struct ca__view - an object in a snapshot
 * @record: copy of its fixed part
 * @body: its body, in the snapshot like all that follows up to @cfi
 * @unwind_size: bytes of @cfi, or of the frame
 */
struct ca__view {
	struct ca__record record;
	const uint8_t *body;
	const uint8_t *traps;
	const uint8_t *relocs;
	const uint8_t *positions;
	const uint8_t *inlinings;
	const uint8_t *deopt;
	const uint8_t *name;
	const uint8_t *cfi;
	uint32_t unwind_size;
};

/**
 * struct ca__reader - bytes not read yet
 * @at: the first of them
 * @left: their number
 */
struct ca__reader {
	const uint8_t *at;
	size_t left;
};

/**
 * struct ca__batch - objects that are published together
 * @reader: at the first of them
 * @first: index of the first one
 * @count: number of objects
 * @traps: number of traps of all objects
 * @relocs: number of relocations of all objects
 * @positions: number of source positions of all objects
 * @inlinings: number of inlining positions of all objects
 */
struct ca__batch {
	struct ca__reader reader;
	size_t first;
	size_t count;
	size_t traps;
	size_t relocs;
	size_t positions;
	size_t inlinings;
};

/**
 * struct ca__plan - a valid snapshot, divided into batches
 * @head: copy of the header
 * @states: states of the declared functions
 * @objects: number of code objects
 * @batches: batches to be published
 * @batch_count: entries of @batches
 */
struct ca__plan {
	struct ca__head head;
	const uint8_t *states;
	size_t objects;
	struct ca__batch batches[CA__SNAPSHOT_BATCHES];
	size_t batch_count;
};

/* Bytes of a body. */
static inline uint64_t ca__record_body(const struct ca__record *record)
{
	return (uint64_t)record->sections[0] + record->sections[1] +
		record->sections[2] + record->sections[3] + record->sections[4];
}

/* snapshot_crc.c */
uint32_t ca__crc32c(uint32_t crc, const void *from, size_t size);

/* snapshot_head.c */
const char *ca__snapshot_reason(uint32_t reason);
int ca__snapshot_opts_get(struct codearena_snapshot_opts *to,
			  const struct codearena_snapshot_opts *from);
void ca__head_expect(struct ca__head *head,
		     const struct codearena_module *module,
		     const struct codearena_snapshot_opts *opts);
void ca__head_seal(struct ca__head *head);
int ca__head_read(const void *from, size_t size, struct ca__head *head,
		  uint32_t *reason);
int ca__head_compare(const struct ca__head *head,
		     const struct ca__head *expected, uint32_t *reason);

/* snapshot_read.c */
bool ca__view_read(struct ca__reader *reader, struct ca__view *view);
int ca__snapshot_plan(const struct ca__head *expected, const void *from,
		      size_t size, struct ca__plan *plan, uint32_t *reason);

#endif /* CA__SNAPSHOT_H */
