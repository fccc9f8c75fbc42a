// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* What an arena has to be like: states, bytes, counters and tables of traps. */
#include "fuzz.h"

uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

struct model *model_new(uint64_t length, uint64_t limit, uint32_t flags)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->page = (uint64_t)sysconf(_SC_PAGESIZE);
	m->granule = m->page / 64;
	m->fd = -1;
	m->shared_fd = -1;
	m->flags = flags;
	m->data = calloc(1, length);
	m->tables = calloc(MAX_TABLES, sizeof(*m->tables));
	if (!m->data || !m->tables)
		abort();
	m->stat.size = sizeof(m->stat);
	m->stat.out_length = length;
	m->stat.out_commit_limit = limit ? limit : length;
	return m;
}

void model_free(struct model *m)
{
	free(m->data);
	free(m->tables);
	free(m);
}

bool errors_of_range(struct errors *e, uint64_t offset, uint64_t length,
		     uint64_t align, uint64_t limit)
{
	uint64_t end;
	bool good = true;

	if (__builtin_add_overflow(offset, length, &end)) {
		error_add(e, EOVERFLOW);
		good = false;
	} else if (end > limit) {
		error_add(e, ENOENT);
		good = false;
	}
	if (!length || (offset | length) % align) {
		error_add(e, EINVAL);
		good = false;
	}
	return good;
}

bool ranges_meet(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a < b + b_length && b < a + a_length;
}

/* Walk the granules that a range of the arena touches. */
#define for_each_granule(m, at, offset, length)				\
	for (uint64_t at = (offset) / (m)->granule * (m)->granule;	\
	     at < (offset) + (length); at += (m)->granule)

static uint64_t granule_bit(const struct model *m, uint64_t at)
{
	return 1ULL << at % m->page / m->granule;
}

bool model_committed(const struct model *m, uint64_t offset, uint64_t length)
{
	for (uint64_t i = offset / m->page; i * m->page < offset + length; i++)
		if (!m->pages[i].committed)
			return false;
	return true;
}

bool model_any_sealed(const struct model *m, uint64_t offset, uint64_t length)
{
	for_each_granule(m, at, offset, length)
		if (m->pages[at / m->page].sealed & granule_bit(m, at))
			return true;
	return false;
}

bool model_all_sealed(const struct model *m, uint64_t offset, uint64_t length)
{
	for_each_granule(m, at, offset, length)
		if (!(m->pages[at / m->page].sealed & granule_bit(m, at)))
			return false;
	return true;
}

bool model_all_patchable(const struct model *m, uint64_t offset,
			 uint64_t length)
{
	for_each_granule(m, at, offset, length)
		if (!(m->pages[at / m->page].patchable & granule_bit(m, at)))
			return false;
	return true;
}

void model_fill(struct model *m, uint64_t offset, uint64_t length)
{
	for (uint64_t i = offset; i < offset + length; i++)
		m->data[i] = trap_fill_at(i);
}

void model_seal(struct model *m, uint64_t offset, uint64_t length,
		bool patchable)
{
	for_each_granule(m, at, offset, length) {
		struct page_model *p = &m->pages[at / m->page];
		uint64_t bit = granule_bit(m, at);

		if (!(p->sealed & bit))
			m->stat.out_sealed += m->granule;
		if (p->patchable & bit)
			m->stat.out_patchable -= m->granule;
		if (patchable)
			m->stat.out_patchable += m->granule;
		p->sealed |= bit;
		p->patchable = patchable ? p->patchable | bit :
					   p->patchable & ~bit;
	}
}

/* With the tables of code in it. True if anything was sealed. */
bool model_unseal(struct model *m, uint64_t offset, uint64_t length)
{
	bool any = false;

	for (uint32_t i = m->table_count; i-- > 0;)
		if (ranges_meet(m->tables[i].start, m->tables[i].length, offset,
				length))
			model_remove_table(m, i);
	for_each_granule(m, at, offset, length) {
		struct page_model *p = &m->pages[at / m->page];
		uint64_t bit = granule_bit(m, at);

		if (p->patchable & bit)
			m->stat.out_patchable -= m->granule;
		if (p->sealed & bit) {
			m->stat.out_sealed -= m->granule;
			m->stat.out_discarded += m->granule;
			any = true;
		}
		p->sealed &= ~bit;
		p->patchable &= ~bit;
	}
	return any;
}

/* Has a table code in one of these ranges? */
bool table_leaves(const struct table *t, const struct codearena_range *ranges,
		  uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (ranges_meet(t->start, t->length, ranges[i].offset,
				ranges[i].length))
			return true;
	return false;
}

/* Does a table that stays have a pad in ranges that go? */
bool model_pads_stay(const struct model *m,
		     const struct codearena_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < m->table_count; i++) {
		const struct table *t = &m->tables[i];

		if (table_leaves(t, ranges, count))
			continue;
		for (uint32_t j = 0; j < t->count; j++)
			for (uint32_t k = 0; k < count; k++)
				if (t->traps[j].landing - ranges[k].offset <
				    ranges[k].length)
					return true;
	}
	return false;
}

static const struct codearena_trap *table_trap(const struct table *t,
					       uint64_t offset)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (offset - t->start - t->traps[i].start < t->traps[i].length)
			return &t->traps[i];
	return NULL;
}

const struct codearena_trap *model_trap(const struct model *m, uint64_t offset,
					const struct table **table)
{
	const struct codearena_trap *trap;

	for (uint32_t i = 0; i < m->table_count; i++) {
		trap = table_trap(&m->tables[i], offset);
		if (trap) {
			*table = &m->tables[i];
			return trap;
		}
	}
	return NULL;
}

/* The entries alone. False if they make no sense. */
static bool errors_of_traps(struct errors *e, const struct model *m,
			    const struct table *t)
{
	bool good = true;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct codearena_trap *a = &t->traps[i];

		if (!a->length || a->start >= t->length ||
		    a->length > t->length - a->start) {
			error_add(e, EINVAL);
			good = false;
		}
		if (a->landing != CODEARENA_LANDING_EXTERNAL &&
		    a->landing % INSN_ALIGN) {
			error_add(e, EINVAL);
			good = false;
		}
		if (a->landing != CODEARENA_LANDING_EXTERNAL &&
		    a->landing >= m->stat.out_length) {
			error_add(e, ENOENT);
			good = false;
		}
		for (uint32_t j = 0; j < i; j++) {
			const struct codearena_trap *b = &t->traps[j];

			if (ranges_meet(a->start, a->length, b->start,
					b->length)) {
				error_add(e, EINVAL);
				good = false;
			}
		}
	}
	return good;
}

static void errors_of_landing(struct errors *e, const struct model *m,
			      const struct table *t, uint64_t landing,
			      const struct codearena_object *objects,
			      uint32_t count)
{
	const struct table *other;
	bool sealed = model_all_sealed(m, landing, 1);

	for (uint32_t i = 0; i < count; i++)
		if (landing - objects[i].offset <
		    align_up(objects[i].length, m->granule))
			sealed = true;
	if (!sealed)
		error_add(e, ENOENT);
	if (table_trap(t, landing))
		error_add(e, EINVAL);
	if (model_trap(m, landing, &other))
		error_add(e, EEXIST);
}

static void errors_of_meeting(struct errors *e, const struct table *t,
			      const struct table *other)
{
	if (ranges_meet(t->start, t->length, other->start, other->length))
		error_add(e, EEXIST);
	for (uint32_t i = 0; i < other->count; i++)
		if (table_trap(t, other->traps[i].landing))
			error_add(e, EEXIST);
	for (uint32_t i = 0; i < t->count; i++)
		if (table_trap(other, t->traps[i].landing))
			error_add(e, EEXIST);
}

/*
 * May this table be registered? Landing pads may lie in objects of the same call,
 * whose tables stand in same_call.
 */
void errors_of_table(struct errors *e, const struct model *m,
		     const struct table *t, const struct table *same_call,
		     uint32_t same_count,
		     const struct codearena_object *objects, uint32_t count)
{
	if (!errors_of_traps(e, m, t))
		return;
	for (uint32_t i = 0; i < t->count; i++)
		if (t->traps[i].landing != CODEARENA_LANDING_EXTERNAL)
			errors_of_landing(e, m, t, t->traps[i].landing, objects,
					  count);
	for (uint32_t i = 0; i < m->table_count; i++)
		errors_of_meeting(e, t, &m->tables[i]);
	for (uint32_t i = 0; i < same_count; i++)
		if (&same_call[i] != t && same_call[i].count)
			errors_of_meeting(e, t, &same_call[i]);
}

void model_add_table(struct model *m, const struct table *t)
{
	if (m->table_count == MAX_TABLES)
		abort();
	m->tables[m->table_count++] = *t;
	m->stat.out_trap_tables++;
	m->stat.out_trap_entries += t->count;
}

void model_remove_table(struct model *m, uint32_t index)
{
	m->stat.out_trap_tables--;
	m->stat.out_trap_entries -= m->tables[index].count;
	m->tables[index] = m->tables[--m->table_count];
}

/* A view that shows a page with these rights, or NULL. */
const struct view *model_view(const struct model *m, uint64_t page, int prot)
{
	for (uint32_t i = 0; i < m->view_count; i++) {
		const struct view *v = &m->views[i];

		if (page - v->page < v->pages && (v->prot & prot) == prot)
			return v;
	}
	return NULL;
}
