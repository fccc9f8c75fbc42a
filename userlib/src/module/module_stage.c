// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code between adding and publishing. Its bytes lie in ordinary memory, one block
 * for a batch.
 *
 * Until then the object's place.staged is its struct ca__staged; once published,
 * place.index is its index in the module's array (module_own.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code/code_check.h"
#include "module/module.h"

static void ca__stage_traps(struct ca__staged *staged,
			    const struct codearena_code_desc *desc)
{
	size_t i;

	memcpy(staged->traps, desc->traps,
	       desc->trap_count * sizeof(*desc->traps));
	for (i = 0; i < desc->trap_count; i++) {
		if (staged->traps[i].landing != CODEARENA_LANDING_EXTERNAL)
			staged->traps[i].landing += staged->offset;
	}
}

/**
 * ca__stage_new - copy a batch
 * @module: module
 * @descs: valid descriptions
 * @count: entries of @descs
 * @region: where the objects will lie, one after the other
 *
 * Return: the batch, in no list, not relocated, without code objects; NULL if
 * there is no memory.
 */
struct ca__stage *ca__stage_new(struct codearena_module *module,
				const struct codearena_code_desc *descs,
				size_t count, struct codearena_region region)
{
	struct codearena_arena *arena;
	size_t room, traps = 0, i;
	struct codearena_trap *trap;
	struct ca__stage *stage;
	uint64_t offset;
	uint8_t *bytes;

	if (codearena_allocator_locate(module->allocator, region.begin, &arena,
				       &offset, NULL))
		return NULL;
	for (i = 0; i < count; i++)
		traps += descs[i].trap_count;
	room = sizeof(*stage) + count * sizeof(stage->entries[0]) +
		count * sizeof(stage->codes[0]) + traps * sizeof(*trap);
	stage = malloc(room + region.size);
	if (!stage)
		return NULL;
	memset(stage, 0, sizeof(*stage));
	stage->count = count;
	stage->left = count;
	trap = (struct codearena_trap *)&stage->entries[count];
	stage->codes = (struct codearena_code **)(trap + traps);
	bytes = (uint8_t *)(stage->codes + count);
	for (i = 0; i < count; i++) {
		size_t length = ca__code_body_size(&descs[i]);

		stage->codes[i] = NULL;
		stage->entries[i] = (struct ca__staged){
			.stage = stage,
			.arena = arena,
			.offset = offset,
			.bytes = bytes,
			.length = length,
			.traps = trap,
			.trap_count = descs[i].trap_count,
			.flags = descs[i].flags & CODEARENA_CODE_F_REPORT ?
				 CODEARENA_OBJECT_F_REPORT : 0,
		};
		memcpy(bytes, descs[i].body, length);
		if (descs[i].trap_count)
			ca__stage_traps(&stage->entries[i], &descs[i]);
		trap += descs[i].trap_count;
		bytes += ca__align_up(length, module->unit);
		offset += ca__align_up(length, module->unit);
	}
	return stage;
}

/**
 * ca__staged_of - the entry of added code
 * @module: module, whose lock is held
 * @code: any code object
 *
 * Return: the entry; NULL: code of another module, or published already.
 */
struct ca__staged *ca__staged_of(const struct codearena_module *module,
				 const struct codearena_code *code)
{
	if (!code || code->owner != &module->owner ||
	    code->phase != CA__CODE_ADDED)
		return NULL;
	return code->place.staged;
}

/**
 * ca__staged_leave - take an object out of its batch
 * @module: module, whose lock is held
 * @staged: its entry
 * @unused: gets the batch if this was its last object, for ca__stages_free()
 */
void ca__staged_leave(struct codearena_module *module,
		      struct ca__staged *staged, struct ca__stage **unused)
{
	struct ca__stage *stage = staged->stage;

	stage->codes[staged - stage->entries] = NULL;
	module->counters.added--;
	if (--stage->left)
		return;
	if (stage->previous)
		stage->previous->next = stage->next;
	else
		module->stages = stage->next;
	if (stage->next)
		stage->next->previous = stage->previous;
	stage->next = *unused;
	*unused = stage;
}

/**
 * ca__stages_free - free batches
 * @stages: list that nothing else refers to
 */
void ca__stages_free(struct ca__stage *stages)
{
	while (stages) {
		struct ca__stage *next = stages->next;

		free(stages);
		stages = next;
	}
}
