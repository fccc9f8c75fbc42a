/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Finding the view and the table of an instruction: without a lock, in any
 * context, and inline, because a trap costs little beyond the exception but
 * this.
 */
#ifndef CODEARENA_LOOKUP_H
#define CODEARENA_LOOKUP_H

#include <linux/hash.h>
#include <linux/rculist.h>

#include "codearena_private.h"

#define CODEARENA_BUCKET_BITS	10
#define CODEARENA_BUCKETS	BIT(CODEARENA_BUCKET_BITS)

/**
 * struct codearena_bucket - address spaces whose hashes are equal
 * @lock: held to change @mms
 * @mms: &struct codearena_mm
 */
struct codearena_bucket {
	spinlock_t lock;		/* list of mms */
	struct hlist_head mms;
};

extern struct codearena_bucket codearena_buckets[CODEARENA_BUCKETS];

static inline struct codearena_bucket *codearena_bucket(struct mm_struct *mm)
{
	return &codearena_buckets[hash_ptr(mm, CODEARENA_BUCKET_BITS)];
}

/**
 * codearena_mm_lookup - find the views of an address space
 * @mm: the address space
 *
 * Context: under RCU, interrupts on or off.
 *
 * Return: them, or NULL if it has none.
 */
static inline struct codearena_mm *codearena_mm_lookup(struct mm_struct *mm)
{
	struct codearena_mm *cmm;

	hlist_for_each_entry_rcu(cmm, &codearena_bucket(mm)->mms, hash) {
		if (cmm->mm == mm)
			return cmm;
	}
	return NULL;
}

/**
 * struct codearena_place - copy of a view
 * @viewer: as in &struct codearena_view
 * @start: likewise
 * @end: likewise
 * @base: likewise
 */
struct codearena_place {
	const struct codearena_viewer *viewer;
	unsigned long start;
	unsigned long end;
	unsigned long base;
};

static inline bool codearena_view_shows(const struct codearena_view *view,
					unsigned long addr)
{
	return addr >= READ_ONCE(view->start) && addr < READ_ONCE(view->end);
}

/* A search of more steps is worth remembering, which stores to shared memory. */
#define CODEARENA_FEW_STEPS	8

/* Valid if no change of the views came between. */
static inline struct codearena_view *
codearena_view_find(const struct codearena_mm *cmm, unsigned long addr,
		    unsigned int *steps)
{
	struct codearena_view *view = READ_ONCE(cmm->last);
	struct rb_node *node;

	*steps = 0;
	if (view && codearena_view_shows(view, addr))
		return view;
	node = rcu_dereference_raw(cmm->views.rb_node);
	while (node) {
		(*steps)++;
		view = rb_entry(node, struct codearena_view, node);
		if (addr < READ_ONCE(view->start))
			node = rcu_dereference_raw(node->rb_left);
		else if (addr >= READ_ONCE(view->end))
			node = rcu_dereference_raw(node->rb_right);
		else
			return view;
	}
	return NULL;
}

/**
 * codearena_view_lookup - find the view of an address
 * @cmm: where to look
 * @addr: the address
 * @place: gets a copy of the view
 *
 * Context: under RCU, interrupts on or off.
 *
 * Return: whether there is one.
 */
static inline bool codearena_view_lookup(struct codearena_mm *cmm,
					 unsigned long addr,
					 struct codearena_place *place)
{
	struct codearena_view *view;
	unsigned int seq, steps;

	do {
		seq = raw_read_seqcount_begin(&cmm->seq);
		view = codearena_view_find(cmm, addr, &steps);
		if (!view)
			continue;
		place->viewer = READ_ONCE(view->viewer);
		place->start = READ_ONCE(view->start);
		place->end = READ_ONCE(view->end);
		place->base = READ_ONCE(view->base);
	} while (read_seqcount_retry(&cmm->seq, seq));
	if (view && unlikely(steps > CODEARENA_FEW_STEPS))
		codearena_view_remember(cmm, view, seq);
	return view;
}

/**
 * codearena_table_lookup - find the table of an instruction
 * @arena: the arena
 * @offset: of the instruction, in the arena
 *
 * Context: under RCU, interrupts on or off; or with arena::lock.
 *
 * Return: the table for code at this place, or NULL.
 */
static inline const struct codearena_table *
codearena_table_lookup(struct codearena_arena *arena, u32 offset)
{
	const struct codearena_table *table;
	struct rb_node *node;
	unsigned int seq;

	do {
		seq = raw_read_seqcount_begin(&arena->table_seq);
		node = rcu_dereference_raw(arena->tables.rb_node);
		while (node) {
			table = rb_entry(node, struct codearena_table, node);
			if (offset < table->start)
				node = rcu_dereference_raw(node->rb_left);
			else if (offset - table->start >= table->length)
				node = rcu_dereference_raw(node->rb_right);
			else
				return table;
		}
	} while (read_seqcount_retry(&arena->table_seq, seq));
	return NULL;
}

#endif /* CODEARENA_LOOKUP_H */
