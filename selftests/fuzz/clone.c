// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Commands that make a handle of something new: CLONE, and OPEN. */
#include "fuzz.h"

static bool is_handle(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* Nothing has happened to a clone yet, and it has no views. */
static void forget_events(struct model *m)
{
	m->stat.out_published = 0;
	m->stat.out_written = 0;
	m->stat.out_patched = 0;
	m->stat.out_discarded = 0;
	m->stat.out_syncs = 0;
	m->stat.out_traps_memory = 0;
	m->stat.out_traps_divide = 0;
	m->stat.out_traps_undefined = 0;
	m->landing = false;
	m->shared_fd = -1;
}

static struct model *model_clone(const struct model *m, int fd)
{
	struct model *clone = model_new(m->stat.out_length, 0, m->flags);
	uint8_t *data = clone->data;
	struct table *tables = clone->tables;

	memcpy(data, m->data, m->stat.out_length);
	memcpy(tables, m->tables, m->table_count * sizeof(*tables));
	*clone = *m;
	clone->data = data;
	clone->tables = tables;
	clone->fd = fd;
	clone->view_count = 0;
	forget_events(clone);
	return clone;
}

/* As the child of a fork does: the clone is mapped over every view. */
static void take_over(struct fuzzer *f, struct model *m, int fd)
{
	for (uint32_t i = 0; i < m->view_count; i++) {
		const struct view *v = &m->views[i];

		if (mmap(v->address, v->pages * m->page, v->prot,
			 MAP_SHARED | MAP_FIXED, fd,
			 (off_t)(v->page * m->page)) != v->address)
			violation(f, "a view of a clone: %s", strerror(errno));
	}
	if (m->shared_fd >= 0)
		close(m->shared_fd);
	close(m->fd);
	m->fd = fd;
	forget_events(m);
}

/* Argument: where the clone goes; in its own place it replaces the arena. */
void op_clone(struct fuzzer *f, const struct op *op)
{
	struct codearena_clone c = { .out_fd = -1 };
	struct model *m = f->slots[op->slot];
	unsigned int slot = op->arg[0] % MAX_SLOTS;
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	number = command_call(f, op, m, COMMAND_CLONE, &c, &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	if (!is_handle(c.out_fd)) {
		violation(f, "clone made a descriptor that is none");
		return;
	}
	if (slot == op->slot && !(m->flags & CODEARENA_RESERVE_F_PERMANENT)) {
		take_over(f, m, c.out_fd);
		return;
	}
	/* Views of a permanent arena go as a whole: it stays. */
	if (slot == op->slot)
		slot = (slot + 1) % MAX_SLOTS;
	if (f->slots[slot])
		close_slot(f, slot, false);
	f->slots[slot] = model_clone(m, c.out_fd);
}

void op_open(struct fuzzer *f, const struct op *op)
{
	struct codearena_open c = { .out_fd = -1 };
	struct errors allowed = { 0 };
	struct codearena_stat stat;
	int number;

	number = command_call(f, op, f->slots[op->slot], COMMAND_OPEN, &c,
			      &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	if (!is_handle(c.out_fd) || do_stat(c.out_fd, &stat) != -1 ||
	    errno != EBADFD)
		violation(f, "open made a descriptor that is none");
	close(c.out_fd);
}
