// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Running code: a trap goes to its pad or to a signal. What is run are known
 * fragments and trap fill only, wherever it leads, so that nothing runs away.
 */
#include <sys/wait.h>

#include "fuzz.h"

/**
 * struct plan - a run and its outcome
 * @entry: first instruction
 * @access: address that it accesses
 * @where: how it ends: at this address, or 0 for a signal
 * @signo: the signal
 * @pc: where it is raised
 * @kind: the trap that goes to a pad, or 0
 * @trap: the instruction that it is raised by
 * @report: two registers report it
 */
struct plan {
	const uint8_t *entry;
	uint64_t access;
	uint64_t where;
	int signo;
	uint64_t pc;
	uint32_t kind;
	uint64_t trap;
	bool report;
};

static uint64_t breakpoint_pc(uint64_t at)
{
#if defined(__x86_64__)
	return at + 1;
#else
	return at;
#endif
}

/*
 * What happens when execution comes to an offset by way of a view? False if that
 * is not known.
 */
static bool plan_arrival(struct plan *p, const struct model *m, uint64_t offset,
			 const struct view *v)
{
	const struct trap_fragment *fragment;
	uint64_t at = (uintptr_t)v->address + offset - v->page * m->page;

	p->signo = 0;
	p->pc = at;
#if defined(__x86_64__)
	/* A page that is not there is fetched first and refused then. */
	if (v->prot && !m->pages[offset / m->page].sealed) {
		p->signo = SIGBUS;
		return true;
	}
#endif
	if (!(v->prot & PROT_EXEC)) {
		p->signo = SIGSEGV;
		return true;
	}
	if (!m->pages[offset / m->page].sealed) {
		p->signo = SIGBUS;
		return true;
	}
	fragment = fragment_at(m, offset);
	if (fragment == &code_pad) {
		p->where = at;
		return true;
	}
	if (!fragment && is_trap_fill(m->data + offset, offset,
				      4 - offset % 4)) {
		p->signo = SIGTRAP;
		p->pc = breakpoint_pc(at);
		return true;
	}
	return false;
}

/* The pad that is at an offset from the same base as the view, or NULL. */
static const struct view *pad_view(const struct model *m, const struct view *v,
				   uint64_t offset)
{
	for (uint32_t i = 0; i < m->view_count; i++) {
		const struct view *o = &m->views[i];

		if (offset / m->page - o->page < o->pages &&
		    o->address - o->page * m->page ==
		    v->address - v->page * m->page)
			return o;
	}
	return NULL;
}

/* A trap that may continue at a pad. */
static bool plan_trap(struct plan *p, const struct model *m,
		      const struct view *v, uint64_t offset, uint32_t kind,
		      int signo)
{
	const struct table *table;
	const struct codearena_trap *trap = model_trap(m, offset, &table);
	const struct view *pad;

	p->signo = signo;
	p->pc = (uintptr_t)v->address + offset - v->page * m->page;
	p->trap = p->pc;
	if (!trap || !kind)
		return true;
	if (trap->landing == CODEARENA_LANDING_EXTERNAL) {
		if (!m->landing)
			return true;
		p->where = (uintptr_t)trap_external_pad;
		p->signo = 0;
	} else {
		pad = pad_view(m, v, trap->landing);
		if (!pad)
			return true;
		if (!plan_arrival(p, m, trap->landing, pad))
			return false;
	}
	p->kind = kind;
	p->report = table->report;
	return true;
}

static bool plan_fragment(const struct fuzzer *f, struct plan *p,
			  const struct model *m, const struct view *v,
			  uint64_t offset, const struct trap_fragment *fragment,
			  uint64_t target)
{
	uint64_t trap = offset + (uint64_t)(fragment->trap - fragment->start);
	uint32_t kind = 0;

	if (fragment == &code_divide) {
		/* Where it is no trap, there is nothing to see. */
		kind = f->trap_kinds & CODEARENA_TRAP_DIVIDE;
		return kind && plan_trap(p, m, v, trap, kind, SIGFPE);
	}
	if (fragment == &code_undefined)
		return plan_trap(p, m, v, trap,
				 f->trap_kinds & CODEARENA_TRAP_UNDEFINED,
				 SIGILL);
	if (fragment == &code_breakpoint) {
		if (!plan_trap(p, m, v, trap, 0, SIGTRAP))
			return false;
		p->pc = breakpoint_pc(p->pc);
		return true;
	}
	switch (target % 3) {
	case 0:
		p->access = (uintptr_t)f->guard + target / 3 % f->guard_length;
		p->access &= ~7ULL;
		return plan_trap(p, m, v, trap, CODEARENA_TRAP_MEMORY, SIGSEGV);
	case 1:
		p->access = 64;
		return plan_trap(p, m, v, trap, 0, SIGSEGV);
	}
	p->access = (uintptr_t)f->scratch;
	p->where = (uintptr_t)v->address + offset - v->page * m->page +
		   (uint64_t)(fragment->next - fragment->start);
	return true;
}

/* Arguments of RUN: view, granule of it, byte of that, what is accessed. */
static bool plan_make(const struct fuzzer *f, const struct op *op,
		      struct plan *p)
{
	const struct model *m = f->slots[op->slot];
	const struct trap_fragment *fragment;
	const struct view *v;
	uint64_t offset;

	memset(p, 0, sizeof(*p));
	if (!m || !m->view_count)
		return false;
	v = &m->views[op->arg[0] % m->view_count];
	offset = op->arg[1] % (v->pages * 64) * m->granule +
		 op->arg[2] % m->granule;
	offset -= offset % INSN_ALIGN;
	p->entry = v->address + offset;
	offset += v->page * m->page;
	fragment = v->prot & PROT_EXEC && m->pages[offset / m->page].sealed ?
		fragment_at(m, offset) : NULL;
	if (!fragment || fragment == &code_pad)
		return plan_arrival(p, m, offset, v);
	return plan_fragment(f, p, m, v, offset, fragment, op->arg[3]);
}

static void plan_go(struct fuzzer *f, const struct plan *p)
{
	struct trap_state *s = f->state;

	memset(f->scratch, 0, 64);
	trap_prepare(s);
	s->in.gpr[REG_ADDRESS] = p->access;
#if defined(__x86_64__)
	s->in.gpr[REG_COUNT] = 0;
#endif
	trap_go(s, p->entry);
}

static void plan_check(struct fuzzer *f, const struct plan *p)
{
	const struct trap_state *s = f->state;
	uint64_t what = p->kind == CODEARENA_TRAP_MEMORY ? p->access :
			CODEARENA_TRAP_NO_ADDRESS | p->kind;

	if (s->where != p->where || s->signo != p->signo)
		violation(f, "code at %p ended at %#llx with signal %d instead of %#llx with %d",
			  p->entry, (unsigned long long)s->where, s->signo,
			  (unsigned long long)p->where, p->signo);
	else if (p->signo && (s->pc != p->pc || s->signals != 1))
		violation(f, "%u signals %d, the last at %#llx instead of %#llx",
			  s->signals, p->signo, (unsigned long long)s->pc,
			  (unsigned long long)p->pc);
	if (!p->kind || p->signo)
		return;
	if (!trap_registers_same(s, p->report ? TRAP_REPORTED : 0))
		violation(f, "registers changed on the way to the pad");
	if (p->report && (s->out.gpr[REG_REPORT_PC] != p->trap ||
			  s->out.gpr[REG_REPORT_ADDRESS] != what))
		violation(f, "the pad got something else");
}

static void plan_count(struct model *m, const struct plan *p)
{
	if (p->kind == CODEARENA_TRAP_MEMORY)
		m->stat.out_traps_memory++;
	else if (p->kind == CODEARENA_TRAP_DIVIDE)
		m->stat.out_traps_divide++;
	else if (p->kind == CODEARENA_TRAP_UNDEFINED)
		m->stat.out_traps_undefined++;
}

void op_run(struct fuzzer *f, const struct op *op)
{
	struct plan p;

	if (!plan_make(f, op, &p))
		return;
	plan_go(f, &p);
	plan_check(f, &p);
	plan_count(f->slots[op->slot], &p);
}

/*
 * A child inherits the views, their bytes and where traps go. The arguments are
 * those of RUN.
 */
void op_fork(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	struct plan p;
	bool runs;
	pid_t child;
	int status;

	if (!m)
		return;
	runs = plan_make(f, op, &p);
	child = fork();
	if (child < 0)
		abort();
	if (!child) {
		if (runs) {
			plan_go(f, &p);
			plan_check(f, &p);
			plan_count(m, &p);
		}
		check_slot(f, m, true, 0);
		if (f->error[0])
			dprintf(STDOUT_FILENO, "# in the child: %s\n", f->error);
		_exit(f->error[0] ? 1 : 0);
	}
	status = wait_for(child);
	if (status)
		violation(f, "a forked child sees something else (status %d)",
			  status);
	if (runs)
		plan_count(m, &p);
}
