// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Commands with arrays: WRITE, PATCH, DISCARD, PUBLISH. */
#include "fuzz.h"

/* More than the module takes, and so refused before the array is looked at. */
#define TOO_MANY	65536U

/* The real number of entries; the number given to the command may be wrong. */
static uint32_t entries_of(uint64_t count, uint32_t most, uint32_t *given,
			   bool may_be_none, struct errors *allowed)
{
	if (count <= most) {
		*given = (uint32_t)count;
		if (!count && !may_be_none)
			error_add(allowed, EINVAL);
		return *given;
	}
	*given = (uint32_t)count | (TOO_MANY + 1);
	error_add(allowed, EINVAL);
	return 0;
}

/* Put an array where the command looks for it. */
static uint64_t place_array(struct fuzzer *f, const struct op *op,
			    const void *entries, uint64_t size, bool used,
			    uint64_t at, struct errors *allowed)
{
	if (used && op->abi & ABI_ARRAY) {
		error_add(allowed, EFAULT);
		return 64;
	}
	if (used && op->abi & ABI_ARRAY_HALF) {
		uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
		uint8_t *end = f->command + page;

		/* Nothing else is at the end of the command's page. */
		error_add(allowed, EFAULT);
		if (op->abi & ABI_HALF)
			return 64;
		memcpy(end - (size - 8), entries, size - 8);
		return (uintptr_t)end - (size - 8);
	}
	memcpy(f->array + at, entries, size);
	return (uintptr_t)f->array + at;
}

/* The entry that is blamed must have something wrong. */
static void judge_failed(struct fuzzer *f, const struct op *op, int number,
			 uint32_t failed, const struct errors *own,
			 uint32_t count)
{
	if (!number || failed == CODEARENA_NO_INDEX || failed == POISON32)
		return;
	if (failed >= count)
		violation(f, "%s blames entry %u of %u", op_names[op->kind],
			  failed, count);
	else if (!error_has(&own[failed], number))
		violation(f, "%s blames entry %u, which has not earned %s",
			  op_names[op->kind], failed, strerror(number));
}

static void errors_join(struct errors *to, const struct errors *from,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		for (unsigned int j = 0; j < 3; j++)
			to->bits[j] |= from[i].bits[j];
}

static void errors_of_copy(struct errors *e, const struct model *m,
			   uint64_t offset, uint64_t length, bool replace)
{
	if (!model_committed(m, offset, length))
		error_add(e, ENOENT);
	if (replace ? m->flags & CODEARENA_RESERVE_F_PERMANENT :
		      model_any_sealed(m, offset, length))
		error_add(e, EPERM);
}

/* Do two ranges share a granule? */
static bool granules_meet(const struct model *m, uint64_t a, uint64_t a_length,
			  uint64_t b, uint64_t b_length)
{
	uint64_t a_start = a / m->granule, b_start = b / m->granule;

	return a_start <= (b + b_length - 1) / m->granule &&
	       b_start <= (a + a_length - 1) / m->granule;
}

/* Arguments: flags, count, then offset, length, content of each chunk. */
void op_write(struct fuzzer *f, const struct op *op)
{
	struct codearena_write c = {
		.flags = (uint32_t)op->arg[0],
		.out_failed = POISON32,
	};
	struct errors allowed = { 0 }, own[MAX_ENTRIES] = { 0 };
	struct codearena_chunk chunks[MAX_ENTRIES] = { 0 };
	const uint8_t *bytes[MAX_ENTRIES];
	struct model *m = f->slots[op->slot];
	bool good[MAX_ENTRIES];
	uint64_t cursor = 0;
	uint32_t count;
	int number;

	if (!m)
		return;
	if (c.flags)
		error_add(&allowed, EOPNOTSUPP);
	count = entries_of(op->arg[1], MAX_ENTRIES, &c.count, false, &allowed);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *arg = &op->arg[2 + 3 * i];

		chunks[i].offset = arg[0];
		chunks[i].length = arg[1];
		good[i] = errors_of_range(&own[i], arg[0], arg[1], 1,
					  m->stat.out_length);
		bytes[i] = content_make(f, arg[2], good[i] ? arg[1] : 1,
					&cursor, (uint64_t *)&chunks[i].source);
		if (!bytes[i])
			error_add(&own[i], EFAULT);
		if (!good[i])
			continue;
		errors_of_copy(&own[i], m, arg[0], arg[1], false);
		for (uint32_t j = 0; j < i; j++)
			if (good[j] &&
			    granules_meet(m, arg[0], arg[1], chunks[j].offset,
					  chunks[j].length))
				error_add(&own[i], EBUSY);
	}
	errors_join(&allowed, own, count);
	c.chunks = place_array(f, op, chunks, sizeof(*chunks) * count, count, 0,
			       &allowed);
	number = command_call(f, op, m, COMMAND_WRITE, &c, &allowed);
	judge_failed(f, op, number, c.out_failed, own, count);
	if (!command_judge(f, op, number, &allowed))
		return;
	for (uint32_t i = 0; i < count; i++) {
		memcpy(m->data + chunks[i].offset, bytes[i], chunks[i].length);
		m->stat.out_written += chunks[i].length;
	}
}

/* What the arguments from arg on say: offset, expected, value, width. */
static void patches_of(struct codearena_patch_entry *patches,
		       struct errors *own, uint32_t count,
		       const struct model *m, const uint64_t *arg)
{
	for (uint32_t i = 0; i < count; i++, arg += 4) {
		struct codearena_patch_entry *p = &patches[i];
		uint64_t word = 0;

		*p = patch_of(arg[0], (uint32_t)arg[3], arg[1], arg[2]);
		p->__reserved = arg[3] >> 32 & 1;
		if (p->__reserved)
			error_add(&own[i], EOPNOTSUPP);
		if ((p->width != 4 && p->width != 8) ||
		    (p->width == 4 && (p->expected | p->value) >> 32)) {
			error_add(&own[i], EINVAL);
			continue;
		}
		if (!errors_of_range(&own[i], p->offset, p->width, p->width,
				     m->stat.out_length))
			continue;
		for (uint32_t j = 0; j < i; j++)
			if (patches[j].offset < p->offset + p->width &&
			    p->offset < patches[j].offset + patches[j].width)
				error_add(&own[i], EINVAL);
		if (!model_committed(m, p->offset, p->width)) {
			error_add(&own[i], ENOENT);
			continue;
		}
		if (!model_all_patchable(m, p->offset, p->width))
			error_add(&own[i], EPERM);
		memcpy(&word, m->data + p->offset, p->width);
		if (word != p->expected)
			error_add(&own[i], EAGAIN);
	}
}

static void apply_patches(struct model *m,
			  const struct codearena_patch_entry *patches,
			  uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		memcpy(m->data + patches[i].offset, &patches[i].value,
		       patches[i].width);
	m->stat.out_patched += count;
}

/* Arguments: flags, count, then offset, expected, value, width of each word. */
void op_patch(struct fuzzer *f, const struct op *op)
{
	struct codearena_patch c = {
		.flags = (uint32_t)op->arg[0],
		.out_failed = POISON32,
	};
	struct errors allowed = { 0 }, own[MAX_ENTRIES] = { 0 };
	struct codearena_patch_entry patches[MAX_ENTRIES] = { 0 };
	struct model *m = f->slots[op->slot];
	uint32_t count;
	int number;

	if (!m)
		return;
	if (c.flags & ~CODEARENA_PATCH_F_SYNC)
		error_add(&allowed, EOPNOTSUPP);
	count = entries_of(op->arg[1], MAX_ENTRIES, &c.count, false, &allowed);
	patches_of(patches, own, count, m, &op->arg[2]);
	errors_join(&allowed, own, count);
	c.patches = place_array(f, op, patches, sizeof(*patches) * count, count,
				0, &allowed);
	number = command_call(f, op, m, COMMAND_PATCH, &c, &allowed);
	judge_failed(f, op, number, c.out_failed, own, count);
	if (!command_judge(f, op, number, &allowed))
		return;
	apply_patches(m, patches, count);
	if (op->arg[0] & CODEARENA_PATCH_F_SYNC)
		m->stat.out_syncs++;
}

/* Arguments: flags, count, then offset, length of each range. */
void op_discard(struct fuzzer *f, const struct op *op)
{
	struct codearena_discard c = {
		.flags = (uint32_t)op->arg[0],
		.out_failed = POISON32,
	};
	struct errors allowed = { 0 }, own[MAX_ENTRIES] = { 0 };
	struct codearena_range ranges[MAX_ENTRIES] = { 0 };
	struct model *m = f->slots[op->slot];
	bool good[MAX_ENTRIES], all = true, sealed = false;
	uint32_t count;
	int number;

	if (!m)
		return;
	if (c.flags)
		error_add(&allowed, EOPNOTSUPP);
	count = entries_of(op->arg[1], MAX_ENTRIES, &c.count, false, &allowed);
	for (uint32_t i = 0; i < count; i++) {
		struct codearena_range *r = &ranges[i];

		r->offset = op->arg[2 + 2 * i];
		r->length = op->arg[3 + 2 * i];
		good[i] = errors_of_range(&own[i], r->offset, r->length,
					  m->granule, m->stat.out_length);
		all &= good[i];
		if (!good[i])
			continue;
		if (!model_committed(m, r->offset, r->length))
			error_add(&own[i], ENOENT);
		if (m->flags & CODEARENA_RESERVE_F_PERMANENT &&
		    model_any_sealed(m, r->offset, r->length))
			error_add(&own[i], EPERM);
		for (uint32_t j = 0; j < i; j++)
			if (good[j] && ranges_meet(r->offset, r->length,
						   ranges[j].offset,
						   ranges[j].length))
				error_add(&own[i], EBUSY);
	}
	/* Which of the ranges holds the pad does not matter here. */
	if (all && count && model_pads_stay(m, ranges, count))
		for (uint32_t i = 0; i < count; i++)
			error_add(&own[i], EBUSY);
	errors_join(&allowed, own, count);
	c.ranges = place_array(f, op, ranges, sizeof(*ranges) * count, count, 0,
			       &allowed);
	number = command_call(f, op, m, COMMAND_DISCARD, &c, &allowed);
	judge_failed(f, op, number, c.out_failed, own, count);
	if (!command_judge(f, op, number, &allowed))
		return;
	for (uint32_t i = 0; i < count; i++) {
		sealed |= model_unseal(m, ranges[i].offset, ranges[i].length);
		model_fill(m, ranges[i].offset, ranges[i].length);
	}
	if (sealed)
		m->stat.out_syncs++;
}

#define OBJECT_ARGS	8
#define OBJECT_PATCHES	4

/**
 * struct publication - the arguments of PUBLISH
 * @objects: the objects
 * @bytes: what they consist of
 * @good: their range is one of the arena
 * @tables: their traps; without entries if they have none
 * @replaced: granules of objects that replace code; empty for others
 * @patches: the patches
 * @own: errors of each object, then of each patch
 */
struct publication {
	struct codearena_object objects[MAX_OBJECTS];
	const uint8_t *bytes[MAX_OBJECTS];
	bool good[MAX_OBJECTS];
	struct table tables[MAX_OBJECTS];
	struct codearena_range replaced[MAX_OBJECTS];
	struct codearena_patch_entry patches[OBJECT_PATCHES];
	struct errors own[MAX_OBJECTS + OBJECT_PATCHES];
};

/*
 * An object: offset, length, content, flags, number of traps, and start, length
 * and landing pad of the first one; the others follow it every 8 bytes.
 */
static void object_of_args(struct fuzzer *f, struct publication *p, uint32_t i,
			   const struct model *m, const uint64_t *arg,
			   uint64_t *cursor)
{
	struct codearena_object *o = &p->objects[i];
	struct errors *own = &p->own[i];
	struct table *t = &p->tables[i];

	*o = object_of(arg[0], NULL, arg[1], (uint32_t)arg[3]);
	if (o->flags & ~7U)
		error_add(own, EOPNOTSUPP);
	p->good[i] = errors_of_range(own, o->offset, o->length, 1,
				     m->stat.out_length);
	if (o->offset % m->granule) {
		error_add(own, EINVAL);
		p->good[i] = false;
	}
	p->bytes[i] = content_make(f, arg[2], p->good[i] ? o->length : 1,
				   cursor, (uint64_t *)&o->source);
	if (!p->bytes[i])
		error_add(own, EFAULT);
	*t = (struct table) {
		.start = o->offset,
		.length = o->length,
		.count = entries_of(arg[4], MAX_TRAPS, &o->trap_count, true,
				    own),
		.report = o->flags & CODEARENA_OBJECT_F_REPORT,
	};
	for (uint32_t j = 0; j < t->count; j++)
		t->traps[j] = trap_of((uint32_t)arg[5] + 8 * j,
				      (uint32_t)arg[6], arg[7]);
	if (!p->good[i])
		return;
	if (o->flags & CODEARENA_OBJECT_F_REPLACE)
		p->replaced[i] = (struct codearena_range) {
			o->offset, align_up(o->length, m->granule)
		};
	errors_of_copy(own, m, o->offset, o->length,
		       o->flags & CODEARENA_OBJECT_F_REPLACE);
	for (uint32_t j = 0; j < i; j++)
		if (p->good[j] && granules_meet(m, o->offset, o->length,
						p->objects[j].offset,
						p->objects[j].length))
			error_add(own, EBUSY);
}

/* What the traps of a call meet: the tables of replaced code are gone. */
static void errors_of_object_table(struct publication *p, uint32_t i,
				   const struct model *m, uint32_t objects)
{
	struct model rest = *m;

	rest.tables = calloc(MAX_TABLES, sizeof(*rest.tables));
	if (!rest.tables)
		abort();
	rest.table_count = 0;
	for (uint32_t j = 0; j < m->table_count; j++)
		if (!table_leaves(&m->tables[j], p->replaced, objects))
			rest.tables[rest.table_count++] = m->tables[j];
	errors_of_table(&p->own[i], &rest, &p->tables[i], p->tables, objects,
			p->objects, objects);
	free(rest.tables);
}

static void errors_of_replacing(struct publication *p, const struct model *m,
				uint32_t objects, uint32_t patches)
{
	bool stay = model_pads_stay(m, p->replaced, objects);

	for (uint32_t i = 0; i < objects; i++) {
		const struct codearena_range *r = &p->replaced[i];

		/* Which of them holds the pad does not matter here. */
		if (r->length && stay)
			error_add(&p->own[i], EBUSY);
		for (uint32_t j = 0; j < patches; j++)
			if (p->patches[j].offset - r->offset < r->length)
				error_add(&p->own[objects + j], EBUSY);
	}
}

static void publication_of(struct fuzzer *f, struct publication *p,
			   const struct op *op, const struct model *m,
			   uint32_t objects, uint32_t patches)
{
	uint64_t cursor = 0, at = m->page;
	bool all = true;

	for (uint32_t i = 0; i < objects; i++) {
		object_of_args(f, p, i, m, &op->arg[3 + OBJECT_ARGS * i],
			       &cursor);
		all &= p->good[i];
	}
	for (uint32_t i = 0; i < objects; i++) {
		uint64_t size = sizeof(struct codearena_trap) *
				p->tables[i].count;

		/* If a range is wrong, there may be more that is. */
		if (!p->tables[i].count)
			continue;
		if (all)
			errors_of_object_table(p, i, m, objects);
		else
			for (int number = 1; number < 100; number++)
				if (number == EINVAL || number == ENOENT ||
				    number == EEXIST)
					error_add(&p->own[i], number);
		memcpy(f->array + at, p->tables[i].traps, size);
		p->objects[i].traps = (uintptr_t)f->array + at;
		at += size;
	}
	patches_of(p->patches, p->own + objects, patches, m,
		   &op->arg[3 + OBJECT_ARGS * MAX_OBJECTS]);
	errors_of_replacing(p, m, objects, patches);
}

static void apply_object(struct model *m, struct publication *p, uint32_t i,
			 const struct codearena_object *answer)
{
	const struct codearena_object *o = &p->objects[i];

	model_fill(m, o->offset, align_up(o->length, m->granule));
	memcpy(m->data + o->offset, p->bytes[i], o->length);
	model_seal(m, o->offset, o->length,
		   o->flags & CODEARENA_OBJECT_F_PATCHABLE);
	m->stat.out_written += o->length;
	m->stat.out_published++;
	if (p->tables[i].count) {
		p->tables[i].id = answer[i].out_trap_id;
		model_add_table(m, &p->tables[i]);
	}
}

/* Arguments: flags, objects, patches, then the objects, then the patches. */
void op_publish(struct fuzzer *f, const struct op *op)
{
	struct codearena_publish c = {
		.flags = (uint32_t)op->arg[0],
		.out_failed = POISON32,
	};
	struct publication p = { 0 };
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	uint32_t objects, patches;
	bool replaced = false;
	int number;

	if (!m || m->table_count + MAX_OBJECTS > MAX_TABLES)
		return;
	if (c.flags & ~CODEARENA_PUBLISH_F_SYNC)
		error_add(&allowed, EOPNOTSUPP);
	objects = entries_of(op->arg[1], MAX_OBJECTS, &c.object_count, false,
			     &allowed);
	patches = entries_of(op->arg[2], OBJECT_PATCHES, &c.patch_count, true,
			     &allowed);
	publication_of(f, &p, op, m, objects, patches);
	errors_join(&allowed, p.own, objects + patches);
	c.objects = place_array(f, op, p.objects, sizeof(*p.objects) * objects,
				objects, 0, &allowed);
	memcpy(f->array + m->page / 2, p.patches, sizeof(p.patches));
	c.patches = (uintptr_t)f->array + m->page / 2;
	number = command_call(f, op, m, COMMAND_PUBLISH, &c, &allowed);
	judge_failed(f, op, number, c.out_failed, p.own, objects + patches);
	if (!command_judge(f, op, number, &allowed))
		return;
	for (uint32_t i = 0; i < objects; i++)
		replaced |= model_unseal(m, p.replaced[i].offset,
					 p.replaced[i].length);
	for (uint32_t i = 0; i < objects; i++)
		apply_object(m, &p, i, (struct codearena_object *)f->array);
	apply_patches(m, p.patches, patches);
	if (replaced || op->arg[0] & CODEARENA_PUBLISH_F_SYNC)
		m->stat.out_syncs++;
}
