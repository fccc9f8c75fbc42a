/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: the code of a module.
 */
#ifndef CODEARENA_MODULE_H
#define CODEARENA_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codearena.h"
#include "codearena_code.h"
#include "codearena_handle.h"
#include "codearena_ref.h"
#include "codearena_reloc.h"
#include "codearena_space.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A module is a set of functions that are compiled together: its code objects,
 * the jump tables through which they call each other, and a table that says
 * which code is current for each function.
 *
 * Words used here:
 *
 * function    numbered as in the source: the first ones are imported and have
 *             no slot, the others are declared
 * add         get space for code and relocate it. It lies in ordinary memory
 *             (one block for a batch) until it is published: executable memory
 *             takes code only together with its seal.
 * publish     make code executable, findable by address, and current where it
 *             is better than what there is
 * current     code that the jump-table slot of its function leads to
 * retired     code that is not current any more, or never was; it lives as long
 *             as somebody holds a reference
 *
 * References. codearena_module_add() hands out code with one reference, which
 * is the caller's. codearena_module_publish() takes it over: it becomes that of
 * the table if the code gets current; that of the module if the code belongs to
 * no declared function (wrappers, anonymous code), until the module is freed or
 * codearena_module_release() is called; and is dropped otherwise. Whoever wants
 * to look at code afterwards has a scope open at the call, which gets references
 * to all code that was published or retired by it (codearena_ref.h); or takes a
 * reference before; or gets one from codearena_module_code() and the like, and
 * gives it back by codearena_module_put().
 *
 * The life of retired code. When its last reference goes it is dead: nothing
 * finds it any more but by its address, since a thread may execute it still.
 * With a collector it is freed when no thread does, as codearena_ref.h tells.
 * Without, it is freed by codearena_module_reap(), by which the caller says that
 * none does. Its space waits for the end of a grace of codearena_module_allocator()
 * before it is used again.
 *
 * Threads. Every function may be called from any thread at any time, on the
 * same module too, except codearena_module_free(), which must be the last call
 * on its module, and except that a code object may be published or abandoned
 * only once. None may be called from a signal handler. Adding runs on many
 * threads side by side; what changes the tables of a module is serialised by a
 * mutex of the module. The order of locks is: allocator, module,
 * arena; callbacks are called without any of them unless they say so.
 *
 * Return values as in codearena.h. A failure has changed nothing.
 */

/* Flags of struct codearena_module_opts */
#define CODEARENA_MODULE_F_DEOPT	0x1U /* optimised code may be replaced by
					      * baseline code if it has
					      * deoptimisation data */
#define CODEARENA_MODULE_F_DEBUG	0x2U /* begin in the debug state */
#define CODEARENA_MODULE_F_SYNC		0x4U /* processors are synchronised when
					      * slots change, see
					      * CODEARENA_PUBLISH_F_SYNC */

/* There is no such builtin: functions are not compiled lazily. */
#define CODEARENA_NO_BUILTIN		0xffffffffU

/**
 * enum codearena_event - what happened to a code object
 * @CODEARENA_EVENT_PUBLISHED: it can be executed and found
 * @CODEARENA_EVENT_INSTALLED: it got current
 * @CODEARENA_EVENT_RETIRED: it is not current any more
 * @CODEARENA_EVENT_FREED: it is about to be freed; its bytes are still there
 */
enum codearena_event {
	CODEARENA_EVENT_PUBLISHED = 1,
	CODEARENA_EVENT_INSTALLED,
	CODEARENA_EVENT_RETIRED,
	CODEARENA_EVENT_FREED
};

struct codearena_module;

/**
 * struct codearena_module_opts - how to make a module
 * @sz: set by the caller to sizeof(struct codearena_module_opts)
 * @name: of the arenas, see struct codearena_arena_opts
 * @imports: how many functions are imported
 * @functions: how many functions are declared; together below 2^31
 * @builtins: addresses of builtins, copied; may be NULL if there are none
 * @builtin_count: entries of @builtins
 * @lazy_builtin: index of the builtin that compiles a function at its first
 *                call; it gets the index of the function among the declared
 *                ones as codearena_jump.h says. CODEARENA_NO_BUILTIN: none.
 * @estimate: bytes of code expected, see codearena_estimate_code()
 * @signature_count: signatures are below this
 * @external_count: entries of @externals
 * @externals: addresses for CODEARENA_RELOC_EXTERNAL, copied; may be NULL if
 *             there are none
 * @handles: NULL, or the table that handles of functions are taken from. It
 *           must outlive the module.
 * @collector: NULL, or who finds out when dead code can be freed. It must
 *             outlive the module.
 * @flags: CODEARENA_MODULE_F_* bits
 * @jump_flags: CODEARENA_JUMP_F_* bits
 * @reach: a code space uses the jump tables of another one if no byte of it is
 *         further from any byte of them; else it gets tables of its own. Not
 *         above codearena_reservation_limit(); 0: just that.
 * @validate: NULL, or is asked whether what the code was compiled for still
 *            holds; any result but 0 makes codearena_module_publish() return
 *            -ESTALE. Called with the module's mutex held, so that what it
 *            found true stays true if changes go through publishing too: it
 *            must not call the module.
 * @event: NULL, or is told about code, by the thread that caused the event and
 *         with no lock held. It may take references.
 * @data: for the callbacks
 */
struct codearena_module_opts {
	size_t sz;
	const char *name;
	uint32_t imports;
	uint32_t functions;
	const uint64_t *builtins;
	uint32_t builtin_count;
	uint32_t lazy_builtin;
	uint64_t estimate;
	uint32_t signature_count;
	uint32_t external_count;
	const uint64_t *externals;
	struct codearena_handle_table *handles;
	struct codearena_collector *collector;
	uint32_t flags;
	uint32_t jump_flags;
	uint64_t reach;
	int (*validate)(void *data, struct codearena_module *module,
			struct codearena_code *const *codes, size_t count);
	void (*event)(void *data, struct codearena_module *module,
		      enum codearena_event event, struct codearena_code *code);
	void *data;
};

/**
 * struct codearena_module_stat - counters of a module
 * @sz: set by the caller to sizeof(struct codearena_module_stat)
 * @spaces: code spaces
 * @tables: of these, how many have jump tables of their own
 * @added: code objects added and neither published nor abandoned
 * @codes: code objects published and not freed; jump tables are none
 * @current: functions that have current code
 * @dead: code objects that wait for codearena_module_reap(); 0 with a collector
 * @code_bytes: bytes of @codes in executable memory, with padding
 * @metadata_bytes: bytes of memory beside them
 * @table_bytes: bytes of all jump tables
 * @baseline_bytes: bytes of baseline code that is not for debugging, and
 *                  @table_bytes
 * @optimized_bytes: the same of optimised code
 */
struct codearena_module_stat {
	size_t sz;
	uint64_t spaces;
	uint64_t tables;
	uint64_t added;
	uint64_t codes;
	uint64_t current;
	uint64_t dead;
	uint64_t code_bytes;
	uint64_t metadata_bytes;
	uint64_t table_bytes;
	uint64_t baseline_bytes;
	uint64_t optimized_bytes;
};

/**
 * codearena_module_new - make a module
 * @manager: where its space counts
 * @opts: NULL, or options
 * @out: gets the module; NULL on failure
 *
 * Reserves the first code space, with its jump tables, unless nothing is
 * expected: neither code, nor functions, nor builtins. The slots of all
 * declared functions lead to the lazy builtin.
 *
 * Return: 0; -EINVAL, -E2BIG, -EOPNOTSUPP: an argument or option is wrong; the
 * codes of codearena_allocator_new().
 */
int codearena_module_new(struct codearena_manager *manager,
			 const struct codearena_module_opts *opts,
			 struct codearena_module **out);

/**
 * codearena_module_free - free a module with all of its code
 * @module: NULL, or a module, which is gone after the call
 *
 * Its code cannot be found any more; then its handles, its traps and its space
 * are gone. No thread may execute its code, nor may anybody hold a reference
 * to it; code that was added and not published goes too.
 */
void codearena_module_free(struct codearena_module *module);

/**
 * codearena_module_add - get space for code and relocate it
 * @module: module
 * @descs: array of descriptions; what they point to is copied
 * @count: entries of @descs, not 0
 * @out: array of @count entries that gets the code, NULL each on failure
 * @failed: NULL, or gets the index of the description that was refused
 *          (SIZE_MAX: no single one) and the relocation if it was one;
 *          @failed->sz must be set
 *
 * All objects of a batch lie side by side, unless the batch is larger than half
 * of the largest code space: then it is split in halves.
 *
 * Return: 0; -EINVAL: an argument, or what codearena_code_check() says;
 * -ENOSPC: one object is larger than half of the largest code space, or no room
 * is left; -ENOMEM; the codes of codearena_allocator_allocate() and
 * codearena_reloc_apply().
 */
int codearena_module_add(struct codearena_module *module,
			 const struct codearena_code_desc *descs, size_t count,
			 struct codearena_code **out,
			 struct codearena_reloc_error *failed);

/**
 * codearena_module_abandon - give up code that was not published
 * @module: module
 * @codes: array of code, which is gone after the call
 * @count: entries of @codes, not 0
 *
 * Return: 0; -EINVAL: not of this module, published already, or named twice.
 */
int codearena_module_abandon(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count);

/**
 * codearena_module_publish - make code executable
 * @module: module
 * @codes: array of code from codearena_module_add(), in any order
 * @count: entries of @codes, not 0
 * @failed: NULL, or gets the index of the code that was refused; SIZE_MAX: no
 *          single one
 *
 * For each code space concerned, one system call makes the code executable,
 * with its traps, and turns the slots of that space to it; then those of the
 * other spaces are turned.
 *
 * Code of kind function with the index of a declared function gets current by
 * these rules, applied in the order of the array:
 * - never if it is for stepping;
 * - in the debug state only if it is for debugging, and the current code is not
 *   for a higher debug level;
 * - else unless the current code is not for debugging and of a higher tier;
 *   with CODEARENA_MODULE_F_DEOPT it is replaced all the same if it has
 *   deoptimisation data.
 *
 * Return: 0; -EINVAL: a code is not of this module, published already, or named
 * twice; -ESTALE: @validate says so; the codes of codearena_arena_publish() and
 * codearena_arena_patch().
 */
int codearena_module_publish(struct codearena_module *module,
			     struct codearena_code *const *codes, size_t count,
			     size_t *failed);

/**
 * codearena_module_add_publish - add and publish
 * @module: module
 * @descs: array of descriptions
 * @count: entries of @descs, not 0
 * @out: NULL, or array of @count entries that gets the code, each with a
 *       reference which is the caller's; NULL each on failure
 * @failed: as codearena_module_add()
 *
 * Return: as the two.
 */
int codearena_module_add_publish(struct codearena_module *module,
				 const struct codearena_code_desc *descs,
				 size_t count, struct codearena_code **out,
				 struct codearena_reloc_error *failed);

/**
 * codearena_module_release - give up code that is not of a declared function
 * @module: module
 * @code: code that was published
 *
 * The module's reference of a wrapper or anonymous code is dropped: it is
 * retired.
 *
 * Return: 0; -EINVAL: not of this module, not published, or of a declared
 * function; -ENOENT: it was released before.
 */
int codearena_module_release(struct codearena_module *module,
			     struct codearena_code *code);

/**
 * codearena_module_call_target - where to call a function
 * @module: module
 * @function: index of a declared function
 * @from: address of the caller, whose direct branches reach the result; 0: the
 *        first code space
 * @out: gets the address of the near slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no declared function has this index, or @from is
 * not in a code space.
 */
int codearena_module_call_target(struct codearena_module *module,
				 uint32_t function, uint64_t from,
				 uint64_t *out);

/**
 * codearena_module_builtin_target - where to call a builtin
 * @module: module
 * @builtin: index of a builtin
 * @from: as codearena_module_call_target()
 * @out: gets the address of the far slot; 0 on failure
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such builtin, or @from is not in a
 * code space.
 */
int codearena_module_builtin_target(struct codearena_module *module,
				    uint32_t builtin, uint64_t from,
				    uint64_t *out);

/**
 * codearena_module_slot_function - which function does a slot belong to?
 * @module: module
 * @address: address of a near slot of any code space, exactly
 * @out: gets the index of the function
 *
 * Return: 0; -EINVAL; -ENOENT: no near slot begins there.
 */
int codearena_module_slot_function(struct codearena_module *module,
				   uint64_t address, uint32_t *out);

/**
 * codearena_module_slot_builtin - which builtin does a slot belong to?
 * @module: module
 * @address: address of a far slot of any code space, exactly
 * @out: gets the index of the builtin
 *
 * Return: 0; -EINVAL; -ENOENT: no slot of a builtin begins there.
 */
int codearena_module_slot_builtin(struct codearena_module *module,
				  uint64_t address, uint32_t *out);

/**
 * codearena_module_handle - code pointer handle of a function
 * @module: module
 * @function: index of a declared function
 * @signature: what indirect callers will demand; it is kept from the first call
 *             for this function. A relocation that comes first sets 0.
 * @out: gets the handle; it is the module's, and leads to the current code, or
 *       to the near slot while there is none
 *
 * Return: 0; -EINVAL: the module was made without a table, or the function has
 * a handle with another signature; -ENOENT: no declared function has this
 * index; -ENOMEM, -ENOSPC: as codearena_handle_allocate().
 */
int codearena_module_handle(struct codearena_module *module, uint32_t function,
			    uint64_t signature, codearena_handle *out);

/**
 * codearena_module_code - current code of a function
 * @module: module
 * @function: index of a declared function
 * @out: gets the code with a reference, which is the caller's; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such function, or it has no code.
 */
int codearena_module_code(struct codearena_module *module, uint32_t function,
			  struct codearena_code **out);

/**
 * codearena_module_use_lazy - lead a function to the lazy builtin
 * @module: module
 * @function: index of a declared function, which must have no current code
 *
 * Slots begin that way; this does it again.
 *
 * Return: 0; -EINVAL; -ENOENT: there is no such function; -EBUSY: it has code;
 * the codes of codearena_arena_patch().
 */
int codearena_module_use_lazy(struct codearena_module *module,
			      uint32_t function);

/**
 * enum codearena_filter - which current code to remove
 * @CODEARENA_FILTER_DEBUG: code for debugging
 * @CODEARENA_FILTER_NOT_DEBUG: all other
 * @CODEARENA_FILTER_BASELINE: code of the baseline tier
 * @CODEARENA_FILTER_OPTIMIZED: code of the optimised tier
 * @CODEARENA_FILTER_ALL: every code
 */
enum codearena_filter {
	CODEARENA_FILTER_DEBUG = 1,
	CODEARENA_FILTER_NOT_DEBUG,
	CODEARENA_FILTER_BASELINE,
	CODEARENA_FILTER_OPTIMIZED,
	CODEARENA_FILTER_ALL
};

/**
 * struct codearena_removed - what was removed
 * @sz: set by the caller to sizeof(struct codearena_removed)
 * @functions: functions that lost their code
 * @code_bytes: bytes of that code in executable memory
 * @metadata_bytes: bytes of memory beside it
 */
struct codearena_removed {
	size_t sz;
	uint64_t functions;
	uint64_t code_bytes;
	uint64_t metadata_bytes;
};

/**
 * codearena_module_remove - lead functions back to the lazy builtin
 * @module: module
 * @filter: enum codearena_filter
 * @removed: NULL, or gets what was removed; @sz must be set
 *
 * The code is retired.
 *
 * Return: 0; -EINVAL; -ENOMEM; the codes of codearena_arena_patch().
 */
int codearena_module_remove(struct codearena_module *module,
			    enum codearena_filter filter,
			    struct codearena_removed *removed);

/**
 * codearena_module_set_debug - enter or leave the debug state
 * @module: module
 * @debug: which
 *
 * Changes no code; see codearena_module_publish(). Return: 0; -EINVAL.
 */
int codearena_module_set_debug(struct codearena_module *module, bool debug);

/**
 * codearena_module_reinstall_debug - make breakpoint code current again
 * @module: module
 * @code: published code of a declared function, of the debug level breakpoints;
 *        the caller holds a reference
 *
 * Return: 1: done; 0: the module is not in the debug state any more, nothing
 * was done; -EINVAL: @code is not such code of this module; -ENOENT: it is dead
 * already; the codes of codearena_arena_patch().
 */
int codearena_module_reinstall_debug(struct codearena_module *module,
				     struct codearena_code *code);

/**
 * codearena_module_lookup - find code of a module by address
 * @module: module
 * @pc: any address
 * @out: gets the code, jump tables included, with a reference which is the
 *       caller's; NULL on failure
 *
 * Return: 0; -EINVAL; -ENOENT: no code of this module is there.
 */
int codearena_module_lookup(struct codearena_module *module, const void *pc,
			    struct codearena_code **out);

/**
 * codearena_module_snapshot_table - current code of all declared functions
 * @module: module
 * @out: array that gets an entry for each function, NULL where it has no code,
 *       each with a reference which is the caller's
 * @count: entries of @out; gets the number of declared functions
 *
 * Return: 0; -EINVAL; -EMSGSIZE: @out is too small, @count says how large it
 * must be.
 */
int codearena_module_snapshot_table(struct codearena_module *module,
				    struct codearena_code **out, size_t *count);

/**
 * codearena_module_snapshot_all - all published code
 * @module: module
 * @out: array that gets the code by ascending address, each with a reference
 *       which is the caller's. Code that is dead already is left out, and so
 *       are jump tables.
 * @count: entries of @out; gets the number of entries that are filled in
 *
 * Return: 0; -EINVAL; -EMSGSIZE: @out is too small, @count says how large it
 * should be.
 */
int codearena_module_snapshot_all(struct codearena_module *module,
				  struct codearena_code **out, size_t *count);

/**
 * codearena_module_put - give a reference back
 * @codes: array of code, NULL entries are skipped
 * @count: entries of @codes
 *
 * Code whose last reference this was is retired.
 */
void codearena_module_put(struct codearena_code *const *codes, size_t count);

/**
 * codearena_module_reap - free dead code
 * @module: module without a collector
 * @count: NULL, or gets the number of code objects that were freed
 *
 * Frees retired code without references. The caller asserts that no thread
 * executes such code, or can return to it.
 *
 * Return: 0; -EINVAL: NULL, or the module has a collector, which does this.
 */
int codearena_module_reap(struct codearena_module *module, size_t *count);

/**
 * codearena_module_allocator - where the code lies
 * @module: module
 *
 * For codearena_allocator_grace_begin() and codearena_allocator_grace_end(),
 * and counters. Return: the allocator, which is the module's; NULL if @module
 * is NULL.
 */
struct codearena_allocator *
codearena_module_allocator(struct codearena_module *module);

/**
 * codearena_module_stat - read the counters
 * @module: module
 * @stat: gets the counters, taken together; @sz must be set
 *
 * Return: 0; -EINVAL.
 */
int codearena_module_stat(struct codearena_module *module,
			  struct codearena_module_stat *stat);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_MODULE_H */
