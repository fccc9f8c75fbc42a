// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Running programs: set-up of a thread, one operation after another, the end. */
#include <stdarg.h>

#include "fuzz.h"

#define ALL_EVERY	8	/* operations from one look at everything to the next */
#define GUARD_LENGTH	(1ULL << 20)

static void op_close(struct fuzzer *f, const struct op *op);

static void (*const operations[OP_KINDS])(struct fuzzer *f,
					  const struct op *op) = {
	[OP_RESERVE] = op_reserve, [OP_CLOSE] = op_close,
	[OP_QUERY] = op_query, [OP_COMMIT] = op_commit,
	[OP_DECOMMIT] = op_decommit, [OP_WRITE] = op_write,
	[OP_SEAL] = op_seal, [OP_PUBLISH] = op_publish, [OP_PATCH] = op_patch,
	[OP_DISCARD] = op_discard, [OP_SHARE] = op_share, [OP_STAT] = op_stat,
	[OP_REGISTER] = op_register, [OP_RELEASE] = op_release,
	[OP_LANDING] = op_landing, [OP_IOCTL] = op_ioctl, [OP_MMAP] = op_mmap,
	[OP_MUNMAP] = op_munmap, [OP_MPROTECT] = op_mprotect,
	[OP_MREMAP] = op_mremap, [OP_MADVISE] = op_madvise,
	[OP_POKE] = op_poke, [OP_GUARD] = op_guard, [OP_RUN] = op_run,
	[OP_FORK] = op_fork, [OP_SIGNALS] = op_signals,
	[OP_SHARED] = op_shared, [OP_CLONE] = op_clone, [OP_OPEN] = op_open,
};

void violation(struct fuzzer *f, const char *format, ...)
{
	va_list arguments;

	if (f->error[0])
		return;
	va_start(arguments, format);
	vsnprintf(f->error, sizeof(f->error), format, arguments);
	va_end(arguments);
	f->error[strcspn(f->error, "\n")] = 0;
}

static uint8_t *map(uint64_t length, int prot, int flags)
{
	uint8_t *at = mmap(NULL, length, prot, flags | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

/* Memory that is followed by nothing. */
static uint8_t *map_bounded(uint64_t length)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint8_t *at = map(length + page, PROT_NONE, MAP_PRIVATE);

	if (mmap(at, length, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
	return at;
}

struct fuzzer *fuzzer_new(unsigned int index, uint64_t seed)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct fuzzer *f = calloc(1, sizeof(*f));
	struct codearena_query query;

	if (!f)
		abort();
	f->index = index;
	f->seed = seed;
	f->random = seed * 0x2545f4914f6cdd1dULL + index;
	f->command = map_bounded(page);
	f->array = map_bounded(4 * page);
	f->source_size = (MAX_PAGES + 8) * page;
	f->source = map_bounded(f->source_size);
	f->scratch = map(page, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	f->frozen = map(page, PROT_READ, MAP_PRIVATE);
	f->state = trap_state_new();
	f->empty_fd = device_open(O_RDWR);
	if (f->empty_fd < 0 || do_query(f->empty_fd, &query))
		abort();
	f->trap_kinds = query.out_trap_kinds;
	f->enforced = query.out_features &
		      CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED;
	return f;
}

void fuzzer_free(struct fuzzer *f)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	munmap(f->command, 2 * page);
	munmap(f->array, 5 * page);
	munmap(f->source, f->source_size + page);
	munmap(f->scratch, page);
	munmap(f->frozen, page);
	trap_state_free(f->state);
	close(f->empty_fd);
	free(f);
}

void close_slot(struct fuzzer *f, unsigned int slot, bool handles_first)
{
	struct model *m = f->slots[slot];

	if (m->shared_fd >= 0)
		close(m->shared_fd);
	if (handles_first) {
		close(m->fd);
		m->fd = -1;
		check_slot(f, m, true, 0);
	}
	for (uint32_t i = 0; i < m->view_count; i++)
		if (munmap(m->views[i].address, m->views[i].pages * m->page) &&
		    !f->error[0])
			violation(f, "munmap of a whole view: %s",
				  strerror(errno));
	if (!handles_first)
		close(m->fd);
	model_free(m);
	f->slots[slot] = NULL;
}

/* Argument: the handles are closed before the views. */
static void op_close(struct fuzzer *f, const struct op *op)
{
	if (f->slots[op->slot])
		close_slot(f, op->slot, op->arg[0] & 1);
}

void program_begin(struct fuzzer *f)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.length = (uint64_t)sysconf(_SC_PAGESIZE),
		.name = "guard",
	};
	int fd = device_open(O_RDWR);

	f->program.count = 0;
	f->error[0] = 0;
	f->signals = false;
	/* Guard views need an arena, but none that has code. */
	if (fd < 0 || ioctl(fd, CODEARENA_RESERVE, &reserve))
		abort();
	f->guard_length = GUARD_LENGTH;
	f->guard = mmap(NULL, f->guard_length, PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, (off_t)CODEARENA_GUARD_OFFSET);
	if (f->guard == MAP_FAILED)
		abort();
	close(fd);
	f->base_total = commit_total(f->empty_fd);
	if (f->kcov)
		kcov_begin(f->kcov);
}

/* The place that an operation is about, if it has one. */
static uint64_t op_place(const struct op *op, const struct model *m)
{
	for (unsigned int i = 1; i < 4; i++)
		if (op->arg[i] >= m->page && op->arg[i] < m->stat.out_length)
			return op->arg[i];
	return 0;
}

void program_step(struct fuzzer *f, const struct op *op)
{
	bool all = f->program.count % ALL_EVERY == ALL_EVERY - 1;
	struct model *m;

	f->program.ops[f->program.count++] = *op;
	operations[op->kind](f, op);
	for (unsigned int i = 0; i < MAX_SLOTS; i++) {
		m = f->slots[i];
		if (m && (all || i == op->slot))
			check_slot(f, m, all, op_place(op, m));
	}
	if (all || op->kind == OP_COMMIT || op->kind == OP_DECOMMIT)
		check_total(f);
	if (op->kind == OP_MPROTECT || op->kind == OP_MREMAP)
		check_mappings(f);
}

void program_end(struct fuzzer *f)
{
	check_mappings(f);
	for (unsigned int i = 0; i < MAX_SLOTS; i++) {
		if (!f->slots[i])
			continue;
		check_slot(f, f->slots[i], true, 0);
		close_slot(f, i, f->program.count & 1);
	}
	signals_end(f);
	check_total(f);
	munmap(f->guard, f->guard_length);
}

/* Run a list as it is. True if there was no violation. */
bool program_run(struct fuzzer *f, const struct program *program)
{
	program_begin(f);
	for (uint32_t i = 0; i < program->count && !f->error[0]; i++)
		program_step(f, &program->ops[i]);
	program_end(f);
	return !f->error[0];
}
