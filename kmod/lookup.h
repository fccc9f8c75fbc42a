/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The way from an instruction to its table of traps: without a lock, in any
 * context, and inline, because all that a trap costs beyond the exception
 * itself is here.
 */
#ifndef CODEARENA_LOOKUP_H
#define CODEARENA_LOOKUP_H

#include <linux/hashtable.h>
#include <linux/rculist.h>

#include "codearena_private.h"

/* Views by their mm: a process has few, so a bucket holds little else. */
#define CODEARENA_VIEW_BITS	10
extern DECLARE_HASHTABLE(codearena_views, CODEARENA_VIEW_BITS);

/**
 * codearena_view_lookup - what is mapped there?
 * @mm: an address space
 * @addr: an address in it
 *
 * Context: under rcu_read_lock(), interrupts on or off.
 *
 * Return: the view, or NULL.
 */
static inline const struct codearena_view *
codearena_view_lookup(struct mm_struct *mm, unsigned long addr)
{
	const struct codearena_view *view;

	hash_for_each_possible_rcu(codearena_views, view, hash,
				   (unsigned long)mm) {
		if (view->mm == mm && addr >= READ_ONCE(view->start) &&
		    addr < READ_ONCE(view->end))
			return view;
	}
	return NULL;
}

/**
 * codearena_view_known - has a process any view?
 * @mm: its address space
 *
 * Context: under rcu_read_lock(), interrupts on or off.
 *
 * Return: whether it has.
 */
static inline bool codearena_view_known(struct mm_struct *mm)
{
	const struct codearena_view *view;

	hash_for_each_possible_rcu(codearena_views, view, hash,
				   (unsigned long)mm) {
		if (view->mm == mm)
			return true;
	}
	return false;
}

/**
 * codearena_table_lookup - the table of an instruction
 * @arena: the arena
 * @offset: of the instruction, in the arena
 *
 * Context: under rcu_read_lock(), interrupts on or off; or with arena::lock.
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
