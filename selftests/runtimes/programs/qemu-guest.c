// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Work for an emulator's translator, to be run as its guest: code that is changed
 * while it runs, more code than a small buffer holds, threads, faults whose state has
 * to be restored, children three deep, descriptors. Prints the same everywhere.
 *
 * Usage: qemu-guest [FUNCTIONS [LEVEL]]
 *
 *   FUNCTIONS  how much work (1000)
 *   LEVEL      no child of so many ancestors can fork
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS		4
#define STRIDE		64

typedef uint32_t function(uint32_t);

static unsigned char *code_map(size_t size)
{
	void *code = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return code;
}

/*
 * Writes a function that is four blocks:
 *	mov %edi,%eax; test $1,%al; je 1f; add $NUMBER,%eax; jmp 2f;
 *	1: xor $NUMBER,%eax; 2: ret
 */
static function *code_write(unsigned char *at, uint32_t number)
{
	static const unsigned char text[] = {
		0x89, 0xf8, 0xa8, 0x01, 0x74, 0x07, 0x05, 0, 0, 0, 0,
		0xeb, 0x05, 0x35, 0, 0, 0, 0, 0xc3
	};

	memcpy(at, text, sizeof(text));
	memcpy(at + 7, &number, 4);
	memcpy(at + 14, &number, 4);
	return (function *)(uintptr_t)at;
}

/* One function whose constant changes before each call. */
static uint32_t changing(int rounds, uint32_t seed)
{
	unsigned char *code = code_map(4096);
	function *call = code_write(code, 0);
	uint32_t sum = seed;

	for (int i = 0; i < rounds; i++) {
		uint32_t number = sum * 2654435761u;

		memcpy(code + 7, &number, 4);
		memcpy(code + 14, &number, 4);
		sum = call(sum) + i;
	}
	munmap(code, 4096);
	return sum;
}

/*
 * Code that changes an instruction after itself, in the same page:
 *	movl %edi,8(%rip); mov %edi,%eax; jmp .+2; add $0,%eax; ret
 */
static uint32_t changes_itself(int rounds)
{
	static const unsigned char text[] = {
		0x89, 0x3d, 0x05, 0, 0, 0, 0x89, 0xf8, 0xeb, 0x00,
		0x05, 0, 0, 0, 0, 0xc3
	};
	unsigned char *code = code_map(4096);
	uint32_t sum = 0;

	memcpy(code, text, sizeof(text));
	for (int i = 0; i < rounds; i++)
		sum += ((function *)(uintptr_t)code)(sum + i);
	munmap(code, 4096);
	return sum;
}

/*
 * A block that jumps to one of the same page which ends in the next page. Only that
 * one changes:
 *	mov %edi,%eax; jmp .+2; add $NUMBER,%eax; add $NUMBER,%eax; ret
 */
static uint32_t changes_half(int rounds)
{
	static const unsigned char text[] = {
		0x89, 0xf8, 0xeb, 0x00, 0x05, 1, 0, 0, 0, 0x05, 2, 0, 0, 0, 0xc3
	};
	unsigned char *code = code_map(8192), *at = code + 4096 - 12;
	uint32_t sum = 0;

	memcpy(at, text, sizeof(text));
	for (int i = 0; i < rounds; i++) {
		code[4096] = i;
		for (int k = 0; k < 4; k++)
			sum = ((function *)(uintptr_t)at)(sum * 3);
	}
	munmap(code, 8192);
	return sum;
}

/* Many functions, all called several times. */
static uint32_t many(int count, uint32_t seed)
{
	unsigned char *code = code_map((size_t)count * STRIDE);
	uint32_t sum = seed;

	for (int i = 0; i < count; i++)
		code_write(code + (size_t)i * STRIDE, i * 40503 + seed);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < count; i++)
			sum = ((function *)(uintptr_t)(code + (size_t)i * STRIDE))(
				sum + round);
	munmap(code, (size_t)count * STRIDE);
	return sum;
}

static int functions = 1000;
static unsigned char *shared_code;
static uint32_t shared_total;

/* The same code in all threads at first, then code of each one's own. */
static void *thread(void *argument)
{
	uint32_t number = (uintptr_t)argument, sum = number;

	for (int i = 0; i < functions; i++)
		sum = ((function *)(uintptr_t)(shared_code + i * STRIDE))(sum);
	sum += changing(functions / 20, number);
	sum += many(functions / 4, number);
	__atomic_fetch_add(&shared_total, sum, __ATOMIC_RELAXED);
	return NULL;
}

static uint32_t threads(void)
{
	pthread_t ids[THREADS];

	shared_total = 0;
	shared_code = code_map((size_t)functions * STRIDE);
	for (int i = 0; i < functions; i++)
		code_write(shared_code + i * STRIDE, i * 7919);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&ids[i], NULL, thread, (void *)(uintptr_t)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	munmap(shared_code, (size_t)functions * STRIDE);
	return shared_total;
}

static sigjmp_buf back;
static unsigned char *fault_code;
static volatile uintptr_t fault;

/* Where it was, in what state, and what it accessed. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	fault = (uintptr_t)info->si_addr + registers[REG_RAX] * 100 +
		registers[REG_RIP] - (uintptr_t)fault_code;
	siglongjmp(back, 1);
}

/*
 * A load that faults in the middle of a block:
 *	mov $NUMBER,%eax; add $3,%eax; mov (%rdi),%ecx; ret
 */
static uint32_t faults(int rounds)
{
	static const unsigned char text[] = {
		0xb8, 0, 0, 0, 0, 0x83, 0xc0, 0x03, 0x8b, 0x0f, 0xc3
	};
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	volatile uint32_t sum = 0;

	sigaction(SIGSEGV, &action, NULL);
	fault_code = code_map(4096);
	memcpy(fault_code, text, sizeof(text));
	for (volatile int i = 0; i < rounds; i++) {
		fault_code[1] = i;
		if (!sigsetjmp(back, 1))
			((void (*)(uintptr_t))(uintptr_t)fault_code)(8 * i);
		sum += fault;
	}
	munmap(fault_code, 4096);
	return sum;
}

static int level, last_level = 100;

static pid_t try_fork(void)
{
	pid_t pid = -1;

	errno = EAGAIN;
	if (level < last_level)
		pid = fork();
	if (!pid)
		level++;
	return pid;
}

/*
 * A child changes code that it inherited, and so does its parent meanwhile. The second of
 * main()'s children begins with code that the first one's parent made, when its own has
 * so much more that a small buffer gets full.
 */
static uint32_t forked(int depth)
{
	unsigned char *code = code_map(4096);
	function *call = code_write(code, depth);
	uint32_t sum = call(depth) + call(depth + 1);
	int status;
	pid_t pid = try_fork();

	if (pid < 0)
		return errno;
	if (!pid) {
		code_write(code, 100 + depth);
		sum += call(5) + many(functions / 10, depth);
		_exit((sum + (depth > 1 ? forked(depth - 1) : 0)) % 128);
	}
	code_write(code, 200 + depth);
	for (int i = 0; i < 100; i++)
		sum = call(sum);
	if (!level && depth == 2)
		sum += many(functions, depth);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 0xdead;
	munmap(code, 4096);
	return sum * 1000 + WEXITSTATUS(status);
}

/* Each number is the guest's: the lowest is free, and can be replaced, and closed. */
static void descriptors(void)
{
	int fd, open_now = 0;

	for (fd = 3; fd < 1100; fd++)
		close(fd);
	printf("descriptors %d", open("/dev/null", O_RDONLY));
	printf(" %d", dup2(3, 9) + fcntl(3, F_DUPFD, 5));
#ifdef SYS_close_range
	syscall(SYS_close_range, 3, ~0u, 0);
#endif
	for (fd = 3; fd < 40; fd++)
		open_now += fcntl(fd, F_GETFD) >= 0;
	printf(" %d\n", open_now);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		functions = atoi(argv[1]);
	if (argc > 2)
		last_level = atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("changing %u\n", changing(functions / 5, 1));
	printf("changes itself %u\n", changes_itself(functions / 5));
	printf("changes half %u\n", changes_half(functions));
	printf("many %u\n", many(functions, 2));
	printf("faults %u\n", faults(40));
	printf("forked %u\n", forked(3));
	printf("forked again %u\n", forked(2));
	descriptors();
	printf("threads %u\n", threads());
	printf("many %u\n", many(functions, 3));
	return 0;
}
