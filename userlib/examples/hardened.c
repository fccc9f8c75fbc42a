// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Executable memory in hardened services. Under each of several restrictions of
 * systemd, a child process makes code on the device, on the memfd backend, and
 * with mprotect() alone, executes it, and tries to overwrite it. Prints a table.
 *
 * Usage: hardened [PROGRAM [ARGUMENT]...]
 *
 * PROGRAM must succeed under each restriction too; it gets "--backend device" or
 * "--backend memfd" before its arguments. If started by root, the children become
 * another user, and get a memory limit where the cgroup file system is mounted.
 *
 * Exit status: 0; 1: the device failed, its code was overwritten, or a method
 * worked that a restriction forbids; 2: no device.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codearena.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE		65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

#define NOBODY		65534
#define MEMORY_GROUP	"/sys/fs/cgroup/codearena-hardened"
#define MEMORY_LIMIT	"64M"

#if defined(__x86_64__)
#define ARCHITECTURE	AUDIT_ARCH_X86_64
/* mov $1, %eax; ret */
static const uint8_t code[] = { 0xb8, 1, 0, 0, 0, 0xc3 };
#elif defined(__aarch64__)
#define ARCHITECTURE	AUDIT_ARCH_AARCH64
/* mov w0, #1; ret */
static const uint8_t code[] = { 0x20, 0, 0x80, 0x52, 0xc0, 3, 0x5f, 0xd6 };
#elif defined(__riscv)
#define ARCHITECTURE	AUDIT_ARCH_RISCV64
/* li a0, 1; ret */
static const uint8_t code[] = { 0x13, 5, 0x10, 0, 0x67, 0x80, 0, 0 };
#else
#error "this example has no code for this architecture"
#endif

enum restriction {
	NONE = 0,
	MDWE = 1,		/* MemoryDenyWriteExecute= */
	SECCOMP = 2,		/* the same, as older systemd does it */
	NO_MEMFD = 4,		/* SystemCallFilter=~memfd_create */
	MEMLOCK = 8,		/* LimitMEMLOCK=0 */
	MEMORY = 16,		/* MemoryMax= */
};

enum way {
	DEVICE,
	MEMFD,
	MPROTECT,
	WAYS
};

/* Exit statuses of a child. Smaller ones are an errno: no code was made. */
enum outcome {
	INTACT = 200,
	BY_MPROTECT,
	BY_ALIAS,
	BY_DESCRIPTOR,
	BY_MEM,
	NO_RESTRICTION,		/* the kernel does not support it */
	CRASHED,
	PROGRAM_FAILED
};

static const struct {
	unsigned int restrictions;
	const char *name;
} rows[] = {
	{ NONE, "none" },
	{ MDWE, "PR_SET_MDWE" },
	{ SECCOMP, "seccomp W^X" },
	{ SECCOMP | NO_MEMFD, "seccomp W^X, no memfd" },
	{ MEMLOCK, "LimitMEMLOCK=0" },
	{ MEMORY, "MemoryMax=" MEMORY_LIMIT },
	{ MDWE | SECCOMP | NO_MEMFD | MEMLOCK | MEMORY, "all of them" },
};

/* Refuses mappings that become executable, or are writable and executable. */
static int filter(unsigned int restrictions)
{
	const uint32_t wx = PROT_WRITE | PROT_EXEC;
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, restrictions & NO_MEMFD ?
			 __NR_memfd_create : UINT32_MAX, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pkey_mprotect, 4, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		/* mmap */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, wx),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wx, 2, 3),
		/* mprotect */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog fprog = {
		.len = sizeof(program) / sizeof(program[0]),
		.filter = program,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) ?
	       -errno : 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int limit_memory(void)
{
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(MEMORY_GROUP, 0755) && errno != EEXIST)
		return -errno;
	if (write_text(MEMORY_GROUP "/memory.max", MEMORY_LIMIT))
		return -ENOTSUP;
	return write_text(MEMORY_GROUP "/cgroup.procs", "0");
}

static int restrict_self(unsigned int restrictions)
{
	const struct rlimit none = { 0, 0 };
	int ret = 0;

	if (restrictions & MEMORY)
		ret = limit_memory();
	if (!ret && restrictions & MEMLOCK && setrlimit(RLIMIT_MEMLOCK, &none))
		ret = -errno;
	/* Root is exempt from many restrictions. */
	if (!ret && !geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
		ret = -errno;
	/* The process may have become undumpable, and /proc/self root's. */
	if (!ret)
		prctl(PR_SET_DUMPABLE, 1);
	if (!ret && restrictions & MDWE &&
	    prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		ret = -errno;
	if (!ret && restrictions & (SECCOMP | NO_MEMFD))
		ret = filter(restrictions);
	return ret;
}

static int make(enum way way, uint8_t **to)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .backend = way == DEVICE ?
		       CODEARENA_BACKEND_DEVICE : CODEARENA_BACKEND_MEMFD);
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = sizeof(code),
	};
	size_t page = sysconf(_SC_PAGESIZE);
	struct codearena_arena *arena;
	int ret;

	if (way == MPROTECT) {
		*to = mmap(NULL, page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (*to == MAP_FAILED)
			return -errno;
		memcpy(*to, code, sizeof(code));
		__builtin___clear_cache((char *)*to,
					(char *)*to + sizeof(code));
		return mprotect(*to, page, PROT_READ | PROT_EXEC) ? -errno : 0;
	}
	ret = codearena_arena_new(1 << 20, &opts, &arena);
	if (!ret)
		ret = codearena_arena_commit(arena, 0, page);
	if (!ret)
		ret = codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
					      NULL);
	if (!ret)
		*to = (uint8_t *)codearena_arena_base(arena);
	return ret;
}

static bool changed(const uint8_t *at)
{
	return *(const volatile uint8_t *)at != code[0];
}

/* Make a second, writable view of the same pages. */
static bool by_alias(uint8_t *at)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], found[64] = "", mine[64] = "";
	uint64_t offset = 0;

	if (!maps)
		return false;
	for (int pass = 0; pass < 2; pass++) {
		rewind(maps);
		while (fgets(line, sizeof(line), maps)) {
			unsigned long long from, end, start, inode;
			char rights[8], device[32];

			if (sscanf(line, "%llx-%llx %7s %llx %31s %llu", &from,
				   &end, rights, &start, device, &inode) != 6 ||
			    !inode)
				continue;
			snprintf(found, sizeof(found), "%s/%llu", device, inode);
			if (!pass && (uintptr_t)at >= from &&
			    (uintptr_t)at < end) {
				offset = start + (uintptr_t)at - from;
				memcpy(mine, found, sizeof(mine));
			}
			if (pass && rights[1] == 'w' && !strcmp(found, mine) &&
			    offset >= start && offset < start + (end - from)) {
				*(volatile uint8_t *)(uintptr_t)
					(from + offset - start) = 0;
				break;
			}
		}
	}
	fclose(maps);
	return changed(at);
}

static bool by_descriptor(const uint8_t *at)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	const uint8_t zero = 0;
	struct stat stat;

	if (!directory)
		return false;
	while (!changed(at) && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name);

		/* Without the terminal and inherited files. */
		if (fd <= STDERR_FILENO || fstat(fd, &stat) || stat.st_nlink)
			continue;
		if (pwrite(fd, &zero, 1, 0) != 1)
			continue;
	}
	closedir(directory);
	return changed(at);
}

static bool by_mem(const uint8_t *at)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	const uint8_t zero = 0;

	if (fd < 0)
		return false;
	if (pwrite(fd, &zero, 1, (uintptr_t)at) != 1)
		errno = 0;
	close(fd);
	return changed(at);
}

static enum outcome attack(uint8_t *at)
{
	if (!mprotect(at, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE)) {
		*(volatile uint8_t *)at = 0;
		return BY_MPROTECT;
	}
	if (by_alias(at))
		return BY_ALIAS;
	if (by_descriptor(at))
		return BY_DESCRIPTOR;
	return by_mem(at) ? BY_MEM : INTACT;
}

static int child(enum way way, unsigned int restrictions)
{
	int (*function)(void);
	uint8_t *at;
	int ret;

	if (restrict_self(restrictions))
		return NO_RESTRICTION;
	ret = make(way, &at);
	if (ret)
		return -ret < INTACT ? -ret : EIO;
	memcpy(&function, &at, sizeof(function));
	if (function() != 1)
		return CRASHED;
	return attack(at);
}

static int run_program(enum way way, unsigned int restrictions, char **program)
{
	char *arguments[64] = {
		program[0], "--backend", way == DEVICE ? "device" : "memfd",
	};
	size_t i;
	int null;

	for (i = 1; program[i] && i + 3 < 64; i++)
		arguments[i + 2] = program[i];
	if (restrict_self(restrictions))
		return NO_RESTRICTION;
	null = open("/dev/null", O_WRONLY);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(program[0], arguments);
	return PROGRAM_FAILED;
}

static int outcome(enum way way, unsigned int restrictions, char **program)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(program ? run_program(way, restrictions, program) :
		      child(way, restrictions));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return CRASHED;
	if (!program || WEXITSTATUS(status) == NO_RESTRICTION)
		return WEXITSTATUS(status);
	return WEXITSTATUS(status) ? PROGRAM_FAILED : INTACT;
}

static const char *describe(int outcome)
{
	static const char *const texts[] = {
		[INTACT - INTACT] = "works",
		[BY_MPROTECT - INTACT] = "overwritten by mprotect()",
		[BY_ALIAS - INTACT] = "overwritten by its alias",
		[BY_DESCRIPTOR - INTACT] = "overwritten by its file",
		[BY_MEM - INTACT] = "overwritten by /proc/self/mem",
		[NO_RESTRICTION - INTACT] = "no such restriction",
		[CRASHED - INTACT] = "CRASHED",
		[PROGRAM_FAILED - INTACT] = "the program fails",
	};

	if (outcome >= INTACT && outcome <= PROGRAM_FAILED)
		return texts[outcome - INTACT];
	return strerrorname_np(outcome) ? strerrorname_np(outcome) : "?";
}

/* Is this the expected outcome? */
static bool expected(enum way way, unsigned int restrictions, int outcome)
{
	if (way == DEVICE)
		return outcome == INTACT;
	/* Other methods fail, or their code can be overwritten. */
	if (way == MPROTECT && restrictions & (MDWE | SECCOMP))
		return outcome == EACCES || outcome == EPERM;
	if (way == MEMFD && restrictions & NO_MEMFD)
		return outcome < INTACT;
	return outcome >= BY_MPROTECT && outcome <= BY_MEM;
}

int main(int argc, char **argv)
{
	static const char *const names[WAYS] = { "device", "memfd", "mprotect" };
	unsigned int passed = 0, failed = 0, skipped = 0;
	CODEARENA_OPTS(codearena_info, info, .machine = 0);

	if (codearena_probe(CODEARENA_BACKEND_DEVICE, &info)) {
		fprintf(stderr, "%s: /dev/codearena cannot be used\n", argv[0]);
		return 2;
	}
	printf("%-24s", "restriction");
	for (int way = 0; way < WAYS; way++)
		printf("%-32s", names[way]);
	printf("\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int restrictions = rows[i].restrictions;

		printf("%-24s", rows[i].name);
		for (int way = 0; way < WAYS; way++) {
			int result = outcome(way, restrictions, NULL);
			bool good = expected(way, restrictions, result);

			/* Without code the program cannot run. */
			if (argc > 1 && way != MPROTECT && result >= INTACT &&
			    result <= BY_MEM &&
			    outcome(way, restrictions, argv + 1) != INTACT) {
				result = PROGRAM_FAILED;
				good = false;
			}
			printf("%-32s", describe(result));
			if (result == NO_RESTRICTION)
				skipped++;
			else if (good)
				passed++;
			else
				failed++;
		}
		printf("\n");
	}
	printf("hardened: %u passed, %u failed, %u skipped\n", passed, failed,
	       skipped);
	return failed ? 1 : 0;
}
