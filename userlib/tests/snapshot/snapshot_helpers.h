/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Helpers of the tests of snapshots.
 */
#ifndef TEST_SNAPSHOT_HELPERS_H
#define TEST_SNAPSHOT_HELPERS_H

#include <stdlib.h>

#include "codearena/snapshot.h"
#include "module/module_helpers.h"
#include "snapshot/snapshot.h"

/**
 * struct image - a snapshot
 * @bytes: from malloc()
 * @size: bytes of it
 */
struct image {
	uint8_t *bytes;
	size_t size;
};

/* A function with something of everything, and its parts. */
#define RICH_CONSTANT	0x123456789abcdef0ULL

struct rich {
	uint8_t bytes[128];
	struct codearena_trap traps[2];
	struct codearena_source_position positions[2];
	struct codearena_inlining_position inlinings[2];
	char name[32];
	struct codearena_code_desc desc;
};

/* Saves nothing: the size that codearena_snapshot_save() needs, 0 on failure. */
static inline int snapshot_size(struct codearena_module *module,
				const struct codearena_snapshot_opts *opts,
				size_t *size)
{
	int ret;

	*size = 0;
	ret = codearena_snapshot_save(module, opts, NULL, size);
	return ret == -EMSGSIZE ? 0 : ret;
}

/* Returns @value; optimised. */
static inline void rich_body(struct rich *rich, int32_t function,
			     uint32_t value)
{
	static const char deopt[] = "data of the runtime";
	uint64_t constant = RICH_CONSTANT;
	uint8_t *at = rich->bytes;
	uint32_t code;

	memset(rich, 0, sizeof(*rich));
	code = code_return(at, value);
	/* Offsets in the pool are multiples of eight. */
	code += code_return(at + code, value);
	memset(at + code, 0, 24 - code);
	memcpy(at + 24, "safepoints!!", 12);
	memcpy(at + 36, "hand", 4);
	memcpy(at + 40, &constant, sizeof(constant));
	memcpy(at + 48, "comment", 7);
	rich->traps[0] = (struct codearena_trap){ 4, 1, 8 };
	rich->traps[1] = (struct codearena_trap){
		0, 1, CODEARENA_LANDING_EXTERNAL
	};
	rich->positions[0] = (struct codearena_source_position){
		0, 100, -1, CODEARENA_POSITION_F_STATEMENT
	};
	rich->positions[1] = (struct codearena_source_position){ 4, 90, 1, 0 };
	rich->inlinings[0] = (struct codearena_inlining_position){
		7, 20, -1, 0
	};
	rich->inlinings[1] = (struct codearena_inlining_position){
		8, 30, 0, CODEARENA_INLINING_F_TAIL_CALL
	};
	strcpy(rich->name, "rich function");
	rich->desc = (struct codearena_code_desc){
		.sz = sizeof(rich->desc),
		.body = rich->bytes,
		/* The external landing pad is the process's, if it has one. */
		.traps = rich->traps,
		.trap_count = 1,
		.positions = rich->positions,
		.position_count = 2,
		.inlinings = rich->inlinings,
		.inlining_count = 2,
		.deopt = deopt,
		.deopt_size = sizeof(deopt),
		.name = rich->name,
		.kind = CODEARENA_CODE_FUNCTION,
		.tier = CODEARENA_TIER_OPTIMIZED,
		.function_index = function,
		.flags = CODEARENA_CODE_F_REPORT,
		.instructions_size = 24,
		.safepoint_size = 12,
		.handler_size = 4,
		.constant_pool_size = 8,
		.comments_size = 7,
		.frame_slots = 9,
		.parameter_slots = 3,
	};
}

static inline void publish_desc(struct codearena_module *module,
				const struct codearena_code_desc *desc)
{
	assert_int_equal(codearena_module_add_publish(module, desc, 1, NULL,
						      NULL), 0);
}

/*
 * What most tests save: function 2 is rich and returns 77, 3 tail-calls it, 4
 * tail-calls builtin 1, 5 has baseline code only; all others have none.
 */
static inline void publish_usual(struct codearena_module *module)
{
	struct rich rich;
	struct body body;

	rich_body(&rich, 2, 77);
	publish_desc(module, &rich.desc);
	body_call(&body, 3, CODEARENA_RELOC_CALL, 2);
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	publish_desc(module, &body.desc);
	body_call(&body, 4, CODEARENA_RELOC_STUB_CALL, 1);
	body.desc.tier = CODEARENA_TIER_OPTIMIZED;
	publish_desc(module, &body.desc);
	body_return(&body, 5, 55);
	publish_desc(module, &body.desc);
}

static inline struct image image_of(struct codearena_module *module,
				    const struct codearena_snapshot_opts *opts)
{
	struct image image;
	void *bytes;

	assert_int_equal(codearena_snapshot_save_new(module, opts, &bytes,
						     &image.size), 0);
	image.bytes = bytes;
	return image;
}

/* The usual image, of a module of its own. */
static inline struct image
image_usual(const struct codearena_snapshot_opts *opts)
{
	struct module_fixture fixture;
	struct codearena_module_opts how = module_opts(&fixture);
	struct image image;

	module_begin(&fixture, 0, &how);
	publish_usual(fixture.module);
	image = image_of(fixture.module, opts);
	module_end(&fixture);
	return image;
}

static inline struct image image_copy(const struct image *from)
{
	struct image to = { malloc(from->size), from->size };

	assert_non_null(to.bytes);
	memcpy(to.bytes, from->bytes, from->size);
	return to;
}

static inline struct ca__head image_head(const struct image *image)
{
	struct ca__head head;

	assert_true(image->size >= sizeof(head));
	memcpy(&head, image->bytes, sizeof(head));
	return head;
}

/* Begins with the first object. */
static inline struct ca__reader image_objects(const struct image *image)
{
	size_t offset = sizeof(struct ca__head) + image_head(image).functions;

	return (struct ca__reader){
		image->bytes + offset, image->size - offset
	};
}

/* After a change: length and checksums are right again. */
static inline void image_repair(struct image *image, struct ca__head head)
{
	head.length = image->size;
	head.payload_crc = ca__crc32c(0, image->bytes + sizeof(head),
				      image->size - sizeof(head));
	ca__head_seal(&head);
	memcpy(image->bytes, &head, sizeof(head));
}

static inline struct codearena_module_counters
module_stat(struct codearena_module *module)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	assert_int_equal(codearena_module_stat(module, &stat), 0);
	return stat;
}

/* A module that nothing was published in, with all slots as they began. */
static inline void expect_pristine(struct codearena_module *module)
{
	struct codearena_module_counters stat = module_stat(module);
	struct codearena_code *table[MODULE_FUNCTIONS];
	size_t count = MODULE_FUNCTIONS, i;

	assert_int_equal(stat.codes, 0);
	assert_int_equal(stat.added, 0);
	assert_int_equal(stat.current, 0);
	assert_int_equal(stat.dead, 0);
	assert_int_equal(stat.code_bytes, 0);
	assert_int_equal(stat.metadata_bytes, 0);
	assert_int_equal(codearena_module_codes(module, CODEARENA_CODES_CURRENT, table,
							 &count), 0);
	for (i = 0; i < count; i++) {
		assert_null(table[i]);
		assert_int_equal(call_function(module, MODULE_IMPORTS + i, 0),
				 LAZY_VALUE);
	}
}

static inline int load(struct codearena_module *module,
		       const struct image *image)
{
	return codearena_snapshot_load(module, NULL, image->bytes, image->size,
				       NULL, NULL);
}

#endif /* TEST_SNAPSHOT_HELPERS_H */
