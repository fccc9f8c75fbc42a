// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of modules: the input is a list of operations, which a naive model does,
 * too. After each one everything that the module reports must agree with the
 * model, and so must the results of calls through its jump tables.
 * Allocations fail on demand; then nothing may have changed.
 */
#define _GNU_SOURCE
#include "code/code.h"
#include "codearena/log.h"
#include "module_check.h"

#define OPERATIONS	160
#define BATCH		4

struct input {
	const uint8_t *at;
	size_t left;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *entries,
				 size_t count, uint32_t flags, size_t *failed);
int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *entries,
				 size_t count, uint32_t flags, size_t *failed);

static struct codearena_collector *collector;
static struct codearena_runtime *runtime;
static struct codearena_logger *logger;
static struct codearena_scope *scopes[SCOPES];
static uint64_t asked, grace;

/* Takes no memory on this backend, but may on another. */
int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *entries,
				 size_t count, uint32_t flags, size_t *failed)
{
	return fails() ? -ENOMEM :
	       __real_codearena_arena_patch(arena, entries, count, flags,
					    failed);
}

static unsigned int take(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static void event(void *data, struct codearena_module *of,
		  enum codearena_event what, struct codearena_code *code)
{
	struct entry *e = model_by_code(&model, code);

	(void)data;
	(void)of;
	require(e && e->start == codearena_code_start(code));
	if (what != CODEARENA_EVENT_FREED)
		return;
	require(e->life == LIVE && (model.ending || !entry_refs(e)));
	require(model.ending || !model.collector || e->candidate);
	model.gone[model.gone_count++ % GONE] = (struct codearena_region){
		e->start, e->size,
	};
	memset(e, 0, sizeof(*e));
}

static void ask(void *data, struct codearena_runtime *from, uint64_t sequence)
{
	unsigned int i;

	(void)data;
	(void)from;
	require(!model.collecting && sequence > asked);
	asked = sequence;
	model.collecting = true;
	model.follow = false;
	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[i];

		e->candidate = e->life == LIVE && !entry_refs(e);
	}
}

static struct entry *pick(struct input *input, enum life life)
{
	unsigned int from = take(input), i;

	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[(from + i) % CODES];

		if (e->life == life)
			return e;
	}
	return NULL;
}

/* Code with a reference, so that it can be handed to functions. */
static struct entry *pick_held(struct input *input)
{
	unsigned int from = take(input), i;

	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[(from + i) % CODES];

		if (e->life == LIVE && entry_refs(e))
			return e;
	}
	return NULL;
}

static void describe(struct input *input, struct entry *e)
{
	unsigned int how = take(input), what = take(input);

	memset(e, 0, sizeof(*e));
	e->function = how % 9 == 8 ? CODEARENA_CODE_ANONYMOUS : (int)(how % 9);
	e->kind = how / 9 % 4 == 3 ? CODEARENA_CODE_RUNTIME_WRAPPER :
		  CODEARENA_CODE_FUNCTION;
	e->deopt = how & 128;
	e->tier = what % 3;
	e->debug = what / 3 % 8 < 4 ? 0 : what / 3 % 8 - 4;
	e->body = what / 24 % 3;
	e->value = e->body == RETURNS ? 1 + take(input) :
		   e->body == CALLS ? IMPORTS + take(input) % FUNCTIONS :
		   1 + take(input) % 2;
	e->size = 8U << take(input) % 11;
	if (e->size > BODY)
		e->size = BODY;
}

static void added(struct entry *e, struct codearena_code *code)
{
	e->life = STAGED;
	e->code = code;
	e->start = codearena_code_start(code);
	e->size = codearena_code_size(code);
	e->memory = ca__code_memory(code);
	require(!model_at(&model, e->start));
}

static void add(struct input *input, bool publish, bool keep)
{
	struct codearena_code_desc descs[BATCH];
	struct codearena_reloc relocs[BATCH];
	struct codearena_code *codes[BATCH];
	static uint8_t bodies[BATCH][BODY];
	struct entry news[BATCH], *e;
	size_t count = publish ? 1 : 1 + take(input) % BATCH, room = 0, i;
	unsigned int at = take(input) % 24;
	int ret;

	for (i = 0; i < count; i++) {
		describe(input, &news[i]);
		memset(&descs[i], 0, sizeof(descs[i]));
		memset(&relocs[i], 0, sizeof(relocs[i]));
		write_body(&news[i], &relocs[i]);
		memcpy(bodies[i], body, BODY);
		descs[i] = (struct codearena_code_desc){
			.sz = sizeof(descs[i]),
			.body = bodies[i],
			.relocs = &relocs[i],
			.reloc_count = news[i].body != RETURNS,
			.deopt = "deopt",
			.deopt_size = news[i].deopt ? 5 : 0,
			.kind = news[i].kind,
			.tier = news[i].tier,
			.debug = news[i].debug,
			.function_index = news[i].function,
			.instructions_size = news[i].size,
		};
	}
	for (i = 0; i < CODES; i++)
		room += model.entries[i].life == NONE;
	if (room < count)
		return;
	ret = TRY(at, codearena_module_add(module, descs, count, codes, NULL));
	require(!ret || ret == -ENOMEM || ret == -ENOSPC);
	for (i = 0; i < count; i++) {
		require(!ret == !!codes[i]);
		if (ret)
			continue;
		e = model_room(&model);
		*e = news[i];
		added(e, codes[i]);
	}
	if (ret || !publish)
		return;
	if (keep)
		require(!codearena_code_ref(codes[0]));
	ret = codearena_module_publish(module, codes, 1, NULL);
	require(!ret);
	e = model_by_code(&model, codes[0]);
	e->held = keep;
	model_publish(&model, e);
}

static void publish(struct input *input)
{
	unsigned int at = take(input) % 16;
	struct codearena_code *codes[BATCH];
	size_t count = 1 + take(input) % BATCH, i, j;
	struct entry *entries[BATCH];
	bool twice = false;
	int ret;

	for (i = 0; i < count; i++) {
		entries[i] = pick(input, STAGED);
		if (!entries[i])
			return;
		codes[i] = entries[i]->code;
		for (j = 0; j < i; j++)
			twice |= codes[j] == codes[i];
	}
	ret = TRY(model.logged ? 0 : at,
		  codearena_module_publish(module, codes, count, NULL));
	if (ret == -ENOMEM)
		return;
	require(ret == (twice ? -EINVAL : 0));
	for (i = 0; i < count && !ret; i++)
		model_publish(&model, entries[i]);
}

/* What dropping published code answers. */
static int model_drop(const struct entry *e)
{
	return entry_declared(e) ? -EINVAL : e->owned ? 0 : -ENOENT;
}

/* Together with itself or with published code, which may both be refused. */
static void abandon(struct input *input)
{
	struct entry *e = pick(input, STAGED), *live = pick_held(input);
	struct codearena_code *codes[2];
	int ret = -EINVAL;

	if (!e)
		return;
	codes[0] = codes[1] = e->code;
	if (take(input) % 2 && live) {
		codes[1] = live->code;
		ret = model_drop(live);
		/* The call may drop the last reference. */
		live->owned = live->owned && ret;
	}
	require(codearena_module_drop(module, codes, 2) == ret);
	require(!ret || !codearena_module_drop(module, codes, 1));
	memset(e, 0, sizeof(*e));
}

static bool filtered(const struct entry *e, unsigned int filter)
{
	return filter == CODEARENA_FILTER_ALL ||
	       (filter == CODEARENA_FILTER_DEBUG && e->debug) ||
	       (filter == CODEARENA_FILTER_NOT_DEBUG && !e->debug) ||
	       (filter == CODEARENA_FILTER_BASELINE &&
		e->tier == CODEARENA_TIER_BASELINE) ||
	       (filter == CODEARENA_FILTER_OPTIMIZED &&
		e->tier == CODEARENA_TIER_OPTIMIZED);
}

static void remove_code(struct input *input)
{
	unsigned int filter = 1 + take(input) % 5, at = take(input) % 8, i;
	CODEARENA_OPTS(codearena_removed, removed);
	uint64_t functions = 0, bytes = 0, memory = 0;
	int ret = TRY(at, codearena_module_remove(module, filter, &removed));

	require(!ret || ret == -ENOMEM);
	for (i = 0; i < FUNCTIONS && !ret; i++) {
		struct entry *e = model.current[i];

		if (!e || !filtered(e, filter))
			continue;
		model_scope(&model, e);
		e->table = false;
		model.current[i] = NULL;
		functions++;
		bytes += e->size;
		memory += e->memory;
	}
	require(removed.functions == functions && removed.code_bytes == bytes &&
		removed.metadata_bytes == memory);
}

static void drop(struct input *input)
{
	unsigned int from = take(input), i;

	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[(from + i) % CODES];

		if (!e->held)
			continue;
		e->held--;
		require(!codearena_code_put(e->code));
		return;
	}
}

static void get(struct input *input)
{
	unsigned int how = take(input);
	struct entry *e = pick(input, LIVE), *want;
	struct codearena_code *code;
	int ret;

	if (how % 3 == 0) {
		want = model.current[how / 3 % FUNCTIONS];
		ret = codearena_module_code(module,
					    IMPORTS + how / 3 % FUNCTIONS,
					    &code);
		require(ret == (want ? 0 : -ENOENT));
	} else {
		if (!e)
			return;
		want = entry_refs(e) || model.collector ? e : NULL;
		code = codearena_code_find_ref(e->start + how % e->size);
	}
	require(code == (want ? want->code : NULL));
	if (!want)
		return;
	entry_touch(want);
	if (want->held < 5)
		want->held++;
	else
		require(!codearena_code_put(code));
}

static void collect(struct input *input)
{
	unsigned int i, dead = 0, count = 0;
	uint64_t pcs[CODES];
	uint64_t sequence = asked;

	if (!model.collector) {
		size_t freed;

		for (i = 0; i < CODES; i++)
			dead += model.entries[i].life == LIVE &&
				!entry_refs(&model.entries[i]);
		require(!codearena_module_reap(module, &freed));
		require(freed == dead);
		check_all_gone();
		return;
	}
	for (i = 0; i < CODES; i++)
		dead += model.entries[i].life == LIVE &&
			!entry_refs(&model.entries[i]);
	if (!model.collecting) {
		require(!codearena_collector_request(collector));
		require(model.collecting || !dead);
		return;
	}
	if (take(input) % 4 == 0) {
		require(!codearena_collector_request(collector));
		model.follow = true;
		return;
	}
	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[i];

		if (e->life == LIVE && take(input) % 3 == 0) {
			pcs[count++] = e->start + e->size - 1;
			e->candidate = false;
		}
	}
	model.collecting = false;
	require(!codearena_collector_report(runtime, sequence, pcs, count));
	for (i = 0; i < CODES && asked == sequence; i++)
		require(!model.entries[i].candidate);
	check_all_gone();
}

static void release(struct input *input)
{
	struct entry *e = pick_held(input);
	int ret;

	if (!e)
		return;
	ret = model_drop(e);
	/* The call may drop the last reference. */
	e->owned = false;
	require(codearena_module_drop(module, &e->code, 1) == ret);
}

static void reinstall(struct input *input)
{
	struct entry *e = pick_held(input), *prior;
	unsigned int at = take(input) % 8;
	uint32_t slot;
	int ret;

	if (!e)
		return;
	slot = e->function - IMPORTS;
	ret = TRY(at, codearena_module_reinstall_debug(module, e->code));
	if (ret == -ENOMEM)
		return;
	if (!entry_declared(e) || e->debug != CODEARENA_DEBUG_BREAKPOINTS) {
		require(ret == -EINVAL);
		return;
	}
	require(ret == model.debug);
	prior = model.current[slot];
	if (!ret || prior == e)
		return;
	model.current[slot] = e;
	e->table = true;
	if (prior) {
		model_scope(&model, prior);
		prior->table = false;
	}
}

static void scope(struct input *input)
{
	unsigned int i, bit;

	if (take(input) % 2 && model.scopes < SCOPES) {
		if (!TRY(take(input) % 4,
			 codearena_scope_open(&scopes[model.scopes])))
			model.scopes++;
	} else if (model.scopes) {
		bit = 1U << --model.scopes;
		for (i = 0; i < CODES; i++)
			model.entries[i].scopes &= ~bit;
		require(!codearena_scope_close(scopes[model.scopes]));
	}
}

static void snapshot(void)
{
	struct codearena_code *codes[CODES];
	size_t count = CODES, i, n = 0;

	require(!codearena_module_codes(module, 0, codes, &count));
	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[i];

		n += e->life == LIVE && (model.collector || entry_refs(e));
	}
	require(n == count);
	for (i = 0; i < count; i++) {
		struct entry *e = model_by_code(&model, codes[i]);

		require(e && e->life == LIVE);
		require(!i || codearena_code_start(codes[i]) >
			      codearena_code_start(codes[i - 1]));
		entry_touch(e);
	}
	ca__module_put(codes, count);
}

static void log_on_off(void)
{
	unsigned int i;

	if (model.logged) {
		require(!codearena_logger_detach(module));
	} else {
		require(!codearena_logger_attach(logger, module));
	}
	model.logged = !model.logged;
	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[i];

		if (e->life != LIVE)
			continue;
		e->reported = model.logged && (entry_refs(e) || model.collector) &&
			  e->function != CODEARENA_CODE_ANONYMOUS;
		if (model.logged)
			entry_touch(e);
	}
}

static void handle(struct input *input)
{
	uint32_t function = take(input) % FUNCTIONS;
	codearena_handle got;
	int ret = TRY(take(input) % 4,
		      codearena_module_handle(module, IMPORTS + function, 7,
					      &got));

	if (!handles)
		require(ret == -EINVAL);
	else if (!ret)
		function_handles[function] = got;
	else
		require(ret == -ENOMEM);
}

static void step(struct input *input)
{
	struct codearena_allocator *allocator =
		codearena_module_allocator(module);

	switch (take(input) % 20) {
	case 0 ... 1:
		add(input, false, false);
		break;
	case 2 ... 3:
		add(input, true, take(input) % 2);
		break;
	case 4 ... 5:
		publish(input);
		break;
	case 6:
		abandon(input);
		break;
	case 7:
		remove_code(input);
		break;
	case 8:
		drop(input);
		break;
	case 9:
		get(input);
		break;
	case 10 ... 11:
		collect(input);
		break;
	case 12:
		release(input);
		break;
	case 13:
		reinstall(input);
		break;
	case 14:
		model.debug = take(input) % 2;
		require(!codearena_module_set_debug(module, model.debug));
		break;
	case 15 ... 16:
		scope(input);
		break;
	case 17:
		snapshot();
		break;
	case 18:
		if (take(input) % 2)
			log_on_off();
		else
			handle(input);
		break;
	case 19:
		if (!grace) {
			grace = codearena_allocator_grace_begin(allocator);
			break;
		}
		require(!codearena_allocator_grace_end(allocator, grace));
		grace = 0;
		break;
	}
}

static struct codearena_manager *begin(unsigned int how)
{
	uint64_t builtins[BUILTINS] = {
		(uintptr_t)fuzz_lazy, (uintptr_t)builtin_one,
		(uintptr_t)builtin_two,
	};
	CODEARENA_OPTS(codearena_manager_opts, small,
		       .backend = CODEARENA_BACKEND_MEMFD,
		       .max_code_space = how & 1 ? 32768 : 0);
	CODEARENA_OPTS(codearena_collector_opts, manual,
		       .flags = CODEARENA_COLLECTOR_F_MANUAL);
	CODEARENA_OPTS(codearena_runtime_opts, join, .ask = ask);
	CODEARENA_OPTS(codearena_logger_opts, gdb, .sinks = CODEARENA_LOG_GDB);
	CODEARENA_OPTS(codearena_module_opts, opts, .imports = IMPORTS,
		       .functions = FUNCTIONS, .builtins = builtins,
		       .builtin_count = BUILTINS, .event = event,
		       .estimate = how & 2 ? 4096 : 32768);
	struct codearena_manager *manager;
	unsigned int i;

	memset(&model, 0, sizeof(model));
	for (i = 0; i < FUNCTIONS; i++)
		function_handles[i] = CODEARENA_HANDLE_INVALID;
	asked = grace = 0;
	collector = NULL;
	handles = NULL;
	model.collector = how & 4;
	model.deopt = how & 8;
	model.debug = how & 16;
	model.lazy = !(how & 32);
	if (model.lazy)
		opts.flags |= CODEARENA_MODULE_F_LAZY;
	if (model.deopt)
		opts.flags |= CODEARENA_MODULE_F_DEOPT;
	if (model.debug)
		opts.flags |= CODEARENA_MODULE_F_DEBUG;
	if (how & 64)
		opts.reach = 16384;
	if (how & 128)
		require(!codearena_handle_table_new(NULL, &handles));
	if (model.collector) {
		require(!codearena_collector_new(&manual, &collector));
		require(!codearena_collector_join(collector, &join, &runtime));
	}
	opts.handles = handles;
	opts.collector = collector;
	require(!codearena_logger_new(&gdb, &logger));
	require(!codearena_manager_new(&small, &manager));
	require(!codearena_module_new(manager, &opts, &module));
	return manager;
}

static void end(struct codearena_manager *manager)
{
	unsigned int i;

	while (model.scopes) {
		for (i = 0; i < CODES; i++)
			model.entries[i].scopes &= ~(1U << (model.scopes - 1));
		require(!codearena_scope_close(scopes[--model.scopes]));
	}
	for (i = 0; i < CODES; i++) {
		struct entry *e = &model.entries[i];

		while (e->held) {
			e->held--;
			require(!codearena_code_put(e->code));
		}
	}
	check();
	check_all_gone();
	model.ending = true;
	codearena_module_free(module);
	for (i = 0; i < CODES; i++)
		require(model.entries[i].life != LIVE);
	for (i = 0; i < GONE && i < model.gone_count; i++)
		require(!codearena_code_find(model.gone[i].begin));
	require(!__jit_debug_descriptor.first);
	codearena_logger_free(logger);
	if (collector) {
		require(!codearena_collector_leave(runtime));
		require(!codearena_collector_free(collector));
	}
	codearena_handle_table_free(handles);
	codearena_manager_free(manager);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct codearena_manager *manager = begin(take(&input));
	unsigned int i;

	for (i = 0; i < OPERATIONS && input.left; i++) {
		step(&input);
		check();
	}
	end(manager);
	return 0;
}
