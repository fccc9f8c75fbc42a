// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The tables of traps of an arena, and their landing pads.
 *
 * Tables stand in a tree by the place of their code, which is searched without
 * a lock: the tree has a sequence counter, a search that finds nothing
 * looks whether it was disturbed, and a table is freed a grace period after it
 * has left. Landing pads stand in a tree of their own, counted, so that it is
 * known at all times that no protected range covers one, and that the code of
 * none goes away while a table leads there: a trap can not loop.
 */
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "lookup.h"
#include "trace.h"

/**
 * struct codearena_pad - a place in the arena where traps of tables continue
 * @node: in arena::pads
 * @offset: where
 * @refs: landings of tables that are this pad
 * @leaving: those of them whose table is about to go, while that is checked
 */
struct codearena_pad {
	struct rb_node node;
	u32 offset;
	u32 refs;
	u32 leaving;
};

/* Most tables that codearena_tables_replace_locked() takes out at once. */
#define REPLACE_TABLES	32

/* The first table whose code does not end at or in front of @offset. */
static struct codearena_table *
codearena_table_first_locked(struct codearena_arena *arena, u64 offset)
{
	struct rb_node *node = arena->tables.rb_node;
	struct codearena_table *table, *first = NULL;

	lockdep_assert_held(&arena->lock);
	while (node) {
		table = rb_entry(node, struct codearena_table, node);
		if (codearena_table_end(table) > offset) {
			first = table;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return first;
}

static struct codearena_table *
codearena_table_next(struct codearena_table *table)
{
	return rb_entry_safe(rb_next(&table->node), struct codearena_table,
			     node);
}

/* The tables of code in a range, in order. */
#define codearena_for_each_table_locked(table, arena, from, to)		\
	for (table = codearena_table_first_locked(arena, from);		\
	     table && table->start < (to);				\
	     table = codearena_table_next(table))

/* The first pad that does not lie in front of @offset. */
static struct codearena_pad *
codearena_pad_first_locked(struct codearena_arena *arena, u64 offset)
{
	struct codearena_pad *pad, *first = NULL;
	struct rb_node *node = arena->pads.rb_node;

	lockdep_assert_held(&arena->lock);
	while (node) {
		pad = rb_entry(node, struct codearena_pad, node);
		if (pad->offset >= offset) {
			first = pad;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return first;
}

static struct codearena_pad *
codearena_pad_find_locked(struct codearena_arena *arena, u32 offset)
{
	struct codearena_pad *pad = codearena_pad_first_locked(arena, offset);

	lockdep_assert_held(&arena->lock);
	return pad && pad->offset == offset ? pad : NULL;
}

static void codearena_pad_free(struct codearena_arena *arena,
			       struct codearena_pad *pad)
{
	kfree(pad);
	codearena_uncharge(arena, codearena_footprint(sizeof(*pad)));
}

static int codearena_pad_get_locked(struct codearena_arena *arena, u32 offset)
{
	struct rb_node **link = &arena->pads.rb_node, *parent = NULL;
	struct codearena_pad *pad;
	int ret;

	lockdep_assert_held(&arena->lock);
	pad = codearena_pad_find_locked(arena, offset);
	if (pad) {
		pad->refs++;
		return 0;
	}
	ret = codearena_charge(arena, codearena_footprint(sizeof(*pad)));
	if (ret)
		return ret;
	pad = kzalloc(sizeof(*pad), CODEARENA_GFP);
	if (!pad) {
		codearena_uncharge(arena, codearena_footprint(sizeof(*pad)));
		return -ENOMEM;
	}
	pad->offset = offset;
	pad->refs = 1;
	while (*link) {
		parent = *link;
		if (offset < rb_entry(parent, struct codearena_pad, node)->offset)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&pad->node, parent, link);
	rb_insert_color(&pad->node, &arena->pads);
	return 0;
}

static void codearena_pad_put_locked(struct codearena_arena *arena, u32 offset)
{
	struct codearena_pad *pad = codearena_pad_find_locked(arena, offset);

	lockdep_assert_held(&arena->lock);
	if (WARN_ON_ONCE(!pad) || --pad->refs)
		return;
	rb_erase(&pad->node, &arena->pads);
	codearena_pad_free(arena, pad);
}

/* Drop the first @count pads of a table. */
static void codearena_table_put_pads_locked(struct codearena_arena *arena,
					    const struct codearena_table *table,
					    u32 count)
{
	u32 landing;

	lockdep_assert_held(&arena->lock);
	while (count--) {
		landing = codearena_table_landing(table, count);
		if (landing != CODEARENA_TABLE_EXTERNAL)
			codearena_pad_put_locked(arena, landing);
	}
}

static int codearena_table_get_pads_locked(struct codearena_arena *arena,
					   const struct codearena_table *table)
{
	u32 landing, i;
	int ret;

	lockdep_assert_held(&arena->lock);
	for (i = 0; i < codearena_table_landings(table); i++) {
		landing = codearena_table_landing(table, i);
		if (landing == CODEARENA_TABLE_EXTERNAL)
			continue;
		ret = codearena_pad_get_locked(arena, landing);
		if (ret) {
			codearena_table_put_pads_locked(arena, table, i);
			return ret;
		}
	}
	return 0;
}

/* A table that is about to go counts as gone in the checks of what replaces it. */
static bool codearena_table_leaves(const struct codearena_table *table)
{
	return READ_ONCE(table->shape) & CODEARENA_TABLE_LEAVING;
}

/* The staged table for code at this place, or NULL. */
static const struct codearena_table *
codearena_staged_find_locked(struct codearena_arena *arena, u32 offset)
{
	const struct codearena_table *table;
	struct rb_node *node = arena->staged.rb_node;

	lockdep_assert_held(&arena->lock);
	while (node) {
		table = rb_entry(node, struct codearena_table, node);
		if (offset < table->start)
			node = node->rb_left;
		else if (offset - table->start >= table->length)
			node = node->rb_right;
		else
			return table;
	}
	return NULL;
}

/**
 * codearena_pads_stay_locked - is a landing pad of a range in use?
 * @arena: the arena, locked
 * @range: the range
 *
 * Return: whether a table targets one that is not about to go.
 */
bool codearena_pads_stay_locked(struct codearena_arena *arena,
				const struct codearena_range *range)
{
	struct codearena_pad *pad;

	lockdep_assert_held(&arena->lock);
	for (pad = codearena_pad_first_locked(arena, range->offset);
	     pad && pad->offset < range->offset + range->length;
	     pad = rb_entry_safe(rb_next(&pad->node), struct codearena_pad,
				 node)) {
		if (pad->refs != pad->leaving)
			return true;
		cond_resched();
	}
	return false;
}

/* A landing pad must be code, sealed or about to be, that no trap leaves. */
static int codearena_landing_check_locked(struct codearena_arena *arena,
					  const struct codearena_table *own,
					  u32 landing)
{
	const struct codearena_table *table;
	struct codearena_page *state;
	u32 unused;

	lockdep_assert_held(&arena->lock);
	if (landing == CODEARENA_TABLE_EXTERNAL)
		return 0;
	state = codearena_page_committed_locked(arena, landing >> PAGE_SHIFT);
	if (!state || !((state->sealed | state->settling) &
			BIT_ULL(offset_in_page(landing) >>
				CODEARENA_GRANULE_SHIFT)))
		return -ENOENT;
	if (landing - own->start < own->length &&
	    codearena_table_find(own, landing - own->start, &unused))
		return -EINVAL;
	table = codearena_staged_find_locked(arena, landing);
	if (!table)
		table = codearena_table_lookup(arena, landing);
	if (table && !codearena_table_leaves(table) &&
	    codearena_table_find(table, landing - table->start, &unused))
		return -EEXIST;
	return 0;
}

static int codearena_table_check_locked(struct codearena_arena *arena,
					const struct codearena_table *table)
{
	struct codearena_table *other;
	const struct codearena_pad *pad;
	struct codearena_range range;
	u32 i, length;
	int ret;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_table_locked(other, arena, table->start,
					codearena_table_end(table)) {
		if (!codearena_table_leaves(other))
			return -EEXIST;
		cond_resched();
	}
	for (i = 0; i < codearena_table_landings(table); i++) {
		ret = codearena_landing_check_locked(arena, table,
						     codearena_table_landing(table,
									     i));
		if (ret)
			return ret;
	}
	/* Most code holds no landing pad: one lookup is enough. */
	pad = codearena_pad_first_locked(arena, table->start);
	if (!pad || pad->offset >= codearena_table_end(table))
		return 0;
	for (i = 0; i < codearena_table_count(table); i++) {
		range.offset = table->start;
		range.offset += codearena_table_entry(table, i, &length);
		range.length = length;
		if (codearena_pads_stay_locked(arena, &range))
			return -EEXIST;
	}
	return 0;
}

/* Traps wait for the end with interrupts off, so nothing may preempt. */
static void codearena_tables_write_begin_locked(struct codearena_arena *arena)
{
	lockdep_assert_held(&arena->lock);
	preempt_disable();
	write_seqcount_begin(&arena->table_seq);
}

static void codearena_tables_write_end_locked(struct codearena_arena *arena)
{
	lockdep_assert_held(&arena->lock);
	write_seqcount_end(&arena->table_seq);
	preempt_enable();
}

static void codearena_table_link_locked(struct codearena_arena *arena,
					struct rb_root *tables,
					struct codearena_table *table)
{
	struct rb_node **link = &tables->rb_node, *parent = NULL, *node;

	lockdep_assert_held(&arena->lock);
	while (*link) {
		parent = *link;
		if (table->start <
		    rb_entry(parent, struct codearena_table, node)->start)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&table->node, parent, &node);
	/* Whoever walks to the table finds it complete. */
	smp_store_release(link, node);
	rb_insert_color(&table->node, tables);
}

static void codearena_table_count_locked(struct codearena_arena *arena,
					 const struct codearena_table *table)
{
	lockdep_assert_held(&arena->lock);
	arena->counters.trap_tables++;
	arena->counters.trap_entries += codearena_table_count(table);
}

/**
 * codearena_table_enter_locked - let traps take effect that are known to be valid
 * @arena: the arena, locked
 * @table: the table, which the arena takes over
 *
 * Return: 0; -ENOSPC or -ENOMEM, with the table still the caller's.
 */
int codearena_table_enter_locked(struct codearena_arena *arena,
				 struct codearena_table *table)
{
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_table_get_pads_locked(arena, table);
	if (ret)
		return ret;
	codearena_tables_write_begin_locked(arena);
	codearena_table_link_locked(arena, &arena->tables, table);
	codearena_tables_write_end_locked(arena);
	codearena_table_count_locked(arena, table);
	return 0;
}

/**
 * codearena_table_insert_locked - let traps take effect
 * @arena: the arena, locked
 * @table: the table, which the arena takes over
 *
 * Return: 0; -EEXIST, -EINVAL or -ENOENT as in &struct codearena_trap_register,
 * -ENOSPC or -ENOMEM, with the table still the caller's.
 */
int codearena_table_insert_locked(struct codearena_arena *arena,
				  struct codearena_table *table)
{
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_table_check_locked(arena, table);
	return ret ?: codearena_table_enter_locked(arena, table);
}

/**
 * codearena_table_stage_locked - prepare a table that replaces others
 * @arena: the arena, locked until the table takes effect
 * @table: the table
 *
 * Makes the checks of codearena_table_insert_locked(). The tables that it
 * replaces, counted as leaving, stay in effect, and do not matter; those staged
 * before do. Its landing pads are in use from now on.
 *
 * Return: as codearena_table_insert_locked().
 */
int codearena_table_stage_locked(struct codearena_arena *arena,
				 struct codearena_table *table)
{
	int ret;

	lockdep_assert_held(&arena->lock);
	ret = codearena_table_check_locked(arena, table);
	if (!ret)
		ret = codearena_table_get_pads_locked(arena, table);
	if (!ret)
		codearena_table_link_locked(arena, &arena->staged, table);
	return ret;
}

/**
 * codearena_table_unstage_locked - undo codearena_table_stage_locked()
 * @arena: the arena, locked
 * @table: the table
 */
void codearena_table_unstage_locked(struct codearena_arena *arena,
				    struct codearena_table *table)
{
	lockdep_assert_held(&arena->lock);
	rb_erase(&table->node, &arena->staged);
	codearena_table_put_pads_locked(arena, table,
					codearena_table_landings(table));
}

static void codearena_table_uncharge(struct codearena_arena *arena,
				     const struct codearena_table *table)
{
	const size_t size = codearena_table_size(READ_ONCE(table->shape));

	codearena_uncharge(arena, codearena_footprint(size));
}

/**
 * codearena_table_free - free a table that no search can see
 * @arena: the arena it was made for
 * @table: the table
 */
void codearena_table_free(struct codearena_arena *arena,
			  struct codearena_table *table)
{
	codearena_table_uncharge(arena, table);
	kvfree(table);
}

/* Let go of a table that was taken out of the tree. */
static void codearena_table_retire_locked(struct codearena_arena *arena,
					  struct codearena_table *table)
{
	lockdep_assert_held(&arena->lock);
	codearena_table_put_pads_locked(arena, table,
					codearena_table_landings(table));
	arena->counters.trap_tables--;
	arena->counters.trap_entries -= codearena_table_count(table);
	codearena_table_uncharge(arena, table);
	kvfree_rcu_mightsleep(table);
}

/* Let a staged table take effect. */
static void codearena_table_move_locked(struct codearena_arena *arena,
					struct codearena_table *table)
{
	lockdep_assert_held(&arena->lock);
	rb_erase(&table->node, &arena->staged);
	codearena_table_link_locked(arena, &arena->tables, table);
	codearena_table_count_locked(arena, table);
}

/**
 * codearena_table_remove_locked - traps take their ordinary way again
 * @arena: the arena, locked
 * @table: the table, which is freed when no search can see it any more
 */
void codearena_table_remove_locked(struct codearena_arena *arena,
				   struct codearena_table *table)
{
	lockdep_assert_held(&arena->lock);
	codearena_tables_write_begin_locked(arena);
	rb_erase(&table->node, &arena->tables);
	codearena_tables_write_end_locked(arena);
	codearena_table_retire_locked(arena, table);
}

/**
 * codearena_tables_replace_locked - exchange the tables of a range at once
 * @arena: the arena, locked
 * @range: the range; a table goes if any byte of its code is in it
 * @table: the table for code in it, staged; or NULL
 *
 * A trap finds one of the old tables or the new one. Of more than REPLACE_TABLES
 * old ones, the first may be gone before: nothing may preempt the exchange.
 */
void codearena_tables_replace_locked(struct codearena_arena *arena,
				     const struct codearena_range *range,
				     struct codearena_table *table)
{
	struct codearena_table *old[REPLACE_TABLES], *next;
	u32 count;

	lockdep_assert_held(&arena->lock);
	do {
		count = 0;
		codearena_tables_write_begin_locked(arena);
		next = codearena_table_first_locked(arena, range->offset);
		while (next && next->start < range->offset + range->length &&
		       count < REPLACE_TABLES) {
			old[count] = next;
			next = codearena_table_next(next);
			rb_erase(&old[count++]->node, &arena->tables);
		}
		if (count < REPLACE_TABLES && table)
			codearena_table_move_locked(arena, table);
		codearena_tables_write_end_locked(arena);
		for (u32 i = 0; i < count; i++)
			codearena_table_retire_locked(arena, old[i]);
		cond_resched();
	} while (count == REPLACE_TABLES);
}

/**
 * codearena_tables_remove_locked - release the tables of a range
 * @arena: the arena, locked
 * @offset: first byte
 * @length: bytes; a table goes if any byte of its code is among them
 */
void codearena_tables_remove_locked(struct codearena_arena *arena, u64 offset,
				    u64 length)
{
	struct codearena_table *table, *next;

	lockdep_assert_held(&arena->lock);
	for (table = codearena_table_first_locked(arena, offset);
	     table && table->start < offset + length; table = next) {
		next = codearena_table_next(table);
		codearena_table_remove_locked(arena, table);
		cond_resched();
	}
}

/**
 * codearena_tables_leave_locked - count the landings of tables as leaving
 * @arena: the arena, locked
 * @range: the range with code of the tables
 * @leave: false to forget the count
 */
void codearena_tables_leave_locked(struct codearena_arena *arena,
				   const struct codearena_range *range,
				   bool leave)
{
	struct codearena_table *table;
	struct codearena_pad *pad;
	u32 landing, i;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_table_locked(table, arena, range->offset,
					range->offset + range->length) {
		/* A table may reach into several ranges, and counts once. */
		if (leave == !!(table->shape & CODEARENA_TABLE_LEAVING))
			continue;
		WRITE_ONCE(table->shape,
			   table->shape ^ CODEARENA_TABLE_LEAVING);
		for (i = 0; i < codearena_table_landings(table); i++) {
			landing = codearena_table_landing(table, i);
			if (landing == CODEARENA_TABLE_EXTERNAL)
				continue;
			pad = codearena_pad_find_locked(arena, landing);
			if (!WARN_ON_ONCE(!pad))
				pad->leaving += leave ? 1 : -1;
		}
		cond_resched();
	}
}

/**
 * codearena_pads_check_locked - may the code of some ranges go?
 * @arena: the arena, locked
 * @ranges: the ranges; the tables of code in them go as well
 * @count: how many
 * @failed: gets the index of the range to blame
 *
 * Return: 0, or -EBUSY when a range holds a landing pad to which a table leads
 * that stays.
 */
int codearena_pads_check_locked(struct codearena_arena *arena,
				const struct codearena_range *ranges, u32 count,
				u32 *failed)
{
	int ret = 0;
	u32 i;

	lockdep_assert_held(&arena->lock);
	if (RB_EMPTY_ROOT(&arena->pads))
		return 0;
	for (i = 0; i < count; i++)
		codearena_tables_leave_locked(arena, &ranges[i], true);
	for (i = 0; i < count; i++) {
		if (codearena_pads_stay_locked(arena, &ranges[i])) {
			*failed = i;
			ret = -EBUSY;
			break;
		}
	}
	for (i = 0; i < count; i++)
		codearena_tables_leave_locked(arena, &ranges[i], false);
	return ret;
}

/**
 * codearena_range_trapped_locked - do traps concern a range?
 * @arena: the arena, locked
 * @range: the range
 *
 * Return: whether it has code with a table, or a landing pad.
 */
bool codearena_range_trapped_locked(struct codearena_arena *arena,
				    const struct codearena_range *range)
{
	const u64 end = range->offset + range->length;
	const struct codearena_table *table;
	const struct codearena_pad *pad;

	lockdep_assert_held(&arena->lock);
	table = codearena_table_first_locked(arena, range->offset);
	if (table && table->start < end)
		return true;
	pad = codearena_pad_first_locked(arena, range->offset);
	return pad && pad->offset < end;
}

/**
 * codearena_traps_free - free what an arena that nobody uses has registered
 * @arena: the arena, with no reference left
 *
 * A trap of a process that has just unmapped the arena may still be searching.
 */
void codearena_traps_free(struct codearena_arena *arena)
{
	struct codearena_table *table, *next_table;
	struct codearena_pad *pad, *next_pad;

	if (RB_EMPTY_ROOT(&arena->tables))
		return;
	synchronize_rcu();
	rbtree_postorder_for_each_entry_safe(table, next_table, &arena->tables,
					     node) {
		codearena_table_free(arena, table);
		cond_resched();
	}
	rbtree_postorder_for_each_entry_safe(pad, next_pad, &arena->pads,
					     node) {
		codearena_pad_free(arena, pad);
		cond_resched();
	}
}

static u64 codearena_table_id(const struct codearena_table *table)
{
	return (u64)table->generation << 32 | table->start;
}

static struct codearena_table *
codearena_table_new(struct codearena_arena *arena,
		    const struct codearena_range *range,
		    const struct codearena_trap *traps, u32 shape)
{
	unsigned long bytes = codearena_footprint(codearena_table_size(shape));
	struct codearena_table *table;
	int ret = codearena_charge(arena, bytes);

	if (ret)
		return ERR_PTR(ret);
	table = codearena_table_build(range->offset, range->length, traps,
				      shape, CODEARENA_GFP);
	if (IS_ERR(table))
		codearena_uncharge(arena, bytes);
	return table;
}

/**
 * codearena_table_copy - copy a table for another arena
 * @arena: the arena that the copy is for
 * @from: the table
 *
 * Return: the copy, for codearena_table_enter_locked() or
 * codearena_table_free(); -ENOSPC or -ENOMEM.
 */
struct codearena_table *codearena_table_copy(struct codearena_arena *arena,
					     const struct codearena_table *from)
{
	const size_t size = codearena_table_size(from->shape);
	struct codearena_table *table = codearena_alloc(arena, size);

	if (!IS_ERR(table))
		memcpy(table, from, size);
	return table;
}

/**
 * codearena_table_get - make a table of what user space gave
 * @arena: the arena
 * @range: the code it is for
 * @uptr: user address of the entries
 * @count: how many
 * @report: CODEARENA_TRAP_F_REPORT
 * @id: gets the number by which user space knows it
 * @failed: gets the index of the entry to blame
 *
 * Return: the table, for codearena_table_insert_locked() or
 * codearena_table_free(); or a negative errno.
 */
struct codearena_table *codearena_table_get(struct codearena_arena *arena,
					    const struct codearena_range *range,
					    u64 uptr, u32 count, bool report,
					    u64 *id, u32 *failed)
{
	struct codearena_trap small[16], *traps;
	struct codearena_table *table;
	int ret;

	traps = codearena_array_get(arena, uptr, count, sizeof(*traps), small,
				    sizeof(small));
	if (IS_ERR(traps))
		return ERR_CAST(traps);
	ret = codearena_traps_check(traps, count, range->length, arena->length,
				    failed);
	if (ret)
		table = ERR_PTR(ret);
	else
		table = codearena_table_new(arena, range, traps,
					    codearena_table_shape(range->length,
								  traps, count,
								  report));
	codearena_array_put(arena, traps, count, sizeof(*traps), small);
	if (IS_ERR(table))
		return table;
	/* 0 is skipped, so that no id is 0. */
	do {
		table->generation = atomic_inc_return(&arena->generation);
	} while (!table->generation);
	*id = codearena_table_id(table);
	return table;
}

static bool codearena_range_sealed_locked(struct codearena_arena *arena,
					  u64 offset, u64 length)
{
	struct codearena_page *state;

	lockdep_assert_held(&arena->lock);
	codearena_for_each_piece(piece, offset, length) {
		state = codearena_page_committed_locked(arena, piece.index);
		if (!state || (piece.mask & ~state->sealed))
			return false;
	}
	return true;
}

static int codearena_trap_register(struct codearena_ucmd *ucmd, u64 *id)
{
	struct codearena_trap_register *cmd = ucmd->cmd;
	struct codearena_arena *arena = ucmd->arena;
	const struct codearena_range range = {
		.offset = cmd->offset,
		.length = cmd->length,
	};
	struct codearena_trap_register __user *uptr = ucmd->uptr;
	struct codearena_table *table;
	int ret;

	ret = codearena_range_check(cmd->offset, cmd->length, 1, arena->length);
	if (ret)
		return ret;
	table = codearena_table_get(arena, &range, cmd->traps, cmd->count,
				    cmd->flags & CODEARENA_TRAP_F_REPORT, id,
				    &cmd->out_failed);
	if (IS_ERR(table))
		return PTR_ERR(table);

	/* The answer goes out before the point from which nothing can fail. */
	ret = -EFAULT;
	if (put_user(*id, &uptr->out_id))
		goto out_table;
	ret = -EINTR;
	if (mutex_lock_killable(&arena->lock))
		goto out_table;
	ret = -ENOENT;
	if (codearena_range_sealed_locked(arena, cmd->offset, cmd->length))
		ret = codearena_table_insert_locked(arena, table);
	mutex_unlock(&arena->lock);
out_table:
	if (ret)
		codearena_table_free(arena, table);
	return ret;
}

/**
 * codearena_ioctl_trap_register - register traps for sealed code
 * @ucmd: the command
 *
 * Return: see &struct codearena_trap_register.
 */
int codearena_ioctl_trap_register(struct codearena_ucmd *ucmd)
{
	const struct codearena_trap_register *cmd = ucmd->cmd;
	u64 id = 0;
	int ret;

	if (cmd->flags & ~CODEARENA_TRAP_F_REPORT)
		return -EOPNOTSUPP;
	ret = codearena_trap_register(ucmd, &id);
	trace_trap_register(ucmd->arena, cmd, ret ? 0 : id, ret);
	return ret;
}

/**
 * codearena_ioctl_trap_release - release a table
 * @ucmd: the command
 *
 * Return: see &struct codearena_trap_release.
 */
int codearena_ioctl_trap_release(struct codearena_ucmd *ucmd)
{
	const struct codearena_trap_release *cmd = ucmd->cmd;
	struct codearena_arena *arena = ucmd->arena;
	struct codearena_table *table;
	int ret = -ENOENT;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (mutex_lock_killable(&arena->lock))
		return -EINTR;
	/* The lower half of an id says where to look, all of it whether. */
	table = codearena_table_first_locked(arena, lower_32_bits(cmd->id));
	if (table && codearena_table_id(table) == cmd->id) {
		codearena_table_remove_locked(arena, table);
		ret = 0;
	}
	mutex_unlock(&arena->lock);
	trace_trap_release(arena, cmd->id, ret);
	return ret;
}
