// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: the tables and landing pads of an arena, and the way of a trap to its
 * pad, with registers and a VMA that only look like some.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ptrace.h>
#include <linux/slab.h>

#include "../lookup.h"
#include "fixture.h"
#include "seed.h"

#define ROUNDS		600
#define MODEL_TABLES	32U
#define VIEW		0x10000000UL
#define MANY_VIEWS	512U
#define ALIGN4		4U
#define EXTERNAL	CODEARENA_LANDING_EXTERNAL

static const struct codearena_counters *counters(struct kunit *test)
{
	return &test_arena(test)->arena->counters;
}

static void seal_pages(struct kunit *test, unsigned long pages)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(pages)));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, 0, P(pages), 0));
}

static int register_one(struct kunit *test, u64 offset, u64 length, u32 start,
			u32 bytes, u64 landing, u64 *id)
{
	struct codearena_trap trap = {
		.start = start,
		.length = bytes,
		.landing = landing,
	};

	return test_register(test, offset, length, &trap, 1, id);
}

static const struct codearena_table *lookup(struct kunit *test, u32 offset)
{
	const struct codearena_table *table;

	rcu_read_lock();
	table = codearena_table_lookup(test_arena(test)->arena, offset);
	rcu_read_unlock();
	return table;
}

static void register_counts(struct kunit *test)
{
	struct codearena_trap traps[] = {
		{ 8, 1, P(1) }, { 16, 1, P(1) }, { 4, 1, P(1) },
	};
	u64 id;

	seal_pages(test, 2);
	KUNIT_EXPECT_EQ(test, 0, test_register(test, G(1), G(1), traps, 3, &id));
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->trap_tables);
	KUNIT_EXPECT_EQ(test, 3ULL, counters(test)->trap_entries);
	KUNIT_EXPECT_EQ(test, (u32)G(1), lower_32_bits(id));
	KUNIT_EXPECT_NE(test, 0ULL, id);
	KUNIT_EXPECT_EQ(test, 0, test_release(test, id));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->trap_tables);
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->trap_entries);
	KUNIT_EXPECT_EQ(test, -ENOENT, test_release(test, id));
}

static void register_lookup_edges(struct kunit *test)
{
	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 100, 50, 0, 1, P(1), NULL));
	KUNIT_EXPECT_PTR_EQ(test, NULL, (void *)lookup(test, 99));
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, lookup(test, 100));
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, lookup(test, 149));
	KUNIT_EXPECT_PTR_EQ(test, NULL, (void *)lookup(test, 150));
	KUNIT_EXPECT_PTR_EQ(test, NULL, (void *)lookup(test, U32_MAX));
}

/**
 * struct grace - a trap that is looking into a table while it is released
 * @arena: where it is
 * @found: the reader has the table
 * @released: whether the table is released
 * @left: the reader has it no longer
 * @timeout: it was not released in time
 * @length: bytes of the code as the table said in the end
 */
struct grace {
	struct codearena_arena *arena;
	struct completion found;
	bool released;
	struct completion left;
	bool timeout;
	u32 length;
};

static int grace_reader(void *data)
{
	unsigned long end = jiffies + 10 * HZ;
	const struct codearena_table *table;
	struct grace *grace = data;

	rcu_read_lock();
	table = codearena_table_lookup(grace->arena, G(1));
	complete(&grace->found);
	/* Pairs with the release in release_waits_for_readers(). */
	while (!smp_load_acquire(&grace->released) && !grace->timeout) {
		grace->timeout = time_after(jiffies, end);
		cpu_relax();
	}
	/* Whoever does not wait for readers has freed it by now. */
	mdelay(20);
	if (table)
		grace->length = READ_ONCE(table->length);
	rcu_read_unlock();
	complete(&grace->left);
	return 0;
}

/* Without the grace period KASAN reports the reader's last look. */
static void release_waits_for_readers(struct kunit *test)
{
	struct grace *grace = kunit_kzalloc(test, sizeof(*grace), GFP_KERNEL);
	struct task_struct *reader;
	u64 id;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, grace);
	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, G(1), G(1), 0, 1, P(1),
					      &id));
	grace->arena = test_arena(test)->arena;
	init_completion(&grace->found);
	init_completion(&grace->left);
	reader = kthread_run(grace_reader, grace, "codearena_grace");
	KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
	wait_for_completion(&grace->found);
	KUNIT_EXPECT_EQ(test, 0, test_release(test, id));
	KUNIT_EXPECT_PTR_EQ(test, NULL, (void *)lookup(test, G(1)));
	/* Pairs with the acquire in grace_reader(). */
	smp_store_release(&grace->released, true);
	wait_for_completion(&grace->left);
	KUNIT_EXPECT_FALSE(test, grace->timeout);
	KUNIT_EXPECT_EQ(test, (u32)G(1), grace->length);
}

static void register_overlap(struct kunit *test)
{
	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 100, 50, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			register_one(test, 149, 9, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			register_one(test, 91, 10, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			register_one(test, 0, 400, 300, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, 0, register_one(test, 150, 9, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, 0, register_one(test, 91, 9, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, 3ULL, counters(test)->trap_tables);
}

static void register_needs_seal(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, test_commit(test, 0, P(1)));
	KUNIT_ASSERT_EQ(test, 0, test_seal(test, G(1), G(2), 0));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			register_one(test, G(3) - 4, 8, 0, 1, G(1), NULL));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			register_one(test, P(1), 8, 0, 1, G(1), NULL));
	/* The pad lies in no code. */
	KUNIT_EXPECT_EQ(test, -ENOENT,
			register_one(test, G(1), 8, 0, 1, G(3), NULL));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			register_one(test, G(1), 8, 0, 1, P(2), NULL));
	KUNIT_EXPECT_EQ(test, 0,
			register_one(test, G(1), 8, 0, 1, G(2), NULL));
}

static void pad_in_own_range(struct kunit *test)
{
	seal_pages(test, 1);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			register_one(test, G(1), G(1), 8, 8, G(1) + 12, NULL));
	/* In the same code, in no range of it. */
	KUNIT_EXPECT_EQ(test, 0,
			register_one(test, G(1), G(1), 8, 8, G(1) + 16, NULL));
}

static void pad_in_other_range(struct kunit *test)
{
	seal_pages(test, 1);
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, G(1), G(1), 8, 8, G(8), NULL));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			register_one(test, G(2), G(1), 0, 1, G(1) + 8, NULL));
	/* And the other way round: a range over a pad. */
	KUNIT_EXPECT_EQ(test, -EEXIST,
			register_one(test, G(8) - 4, 8, 0, 8, G(1), NULL));
	KUNIT_EXPECT_EQ(test, 0,
			register_one(test, G(8) - 4, 8, 0, 4, G(1), NULL));
}

static void pad_keeps_code(struct kunit *test)
{
	u64 id;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), &id));
	KUNIT_EXPECT_EQ(test, -EBUSY, test_discard1(test, P(1), G(1)));
	KUNIT_EXPECT_EQ(test, -EBUSY, test_decommit(test, P(1), P(1)));
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, P(1) + G(1), G(1)));
	KUNIT_ASSERT_EQ(test, 0, test_release(test, id));
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, P(1), G(1)));
}

/* A pad goes with the last table that leads there. */
static void pad_is_counted(struct kunit *test)
{
	struct codearena_trap twice[] = { { 0, 1, P(1) }, { 4, 1, P(1) + 4 } };
	u64 first, second;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), &first));
	KUNIT_ASSERT_EQ(test, 0, test_register(test, 8, 8, twice, 2, &second));
	KUNIT_EXPECT_EQ(test, 0, test_release(test, first));
	KUNIT_EXPECT_EQ(test, -EBUSY, test_discard1(test, P(1), G(1)));
	KUNIT_EXPECT_EQ(test, 0, test_release(test, second));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&test_arena(test)->arena->pads));
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, P(1), G(1)));
}

/* Code and pad may go in one call, in any order of its ranges. */
static void pad_leaves_with_table(struct kunit *test)
{
	struct codearena_range ranges[] = { { P(1), G(1) }, { 0, G(1) } };

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, 0, test_discard(test, ranges, 2));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->trap_tables);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&test_arena(test)->arena->pads));
}

/* A table that reaches into two ranges of the call leaves once. */
static void pad_leaves_once(struct kunit *test)
{
	struct codearena_range ranges[] = {
		{ 0, G(1) }, { G(1), G(1) }, { P(1), G(1) },
	};
	u64 other;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, 0, G(2), 0, 1, P(1), NULL));
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, G(4), G(1), 0, 1, P(1), &other));
	KUNIT_EXPECT_EQ(test, -EBUSY, test_discard(test, ranges, 3));
	KUNIT_EXPECT_EQ(test, 2U, test_arena(test)->failed);
	KUNIT_EXPECT_EQ(test, 2ULL, counters(test)->trap_tables);
	KUNIT_ASSERT_EQ(test, 0, test_release(test, other));
	KUNIT_EXPECT_EQ(test, 0, test_discard(test, ranges, 3));
	KUNIT_EXPECT_EQ(test, 0ULL, counters(test)->trap_tables);
}

static void discard_releases_tables(struct kunit *test)
{
	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, G(1) - 4, 8, 0, 1, P(1), NULL));
	KUNIT_ASSERT_EQ(test, 0, register_one(test, G(4), 8, 0, 1, P(1), NULL));
	KUNIT_EXPECT_EQ(test, 0, test_discard1(test, G(1), G(1)));
	KUNIT_EXPECT_EQ(test, 1ULL, counters(test)->trap_tables);
	KUNIT_EXPECT_PTR_EQ(test, NULL, (void *)lookup(test, G(1) - 4));
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, lookup(test, G(4)));
}

/* An id is of one table, even where another takes its place. */
static void ids_are_not_reused(struct kunit *test)
{
	u64 first, second;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), &first));
	KUNIT_ASSERT_EQ(test, 0, test_release(test, first));
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), &second));
	KUNIT_EXPECT_NE(test, first, second);
	KUNIT_EXPECT_EQ(test, -ENOENT, test_release(test, first));
	KUNIT_EXPECT_EQ(test, 0, test_release(test, second));
}

/* Tables come and go at random; each is found exactly where it is. */
static void tables_random(struct kunit *test)
{
	const u32 slot = 2 * CODEARENA_GRANULE;
	u64 ids[MODEL_TABLES] = {};
	u32 round, i, at, have = 0;
	struct rnd_state random;

	codearena_test_seed(test, &random);
	seal_pages(test, 2);
	for (round = 0; round < ROUNDS; round++) {
		i = codearena_test_below(&random, MODEL_TABLES);
		if (ids[i]) {
			KUNIT_ASSERT_EQ(test, 0, test_release(test, ids[i]));
			ids[i] = 0;
			have--;
		} else {
			at = codearena_test_below(&random, slot / 2);
			KUNIT_ASSERT_EQ(test, 0,
					register_one(test, i * slot, slot, at,
						     1, P(1) + round % 8 * 4,
						     &ids[i]));
			have++;
		}
		KUNIT_ASSERT_EQ(test, (u64)have, counters(test)->trap_tables);
		for (i = 0; i < MODEL_TABLES; i++) {
			at = i * slot + codearena_test_below(&random, slot);
			KUNIT_ASSERT_EQ(test, !!ids[i], !!lookup(test, at));
		}
	}
}

/* A VMA that only looks like one, entered as a view. */
static struct vm_area_struct *view_add(struct kunit *test, unsigned long start,
				       unsigned long page, unsigned long pages)
{
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vma);
	vma->vm_mm = current->mm;
	vma->vm_start = start;
	vma->vm_end = start + P(pages);
	vma->vm_pgoff = page;
	KUNIT_ASSERT_EQ(test, 0, codearena_view_add(vma,
						    test_arena(test)->arena,
						    NULL, GFP_KERNEL));
	return vma;
}

/* Cut a part off the end of a VMA, as the core does: with no word of the rest. */
static struct vm_area_struct *view_split(struct kunit *test,
					 struct vm_area_struct *vma,
					 unsigned long pages)
{
	unsigned long page = vma->vm_pgoff + pages;
	unsigned long start = vma->vm_start + P(pages);
	unsigned long rest = (vma->vm_end - start) >> PAGE_SHIFT;
	struct vm_area_struct *part = view_add(test, start, page, rest);

	vma->vm_end = start;
	return part;
}

static int set_landing(struct kunit *test, u64 address)
{
	struct codearena_trap_landing cmd = { .address = address };
	struct codearena_ucmd ucmd = {
		.arena = test_arena(test)->arena,
		.cmd = &cmd,
	};

	return codearena_ioctl_trap_landing(&ucmd);
}

static void user_regs(struct pt_regs *regs, unsigned long pc)
{
	memset(regs, 0, sizeof(*regs));
	instruction_pointer_set(regs, pc);
#ifdef CONFIG_X86_64
	regs->cs = __USER_CS;
#endif
}

static bool fixup(struct pt_regs *regs, unsigned long pc, u32 kind,
		  unsigned long address)
{
	bool fixed;

	user_regs(regs, pc);
	rcu_read_lock();
	fixed = codearena_fixup(regs, kind, address);
	rcu_read_unlock();
	return fixed;
}

static void fixup_leads_to_pad(struct kunit *test)
{
	struct codearena_arena *arena = test_arena(test)->arena;
	struct vm_area_struct *view;
	struct pt_regs regs;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, G(1), 8, 4, 1, P(1), NULL));
	view = view_add(test, VIEW, 0, 2);
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW + G(1) + 4,
				      CODEARENA_TRAP_MEMORY, 0x1234));
	KUNIT_EXPECT_EQ(test, VIEW + P(1), instruction_pointer(&regs));
	KUNIT_EXPECT_EQ(test, 1UL,
			codearena_traps_fixed(arena, CODEARENA_TRAP_MEMORY));
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW + G(1) + 5,
				       CODEARENA_TRAP_MEMORY, 0x1234));
	KUNIT_EXPECT_EQ(test, VIEW + (unsigned long)G(1) + 5,
			instruction_pointer(&regs));
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW + P(2),
				       CODEARENA_TRAP_MEMORY, 0x1234));
	codearena_view_remove(view);
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW + G(1) + 4,
				       CODEARENA_TRAP_MEMORY, 0x1234));
	KUNIT_EXPECT_EQ(test, 1UL,
			codearena_traps_fixed(arena, CODEARENA_TRAP_MEMORY));
}

static void fixup_counts_kinds(struct kunit *test)
{
	struct codearena_arena *arena = test_arena(test)->arena;
	struct vm_area_struct *view;
	struct pt_regs regs;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), NULL));
	view = view_add(test, VIEW, 0, 2);
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_DIVIDE, 0));
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_UNDEFINED, 0));
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_UNDEFINED, 0));
	KUNIT_EXPECT_EQ(test, 0UL,
			codearena_traps_fixed(arena, CODEARENA_TRAP_MEMORY));
	KUNIT_EXPECT_EQ(test, 1UL,
			codearena_traps_fixed(arena, CODEARENA_TRAP_DIVIDE));
	KUNIT_EXPECT_EQ(test, 2UL,
			codearena_traps_fixed(arena, CODEARENA_TRAP_UNDEFINED));
	codearena_view_remove(view);
}

static void fixup_external_pad(struct kunit *test)
{
	struct vm_area_struct *view, *second;
	struct pt_regs regs;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, 0, 8, 0, 1, EXTERNAL, NULL));
	view = view_add(test, VIEW, 0, 2);
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	codearena_view_remove(view);
	view = view_add(test, VIEW, 0, 2);
	KUNIT_EXPECT_EQ(test, 0, set_landing(test, 0x5550000));
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	KUNIT_EXPECT_EQ(test, 0x5550000UL, instruction_pointer(&regs));
	/* A second view of the process inherits it. */
	second = view_add(test, 2 * VIEW, 0, 2);
	KUNIT_EXPECT_TRUE(test, fixup(&regs, 2 * VIEW, CODEARENA_TRAP_MEMORY, 0));
	KUNIT_EXPECT_EQ(test, 0x5550000UL, instruction_pointer(&regs));
	codearena_view_remove(second);
	codearena_view_remove(view);
}

/* The pad is reached in the same mapping, or in none. */
static void fixup_needs_pad_mapped(struct kunit *test)
{
	struct vm_area_struct *code, *pad, *stranger;
	struct pt_regs regs;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), NULL));
	code = view_add(test, VIEW, 0, 1);
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	/* Mapped beside it, but with other code. */
	stranger = view_add(test, VIEW + P(1), 0, 1);
	KUNIT_EXPECT_FALSE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	codearena_view_remove(stranger);
	/* Mapped beside it, as after a split. */
	pad = view_add(test, VIEW + P(1), 1, 1);
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	KUNIT_EXPECT_EQ(test, VIEW + P(1), instruction_pointer(&regs));
	codearena_view_remove(pad);
	codearena_view_remove(code);
}

static void view_of_offset(struct kunit *test)
{
	struct vm_area_struct *view;
	struct pt_regs regs;

	seal_pages(test, 4);
	KUNIT_ASSERT_EQ(test, 0,
			register_one(test, P(2), 8, 0, 1, P(3) + 4, NULL));
	view = view_add(test, VIEW, 2, 2);
	KUNIT_EXPECT_TRUE(test, fixup(&regs, VIEW, CODEARENA_TRAP_MEMORY, 0));
	KUNIT_EXPECT_EQ(test, VIEW + P(1) + ALIGN4, instruction_pointer(&regs));
	codearena_view_remove(view);
}

static void view_landing_checks(struct kunit *test)
{
	struct codearena_trap_landing cmd = { .flags = 1 };
	struct codearena_ucmd ucmd = {
		.arena = test_arena(test)->arena,
		.cmd = &cmd,
	};
	struct codearena_viewer *viewer;
	struct vm_area_struct *view;

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, codearena_ioctl_trap_landing(&ucmd));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_landing(test, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_landing(test, U64_MAX));
	KUNIT_EXPECT_EQ(test, -ENOENT, set_landing(test, 0x5550000));
	view = view_add(test, VIEW, 0, 2);
	KUNIT_EXPECT_EQ(test, 0, set_landing(test, 0x5550000));
	viewer = view->vm_private_data;
	KUNIT_EXPECT_EQ(test, 0x5550000UL, viewer->landing);
	KUNIT_EXPECT_EQ(test, -EBUSY, set_landing(test, 0x5550000));
	codearena_view_remove(view);
	KUNIT_EXPECT_EQ(test, -ENOENT, set_landing(test, 0x5550000));
}

static bool view_covers(unsigned long addr)
{
	struct codearena_place place;
	struct codearena_mm *cmm;
	bool found;

	rcu_read_lock();
	cmm = codearena_mm_lookup(current->mm);
	found = cmm && codearena_view_lookup(cmm, addr, &place);
	rcu_read_unlock();
	return found;
}

/* A split changes nothing, and a hole is where the middle was. */
static void view_split_and_cut(struct kunit *test)
{
	struct vm_area_struct *left, *middle, *right;
	unsigned long page;

	left = view_add(test, VIEW, 0, 6);
	middle = view_split(test, left, 2);
	right = view_split(test, middle, 2);
	for (page = 0; page < 6; page++)
		KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(page)));
	codearena_view_remove(middle);
	for (page = 0; page < 6; page++)
		KUNIT_EXPECT_EQ(test, page / 2 != 1,
				view_covers(VIEW + P(page)));
	/* The hole is filled with the same code again. */
	middle = view_add(test, VIEW + P(2), 2, 2);
	codearena_view_remove(left);
	KUNIT_EXPECT_FALSE(test, view_covers(VIEW + P(2) - 1));
	KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(2)));
	codearena_view_remove(right);
	KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(4) - 1));
	KUNIT_EXPECT_FALSE(test, view_covers(VIEW + P(4)));
	codearena_view_remove(middle);
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, !codearena_mm_lookup(current->mm));
	rcu_read_unlock();
}

static bool view_is_remembered(void)
{
	const struct codearena_mm *cmm;
	bool remembered;

	rcu_read_lock();
	cmm = codearena_mm_lookup(current->mm);
	remembered = cmm && READ_ONCE(cmm->last);
	rcu_read_unlock();
	return remembered;
}

/* Among many views a long search is remembered, until one of them changes. */
static void view_long_search(struct kunit *test)
{
	struct vm_area_struct **views;
	unsigned long i;

	views = kunit_kcalloc(test, MANY_VIEWS, sizeof(*views), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, views);
	for (i = 0; i < MANY_VIEWS; i++)
		views[i] = view_add(test, VIEW + P(2 * i), 0, 1);
	KUNIT_EXPECT_FALSE(test, view_is_remembered());
	for (i = 0; i < MANY_VIEWS; i++) {
		KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(2 * i)));
		KUNIT_EXPECT_FALSE(test, view_covers(VIEW + P(2 * i + 1)));
	}
	KUNIT_EXPECT_TRUE(test, view_is_remembered());
	while (i--) {
		KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(2 * i)));
		codearena_view_remove(views[i]);
		KUNIT_EXPECT_FALSE(test, view_is_remembered());
		KUNIT_EXPECT_FALSE(test, view_covers(VIEW + P(2 * i)));
	}
}

/* 6.1 gives back a part that it could not cut off, emptied. */
static void view_split_fails(struct kunit *test)
{
	struct vm_area_struct *whole = view_add(test, VIEW, 0, 4);
	struct vm_area_struct *part = view_split(test, whole, 2);

	whole->vm_end = VIEW + P(4);
	part->vm_start = part->vm_end;
	codearena_view_remove(part);
	KUNIT_EXPECT_TRUE(test, view_covers(VIEW + P(4) - 1));
	codearena_view_remove(whole);
	KUNIT_EXPECT_FALSE(test, view_covers(VIEW));
}

/* Mapped, split and unmapped at random, against one bit for each page. */
static void view_model(struct kunit *test)
{
	struct vm_area_struct *vmas[MODEL_TABLES] = {};
	struct rnd_state random;
	u32 round, i, pages;

	codearena_test_seed(test, &random);
	for (round = 0; round < ROUNDS; round++) {
		i = codearena_test_below(&random, MODEL_TABLES);
		pages = 0;
		if (vmas[i])
			pages = vma_pages(vmas[i]);
		if (!vmas[i]) {
			/* Slots adjoin; an odd one shows other code. */
			vmas[i] = view_add(test, VIEW + i * P(4),
					   i % 8 == 7 ? 0 : i * 4, 4);
		} else if (pages > 1 && i + 1 < MODEL_TABLES && !(round % 3)) {
			codearena_view_remove(view_split(test, vmas[i],
							 pages / 2));
		} else {
			codearena_view_remove(vmas[i]);
			vmas[i] = NULL;
		}
		for (i = 0; i < MODEL_TABLES * 4; i++) {
			unsigned long addr = VIEW + P(i);

			KUNIT_ASSERT_EQ(test, vmas[i / 4] &&
					addr < vmas[i / 4]->vm_end,
					view_covers(addr));
		}
	}
	for (i = 0; i < MODEL_TABLES; i++) {
		if (vmas[i])
			codearena_view_remove(vmas[i]);
	}
}

#ifdef CONFIG_X86_64
/* In a segment of modify_ldt() the program counter is no address. */
static void fixup_of_flat_code(struct kunit *test)
{
	struct vm_area_struct *view;
	struct pt_regs regs;

	seal_pages(test, 2);
	KUNIT_ASSERT_EQ(test, 0, register_one(test, 0, 8, 0, 1, P(1), NULL));
	view = view_add(test, VIEW, 0, 2);
	user_regs(&regs, VIEW);
	regs.cs = 0x0f;
	rcu_read_lock();
	KUNIT_EXPECT_FALSE(test, codearena_fixup(&regs, CODEARENA_TRAP_DIVIDE,
						 0));
	regs.cs = __USER32_CS;
	KUNIT_EXPECT_TRUE(test, codearena_fixup(&regs, CODEARENA_TRAP_DIVIDE,
						0));
	rcu_read_unlock();
	codearena_view_remove(view);
}
#endif

static struct kunit_case codearena_traps_cases[] = {
	KUNIT_CASE(register_counts),
	KUNIT_CASE(register_lookup_edges),
	KUNIT_CASE(release_waits_for_readers),
	KUNIT_CASE(register_overlap),
	KUNIT_CASE(register_needs_seal),
	KUNIT_CASE(pad_in_own_range),
	KUNIT_CASE(pad_in_other_range),
	KUNIT_CASE(pad_keeps_code),
	KUNIT_CASE(pad_is_counted),
	KUNIT_CASE(pad_leaves_with_table),
	KUNIT_CASE(pad_leaves_once),
	KUNIT_CASE(discard_releases_tables),
	KUNIT_CASE(ids_are_not_reused),
	KUNIT_CASE(tables_random),
	KUNIT_CASE(fixup_leads_to_pad),
	KUNIT_CASE(fixup_counts_kinds),
	KUNIT_CASE(fixup_external_pad),
	KUNIT_CASE(fixup_needs_pad_mapped),
	KUNIT_CASE(view_of_offset),
	KUNIT_CASE(view_landing_checks),
	KUNIT_CASE(view_split_and_cut),
	KUNIT_CASE(view_long_search),
	KUNIT_CASE(view_split_fails),
	KUNIT_CASE(view_model),
#ifdef CONFIG_X86_64
	KUNIT_CASE(fixup_of_flat_code),
#endif
	{}
};

TEST_SUITE("codearena_traps", codearena_traps_cases, test_init);
