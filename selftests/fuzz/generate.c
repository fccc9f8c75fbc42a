// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Choosing operations: mostly such that have a chance to succeed, by what the
 * model knows, with something bent now and then.
 */
#include "fuzz.h"

enum want { ANY, FREE, SEALED, PATCHABLE };

static bool one_in(struct fuzzer *f, uint64_t n)
{
	return !below(f, n);
}

static bool granule_is(const struct model *m, uint64_t index, enum want want)
{
	const struct page_model *p = &m->pages[index / 64];
	uint64_t bit = 1ULL << index % 64;

	switch (want) {
	case FREE:
		return p->committed && !(p->sealed & bit);
	case SEALED:
		return p->sealed & bit;
	case PATCHABLE:
		return p->patchable & bit;
	case ANY:
		break;
	}
	return true;
}

/* A granule of the wanted kind, or any if none is near. */
static uint64_t pick_granule(struct fuzzer *f, const struct model *m,
			     enum want want)
{
	uint64_t count = m->stat.out_length / m->granule;
	uint64_t start = below(f, count);

	if (one_in(f, 12))
		return start;
	/* The front of an arena is where most happens. */
	if (one_in(f, 2))
		start = below(f, count < 256 ? count : 256);
	for (uint64_t i = 0; i < count; i++)
		if (granule_is(m, (start + i) % count, want))
			return (start + i) % count;
	return start;
}

static uint64_t pick_pages(struct fuzzer *f, const struct model *m,
			   uint64_t *offset)
{
	uint64_t pages = m->stat.out_length / m->page;
	uint64_t first = below(f, pages), count = 1 + below(f, 4);

	if (one_in(f, 10))
		count = pages;
	if (first + count > pages && !one_in(f, 20))
		count = pages - first;
	*offset = first * m->page;
	return count * m->page;
}

static uint64_t pick_length(struct fuzzer *f, const struct model *m)
{
	switch (below(f, 6)) {
	case 0:
		return m->granule;
	case 1:
		return 1 + below(f, 3 * m->page);
	case 2:
		return m->granule * (1 + below(f, 70));
	}
	return 1 + below(f, 2 * m->granule);
}

static uint64_t pick_content(struct fuzzer *f)
{
	uint64_t kind = below(f, CONTENT_PATTERN + 3);

	if (one_in(f, 25))
		kind = CONTENT_UNMAPPED + below(f, 3);
	else if (kind > CONTENT_PATTERN)
		kind = CONTENT_PATTERN;
	return kind | below(f, 1 << 16) << 8;
}

static uint64_t pick_landing(struct fuzzer *f, const struct model *m)
{
	uint64_t count = m->stat.out_length / m->granule;
	uint64_t start = below(f, count), at;

	if (one_in(f, 4))
		return CODEARENA_LANDING_EXTERNAL;
	for (uint64_t i = 0; i < count; i++) {
		at = (start + i) % count;
		if (granule_is(m, at, SEALED) &&
		    (one_in(f, 20) ||
		     fragment_at(m, at * m->granule) == &code_pad))
			return at * m->granule;
	}
	return start * m->granule;
}

static void generate_reserve(struct fuzzer *f, struct op *op)
{
	static const uint64_t sizes[] = { 1, 2, 4, 6, 16, 70 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	op->arg[0] = one_in(f, 4) ? below(f, 4) : 0;
	if (one_in(f, 8))
		op->arg[0] |= one_in(f, 8) ? below(f, 16) :
			      CODEARENA_RESERVE_F_EXECUTE_ONLY |
			      CODEARENA_RESERVE_F_UNENFORCED;
	op->arg[1] = page * sizes[below(f, 6)];
	op->arg[2] = one_in(f, 4) ? op->arg[1] / page / 2 * page : 0;
	op->arg[3] = one_in(f, 20) ? below(f, 4) : 0;
}

static void generate_write(struct fuzzer *f, const struct model *m,
			   struct op *op)
{
	uint64_t count = one_in(f, 3) ? 1 + below(f, MAX_ENTRIES) : 1;

	op->arg[1] = count;
	for (uint64_t i = 0; i < count; i++) {
		op->arg[2 + 3 * i] = pick_granule(f, m, FREE) * m->granule +
				     (one_in(f, 2) ? below(f, m->granule) : 0);
		op->arg[3 + 3 * i] = pick_length(f, m);
		op->arg[4 + 3 * i] = pick_content(f);
	}
}

static void generate_patches(struct fuzzer *f, const struct model *m,
			     uint64_t count, uint64_t *arg)
{
	for (uint64_t i = 0; i < count; i++, arg += 4) {
		uint64_t width = one_in(f, 2) ? 4 : 8;
		uint64_t at = pick_granule(f, m, PATCHABLE) * m->granule +
			      below(f, m->granule / width) * width;

		arg[0] = at;
		arg[1] = 0;
		memcpy(&arg[1], m->data + at, width);
		arg[2] = width == 4 ? draw(f) >> 32 : draw(f);
		arg[3] = width;
		if (one_in(f, 20))
			arg[1] ^= 1;
		if (one_in(f, 60))
			arg[3] |= 1ULL << 32;
	}
}

static void generate_object(struct fuzzer *f, const struct model *m,
			    uint64_t *arg)
{
	const struct trap_fragment *fragment;
	uint64_t kind;

	arg[0] = pick_granule(f, m, FREE) * m->granule;
	arg[1] = pick_length(f, m);
	arg[2] = pick_content(f);
	arg[3] = below(f, 4);
	if (one_in(f, 3)) {
		arg[3] |= CODEARENA_OBJECT_F_REPLACE;
		if (one_in(f, 2))
			arg[0] = pick_granule(f, m, SEALED) * m->granule;
	}
	kind = arg[2] & 0xff;
	if (kind < CONTENT_PATTERN) {
		fragment = fragments[kind];
		if (one_in(f, 2))
			arg[1] = fragment_length(fragment);
		if (one_in(f, 2)) {
			arg[4] = 1;
			arg[5] = (uint64_t)(fragment->trap - fragment->start);
			arg[6] = 1 + below(f, 3);
			arg[7] = pick_landing(f, m);
		}
	}
	if (one_in(f, 20)) {
		arg[4] = below(f, MAX_TRAPS + 1);
		arg[5] = below(f, m->granule);
		arg[6] = 1 + below(f, 8);
		arg[7] = pick_landing(f, m);
	}
}

static void generate_publish(struct fuzzer *f, const struct model *m,
			     struct op *op)
{
	uint64_t objects = one_in(f, 3) ? 1 + below(f, MAX_OBJECTS) : 1;
	uint64_t patches = one_in(f, 4) ? below(f, 5) : 0;

	op->arg[0] = one_in(f, 4);
	op->arg[1] = objects;
	op->arg[2] = patches;
	for (uint64_t i = 0; i < objects; i++)
		generate_object(f, m, &op->arg[3 + 8 * i]);
	generate_patches(f, m, patches, &op->arg[3 + 8 * MAX_OBJECTS]);
}

static void generate_discard(struct fuzzer *f, const struct model *m,
			     struct op *op)
{
	uint64_t count = one_in(f, 3) ? 1 + below(f, MAX_ENTRIES) : 1;

	op->arg[1] = count;
	for (uint64_t i = 0; i < count; i++) {
		op->arg[2 + 2 * i] = pick_granule(f, m, SEALED) * m->granule;
		op->arg[3 + 2 * i] = m->granule *
				     (one_in(f, 4) ? 1 + below(f, 130) : 1);
	}
}

static void generate_register(struct fuzzer *f, const struct model *m,
			      struct op *op)
{
	uint64_t granule = pick_granule(f, m, SEALED);
	const struct trap_fragment *fragment =
		fragment_at(m, granule * m->granule);
	uint64_t *arg = op->arg;

	arg[0] = one_in(f, 2);
	arg[1] = granule * m->granule;
	arg[2] = 1 + below(f, 2 * m->granule);
	arg[3] = 1;
	arg[4] = fragment ? (uint64_t)(fragment->trap - fragment->start) :
			    below(f, m->granule);
	arg[5] = 1 + below(f, 4);
	arg[6] = pick_landing(f, m);
	if (arg[2] <= arg[4] && !one_in(f, 10))
		arg[2] = m->granule;
	if (one_in(f, 4)) {
		arg[3] = 1 + below(f, MAX_TRAPS);
		for (uint64_t i = 0; i < arg[3]; i++) {
			arg[4 + 3 * i] = 2 * i + (one_in(f, 60) ? 1 : 0);
			arg[5 + 3 * i] = 1 + (one_in(f, 60) ? 2 : 0);
			arg[6 + 3 * i] = pick_landing(f, m);
		}
	}
}

static void generate_run(struct fuzzer *f, const struct model *m,
			 struct op *op)
{
	uint64_t granule = pick_granule(f, m, SEALED), index = 0;
	const struct table *t;

	/* Rather code that is protected. */
	if (m->table_count && !one_in(f, 4)) {
		t = &m->tables[below(f, m->table_count)];
		granule = t->start / m->granule;
	}
	for (uint64_t i = 0; i < m->view_count; i++) {
		const struct view *v = &m->views[i];

		if (granule / 64 - v->page >= v->pages)
			continue;
		index = i;
		op->arg[1] = granule - v->page * 64;
		if (v->prot & PROT_EXEC)
			break;
	}
	op->arg[0] = index;
	op->arg[2] = one_in(f, 20) ? below(f, m->granule) : 0;
	op->arg[3] = one_in(f, 4) ? draw(f) >> 20 : draw(f) >> 20 & ~3ULL;
	if (!one_in(f, 3))
		op->arg[3] -= op->arg[3] % 3;
}

static void generate_mmap(struct fuzzer *f, const struct model *m,
			  struct op *op)
{
	uint64_t pages = m->stat.out_length / m->page;

	op->arg[1] = pages;
	if (one_in(f, 3)) {
		op->arg[0] = below(f, pages);
		op->arg[1] = one_in(f, 8) ? below(f, 100) :
					    pages - op->arg[0];
	}
	op->arg[2] = m->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY ? 8 : 3;
	if (one_in(f, 6))
		op->arg[2] = below(f, 16);
	op->arg[3] = one_in(f, 25);
	if (one_in(f, 10))
		op->abi |= one_in(f, 4) ? ABI_EMPTY_FD : ABI_SHARED_FD;
}

/* How often each is chosen. */
static const uint8_t weights[OP_KINDS] = {
	[OP_RESERVE] = 2, [OP_CLOSE] = 1, [OP_QUERY] = 1, [OP_COMMIT] = 10,
	[OP_DECOMMIT] = 4, [OP_WRITE] = 14, [OP_SEAL] = 9, [OP_PUBLISH] = 30,
	[OP_PATCH] = 10, [OP_DISCARD] = 10, [OP_SHARE] = 2, [OP_STAT] = 2,
	[OP_REGISTER] = 12, [OP_RELEASE] = 3, [OP_LANDING] = 3,
	[OP_IOCTL] = 2, [OP_MMAP] = 8, [OP_MUNMAP] = 3, [OP_MPROTECT] = 5,
	[OP_MREMAP] = 3, [OP_MADVISE] = 3, [OP_POKE] = 3, [OP_GUARD] = 3,
	[OP_RUN] = 30, [OP_FORK] = 2, [OP_SIGNALS] = 1, [OP_SHARED] = 12,
	[OP_CLONE] = 5, [OP_OPEN] = 1,
};

static enum op_kind pick_kind(struct fuzzer *f)
{
	unsigned int sum = 0, kind;
	uint64_t at;

	for (kind = 0; kind < OP_KINDS; kind++)
		sum += weights[kind];
	at = below(f, sum);
	for (kind = 0; at >= weights[kind]; kind++)
		at -= weights[kind];
	return kind;
}

static void generate_small(struct fuzzer *f, const struct model *m,
			   struct op *op)
{
	switch (op->kind) {
	case OP_COMMIT:
	case OP_DECOMMIT:
		op->arg[2] = pick_pages(f, m, &op->arg[1]);
		break;
	case OP_SEAL:
		op->arg[0] = one_in(f, 2);
		op->arg[1] = pick_granule(f, m, FREE) * m->granule;
		op->arg[2] = m->granule *
			     (one_in(f, 4) ? 1 + below(f, 80) : 1);
		break;
	case OP_PATCH:
		op->arg[0] = one_in(f, 4);
		op->arg[1] = 1 + below(f, one_in(f, 3) ? MAX_ENTRIES : 1);
		generate_patches(f, m, op->arg[1], &op->arg[2]);
		break;
	case OP_RELEASE:
		op->arg[0] = below(f, 64);
		op->arg[1] = one_in(f, 8) ? draw(f) : 0;
		break;
	case OP_LANDING:
		op->arg[0] = one_in(f, 8) ? below(f, 3) : 0;
		break;
	default:
		for (unsigned int i = 0; i < 4; i++)
			op->arg[i] = draw(f) >> 16;
		break;
	}
}

static uint64_t bent(struct fuzzer *f, uint64_t value)
{
	static const uint64_t values[] = {
		0, 1, 3, 63, 64, 0xfff, 0x1000, 0x10000, 0x10001, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	switch (below(f, 5)) {
	case 0:
		return values[below(f, sizeof(values) / sizeof(values[0]))];
	case 1:
		return value ^ 1ULL << below(f, 64);
	case 2:
		return value + below(f, 129) - 64;
	case 3:
		return value + 0x1000 * (below(f, 9) - 4);
	}
	return -value;
}

static void bend(struct fuzzer *f, struct op *op)
{
	unsigned int count = MAX_ARGS;

	while (count && !op->arg[count - 1])
		count--;
	if (one_in(f, 3))
		op->abi ^= 1U << below(f, ABI_BITS);
	if (!one_in(f, 3)) {
		uint64_t *arg = &op->arg[below(f, count + 1) % MAX_ARGS];

		*arg = bent(f, *arg);
	}
}

static void generate_for(struct fuzzer *f, const struct model *m,
			 struct op *op)
{
	switch (op->kind) {
	case OP_WRITE:
		generate_write(f, m, op);
		break;
	case OP_PUBLISH:
		generate_publish(f, m, op);
		break;
	case OP_DISCARD:
		generate_discard(f, m, op);
		break;
	case OP_REGISTER:
		generate_register(f, m, op);
		break;
	case OP_RUN:
	case OP_FORK:
		generate_run(f, m, op);
		break;
	case OP_MMAP:
		generate_mmap(f, m, op);
		break;
	default:
		generate_small(f, m, op);
		break;
	}
}

void op_generate(struct fuzzer *f, struct op *op)
{
	const struct model *m;

	memset(op, 0, sizeof(*op));
	op->kind = pick_kind(f);
	op->slot = (uint16_t)(one_in(f, 3) ? below(f, MAX_SLOTS) : 0);
	m = f->slots[op->slot];
	if (m && !m->view_count && one_in(f, 3))
		op->kind = OP_MMAP;
	if (m && !m->stat.out_committed && one_in(f, 2))
		op->kind = OP_COMMIT;
	if (!m)
		op->kind = OP_RESERVE;
	if (op->kind == OP_RESERVE)
		generate_reserve(f, op);
	else
		generate_for(f, m, op);
	if (one_in(f, 40))
		op->abi |= ABI_CHILD;
	if (one_in(f, 15))
		bend(f, op);
}

void op_mutate(struct fuzzer *f, struct op *op)
{
	if (one_in(f, 8))
		op->slot = (uint16_t)below(f, MAX_SLOTS);
	bend(f, op);
}
