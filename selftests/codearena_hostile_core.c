// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* A core file holds the code that the process ran, and no guard view. */
#include "lib/harness.h"

#include <elf.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/trap_code.h"

#define PATTERN "/proc/sys/kernel/core_pattern"
#define CORE "/tmp/codearena-core"
#define GDB "/usr/bin/gdb"
#if defined(__x86_64__)
#define LOAD_TEXT "(%rdi)"
#elif defined(__aarch64__)
#define LOAD_TEXT "[x0]"
#elif defined(__riscv)
#define LOAD_TEXT "(a0)"
#endif

FIXTURE(core)
{
	struct trap_arena t;
	struct site site;
	char pattern[256];
	bool usable;
};

FIXTURE_SETUP(core)
{
	ASSERT_ZERO(trap_arena_new(&self->t, 4));
	ASSERT_ZERO(site_new(&self->t, &code_load, &self->site));
	unlink(CORE);
	self->usable = !read_file(PATTERN, self->pattern,
				  sizeof(self->pattern)) &&
		       !write_file(PATTERN, CORE);
}

FIXTURE_TEARDOWN(core)
{
	if (self->usable)
		write_file(PATTERN, self->pattern);
	unlink(CORE);
	trap_arena_free(&self->t);
}

/* Read from a guard view that protects nothing. */
static void crash(struct trap_arena *t)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (chdir("/tmp") || setrlimit(RLIMIT_CORE, &limit))
		_exit(1);
	(void)*(volatile uint8_t *)t->guard;
	_exit(1);
}

/* Have published code load from an address at which nothing is mapped. */
static void crash_in_code(struct trap_arena *t, const struct site *site)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	void *code = t->arena.view + site->start;
	void (*load)(const void *address);

	if (chdir("/tmp") || setrlimit(RLIMIT_CORE, &limit))
		_exit(1);
	memcpy(&load, &code, sizeof(load));
	load((void *)64);
	_exit(1);
}

/* The segment of the core that begins at an address; memsz is 0 without. */
static Elf64_Phdr segment_at(FILE *core, const void *address)
{
	Elf64_Phdr phdr = {};
	Elf64_Ehdr ehdr;

	if (fread(&ehdr, sizeof(ehdr), 1, core) != 1 ||
	    fseek(core, ehdr.e_phoff, SEEK_SET))
		return phdr;
	for (unsigned int i = 0; i < ehdr.e_phnum; i++) {
		if (fread(&phdr, sizeof(phdr), 1, core) != 1)
			break;
		if (phdr.p_type == PT_LOAD &&
		    phdr.p_vaddr == (uintptr_t)address)
			return phdr;
	}
	return (Elf64_Phdr) {};
}

TEST_F(core, has_code_and_no_guard)
{
	uint64_t length = self->site.length;
	uint8_t bytes[256];
	Elf64_Phdr phdr;
	int status;
	FILE *core;
	pid_t pid;

	if (!self->usable)
		SKIP(return, "cannot set %s", PATTERN);
	pid = fork();
	if (!pid)
		crash(&self->t);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	if (!WCOREDUMP(status))
		SKIP(return, "the kernel writes no core files");
	core = fopen(CORE, "r");
	ASSERT_NE(NULL, core);
	phdr = segment_at(core, self->t.arena.view);
	ASSERT_EQ(self->t.arena.length, phdr.p_memsz);
	ASSERT_EQ(phdr.p_memsz, phdr.p_filesz);
	ASSERT_LE(length, sizeof(bytes));
	ASSERT_ZERO(fseek(core, phdr.p_offset + self->site.start, SEEK_SET));
	ASSERT_EQ(1, fread(bytes, length, 1, core));
	EXPECT_EQ(0, memcmp(bytes, self->t.arena.view + self->site.start,
			    length));
	rewind(core);
	phdr = segment_at(core, self->t.guard);
	EXPECT_EQ(0, phdr.p_filesz);
	fclose(core);
}

/* What gdb prints for the core file: the instruction at the program counter. */
static int run_gdb(char *output, size_t size)
{
	char command[256], program[128] = "";
	size_t length;
	FILE *gdb;

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return -1;
	snprintf(command, sizeof(command),
		 GDB " -q -nx -batch -ex 'x/i $pc' %s " CORE " 2>&1", program);
	gdb = popen(command, "r");
	if (!gdb)
		return -1;
	length = fread(output, 1, size - 1, gdb);
	output[length] = 0;
	return pclose(gdb);
}

TEST_F(core, gdb_disassembles_the_code)
{
	char output[8192], place[32];
	int status;
	pid_t pid;

	if (!self->usable)
		SKIP(return, "cannot set %s", PATTERN);
	if (access(GDB, X_OK))
		SKIP(return, "no " GDB "; see selftests/vm/stage-program.sh");
	pid = fork();
	if (!pid)
		crash_in_code(&self->t, &self->site);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	if (!WCOREDUMP(status))
		SKIP(return, "the kernel writes no core files");
	ASSERT_ZERO(run_gdb(output, sizeof(output)));
	snprintf(place, sizeof(place), "=> 0x%llx:",
		 (unsigned long long)site_pc(&self->t, &self->site));
	EXPECT_NE(NULL, strstr(output, place))
		TH_LOG("gdb printed: %s", output);
	EXPECT_NE(NULL, strstr(output, LOAD_TEXT))
		TH_LOG("gdb printed: %s", output);
}

TEST_HARNESS_MAIN
