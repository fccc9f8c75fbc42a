// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests of arenas share.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/arch.h"
#include "lib/helpers.h"

static const uint8_t trap[] = CA__TRAP_BYTES;

bool backend_is(enum codearena_backend backend)
{
	const char *name = getenv("CODEARENA_BACKEND");

	return !strcmp(name ? name : "memfd", codearena_backend_name(backend));
}

#if defined(__x86_64__)

/* mov $value, %eax; ret */
size_t code_return(uint8_t code[CODE_MAX], unsigned int value)
{
	code[0] = 0xb8;
	memcpy(code + 1, &value, 4);
	code[5] = 0xc3;
	return 6;
}

/* jmp rel32; int3; int3; int3 */
uint64_t code_jump(uint64_t from, uint64_t to)
{
	uint32_t distance = to - (from + 5);

	return 0xcccccc0000000000ULL | (uint64_t)distance << 8 | 0xe9;
}

#elif defined(__aarch64__)

/* movz w0, #value; ret */
size_t code_return(uint8_t code[CODE_MAX], unsigned int value)
{
	uint32_t words[2] = { 0x52800000 | value << 5, 0xd65f03c0 };

	memcpy(code, words, sizeof(words));
	return sizeof(words);
}

/* b to; brk #0 */
uint64_t code_jump(uint64_t from, uint64_t to)
{
	uint32_t distance = (to - from) / 4;

	return 0xd420000000000000ULL | 0x14000000 | (distance & 0x3ffffff);
}

#elif defined(__riscv)

/* li a0, value; ret */
size_t code_return(uint8_t code[CODE_MAX], unsigned int value)
{
	uint32_t words[2] = { 0x00000513 | value << 20, 0x00008067 };

	memcpy(code, words, sizeof(words));
	return sizeof(words);
}

/* j to; c.ebreak; c.ebreak */
uint64_t code_jump(uint64_t from, uint64_t to)
{
	uint32_t d = to - from;
	uint32_t jump = 0x6f | (d & 0xff000) | (d >> 11 & 1) << 20 |
			(d >> 1 & 0x3ff) << 21 | (d >> 20 & 1) << 31;

	return 0x9002900200000000ULL | jump;
}

#endif

void trap_bytes(uint64_t offset, uint8_t *to, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		to[i] = trap[(offset + i) % sizeof(trap)];
}

unsigned int execute(struct codearena_arena *arena, uint64_t offset)
{
	const uint8_t *base = codearena_arena_base(arena);
	unsigned int (*function)(void);

	/* ISO C has no conversion between the two kinds of pointers. */
	base += offset;
	memcpy(&function, &base, sizeof(function));
	return function();
}

/* The kernel reads it for us and says when that is not possible. */
bool peek(struct codearena_arena *arena, uint64_t offset, void *to,
	  size_t length)
{
	const uint8_t *from = (const uint8_t *)codearena_arena_base(arena);
	bool ok = true;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	while (length && ok) {
		size_t piece = length < 4096 ? length : 4096;

		ok = write(fds[1], from + offset, piece) == (ssize_t)piece;
		if (ok)
			assert_int_equal(read(fds[0], to, piece), piece);
		to = (uint8_t *)to + piece;
		offset += piece;
		length -= piece;
	}
	close(fds[0]);
	close(fds[1]);
	return ok;
}

struct codearena_stat stat_of(struct codearena_arena *arena)
{
	struct codearena_stat stat;

	memset(&stat, 0xa5, sizeof(stat));
	stat.size = sizeof(stat);
	stat.flags = 0;
	assert_int_equal(codearena_arena_stat(arena, &stat), 0);
	return stat;
}

struct snapshot {
	struct codearena_stat stat;
	uint64_t pages;
	bool *readable;
	uint8_t *bytes;
};

struct snapshot *snapshot_take(struct codearena_arena *arena)
{
	uint64_t page = codearena_arena_page_size(arena), i;
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	assert_non_null(snapshot);
	snapshot->stat = stat_of(arena);
	snapshot->pages = codearena_arena_length(arena) / page;
	snapshot->readable = calloc(snapshot->pages, sizeof(bool));
	snapshot->bytes = calloc(snapshot->pages, page);
	assert_non_null(snapshot->readable);
	assert_non_null(snapshot->bytes);
	for (i = 0; i < snapshot->pages; i++)
		snapshot->readable[i] = peek(arena, i * page,
					     snapshot->bytes + i * page, page);
	return snapshot;
}

void snapshot_check(struct codearena_arena *arena, struct snapshot *snapshot)
{
	struct snapshot *now = snapshot_take(arena);
	uint64_t page = codearena_arena_page_size(arena);

	assert_memory_equal(&now->stat, &snapshot->stat, sizeof(now->stat));
	assert_memory_equal(now->readable, snapshot->readable,
			    now->pages * sizeof(bool));
	assert_memory_equal(now->bytes, snapshot->bytes, now->pages * page);
	free(now->readable);
	free(now->bytes);
	free(now);
	free(snapshot->readable);
	free(snapshot->bytes);
	free(snapshot);
}

int publish_return(struct codearena_arena *arena, uint64_t offset,
		   unsigned int value, uint32_t flags)
{
	uint8_t code[CODE_MAX];
	struct codearena_object object = {
		.offset = offset,
		.source = (uintptr_t)code,
		.length = code_return(code, value),
		.flags = flags,
	};

	return codearena_arena_publish(arena, &object, 1, NULL, 0, 0, NULL);
}

/* The code of the slot, and a word of data after it. */
static void fill_slot(struct fixture *f)
{
	uint8_t bytes[64];
	uint64_t word = WORD_VALUE;
	struct codearena_object object = {
		.offset = f->slot,
		.source = (uintptr_t)bytes,
		.length = sizeof(bytes),
		.flags = CODEARENA_OBJECT_F_PATCHABLE,
	};

	trap_bytes(f->slot, bytes, sizeof(bytes));
	code_return(bytes, SLOT_VALUE);
	memcpy(bytes + 32, &word, sizeof(word));
	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
}

static void fill_written(struct fixture *f)
{
	uint8_t *bytes = malloc(f->granule);
	struct codearena_chunk chunk = {
		.offset = f->written,
		.source = (uintptr_t)bytes,
		.length = f->granule,
	};

	assert_non_null(bytes);
	memset(bytes, WRITTEN_BYTE, f->granule);
	assert_int_equal(codearena_arena_write(f->arena, &chunk, 1, NULL), 0);
	free(bytes);
}

static int setup(void **state, uint32_t flags)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "test",
		       .flags = flags);
	struct fixture *f = calloc(1, sizeof(*f));

	if (backend_setup(state) || !f)
		return -1;
	f->page = sysconf(_SC_PAGESIZE);
	f->length = ARENA_PAGES * f->page;
	opts.commit_limit = LIMIT_PAGES * f->page;
	if (codearena_arena_new(f->length, &opts, &f->arena)) {
		free(f);
		return -1;
	}
	f->granule = codearena_arena_granule(f->arena);
	f->fixed = 0;
	f->slot = f->granule;
	f->word = f->slot + 32;
	f->written = 2 * f->granule;
	f->fresh = 3 * f->granule;
	f->pristine = f->page;
	f->reserved = 2 * f->page;
	assert_int_equal(codearena_arena_commit(f->arena, 0, 2 * f->page), 0);
	assert_int_equal(publish_return(f->arena, f->fixed, FIXED_VALUE, 0), 0);
	fill_slot(f);
	fill_written(f);
	*state = f;
	return 0;
}

int backend_setup(void **state)
{
	*state = NULL;
	/* Without the module AUTO would be the memfd anyway; not with it. */
	return setenv("CODEARENA_BACKEND", "memfd", 0);
}

int fixture_setup(void **state)
{
	return setup(state, 0);
}

int fixture_setup_permanent(void **state)
{
	return setup(state, CODEARENA_RESERVE_F_PERMANENT);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	codearena_arena_free(f->arena);
	free(f);
	return 0;
}

int in_child(bool (*function)(void *context), void *context)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* Neither the harness nor a sanitizer shall catch these. */
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGTRAP, SIG_DFL);
		_exit(function(context) ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) ? -1 : 0;
}

union fd_message {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

bool send_fd(int socket, int fd)
{
	union fd_message control = { 0 };
	char byte = 'f';
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1;
}

int receive_fd(int socket)
{
	union fd_message control = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

uint8_t *half_readable(size_t page)
{
	uint8_t *start = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(start != MAP_FAILED);
	memset(start, 0x77, 2 * page);
	assert_int_equal(mprotect(start + page, page, PROT_NONE), 0);
	return start;
}

void half_readable_free(uint8_t *start, size_t page)
{
	munmap(start, 2 * page);
}
