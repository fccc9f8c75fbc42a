// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of modules: the input is a list of operations, which a naive model does
 * too. Code is real and is called. Any allocation may fail: then the operation has
 * done nothing. On the memfd backend, so that it runs on every host; x86-64 only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "codearena_jump.h"
#include "codearena_lookup.h"
#include "module_model.h"

#define LAZY_VALUE	1234
#define BATCH		6
#define LARGEST		(160 * 1024)
#define SMALL_SPACE	(256 * 1024)

/* A lazy slot has pushed the index of the function. */
unsigned int lazy(void);
__asm__(".text\n"
	".type lazy, @function\n"
	"lazy:\n"
	"	endbr64\n"
	"	addq $8, %rsp\n"
	"	movl $1234, %eax\n"
	"	ret\n"
	".size lazy, . - lazy\n");

static unsigned int one(void)
{
	return 1;
}

/**
 * struct fuzzed - what one input works on
 * @model: what should be
 * @manager: where code counts
 * @module: what is
 * @collector: or NULL
 * @runtime: of @collector
 * @handles: or NULL
 * @scope: that is open, or NULL
 * @freeing: code may be freed now
 * @pending: a collection lacked memory, and may be made up for at any time
 */
struct fuzzed {
	struct model model;
	struct codearena_manager *manager;
	struct codearena_module *module;
	struct codearena_collector *collector;
	struct codearena_runtime *runtime;
	struct codearena_handle_table *handles;
	struct codearena_scope *scope;
	bool freeing;
	bool pending;
};

/* Allocations until one fails, 0: none does; and whether one did. */
static unsigned int countdown;
static bool failed_one;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
	bool fail = countdown && !--countdown;

	failed_one |= fail;
	return fail;
}

/* Lack of memory is an answer only where there was one. */
static bool lacked(int ret)
{
	return ret == -ENOMEM && failed_one;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static struct piece *piece_of(struct fuzzed *f, uint64_t start)
{
	for (unsigned int i = 0; i < PIECES; i++) {
		struct piece *piece = &f->model.pieces[i];

		if (piece->start == start && (piece->state == ADDED ||
					      piece->state == PUBLISHED))
			return piece;
	}
	return NULL;
}

static void event(void *data, struct codearena_module *module,
		  enum codearena_event what, struct codearena_code *code)
{
	struct fuzzed *f = data;
	struct piece *piece;

	(void)module;
	if (what != CODEARENA_EVENT_FREED)
		return;
	require(f->freeing || f->pending);
	piece = piece_of(f, codearena_code_start(code));
	require(piece && piece->code == code);
	require(!piece->freed);
	piece->freed = true;
}

static void ask(void *data, struct codearena_runtime *runtime,
		uint64_t sequence)
{
	struct fuzzed *f = data;
	uint64_t pcs[PIECES];
	size_t count = 0;

	for (unsigned int i = 0; i < PIECES; i++) {
		const struct piece *piece = &f->model.pieces[i];

		if (piece->state == PUBLISHED && piece->on_stack)
			pcs[count++] = piece->start + i % piece->size;
	}
	require(!codearena_collector_report(runtime, sequence, pcs, count));
}

/* What was freed is not found, and is not there to be executed. */
static void check_freed(struct piece *piece)
{
	uint8_t byte = 0xcc;
	struct iovec to = { &byte, 1 };
	struct iovec from = { (void *)(uintptr_t)piece->start, 1 };

	require(!codearena_code_find(piece->start));
	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1)
		require(byte == 0xcc);
	memset(piece, 0, sizeof(*piece));
}

static void check_table(struct fuzzed *f)
{
	struct codearena_code *codes[FUNCTIONS];
	size_t count = FUNCTIONS;

	if (codearena_module_snapshot_table(f->module, codes, &count))
		require(0);
	require(count == FUNCTIONS);
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct piece *piece = f->model.table[i];

		require(codes[i] == (piece ? piece->code : NULL));
	}
	codearena_module_put(codes, count);
}

static void check_stat(struct fuzzed *f)
{
	struct codearena_module_stat stat = { .sz = sizeof(stat) };
	uint64_t added = 0, codes = 0, current = 0, dead = 0, bytes = 0;

	for (unsigned int i = 0; i < PIECES; i++) {
		const struct piece *piece = &f->model.pieces[i];

		added += piece->state == ADDED;
		current += piece->current;
		if (piece->state != PUBLISHED)
			continue;
		codes++;
		dead += !f->collector && piece_is_dead(piece);
		bytes += piece->size;
	}
	require(!codearena_module_stat(f->module, &stat));
	require(stat.added == added && stat.codes == codes);
	require(stat.current == current && stat.dead == dead);
	require(stat.code_bytes == bytes);
}

static void check_lookup(struct fuzzed *f)
{
	for (unsigned int i = 0; i < PIECES; i++) {
		struct piece *piece = &f->model.pieces[i];
		const struct codearena_code *found;

		if (piece->freed) {
			require(piece_is_dead(piece) && !piece->on_stack);
			check_freed(piece);
		}
		if (piece->state == UNUSED)
			continue;
		found = codearena_code_find(piece->start);
		require(found == (piece->state == PUBLISHED ? piece->code :
							     NULL));
		found = codearena_code_find(piece->start + piece->size - 1);
		require(found == (piece->state == PUBLISHED ? piece->code :
							     NULL));
	}
}

static void check(struct fuzzed *f)
{
	countdown = 0;
	check_lookup(f);
	check_table(f);
	check_stat(f);
}

static uint8_t body[LARGEST];

/**
 * struct made - a description, and what it points to
 * @desc: the description
 * @bytes: its body, of the usual size
 * @reloc: the call of another function
 */
struct made {
	struct codearena_code_desc desc;
	uint8_t bytes[600];
	struct codearena_reloc reloc;
};

/* @large: it may be; there is one buffer for a large body. */
static void make(struct input *input, struct model *model, struct piece *piece,
		 struct made *made, bool large)
{
	unsigned int what = take(input, 1), size = 6 + take(input, 2) % 594;

	memset(piece, 0, sizeof(*piece));
	memset(made, 0, sizeof(*made));
	memset(made->bytes, 0x90, sizeof(made->bytes));
	piece->function = what % (FUNCTIONS + 1);
	piece->tier = what & 0x40 ? CODEARENA_TIER_OPTIMIZED :
				    CODEARENA_TIER_BASELINE;
	piece->deopt = what & 0x80;
	piece->debug = take_below(input, 4);
	piece->callee = -1;
	piece->value = 0x10000 + ++model->values;
	made->desc = (struct codearena_code_desc){
		.sz = sizeof(made->desc),
		.body = made->bytes,
		.kind = CODEARENA_CODE_FUNCTION,
		.tier = piece->tier,
		.debug = piece->debug,
		.function_index = IMPORTS + piece->function,
		.instructions_size = size,
		.deopt = "deopt",
		.deopt_size = piece->deopt ? 5 : 0,
	};
	if (piece->function == FUNCTIONS) {
		made->desc.kind = CODEARENA_CODE_HOST_WRAPPER;
		made->desc.function_index = CODEARENA_CODE_ANONYMOUS;
	} else if (what & 0x20 && piece->function < FUNCTIONS - 1) {
		piece->callee = piece->function + 1;
		made->reloc.kind = CODEARENA_RELOC_CALL;
		made->reloc.index = IMPORTS + piece->callee;
		made->reloc.form = CODEARENA_FORM_X86_64_REL32;
		made->reloc.offset = 1;
		made->desc.relocs = &made->reloc;
		made->desc.reloc_count = 1;
		memcpy(made->bytes, "\xe9\0\0\0\0", 5);
		return;
	}
	made->bytes[0] = 0xb8;
	memcpy(made->bytes + 1, &piece->value, 4);
	made->bytes[5] = 0xc3;
	/* Now and then a large one, so that code spaces get full. */
	if (large && take_below(input, 8) == 0) {
		memset(body, 0x90, sizeof(body));
		memcpy(body, made->bytes, 6);
		made->desc.body = body;
		made->desc.instructions_size = size * (LARGEST / 600);
	}
}

/* Makes up to BATCH pieces and adds them; @now: and publishes. */
static void op_add(struct fuzzed *f, struct input *input, bool now)
{
	struct codearena_reloc_error failed = { .sz = sizeof(failed) };
	struct codearena_code_desc descs[BATCH];
	struct codearena_code *codes[BATCH];
	static struct made made[BATCH];
	struct piece *pieces[BATCH];
	size_t count = 1 + take_below(input, BATCH), i, bytes = 0;
	int ret;

	for (i = 0; i < count; i++) {
		pieces[i] = piece_unused(&f->model);
		if (!pieces[i])
			break;
		make(input, &f->model, pieces[i], &made[i], i == 0);
		descs[i] = made[i].desc;
		bytes += descs[i].instructions_size;
		pieces[i]->state = ADDED;
		pieces[i]->start = 0;
	}
	count = i;
	if (!count)
		return;
	ret = now ? codearena_module_add_publish(f->module, descs, count, codes,
						 &failed) :
		    codearena_module_add(f->module, descs, count, codes,
					 &failed);
	if (ret) {
		require(lacked(ret) || (ret == -ENOSPC && bytes > 16384));
		for (i = 0; i < count; i++) {
			require(!codes[i]);
			memset(pieces[i], 0, sizeof(*pieces[i]));
		}
		return;
	}
	for (i = 0; i < count; i++) {
		pieces[i]->code = codes[i];
		pieces[i]->start = codearena_code_start(codes[i]);
		pieces[i]->size = codearena_code_size(codes[i]);
		require(pieces[i]->size >= descs[i].instructions_size);
		pieces[i]->held = true;
		if (now)
			model_publish(&f->model, pieces[i]);
	}
}

/* Publishes or abandons some of what was added. */
static void op_end_added(struct fuzzed *f, struct input *input, bool publish)
{
	struct codearena_code *codes[BATCH];
	struct piece *pieces[BATCH];
	size_t count = 1 + take_below(input, BATCH), i, j, failed, twice = SIZE_MAX;
	int ret;

	for (i = 0; i < count; i++) {
		pieces[i] = piece_pick(&f->model, ADDED, take(input, 1));
		if (!pieces[i])
			return;
		codes[i] = pieces[i]->code;
		for (j = 0; j < i && twice == SIZE_MAX; j++)
			twice = codes[i] == codes[j] ? i : SIZE_MAX;
	}
	ret = publish ? codearena_module_publish(f->module, codes, count,
						 &failed) :
			codearena_module_abandon(f->module, codes, count);
	if (lacked(ret))
		return;
	if (twice != SIZE_MAX) {
		require(ret == -EINVAL && (!publish || failed == twice));
		return;
	}
	require(!ret);
	for (i = 0; i < count; i++) {
		if (!publish) {
			memset(pieces[i], 0, sizeof(*pieces[i]));
			continue;
		}
		pieces[i]->held = false;
		model_publish(&f->model, pieces[i]);
	}
}

static void op_call(struct fuzzed *f, struct input *input)
{
	unsigned int function = take_below(input, FUNCTIONS);
	struct piece *from = piece_pick(&f->model, PUBLISHED, take(input, 1));
	uint64_t target, entry, signature;
	unsigned int (*call)(void);
	codearena_handle handle;
	uint32_t index;
	int ret;

	require(!codearena_module_call_target(f->module, IMPORTS + function,
					      from ? from->start : 0, &target));
	require(!codearena_module_slot_function(f->module, target, &index));
	require(index == IMPORTS + function);
	memcpy(&call, &target, sizeof(call));
	require(call() == model_call(&f->model, function, LAZY_VALUE));
	if (!f->handles)
		return;
	ret = codearena_module_handle(f->module, IMPORTS + function,
				      function, &handle);
	if (ret) {
		require(lacked(ret));
		return;
	}
	require(!codearena_handle_get(f->handles, handle, &entry, &signature));
	require(signature == function);
	if (f->model.table[function])
		require(entry == f->model.table[function]->start);
	memcpy(&call, &entry, sizeof(call));
	require(call() == model_call(&f->model, function, LAZY_VALUE));
}

static void op_remove(struct fuzzed *f, struct input *input)
{
	enum codearena_filter filter = 1 + take_below(input, 5);
	struct codearena_removed removed = { .sz = sizeof(removed) };
	uint64_t functions = 0, bytes = 0;
	int ret = codearena_module_remove(f->module, filter, &removed);

	if (ret) {
		require(lacked(ret));
		return;
	}
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct piece *piece = f->model.table[i];

		if (!piece || !model_filter(piece, filter))
			continue;
		functions++;
		bytes += piece->size;
		model_set(&f->model, i, NULL);
	}
	require(removed.functions == functions && removed.code_bytes == bytes);
}

static void op_references(struct fuzzed *f, struct input *input)
{
	unsigned int what = take_below(input, 4);
	struct piece *piece = piece_pick(&f->model, PUBLISHED, take(input, 1));
	struct codearena_code *found;
	int ret;

	if (!piece)
		return;
	switch (what) {
	case 0:
		if (!piece->held)
			return;
		require(!codearena_code_put(piece->code));
		piece->held = false;
		return;
	case 1:
		ret = codearena_module_lookup(f->module,
			(void *)(uintptr_t)piece->start, &found);
		/* A collector keeps the last reference for a while. */
		require(ret == (piece_is_dead(piece) && !f->collector ?
				-ENOENT : 0));
		if (ret)
			return;
		require(found == piece->code);
		if (piece->held)
			require(!codearena_code_put(found));
		piece->held = true;
		return;
	case 2:
		ret = codearena_module_release(f->module, piece->code);
		require(ret == (piece->function < FUNCTIONS ? -EINVAL :
				piece->owned ? 0 : -ENOENT));
		piece->owned = false;
		return;
	default:
		piece->on_stack = !piece->on_stack;
	}
}

static void op_free(struct fuzzed *f)
{
	size_t expected = 0, count = 0;
	int ret;

	for (unsigned int i = 0; i < PIECES; i++) {
		struct piece *piece = &f->model.pieces[i];

		if (!f->collector)
			piece->on_stack = false;
		expected += piece_is_dead(piece) && !piece->on_stack;
	}
	f->freeing = true;
	ret = f->collector ? codearena_collector_request(f->collector) :
			     codearena_module_reap(f->module, &count);
	f->freeing = false;
	if (ret) {
		require(f->collector && lacked(ret));
		f->pending = true;
		return;
	}
	require(f->collector || count == expected);
	for (unsigned int i = 0; i < PIECES; i++)
		expected -= f->model.pieces[i].freed;
	require(!expected);
}

static void op_scope(struct fuzzed *f)
{
	if (!f->scope) {
		f->model.scope = !codearena_scope_open(&f->scope);
		return;
	}
	require(!codearena_scope_close(f->scope));
	f->scope = NULL;
	f->model.scope = false;
	for (unsigned int i = 0; i < PIECES; i++)
		f->model.pieces[i].scoped = false;
}

static void op_lazy(struct fuzzed *f, struct input *input)
{
	unsigned int function = take_below(input, FUNCTIONS);
	int ret = codearena_module_use_lazy(f->module, IMPORTS + function);

	require(ret == (f->model.table[function] ? -EBUSY : 0) || lacked(ret));
}

static void op_debug(struct fuzzed *f, struct input *input)
{
	struct piece *piece = piece_pick(&f->model, PUBLISHED, take(input, 1));
	bool set = take(input, 1) & 1;
	int ret;

	if (set) {
		f->model.debug = !f->model.debug;
		require(!codearena_module_set_debug(f->module, f->model.debug));
		return;
	}
	if (!piece || !piece->held)
		return;
	ret = codearena_module_reinstall_debug(f->module, piece->code);
	if (piece->function == FUNCTIONS ||
	    piece->debug != CODEARENA_DEBUG_BREAKPOINTS) {
		require(ret == -EINVAL);
	} else if (!f->model.debug) {
		require(ret == 0);
	} else if (!lacked(ret)) {
		require(ret == 1);
		model_set(&f->model, piece->function, piece);
	}
}

static void op_grace(struct fuzzed *f)
{
	struct codearena_allocator *allocator =
		codearena_module_allocator(f->module);

	require(!codearena_allocator_grace_end(allocator,
			codearena_allocator_grace_begin(allocator)));
}

static void one_op(struct fuzzed *f, struct input *input)
{
	unsigned int what = take(input, 1);

	failed_one = false;
	/* A quarter of all operations lack memory at some point. */
	if (what >= 0xc0)
		countdown = 1 + take_below(input, 24);
	switch (what % 16) {
	case 0 ... 3:
		op_add(f, input, true);
		break;
	case 4:
		op_add(f, input, false);
		break;
	case 5:
		op_end_added(f, input, true);
		break;
	case 6:
		op_end_added(f, input, false);
		break;
	case 7:
		op_remove(f, input);
		break;
	case 8 ... 9:
		op_references(f, input);
		break;
	case 10:
		op_free(f);
		break;
	case 11:
		op_scope(f);
		break;
	case 12:
		op_lazy(f, input);
		break;
	case 13:
		op_debug(f, input);
		break;
	case 14:
		op_grace(f);
		break;
	default:
		op_call(f, input);
	}
}

static void begin(struct fuzzed *f, struct input *input)
{
	unsigned int what = take(input, 1);
	const uint64_t builtins[] = { (uintptr_t)lazy, (uintptr_t)one };
	CODEARENA_OPTS(codearena_manager_opts, manager,
		       .backend = CODEARENA_BACKEND_MEMFD,
		       .max_code_space = what & 1 ? SMALL_SPACE : 0);
	CODEARENA_OPTS(codearena_collector_opts, collector,
		       .flags = CODEARENA_COLLECTOR_F_MANUAL);
	CODEARENA_OPTS(codearena_runtime_opts, runtime,
		       .ask = ask, .data = f);
	CODEARENA_OPTS(codearena_module_opts, module,
		       .name = "fuzzed", .imports = IMPORTS,
		       .functions = FUNCTIONS, .builtins = builtins,
		       .builtin_count = 2, .lazy_builtin = 0,
		       .estimate = 16384,
		       .reach = what & 0x40 ? SMALL_SPACE : 0,
		       .event = event, .data = f);

	memset(f, 0, sizeof(*f));
	f->model.deopt = what & 2;
	f->model.debug = what & 4;
	module.flags = (what & 2 ? CODEARENA_MODULE_F_DEOPT : 0) |
		(what & 4 ? CODEARENA_MODULE_F_DEBUG : 0) |
		(what & 0x20 ? CODEARENA_MODULE_F_SYNC : 0);
	module.jump_flags = what & 0x80 ? CODEARENA_JUMP_F_BRANCH_TARGET : 0;
	require(!codearena_manager_new(&manager, &f->manager));
	if (what & 8) {
		require(!codearena_collector_new(&collector, &f->collector));
		require(!codearena_collector_join(f->collector, &runtime,
						  &f->runtime));
	}
	if (what & 0x10)
		require(!codearena_handle_table_new(NULL, &f->handles));
	module.collector = f->collector;
	module.handles = f->handles;
	require(!codearena_module_new(f->manager, &module, &f->module));
}

static void end(struct fuzzed *f)
{
	uint64_t starts[PIECES];

	if (f->scope)
		op_scope(f);
	for (unsigned int i = 0; i < PIECES; i++) {
		struct piece *piece = &f->model.pieces[i];

		starts[i] = piece->start;
		if (piece->state == PUBLISHED && piece->held)
			require(!codearena_code_put(piece->code));
	}
	f->freeing = true;
	codearena_module_free(f->module);
	for (unsigned int i = 0; i < PIECES; i++)
		require(!codearena_code_find(starts[i]));
	require(!codearena_collector_leave(f->runtime));
	require(!codearena_collector_free(f->collector));
	codearena_handle_table_free(f->handles);
	codearena_manager_free(f->manager);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	static struct fuzzed f;

	begin(&f, &input);
	while (input.left) {
		one_op(&f, &input);
		check(&f);
	}
	end(&f);
	return 0;
}
