// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Saving snapshots: takes references to the current code with the module's lock
 * held, and does the rest without it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/reloc.h"
#include "snapshot/snapshot.h"

/**
 * struct ca__saving - one call
 * @module: the module
 * @opts: the options
 * @head: the header, completed on the way
 * @states: states of the declared functions
 * @codes: code to be stored, with a reference to each
 * @count: entries of @codes
 */
struct ca__saving {
	struct codearena_module *module;
	struct codearena_snapshot_opts opts;
	struct ca__head head;
	uint8_t *states;
	struct codearena_code **codes;
	size_t count;
};

static bool ca__is_stored(const struct ca__saving *saving,
			  const struct codearena_code *code)
{
	if (code->debug != CODEARENA_DEBUG_NONE)
		return false;
	return code->tier == CODEARENA_TIER_OPTIMIZED ||
		(saving->opts.flags & CODEARENA_SNAPSHOT_F_BASELINE);
}

static int ca__collect_functions(struct ca__saving *saving)
{
	struct codearena_module *module = saving->module;
	uint32_t i;
	int ret;

	for (i = 0; i < module->opts.functions; i++) {
		struct codearena_code *code = module->table[i];

		saving->states[i] = CODEARENA_SNAPSHOT_LAZY;
		if (!code)
			continue;
		saving->states[i] = CODEARENA_SNAPSHOT_EAGER;
		if (!ca__is_stored(saving, code)) {
			saving->head.eager++;
			continue;
		}
		ret = codearena_code_ref(code);
		if (ret)
			return ret;
		saving->states[i] = CODEARENA_SNAPSHOT_CODE;
		saving->codes[saving->count++] = code;
		saving->head.saved++;
	}
	return 0;
}

/* Code that only the module's own reference keeps. */
static int ca__collect_others(struct ca__saving *saving)
{
	struct codearena_module *module = saving->module;
	struct codearena_code **first = saving->codes + saving->count;
	uint32_t slot;
	size_t i;
	int ret;

	for (i = 0; i < module->owned_count; i++) {
		struct codearena_code *code = module->owned[i];

		if (ca__module_declares(module, code, &slot) ||
		    code->phase == CA__CODE_RELEASED ||
		    code->debug != CODEARENA_DEBUG_NONE)
			continue;
		ret = codearena_code_ref(code);
		if (ret)
			return ret;
		saving->codes[saving->count++] = code;
		saving->head.others++;
	}
	qsort(first, saving->head.others, sizeof(*first), ca__code_by_start);
	return 0;
}

static int ca__collect_locked(struct ca__saving *saving)
{
	struct codearena_module *module = saving->module;
	bool others = saving->opts.flags & CODEARENA_SNAPSHOT_F_OTHERS;
	size_t room = module->counters.current;
	int ret;

	if (others)
		room += module->owned_count;
	saving->codes = malloc((room ? room : 1) * sizeof(*saving->codes));
	if (!saving->codes)
		return -ENOMEM;
	ca__head_expect(&saving->head, module, &saving->opts);
	ret = ca__collect_functions(saving);
	if (!ret && others)
		ret = ca__collect_others(saving);
	if (!ret && !saving->count)
		ret = -ENOENT;
	return ret;
}

static void ca__saving_end(struct ca__saving *saving)
{
	ca__module_put(saving->codes, saving->count);
	free(saving->codes);
	free(saving->states);
}

static uint64_t ca__code_bytes(const struct codearena_code *code)
{
	return sizeof(struct ca__record) + ca__code_body_bytes(code) +
		code->trap_count * (uint64_t)sizeof(struct ca__record_trap) +
		code->reloc_count * (uint64_t)sizeof(struct ca__record_reloc) +
		code->position_count * (uint64_t)sizeof(ca__record_position) +
		code->inlining_count * (uint64_t)sizeof(ca__record_inlining) +
		code->deopt_size + code->name_length + !!code->name_length +
		(ca__unwind_has_size(code->unwind) ?
			 sizeof(code->unwind_size) : 0) +
		ca__code_cfi_size(code);
}

static int ca__saving_begin(struct ca__saving *saving,
			    struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts)
{
	uint32_t functions;
	bool traps = false;
	size_t i;
	int ret;

	memset(saving, 0, sizeof(*saving));
	ret = ca__module_check(module);
	if (!ret)
		ret = ca__snapshot_opts_get(&saving->opts, opts);
	if (ret)
		return ret;
	saving->module = module;
	functions = module->opts.functions;
	saving->states = malloc(functions ? functions : 1);
	if (!saving->states)
		return -ENOMEM;
	pthread_mutex_lock(&module->lock);
	ret = ca__collect_locked(saving);
	pthread_mutex_unlock(&module->lock);
	if (ret) {
		ca__saving_end(saving);
		return ret;
	}
	saving->head.length = sizeof(saving->head) + functions;
	for (i = 0; i < saving->count; i++) {
		saving->head.length += ca__code_bytes(saving->codes[i]);
		saving->head.code_bytes += saving->codes[i]->size;
		traps |= saving->codes[i]->trap_count;
	}
	if (!traps)
		saving->head.trap_kinds = 0;
	return 0;
}

static void ca__write(uint8_t **at, const void *from, size_t size)
{
	if (size)
		memcpy(*at, from, size);
	*at += size;
}

static void ca__write_traps(uint8_t **at, const struct codearena_code *code)
{
	const struct codearena_trap *traps = ca__code_traps(code);
	size_t i;

	for (i = 0; i < code->trap_count; i++) {
		const struct ca__record_trap trap = {
			.start = traps[i].start,
			.length = traps[i].length,
				/* Other landing pads are below CODEARENA_CODE_MAX. */
			.landing = (uint32_t)traps[i].landing,
		};

		ca__write(at, &trap, sizeof(trap));
	}
}

static void ca__write_relocs(uint8_t **at, const struct codearena_reloc *relocs,
			     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct ca__record_reloc reloc = {
			.offset = relocs[i].offset,
			.kind = relocs[i].kind,
			.form = relocs[i].form,
			.index = relocs[i].index,
		};

		memcpy(reloc.addend, &relocs[i].addend, sizeof(reloc.addend));
		ca__write(at, &reloc, sizeof(reloc));
	}
}

/* Write the body, with the fields of relocations cleared. */
static int ca__write_body(uint8_t **at, const struct codearena_code *code,
			  uint32_t machine, const struct codearena_reloc *relocs,
			  size_t count)
{
	uint8_t *body = *at;
	size_t i;
	int ret = 0;

	ca__write(at, (const void *)(uintptr_t)code->start,
		  ca__code_body_bytes(code));
	for (i = 0; i < count && !ret; i++)
		ret = ca__reloc_clear(machine, relocs[i].form,
				      body + relocs[i].offset);
	return ret;
}

static int ca__write_code(uint8_t **at, const struct codearena_code *code,
			  uint32_t machine)
{
	struct ca__record record = {
		.kind = code->kind,
		.tier = code->tier,
		.report = code->flags & CODEARENA_CODE_F_REPORT,
		.unwind = code->unwind,
		.function_index = code->function_index,
		.frame_slots = code->frame_slots,
		.parameter_slots = code->parameter_slots,
		.traps = code->trap_count,
		.relocs = code->reloc_count,
		.positions = code->position_count,
		.inlinings = code->inlining_count,
		.deopt_size = code->deopt_size,
		.name_length = code->name_length,
	};
	const struct codearena_reloc *relocs = ca__code_relocs(code);
	int ret;

	memcpy(record.sections, code->sections, sizeof(record.sections));
	ca__write(at, &record, sizeof(record));
	ret = ca__write_body(at, code, machine, relocs, code->reloc_count);
	if (ret)
		return ret;
	ca__write_traps(at, code);
	ca__write_relocs(at, relocs, code->reloc_count);
	ca__write(at, ca__code_positions(code),
		  code->position_count * sizeof(ca__record_position));
	ca__write(at, ca__code_inlinings(code),
		  code->inlining_count * sizeof(ca__record_inlining));
	ca__write(at, ca__code_deopt(code), code->deopt_size);
	if (code->name_length)
		ca__write(at, ca__code_name(code), code->name_length + 1U);
	if (ca__unwind_has_size(code->unwind))
		ca__write(at, &code->unwind_size, sizeof(code->unwind_size));
	ca__write(at, ca__code_cfi(code), ca__code_cfi_size(code));
	return 0;
}

static int ca__write_all(struct ca__saving *saving, uint8_t *to)
{
	struct ca__head *head = &saving->head;
	uint8_t *payload = to + sizeof(*head), *at = payload;
	size_t i;
	int ret = 0;

	ca__write(&at, saving->states, head->functions);
	for (i = 0; i < saving->count && !ret; i++)
		ret = ca__write_code(&at, saving->codes[i], head->machine);
	if (ret)
		return ret;
	head->payload_crc = ca__crc32c(0, payload, at - payload);
	ca__head_seal(head);
	memcpy(to, head, sizeof(*head));
	return 0;
}

CODEARENA_API int
codearena_snapshot_save(struct codearena_module *module,
			const struct codearena_snapshot_opts *opts, void *to,
			size_t *size)
{
	struct ca__saving saving;
	size_t room;
	int ret;

	if (!size || (*size && !to))
		return -EINVAL;
	ret = ca__saving_begin(&saving, module, opts);
	if (ret)
		return ret;
	room = *size;
	*size = saving.head.length;
	ret = room < *size ? -EMSGSIZE : ca__write_all(&saving, to);
	ca__saving_end(&saving);
	return ret;
}

CODEARENA_API int
codearena_snapshot_save_new(struct codearena_module *module,
			    const struct codearena_snapshot_opts *opts,
			    void **out, size_t *size)
{
	struct ca__saving saving;
	void *to;
	int ret;

	if (!out || !size)
		return -EINVAL;
	*out = NULL;
	*size = 0;
	ret = ca__saving_begin(&saving, module, opts);
	if (ret)
		return ret;
	to = malloc(saving.head.length);
	ret = to ? ca__write_all(&saving, to) : -ENOMEM;
	if (ret) {
		free(to);
	} else {
		*out = to;
		*size = saving.head.length;
	}
	ca__saving_end(&saving);
	return ret;
}
