// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Tables of traps: TRAP_REGISTER, TRAP_RELEASE, TRAP_LANDING. */
#include "fuzz.h"

/* Arguments: flags, offset, length, count, then start, length, landing of each. */
void op_register(struct fuzzer *f, const struct op *op)
{
	struct codearena_trap_register c = {
		.flags = (uint32_t)op->arg[0],
		.offset = op->arg[1],
		.length = op->arg[2],
		.count = (uint32_t)op->arg[3],
		.out_failed = POISON32,
		.traps = (uintptr_t)f->array,
	};
	struct table t = {
		.start = op->arg[1],
		.length = op->arg[2],
		.report = op->arg[0] & CODEARENA_TRAP_F_REPORT,
	};
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m || m->table_count == MAX_TABLES)
		return;
	if (c.flags & ~CODEARENA_TRAP_F_REPORT)
		error_add(&allowed, EOPNOTSUPP);
	if (op->arg[3] && op->arg[3] <= MAX_TRAPS) {
		t.count = c.count;
	} else {
		if (c.count)
			c.count |= 0x10001;
		error_add(&allowed, EINVAL);
	}
	for (uint32_t i = 0; i < t.count; i++)
		t.traps[i] = trap_of((uint32_t)op->arg[4 + 3 * i],
				     (uint32_t)op->arg[5 + 3 * i],
				     op->arg[6 + 3 * i]);
	if (errors_of_range(&allowed, t.start, t.length, 1,
			    m->stat.out_length)) {
		if (!model_all_sealed(m, t.start, t.length))
			error_add(&allowed, ENOENT);
		errors_of_table(&allowed, m, &t, NULL, 0, NULL, 0);
	}
	memcpy(f->array, t.traps, sizeof(t.traps));
	if (op->abi & ABI_ARRAY) {
		c.traps = 64;
		error_add(&allowed, EFAULT);
	}
	number = command_call(f, op, m, COMMAND_TRAP_REGISTER, &c, &allowed);
	if (!command_judge(f, op, number, &allowed))
		return;
	t.id = c.out_id;
	if (!t.id)
		violation(f, "register answers with id 0");
	for (uint32_t i = 0; i < m->table_count; i++)
		if (m->tables[i].id == t.id)
			violation(f, "register answers with an id in use");
	model_add_table(m, &t);
}

/* Arguments: which table; what its id is off by. */
void op_release(struct fuzzer *f, const struct op *op)
{
	struct codearena_trap_release c = { .id = op->arg[1] };
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	uint32_t index;
	int number;

	if (!m)
		return;
	index = m->table_count ? (uint32_t)(op->arg[0] % m->table_count) : 0;
	if (m->table_count)
		c.id = m->tables[index].id + op->arg[1];
	if (!m->table_count || op->arg[1])
		error_add(&allowed, ENOENT);
	for (uint32_t i = 0; i < m->table_count; i++)
		if (m->tables[i].id == c.id) {
			index = i;
			allowed = (struct errors) { 0 };
		}
	number = command_call(f, op, m, COMMAND_TRAP_RELEASE, &c, &allowed);
	if (command_judge(f, op, number, &allowed))
		model_remove_table(m, index);
}

/* Argument: 0 the pad, 1 no address, 2 one of the kernel. */
void op_landing(struct fuzzer *f, const struct op *op)
{
	struct codearena_trap_landing c = {
		.address = (uintptr_t)trap_external_pad,
	};
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	int number;

	if (!m)
		return;
	if (op->arg[0] % 3) {
		c.address = op->arg[0] % 3 == 1 ? 0 : 0xffff800000000000ULL;
		error_add(&allowed, EINVAL);
	}
	if (!m->view_count)
		error_add(&allowed, ENOENT);
	if (m->landing)
		error_add(&allowed, EBUSY);
	number = command_call(f, op, m, COMMAND_TRAP_LANDING, &c, &allowed);
	if (command_judge(f, op, number, &allowed))
		m->landing = true;
}
