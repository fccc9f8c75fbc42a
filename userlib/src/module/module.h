/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules, between the files that implement them.
 */
#ifndef CA__MODULE_H
#define CA__MODULE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "codearena/jump.h"
#include "codearena/module.h"
#include "code/code.h"
#include "arena/arena.h"
#include "code/ref.h"

/* Objects, or slots, that one system call deals with at most. */
#define CA__MODULE_STEP		4096

/**
 * struct ca__module_tables - jump tables
 * @jump: the tables
 * @arena: where they are
 * @parts: near, far and lazy slots, with padding; size 0: none
 * @codes: the same as code objects, NULL: none
 */
struct ca__module_tables {
	struct codearena_jump_table *jump;
	struct codearena_arena *arena;
	struct codearena_region parts[3];
	struct codearena_code *codes[3];
};

/**
 * struct ca__module_space - a code space
 * @arena: its arena
 * @region: its addresses
 * @tables: those that its code calls through, its own or another's
 */
struct ca__module_space {
	struct codearena_arena *arena;
	struct codearena_region region;
	struct ca__module_tables *tables;
};

/**
 * struct ca__staged - code that was added and not published
 * @stage: the batch
 * @arena: where it is going
 * @offset: in @arena
 * @bytes: relocated
 * @length: number of @bytes
 * @trap_count: entries of @traps
 * @traps: as PUBLISH takes them
 * @flags: CODEARENA_OBJECT_F_*
 * @claimed: a call works on it; protected by the module's lock
 * @stuck: it can neither be published nor given up; the same
 */
struct ca__staged {
	struct ca__stage *stage;
	struct codearena_arena *arena;
	uint64_t offset;
	uint8_t *bytes;
	struct codearena_trap *traps;
	uint32_t length;
	uint32_t trap_count;
	uint32_t flags;
	bool claimed;
	bool stuck;
};

/**
 * struct ca__stage - a batch of added code
 * @left: objects which are still in it; protected by the module's lock
 * @next: list of the module, protected by the module's lock
 * @previous: the same
 * @codes: the objects, NULL where they left
 * @count: entries of @codes and @entries
 * @entries: one for each object; bytes and traps follow
 */
struct ca__stage {
	size_t left;
	struct ca__stage *next;
	struct ca__stage *previous;
	struct codearena_code **codes;
	size_t count;
	struct ca__staged entries[];
};

/**
 * struct ca__turn - a function whose slots are to be turned
 * @slot: of the function
 * @target: where to; 0: where it led in the beginning
 */
struct ca__turn {
	uint32_t slot;
	uint64_t target;
};

/**
 * struct ca__scratch - memory for calls that change slots
 * @objects: for PUBLISH
 * @turns: slots
 * @entries: patches, those of one jump table after those of another
 * @counts: how many for each
 * @done: how many of these were applied
 */
struct ca__scratch {
	struct codearena_object *objects;
	size_t object_room;
	struct ca__turn *turns;
	size_t turn_room;
	struct codearena_patch_entry *entries;
	size_t entry_room;
	size_t *counts;
	size_t *done;
	size_t table_room;
};

/**
 * struct codearena_module - a module
 * @owner: of its code; the first member, so that it is the module's address
 * @opts: copy, whose arrays are those below
 * @builtins: copy of the addresses
 * @externals: copy of the addresses
 * @allocator: space
 * @machine: of the code
 * @unit: what sizes are rounded up to
 * @batch_limit: largest batch
 * @reach: how far code may be from its jump tables
 * @lock: protects all that follows. It nests in the lock of @allocator, that of
 *        an arena nests in it. No callback but validate is called with it held,
 *        and no reference is dropped.
 * @spaces: code spaces, by index of @allocator
 * @tables: jump tables, the main ones first
 * @table: current code of declared functions; it holds a reference
 * @handles: of declared functions, or CODEARENA_HANDLE_INVALID; NULL: none yet
 * @owned: published code
 * @stages: batches of added code
 * @debug: in the debug state
 * @stat: counters
 * @scratch: memory
 * @log_lock: held for reading by who uses @logger; taken before @lock
 * @logger: NULL, or is told about code; who writes holds both locks
 * @logged_tables: of @tables, how many @logger knows
 * @log_error: the first error of @logger
 */
struct codearena_module {
	struct ca__owner owner;
	struct codearena_module_opts opts;
	uint64_t *builtins;
	uint64_t *externals;
	struct codearena_allocator *allocator;
	uint32_t machine;
	uint32_t unit;
	uint64_t batch_limit;
	uint64_t reach;
	pthread_mutex_t lock;
	struct ca__module_space *spaces;
	size_t space_count;
	size_t space_room;
	struct ca__module_tables **tables;
	size_t table_count;
	size_t table_room;
	struct codearena_code **table;
	codearena_handle *handles;
	struct codearena_code **owned;
	size_t owned_count;
	size_t owned_room;
	struct ca__stage *stages;
	bool debug;
	struct codearena_module_stat stat;
	struct ca__scratch scratch;
	pthread_rwlock_t log_lock;
	struct codearena_logger *logger;
	size_t logged_tables;
	int log_error;
};

static inline bool ca__module_has_tables(const struct codearena_module *module)
{
	return module->opts.functions || module->opts.builtin_count;
}

/* The number of a declared function, false if it is none. */
static inline bool ca__module_slot(const struct codearena_module *module,
				   uint32_t function, uint32_t *slot)
{
	*slot = function - module->opts.imports;
	return function >= module->opts.imports &&
		*slot < module->opts.functions;
}

/* Is it code of a declared function? Then it gets the number of that. */
static inline bool ca__module_declares(const struct codearena_module *module,
				       const struct codearena_code *code,
				       uint32_t *slot)
{
	return code->kind == CODEARENA_CODE_FUNCTION &&
		code->function_index >= 0 &&
		ca__module_slot(module, code->function_index, slot);
}

static inline struct codearena_module *
ca__module_of(struct ca__owner *owner)
{
	return (struct codearena_module *)owner;
}

/* module_space.c */
int ca__module_space_added(void *data, struct codearena_allocator *allocator,
			   size_t index);
struct ca__module_tables *
ca__module_tables_at(struct codearena_module *module, uint64_t address);
void ca__module_spaces_free(struct codearena_module *module);

/* module_add.c */
void ca__abandon_each(struct codearena_module *module,
		      struct codearena_code *const *codes, size_t count);

/* module_stage.c */
struct ca__stage *ca__stage_new(struct codearena_module *module,
				const struct codearena_code_desc *descs,
				size_t count, struct codearena_region region);
struct ca__staged *ca__staged_of(const struct codearena_module *module,
				 const struct codearena_code *code);
void ca__staged_leave(struct codearena_module *module,
		      struct ca__staged *staged, struct ca__stage **unused);
void ca__stages_free(struct ca__stage *stages);

/* module_turn.c */
int ca__scratch_reserve(struct codearena_module *module, size_t objects,
			size_t turns);
void ca__scratch_free(struct ca__scratch *scratch);
int ca__turns_prepare(struct codearena_module *module, size_t count);
int ca__turns_apply(struct codearena_module *module);
bool ca__turns_undo(struct codearena_module *module);
size_t ca__turns_of(struct codearena_module *module,
		    const struct codearena_arena *arena,
		    struct codearena_patch_entry **entries, size_t *table);

/* module_own.c */
extern const struct ca__owner_ops ca__module_owner_ops;
int ca__owned_reserve(struct codearena_module *module, size_t more);
void ca__owned_add(struct codearena_module *module,
		   struct codearena_code *code);
void ca__module_event(struct codearena_module *module,
		      enum codearena_event event, struct codearena_code *code);

/* module_log.c */
void ca__module_log_begin(struct codearena_module *module);
void ca__module_log_end(struct codearena_module *module);
void ca__module_log(struct codearena_module *module,
		    struct codearena_logger *logger,
		    struct codearena_code *const *codes, size_t count);
void ca__module_log_gone(struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count);

/* module_handle.c */
int ca__module_handle_locked(struct codearena_module *module, uint32_t slot,
			     uint64_t signature, codearena_handle *out);
void ca__module_handle_turn(struct codearena_module *module, uint32_t slot);
void ca__module_handles_free(struct codearena_module *module);

#endif /* CA__MODULE_H */
