/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The fuzzer of the device: what its files share.
 *
 * A program is a list of operations on a few arenas that belong to one thread.
 * An operation holds all of its arguments as numbers, none as addresses, so that
 * a list does the same wherever it runs. A model says what each one has to
 * answer: which errors are allowed, and, when there are none, what the arena
 * looks like afterwards. Whatever differs is a violation and ends the run.
 */
#ifndef CODEARENA_FUZZ_H
#define CODEARENA_FUZZ_H

#include "../lib/commands.h"
#include "../lib/trap_code.h"
#include "../lib/utils.h"

#define MAX_SLOTS	3	/* arenas of a thread */
#define MAX_PAGES	72	/* of an arena; more than one chunk of page states */
#define MAX_VIEWS	12
#define MAX_OPS		80
#define MAX_TABLES	(MAX_OPS * MAX_OBJECTS)
#define MAX_ARGS	60
#define MAX_ENTRIES	6	/* of WRITE, PATCH and DISCARD */
#define MAX_OBJECTS	4
#define MAX_TRAPS	18	/* more than the module keeps on its stack */
#define MAX_THREADS	16

enum op_kind {
	OP_RESERVE, OP_CLOSE, OP_QUERY, OP_COMMIT, OP_DECOMMIT, OP_WRITE,
	OP_SEAL, OP_PUBLISH, OP_PATCH, OP_DISCARD, OP_SHARE, OP_STAT,
	OP_REGISTER, OP_RELEASE, OP_LANDING, OP_IOCTL, OP_MMAP, OP_MUNMAP,
	OP_MPROTECT, OP_MREMAP, OP_MADVISE, OP_POKE, OP_GUARD, OP_RUN, OP_FORK,
	OP_SIGNALS, OP_SHARED, OP_CLONE, OP_OPEN, OP_KINDS
};

/* How the structure of a command is handed over: bits of op.abi. */
enum {
	ABI_SHORT = 1 << 0,	/* shorter than its first version */
	ABI_LONG = 1 << 1,	/* longer, the rest is 0 */
	ABI_TAIL = 1 << 2,	/* longer, the rest is not 0 */
	ABI_UNMAPPED = 1 << 3,	/* at an address with nothing */
	ABI_HALF = 1 << 4,	/* its end is at an address with nothing */
	ABI_FLAG = 1 << 5,	/* an unknown bit in flags */
	ABI_RESERVED = 1 << 6,	/* a __reserved member is not 0 */
	ABI_READONLY = 1 << 7,	/* in memory that cannot be written */
	ABI_SHARED_FD = 1 << 8,	/* through the handle that SHARE made */
	ABI_EMPTY_FD = 1 << 9,	/* through a handle without an arena */
	ABI_CHILD = 1 << 10,	/* in a forked child */
	ABI_ARRAY = 1 << 11,	/* the array is at an address with nothing */
	ABI_ARRAY_HALF = 1 << 12,	/* its last entry is */
	ABI_BITS = 13
};

struct op {
	uint16_t kind;
	uint16_t slot;
	uint32_t abi;
	uint64_t arg[MAX_ARGS];
};

struct program {
	uint32_t count;
	struct op ops[MAX_OPS];
};

/* Errors that a call may answer with; none: it has to succeed. */
struct errors {
	uint64_t bits[3];
};

static inline void error_add(struct errors *e, int number)
{
	e->bits[number / 64] |= 1ULL << number % 64;
}

static inline bool error_has(const struct errors *e, int number)
{
	return number > 0 && number < 192 &&
	       e->bits[number / 64] >> number % 64 & 1;
}

static inline bool error_any(const struct errors *e)
{
	return e->bits[0] | e->bits[1] | e->bits[2];
}

struct table {
	uint64_t id;
	uint64_t start;
	uint64_t length;
	uint32_t count;
	bool report;
	struct codearena_trap traps[MAX_TRAPS];
};

struct view {
	uint8_t *address;
	uint64_t page;
	uint64_t pages;
	int prot;
};

struct page_model {
	bool committed;
	uint64_t sealed;
	uint64_t patchable;
};

/**
 * struct model - what is known of an arena
 * @fd: handle that reserved it
 * @shared_fd: handle from SHARE, or -1
 * @flags: CODEARENA_RESERVE_F_*
 * @page: bytes of a page
 * @granule: bytes of a granule
 * @stat: what STAT has to answer
 * @pages: state of its pages
 * @data: bytes that committed pages hold
 * @table_count: tables of traps
 * @tables: in no order
 * @view_count: views
 * @views: in no order
 * @landing: the process has set its external landing pad
 */
struct model {
	int fd;
	int shared_fd;
	uint32_t flags;
	uint64_t page;
	uint64_t granule;
	struct codearena_stat stat;
	struct page_model pages[MAX_PAGES];
	uint8_t *data;
	uint32_t table_count;
	struct table *tables;
	uint32_t view_count;
	struct view views[MAX_VIEWS];
	bool landing;
};

/* model.c */
uint64_t align_up(uint64_t value, uint64_t align);
struct model *model_new(uint64_t length, uint64_t limit, uint32_t flags);
void model_free(struct model *m);
bool errors_of_range(struct errors *e, uint64_t offset, uint64_t length,
		     uint64_t align, uint64_t limit);
bool ranges_meet(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length);
bool model_committed(const struct model *m, uint64_t offset, uint64_t length);
bool model_any_sealed(const struct model *m, uint64_t offset, uint64_t length);
bool model_all_sealed(const struct model *m, uint64_t offset, uint64_t length);
bool model_all_patchable(const struct model *m, uint64_t offset,
			 uint64_t length);
void model_fill(struct model *m, uint64_t offset, uint64_t length);
void model_seal(struct model *m, uint64_t offset, uint64_t length,
		bool patchable);
bool model_unseal(struct model *m, uint64_t offset, uint64_t length);
bool table_leaves(const struct table *t, const struct codearena_range *ranges,
		  uint32_t count);
bool model_pads_stay(const struct model *m,
		     const struct codearena_range *ranges, uint32_t count);
const struct codearena_trap *model_trap(const struct model *m, uint64_t offset,
					const struct table **table);
void errors_of_table(struct errors *e, const struct model *m,
		     const struct table *t, const struct table *same_call,
		     uint32_t same_count,
		     const struct codearena_object *objects, uint32_t count);
void model_add_table(struct model *m, const struct table *t);
void model_remove_table(struct model *m, uint32_t index);
const struct view *model_view(const struct model *m, uint64_t page, int prot);

/**
 * struct fuzzer - one thread
 * @seed: of the whole run
 * @random: state of its generator
 * @index: number of the thread
 * @alone: no other thread uses the device
 * @base_total: bytes that were committed before the program
 * @slots: its arenas
 * @program: what has been done
 * @command: structure of the command, in memory that children share; behind its
 *           page is nothing
 * @frozen: a page that cannot be written
 * @array: arrays for a command, in such memory
 * @source: bytes for WRITE and PUBLISH, in front of nothing
 * @source_size: how many
 * @scratch: a page for reading to
 * @guard: guard view
 * @empty_fd: handle without an arena
 * @state: for code that is run
 * @trap_kinds: what QUERY says
 * @enforced: so, that execute-only is enforced against loads
 * @signals: another thread sends signals to this one
 * @kcov: coverage of this thread; NULL without
 * @error: the violation; empty if there is none
 */
struct fuzzer {
	uint64_t seed;
	uint64_t random;
	unsigned int index;
	bool alone;
	uint64_t base_total;
	struct model *slots[MAX_SLOTS];
	struct program program;
	uint8_t *command;
	uint8_t *frozen;
	uint8_t *array;
	uint8_t *source;
	uint64_t source_size;
	uint8_t *scratch;
	uint8_t *guard;
	uint64_t guard_length;
	int empty_fd;
	struct trap_state *state;
	uint32_t trap_kinds;
	bool enforced;
	bool signals;
	struct kcov *kcov;
	char error[512];
};

/* A generator of its own for each thread, the same on every machine. */
static inline uint64_t draw(struct fuzzer *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline uint64_t below(struct fuzzer *f, uint64_t limit)
{
	return draw(f) % limit;
}

/* The first violation is kept. */
void violation(struct fuzzer *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* op.c */
extern const char *const op_names[OP_KINDS];
void op_print(FILE *to, const struct op *op);
bool op_parse(const char *line, struct op *op);

/* generate.c */
void op_generate(struct fuzzer *f, struct op *op);
void op_mutate(struct fuzzer *f, struct op *op);

/* content.c: what WRITE and PUBLISH copy; low byte of the argument */
enum {
	CONTENT_FRAGMENT,	/* and the next ones: code */
	CONTENT_PATTERN = 8,
	CONTENT_UNMAPPED,
	CONTENT_HALF,
	CONTENT_GUARD,
	CONTENT_KINDS
};

extern const struct trap_fragment *const fragments[CONTENT_PATTERN];
/* Bytes of a content: their address, or NULL if reading them has to fail. */
const uint8_t *content_make(struct fuzzer *f, uint64_t content, uint64_t length,
			    uint64_t *cursor, uint64_t *address);
const struct trap_fragment *fragment_at(const struct model *m, uint64_t offset);

/* command.c */
extern uint64_t calls_judged[2];	/* refused, done */
int command_call(struct fuzzer *f, const struct op *op, const struct model *m,
		 enum command_index index, void *structure,
		 struct errors *allowed);
int wait_for(pid_t child);
bool command_judge(struct fuzzer *f, const struct op *op, int number,
		   const struct errors *allowed);

/* ranges.c, batch.c, tables.c, views.c, runs.c, process.c, shared.c, clone.c */
void op_reserve(struct fuzzer *f, const struct op *op);
void op_query(struct fuzzer *f, const struct op *op);
void op_stat(struct fuzzer *f, const struct op *op);
void op_share(struct fuzzer *f, const struct op *op);
void op_ioctl(struct fuzzer *f, const struct op *op);
void op_commit(struct fuzzer *f, const struct op *op);
void op_decommit(struct fuzzer *f, const struct op *op);
void op_seal(struct fuzzer *f, const struct op *op);
void op_write(struct fuzzer *f, const struct op *op);
void op_publish(struct fuzzer *f, const struct op *op);
void op_patch(struct fuzzer *f, const struct op *op);
void op_discard(struct fuzzer *f, const struct op *op);
void op_register(struct fuzzer *f, const struct op *op);
void op_release(struct fuzzer *f, const struct op *op);
void op_landing(struct fuzzer *f, const struct op *op);
void op_mmap(struct fuzzer *f, const struct op *op);
void op_munmap(struct fuzzer *f, const struct op *op);
void op_mprotect(struct fuzzer *f, const struct op *op);
void op_mremap(struct fuzzer *f, const struct op *op);
void op_madvise(struct fuzzer *f, const struct op *op);
void op_poke(struct fuzzer *f, const struct op *op);
void op_guard(struct fuzzer *f, const struct op *op);
void op_run(struct fuzzer *f, const struct op *op);
void op_fork(struct fuzzer *f, const struct op *op);
void op_signals(struct fuzzer *f, const struct op *op);
void op_shared(struct fuzzer *f, const struct op *op);
void op_clone(struct fuzzer *f, const struct op *op);
void op_open(struct fuzzer *f, const struct op *op);
void process_signals(void);
void signals_end(struct fuzzer *f);
bool shared_open(void);
uint64_t shared_committed(void);
void shared_close(void);

/* check.c */
void check_slot(struct fuzzer *f, const struct model *m, bool all,
		uint64_t around);
void check_mappings(struct fuzzer *f);
void check_total(struct fuzzer *f);
uint64_t commit_total(int fd);

/* execute.c */
struct fuzzer *fuzzer_new(unsigned int index, uint64_t seed);
void fuzzer_free(struct fuzzer *f);
void close_slot(struct fuzzer *f, unsigned int slot, bool handles_first);
void program_begin(struct fuzzer *f);
void program_step(struct fuzzer *f, const struct op *op);
void program_end(struct fuzzer *f);
bool program_run(struct fuzzer *f, const struct program *program);

/* kcov.c */
struct kcov *kcov_open(void);
void kcov_begin(struct kcov *k);
/* Edges that no program of any thread has reached before. */
uint64_t kcov_end(struct kcov *k);
void kcov_close(struct kcov *k);
uint64_t kcov_edges(void);

/* trace.c */
bool trace_write(const char *path, const struct fuzzer *f,
		 const struct program *program, const char *error);
bool trace_read(const char *path, struct program *program, uint64_t *seed);
void trace_shrink(struct fuzzer *f, struct program *program,
		  unsigned int seconds);

#endif /* CODEARENA_FUZZ_H */
