// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Commands with one range, and those without: RESERVE, COMMIT, SEAL, STAT, ... */
#include "fuzz.h"

/* Arguments: flags, length, limit, kind of name. */
void op_reserve(struct fuzzer *f, const struct op *op)
{
	struct codearena_reserve c = {
		.flags = (uint32_t)op->arg[0],
		.length = op->arg[1],
		.commit_limit = op->arg[2],
		.name = "fuzz",
	};
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct model *m = f->slots[op->slot], fresh = { .shared_fd = -1 };
	struct errors allowed = { 0 };
	int number;

	if (m)
		error_add(&allowed, EBUSY);
	if (op->arg[0] >> 32)
		return;
	if (c.flags & ~15U ||
	    (c.flags & CODEARENA_RESERVE_F_EXECUTE_ONLY &&
	     !(c.flags & CODEARENA_RESERVE_F_UNENFORCED) && !f->enforced))
		error_add(&allowed, EOPNOTSUPP);
	if (c.flags & CODEARENA_RESERVE_F_UNENFORCED &&
	    !(c.flags & CODEARENA_RESERVE_F_EXECUTE_ONLY))
		error_add(&allowed, EINVAL);
	if (!c.length || c.length > 2ULL << 30 || c.length % page ||
	    c.commit_limit % page || c.commit_limit > c.length)
		error_add(&allowed, EINVAL);
	else if (c.length > MAX_PAGES * page)
		return;
	if (op->arg[3] % 4 == 1)
		c.name[2] = 7;
	else if (op->arg[3] % 4 == 2)
		memset(c.name, 'x', sizeof(c.name));
	if (op->arg[3] % 4 == 1 || op->arg[3] % 4 == 2)
		error_add(&allowed, EINVAL);

	if (!m) {
		fresh.fd = device_open(O_RDWR);
		if (fresh.fd < 0)
			abort();
	}
	number = command_call(f, op, m ? m : &fresh, COMMAND_RESERVE, &c,
			      &allowed);
	if (command_judge(f, op, number, &allowed)) {
		m = model_new(op->arg[1], op->arg[2], (uint32_t)op->arg[0]);
		m->fd = fresh.fd;
		f->slots[op->slot] = m;
	} else if (!m) {
		close(fresh.fd);
	}
}

void op_query(struct fuzzer *f, const struct op *op)
{
	struct codearena_query c = { .out_machine = POISON32 };
	struct errors allowed = { 0 };
	int number;

	number = command_call(f, op, f->slots[op->slot], COMMAND_QUERY, &c,
			      &allowed);
	if (command_judge(f, op, number, &allowed) &&
	    (c.out_abi_revision != CODEARENA_ABI_REVISION ||
	     c.out_page_size != (uint64_t)sysconf(_SC_PAGESIZE) ||
	     c.out_granule * 64 != c.out_page_size))
		violation(f, "query answers nonsense");
}

void op_stat(struct fuzzer *f, const struct op *op)
{
	struct codearena_stat c = { .out_length = POISON64 };
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	number = command_call(f, op, m, COMMAND_STAT, &c, &allowed);
	if (command_judge(f, op, number, &allowed) &&
	    c.out_length != m->stat.out_length)
		violation(f, "stat answers with another length");
}

void op_share(struct fuzzer *f, const struct op *op)
{
	struct codearena_share c = { .out_fd = -1 };
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	number = command_call(f, op, m, COMMAND_SHARE, &c, &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	if (c.out_fd < 0 || fcntl(c.out_fd, F_GETFD) != FD_CLOEXEC ||
	    (fcntl(c.out_fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		violation(f, "share made a descriptor that is none");
	if (m->shared_fd >= 0)
		close(m->shared_fd);
	m->shared_fd = c.out_fd;
}

/* Arguments: any number, any address. */
void op_ioctl(struct fuzzer *f, const struct op *op)
{
	unsigned int request = (unsigned int)op->arg[0];
	struct model *m = f->slots[op->slot];
	int number;

	/* Other types may be the file system's own. */
	request = (request & 0xffff00ff) | CODEARENA_IOC_TYPE << 8;
	for (unsigned int i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].request == request)
			return;
	memset(f->command, (int)op->arg[1], 64);
	number = ioctl(m ? m->fd : f->empty_fd, request,
		       op->arg[2] & 1 ? NULL : f->command) ? errno : 0;
	if (number != ENOTTY)
		violation(f, "ioctl %#x: %s, and it is no command", request,
			  strerror(number));
}

/* Arguments: flags, offset, length. */
void op_commit(struct fuzzer *f, const struct op *op)
{
	struct codearena_commit c = {
		.flags = (uint32_t)op->arg[0],
		.offset = op->arg[1],
		.length = op->arg[2],
	};
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	if (c.flags)
		error_add(&allowed, EOPNOTSUPP);
	if (errors_of_range(&allowed, c.offset, c.length, m->page,
			    m->stat.out_length)) {
		for (uint64_t i = 0; i < c.length / m->page; i++)
			if (m->pages[c.offset / m->page + i].committed)
				error_add(&allowed, EEXIST);
		if (c.length > m->stat.out_commit_limit - m->stat.out_committed)
			error_add(&allowed, ENOSPC);
	}
	number = command_call(f, op, m, COMMAND_COMMIT, &c, &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	for (uint64_t i = 0; i < op->arg[2] / m->page; i++)
		m->pages[op->arg[1] / m->page + i].committed = true;
	m->stat.out_committed += op->arg[2];
	model_fill(m, op->arg[1], op->arg[2]);
}

/* Arguments: flags, offset, length. */
void op_decommit(struct fuzzer *f, const struct op *op)
{
	struct codearena_decommit c = {
		.flags = (uint32_t)op->arg[0],
		.offset = op->arg[1],
		.length = op->arg[2],
	};
	const struct codearena_range range = {
		.offset = op->arg[1],
		.length = op->arg[2],
	};
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	if (c.flags)
		error_add(&allowed, EOPNOTSUPP);
	if (errors_of_range(&allowed, c.offset, c.length, m->page,
			    m->stat.out_length)) {
		if (!model_committed(m, c.offset, c.length))
			error_add(&allowed, ENOENT);
		if (m->flags & CODEARENA_RESERVE_F_PERMANENT &&
		    model_any_sealed(m, c.offset, c.length))
			error_add(&allowed, EPERM);
		if (model_pads_stay(m, &range, 1))
			error_add(&allowed, EBUSY);
	}
	number = command_call(f, op, m, COMMAND_DECOMMIT, &c, &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	if (model_unseal(m, range.offset, range.length))
		m->stat.out_syncs++;
	for (uint64_t i = 0; i < range.length / m->page; i++)
		m->pages[range.offset / m->page + i].committed = false;
	m->stat.out_committed -= range.length;
}

static bool widens(const struct model *m, uint64_t offset, uint64_t length)
{
	for (uint64_t at = offset; at < offset + length; at += m->granule)
		if (model_all_sealed(m, at, 1) && !model_all_patchable(m, at, 1))
			return true;
	return false;
}

/* Arguments: flags, offset, length. */
void op_seal(struct fuzzer *f, const struct op *op)
{
	struct codearena_seal c = {
		.flags = (uint32_t)op->arg[0],
		.offset = op->arg[1],
		.length = op->arg[2],
	};
	bool patchable = c.flags & CODEARENA_SEAL_F_PATCHABLE;
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	if (c.flags & ~CODEARENA_SEAL_F_PATCHABLE)
		error_add(&allowed, EOPNOTSUPP);
	if (errors_of_range(&allowed, c.offset, c.length, m->granule,
			    m->stat.out_length)) {
		if (!model_committed(m, c.offset, c.length))
			error_add(&allowed, ENOENT);
		if (patchable && widens(m, c.offset, c.length))
			error_add(&allowed, EPERM);
	}
	number = command_call(f, op, m, COMMAND_SEAL, &c, &allowed);
	if (command_judge(f, op, number, &allowed))
		model_seal(m, op->arg[1], op->arg[2], patchable);
}
