// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * KUnit: what each architecture does to bytes and registers.
 */
#include <linux/cpumask.h>
#include <linux/ptrace.h>

#include "fixture.h"

#define PC	0x7f0000001234UL
#define PAD	0x7f0000005678UL
#define ADDRESS	0x600000000010UL
#define BYTES	256U
#define UNUSED	0xaa

static void fill_whole_granule(struct kunit *test)
{
	u8 bytes[BYTES] __aligned(8);
	u32 i;

	memset(bytes, UNUSED, BYTES);
	codearena_arch_fill(bytes + 64, 64);
	for (i = 0; i < 64; i++)
		KUNIT_EXPECT_EQ(test, UNUSED, (int)bytes[i]);
	for (i = 128; i < BYTES; i++)
		KUNIT_EXPECT_EQ(test, UNUSED, (int)bytes[i]);
	for (i = 64; i < 128; i += 4)
#ifdef CONFIG_X86_64
		KUNIT_EXPECT_EQ(test, 0xccccccccU, *(u32 *)(bytes + i));
#elif defined(CONFIG_RISCV)
		KUNIT_EXPECT_EQ(test, 0x90029002U, *(u32 *)(bytes + i));
#else
		KUNIT_EXPECT_EQ(test, 0xd4200000U, *(u32 *)(bytes + i));
#endif
}

/* From any byte to the end of the granule: the same bytes as in a whole fill. */
static void fill_any_rest(struct kunit *test)
{
	u8 bytes[BYTES] __aligned(8), whole[64] __aligned(8);
	u32 start, i;

	codearena_arch_fill(whole, sizeof(whole));
	for (start = 0; start < 64; start++) {
		memset(bytes, UNUSED, BYTES);
		codearena_arch_fill(bytes + start, 64 - start);
		for (i = 0; i < start; i++)
			KUNIT_ASSERT_EQ(test, UNUSED, (int)bytes[i]);
		for (i = start; i < 64; i++)
			KUNIT_ASSERT_EQ(test, (int)whole[i], (int)bytes[i]);
		KUNIT_ASSERT_EQ(test, UNUSED, (int)bytes[64]);
	}
}

static void fill_nothing(struct kunit *test)
{
	u8 byte[8] __aligned(8) = { UNUSED };

	codearena_arch_fill(byte, 0);
	KUNIT_EXPECT_EQ(test, UNUSED, (int)byte[0]);
}

/* Wherever execution enters a fill, an instruction begins. */
static void fill_divides_evenly(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0UL, CODEARENA_GRANULE % CODEARENA_INSN_ALIGN);
	KUNIT_EXPECT_EQ(test, 0UL, PAGE_SIZE % CODEARENA_INSN_ALIGN);
}

static void kinds_hold_memory(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, CODEARENA_TRAP_KINDS & CODEARENA_TRAP_MEMORY);
	KUNIT_EXPECT_EQ(test, 0U, CODEARENA_TRAP_KINDS &
			~(CODEARENA_TRAP_MEMORY | CODEARENA_TRAP_DIVIDE |
			  CODEARENA_TRAP_UNDEFINED));
}

/* Only the two registers of the contract change. */
static void report_two_registers(struct kunit *test)
{
	struct pt_regs regs, before;

	memset(&regs, UNUSED, sizeof(regs));
	before = regs;
	codearena_arch_report(&regs, PC, ADDRESS);
#ifdef CONFIG_X86_64
	KUNIT_EXPECT_EQ(test, PC, regs.r10);
	KUNIT_EXPECT_EQ(test, ADDRESS, regs.r11);
	before.r10 = PC;
	before.r11 = ADDRESS;
#elif defined(CONFIG_RISCV)
	KUNIT_EXPECT_EQ(test, PC, regs.t6);
	KUNIT_EXPECT_EQ(test, ADDRESS, regs.t5);
	before.t6 = PC;
	before.t5 = ADDRESS;
#else
	KUNIT_EXPECT_EQ(test, (u64)PC, regs.regs[16]);
	KUNIT_EXPECT_EQ(test, (u64)ADDRESS, regs.regs[17]);
	before.regs[16] = PC;
	before.regs[17] = ADDRESS;
#endif
	KUNIT_EXPECT_EQ(test, 0, memcmp(&before, &regs, sizeof(regs)));
}

/* Only the program counter changes, and what belongs to its instruction. */
static void redirect_program_counter(struct kunit *test)
{
	struct pt_regs regs, before;

	memset(&regs, 0, sizeof(regs));
	instruction_pointer_set(&regs, PC);
	before = regs;
	codearena_arch_redirect(&regs, PAD);
	KUNIT_EXPECT_EQ(test, PAD, instruction_pointer(&regs));
	instruction_pointer_set(&before, PAD);
	KUNIT_EXPECT_EQ(test, 0, memcmp(&before, &regs, sizeof(regs)));
}

static void redirect_flags(struct kunit *test)
{
	struct pt_regs regs;

	memset(&regs, 0xff, sizeof(regs));
#ifdef CONFIG_X86_64
	codearena_arch_redirect(&regs, PAD);
	KUNIT_EXPECT_EQ(test, ~X86_EFLAGS_RF, regs.flags);
#elif defined(CONFIG_RISCV)
	codearena_arch_redirect(&regs, PAD);
	KUNIT_EXPECT_EQ(test, ~0UL, regs.status);
#else
	codearena_arch_redirect(&regs, PAD);
	KUNIT_EXPECT_EQ(test, ~(u64)PSR_BTYPE_MASK, regs.pstate);
#endif
}

/* The processor that runs an address space is among those it may run on. */
static void cpus_of_current(struct kunit *test)
{
	cpumask_var_t cpus;
	bool found;

	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&cpus, GFP_KERNEL));
	preempt_disable();
	codearena_arch_cpus(cpus, current->mm);
	found = cpumask_test_cpu(smp_processor_id(), cpus);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, found);
	free_cpumask_var(cpus);
}

static struct kunit_case codearena_arch_cases[] = {
	KUNIT_CASE(fill_whole_granule),
	KUNIT_CASE(fill_any_rest),
	KUNIT_CASE(fill_nothing),
	KUNIT_CASE(fill_divides_evenly),
	KUNIT_CASE(kinds_hold_memory),
	KUNIT_CASE(report_two_registers),
	KUNIT_CASE(redirect_program_counter),
	KUNIT_CASE(redirect_flags),
	KUNIT_CASE(cpus_of_current),
	{}
};

TEST_SUITE("codearena_arch", codearena_arch_cases, test_init);
