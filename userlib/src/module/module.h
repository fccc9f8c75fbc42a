/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules, for the files that implement them.
 */
#ifndef CA__MODULE_H
#define CA__MODULE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "codearena/jump.h"
#include "codearena/module.h"
#include "code/code.h"
#include "code/slab.h"
#include "arena/arena.h"
#include "code/ref.h"

/* Sizes of the public structures in the first release. */
#define CA__SIZE_MODULE_OPTS		120
#define CA__SIZE_MODULE_COUNTERS	96
#define CA__SIZE_REMOVED		32
#define CA__SIZE_RELOC_ERROR		72

_Static_assert(sizeof(struct codearena_module_opts) >= CA__SIZE_MODULE_OPTS &&
	       sizeof(struct codearena_module_counters) >=
	       CA__SIZE_MODULE_COUNTERS &&
	       sizeof(struct codearena_removed) >= CA__SIZE_REMOVED &&
	       sizeof(struct codearena_reloc_error) >= CA__SIZE_RELOC_ERROR,
	       "a public structure has shrunk");

/* Largest number of objects, or of slots, in one system call. */
#define CA__MODULE_STEP		4096

/**
 * struct ca__module_tables - jump tables
 * @jump: the tables
 * @arena: the arena that they lie in
 * @parts: near, far and lazy slots, with padding; size 0: none
 * @codes: code objects of these, so that lookups find them; NULL: none
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
 * @tables: jump tables for its code, its own or those of another space
 */
struct ca__module_space {
	struct codearena_arena *arena;
	struct codearena_region region;
	struct ca__module_tables *tables;
};

/**
 * struct ca__staged - code that was added and not published
 * @stage: the batch
 * @arena: where it will be published
 * @offset: the offset in @arena
 * @bytes: relocated code
 * @length: number of @bytes
 * @trap_count: entries of @traps
 * @traps: as codearena_arena_publish() takes them
 * @flags: CODEARENA_OBJECT_F_*
 * @claimed: a call is working on it; protected by the module's lock
 * @stuck: it can neither be published nor dropped, since undoing a publish
 *         failed; protected by the module's lock
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
 * @left: objects still in it; protected by the module's lock
 * @next: next batch of the module; protected by the module's lock
 * @previous: previous batch; protected by the module's lock
 * @codes: the objects; NULL where published or dropped
 * @count: entries of @codes and @entries
 * @entries: one for each object; traps, @codes and bytes follow
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
 * struct ca__retarget - a function whose slots are to be retargeted
 * @slot: its slot number
 * @target: the new target; 0: the initial one
 */
struct ca__retarget {
	uint32_t slot;
	uint64_t target;
};

/**
 * struct ca__scratch - memory for calls that change slots
 * @objects: for codearena_arena_publish()
 * @retargets: the slots
 * @entries: patches, one jump table after the other
 * @counts: number of patches of each table
 * @done: number of these that were applied
 */
struct ca__scratch {
	struct codearena_object *objects;
	size_t object_room;
	struct ca__retarget *retargets;
	size_t retarget_room;
	struct codearena_patch_entry *entries;
	size_t entry_room;
	size_t *counts;
	size_t *done;
	size_t table_room;
};

/**
 * struct codearena_module - a module
 * @owner: owner of its code; the first member, for ca__module_of(). Says which
 *         address space made the module, too
 * @opts: copy of the options; its pointers to arrays are NULL
 * @builtins: copy of the addresses
 * @externals: copy of the addresses
 * @allocator: allocator of code spaces
 * @slab: memory for its code objects; has a lock of its own, inside of all others
 * @machine: ELF machine number
 * @unit: sizes of code are rounded up to this
 * @batch_limit: largest batch, in bytes
 * @reach: largest distance of code from its jump tables
 * @lock: protects all that follows. Taken after the lock of @allocator and before
 *        that of an arena. Callbacks other than validate are called without it,
 *        and references are dropped without it.
 * @spaces: code spaces, by index in @allocator
 * @tables: jump tables, the main ones first
 * @table: current code of declared functions, with a reference to each
 * @handles: handles of declared functions, or CODEARENA_HANDLE_INVALID; NULL
 *           until the first one is allocated
 * @owned: published code
 * @stages: batches of added code
 * @debug: whether it is in the debug state
 * @counters: without @dead, and without table bytes in the sums by tier
 * @scratch: memory for calls
 * @log_lock: held for reading while @logger is used; taken before @lock
 * @logger: NULL, or the logger; written with both locks held
 * @logged_tables: number of @tables that @logger knows
 * @log_error: the first error of @logger
 */
struct codearena_module {
	struct ca__owner owner;
	struct codearena_module_opts opts;
	uint64_t *builtins;
	uint64_t *externals;
	struct codearena_allocator *allocator;
	struct ca__slab slab;
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
	struct codearena_module_counters counters;
	struct ca__scratch scratch;
	pthread_rwlock_t log_lock;
	struct codearena_logger *logger;
	size_t logged_tables;
	int log_error;
};

/*
 * May a call use the module? Not in a child of fork(), where a thread that is
 * gone may hold its locks.
 */
static inline int ca__module_check(const struct codearena_module *module)
{
	if (!module)
		return -EINVAL;
	return ca__inherited(module->owner.process) ? -EPERM : 0;
}

static inline bool ca__module_has_tables(const struct codearena_module *module)
{
	return module->opts.functions || module->opts.builtin_count;
}

/* Slot number of a declared function; false if it is none. */
static inline bool ca__module_slot(const struct codearena_module *module,
				   uint32_t function, uint32_t *slot)
{
	*slot = function - module->opts.imports;
	return function >= module->opts.imports &&
		*slot < module->opts.functions;
}

/* Is it code of a declared function? Then @slot gets the slot number. */
static inline bool ca__module_declares(const struct codearena_module *module,
				       const struct codearena_code *code,
				       uint32_t *slot)
{
	return code->kind == CODEARENA_CODE_FUNCTION &&
		code->function_index >= 0 &&
		ca__module_slot(module, code->function_index, slot);
}

/* Is it published code of this module? Its lock is held. */
static inline bool ca__module_published(const struct codearena_module *module,
					const struct codearena_code *code)
{
	return code && code->owner == &module->owner &&
		(code->phase == CA__CODE_PUBLISHED ||
		 code->phase == CA__CODE_RELEASED);
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
void ca__module_spaces_leave(struct codearena_module *module);

/* module_add.c */
int ca__module_add(struct codearena_module *module,
		   const struct codearena_code_desc *descs, size_t count,
		   struct codearena_code **out,
		   struct codearena_reloc_error *failed);
int ca__module_add_any(struct codearena_module *module,
		       const struct codearena_code_desc *descs, size_t count,
		       struct codearena_code **out,
		       struct codearena_reloc_error *failed);
int ca__failed_begin(const struct codearena_reloc_error *failed,
		     struct codearena_reloc_error *own);
int ca__failed_end(struct codearena_reloc_error *failed,
		   struct codearena_reloc_error *own, int error);
void ca__module_abandon(struct codearena_module *module,
			struct codearena_code *code);

/* module_publish.c */
int ca__module_publish(struct codearena_module *module,
		       struct codearena_code *const *codes, size_t count,
		       bool keep, size_t *failed);

/* module_drop.c */
void ca__drop_each(struct codearena_module *module,
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

/* module_retarget.c */
int ca__scratch_reserve(struct codearena_module *module, size_t objects,
			size_t slots);
void ca__scratch_free(struct ca__scratch *scratch);
int ca__retarget_prepare(struct codearena_module *module, size_t count);
int ca__retarget_apply(struct codearena_module *module);
bool ca__retarget_undo(struct codearena_module *module);
size_t ca__retarget_of(struct codearena_module *module,
		       const struct codearena_arena *arena,
		       struct codearena_patch_entry **entries, size_t *table);

/* module_own.c */
extern const struct ca__owner_ops ca__module_owner_ops;
int ca__code_by_start(const void *a, const void *b);
int ca__owned_reserve(struct codearena_module *module, size_t more);
void ca__owned_add(struct codearena_module *module,
		   struct codearena_code *code);
void ca__module_put(struct codearena_code *const *codes, size_t count);
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

/* module_revert.c */
int ca__revert_begin(struct codearena_module *module,
		     codearena_handle **handles);
int ca__revert_reserve(struct codearena_module *module);
void ca__revert_codes(struct codearena_module *module,
		      struct codearena_code *const *codes, size_t count);
void ca__revert_handles(struct codearena_module *module,
			const codearena_handle *handles);

/* module_handle.c */
int ca__module_handle_locked(struct codearena_module *module, uint32_t slot,
			     uint64_t signature, codearena_handle *out);
void ca__module_handle_retarget(struct codearena_module *module, uint32_t slot);
void ca__module_handles_free(struct codearena_module *module);

#endif /* CA__MODULE_H */
