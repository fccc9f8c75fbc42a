// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* One ioctl: how its structure is handed over, by whom, and what it answered. */
#include <sys/wait.h>

#include "fuzz.h"

#define LONGER		64
#define UNKNOWN_FLAG	0x40000000U

uint64_t calls_judged[2];

static int choose_handle(struct fuzzer *f, const struct op *op,
			 const struct model *m, enum command_index index,
			 struct errors *allowed)
{
	if (op->abi & ABI_EMPTY_FD && index != COMMAND_RESERVE) {
		if (commands[index].needs_arena)
			error_add(allowed, EBADFD);
		return f->empty_fd;
	}
	if (!m)
		return f->empty_fd;
	if (op->abi & ABI_SHARED_FD && m->shared_fd >= 0) {
		if (commands[index].changes)
			error_add(allowed, EBADF);
		return m->shared_fd;
	}
	return m->fd;
}

/* Where the structure is put; what is wrong there goes to the errors. */
static uint8_t *place(struct fuzzer *f, const struct op *op,
		      enum command_index index, const void *structure,
		      struct errors *allowed)
{
	const struct command *c = &commands[index];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size = c->size;
	uint8_t *at = f->command, raw[512] = { 0 };
	uint32_t head[2];

	memcpy(raw, structure, size);
	memcpy(head, raw, sizeof(head));
	head[0] = (uint32_t)size;
	if (op->abi & ABI_FLAG) {
		head[1] |= UNKNOWN_FLAG;
		error_add(allowed, EOPNOTSUPP);
	}
	if (op->abi & ABI_RESERVED && c->reserved) {
		raw[c->reserved] = 1;
		error_add(allowed, EOPNOTSUPP);
	}
	if (op->abi & ABI_SHORT) {
		head[0] = (uint32_t)c->first - 8;
		error_add(allowed, EINVAL);
	} else if (op->abi & (ABI_LONG | ABI_TAIL)) {
		head[0] += LONGER;
		size += LONGER;
	}
	if (op->abi & ABI_TAIL && !(op->abi & ABI_SHORT)) {
		raw[size - 1] = 1;
		error_add(allowed, E2BIG);
	}
	memcpy(raw, head, sizeof(head));
	if (op->abi & ABI_UNMAPPED) {
		error_add(allowed, EFAULT);
		return (uint8_t *)64;
	}
	if (op->abi & ABI_HALF) {
		error_add(allowed, EFAULT);
		at = f->command + page - (size - 8);
		memcpy(at, raw, size - 8);
		return at;
	}
	if (op->abi & ABI_READONLY) {
		if (c->outputs)
			error_add(allowed, EFAULT);
		if (mprotect(f->frozen, page, PROT_READ | PROT_WRITE))
			abort();
		memcpy(f->frozen, raw, size);
		if (mprotect(f->frozen, page, PROT_READ))
			abort();
		return f->frozen;
	}
	memcpy(at, raw, size);
	return at;
}

int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* A child has its own address space, so that it does not own the arena. */
static int call_in_child(int fd, unsigned long request, void *at)
{
	pid_t child = fork();

	if (child < 0)
		abort();
	if (!child)
		_exit(ioctl(fd, request, at) ? errno : 0);
	return wait_for(child);
}

static bool child_can(enum command_index index)
{
	return index != COMMAND_RESERVE && !commands[index].makes_handle &&
	       index != COMMAND_TRAP_LANDING;
}

/*
 * Make the call. Adds to the errors that it may answer with, and returns the one
 * it did; the structure has the outputs.
 */
int command_call(struct fuzzer *f, const struct op *op, const struct model *m,
		 enum command_index index, void *structure,
		 struct errors *allowed)
{
	const struct command *c = &commands[index];
	int fd = choose_handle(f, op, m, index, allowed), number;
	uint8_t *at = place(f, op, index, structure, allowed);

	if (op->abi & ABI_CHILD && child_can(index)) {
		if (c->changes &&
		    !(m && m->flags & CODEARENA_RESERVE_F_SHARED_WRITER))
			error_add(allowed, EPERM);
		number = call_in_child(fd, c->request, at);
	} else {
		number = ioctl(fd, c->request, at) ? errno : 0;
	}
	if (!(op->abi & (ABI_UNMAPPED | ABI_HALF)))
		memcpy(structure, at, c->size);
	return number;
}

/* Was that right? True if the call succeeded, as it had to. */
bool command_judge(struct fuzzer *f, const struct op *op, int number,
		   const struct errors *allowed)
{
	__atomic_add_fetch(&calls_judged[!number], 1, __ATOMIC_RELAXED);
	if (error_any(allowed)) {
		if (!number)
			violation(f, "%s succeeded and has to be refused",
				  op_names[op->kind]);
		else if (!error_has(allowed, number))
			violation(f, "%s: %s, which is not the error for it",
				  op_names[op->kind], strerror(number));
		return false;
	}
	if (number) {
		violation(f, "%s: %s, and it has to succeed",
			  op_names[op->kind], strerror(number));
		return false;
	}
	return true;
}
