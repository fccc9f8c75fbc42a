// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Retargeting slots in all jump tables of a module, all or none.
 *
 * All functions are called with the module's lock held, so that no other thread
 * changes the slots between preparing patches and applying them. Every patch
 * carries the word that it expects all the same: patching is a compare-and-
 * exchange, and a mismatch shows that the program has patched the arena itself.
 * That fails with -EAGAIN here, while codearena_jump_table_set(), whose tables
 * may have several writers, prepares the patch again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jump/jump_table.h"
#include "module/module.h"

static int ca__grow(void **array, size_t *room, size_t wanted, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *new;

	if (wanted <= *room)
		return 0;
	if (more < wanted)
		more = wanted;
	if (more > SIZE_MAX / size)
		return -ENOMEM;
	new = realloc(*array, more * size);
	if (!new)
		return -ENOMEM;
	*array = new;
	*room = more;
	return 0;
}

/**
 * ca__scratch_reserve - reserve memory for a call
 * @module: module
 * @objects: number of objects that the call publishes
 * @slots: number of slots that it retargets
 *
 * Return: 0 or -ENOMEM.
 */
int ca__scratch_reserve(struct codearena_module *module, size_t objects,
			size_t slots)
{
	struct ca__scratch *s = &module->scratch;
	size_t tables = module->table_count, *counts;
	void *array = s->objects;
	int ret;

	ret = ca__grow(&array, &s->object_room, objects, sizeof(*s->objects));
	s->objects = array;
	if (!ret) {
		array = s->retargets;
		ret = ca__grow(&array, &s->retarget_room, slots,
			       sizeof(*s->retargets));
		s->retargets = array;
	}
	if (!ret) {
		array = s->entries;
		ret = ca__grow(&array, &s->entry_room,
			       slots * tables * CODEARENA_JUMP_ENTRIES,
			       sizeof(*s->entries));
		s->entries = array;
	}
	if (ret || tables <= s->table_room)
		return ret;
	counts = realloc(s->counts, 2 * tables * sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	s->counts = counts;
	s->table_room = tables;
	return 0;
}

/**
 * ca__scratch_free - free what ca__scratch_reserve() allocated
 * @scratch: memory
 */
void ca__scratch_free(struct ca__scratch *scratch)
{
	free(scratch->objects);
	free(scratch->retargets);
	free(scratch->entries);
	free(scratch->counts);
}

static struct codearena_patch_entry *
ca__entries(struct codearena_module *module, size_t table)
{
	struct codearena_patch_entry *entries = module->scratch.entries;
	size_t i;

	for (i = 0; i < table; i++)
		entries += module->scratch.counts[i];
	return entries;
}

/**
 * ca__retarget_prepare - make the patches for scratch.retargets
 * @module: module with scratch memory
 * @count: number of slots, each once
 *
 * Return: 0 or what codearena_jump_table_prepare() says.
 */
int ca__retarget_prepare(struct codearena_module *module, size_t count)
{
	struct ca__scratch *s = &module->scratch;
	struct codearena_patch_entry *to = s->entries;
	size_t i, t;

	s->done = s->counts + s->table_room;
	for (t = 0; t < module->table_count; t++) {
		const struct codearena_jump_table *jump =
			module->tables[t]->jump;
		const struct codearena_patch_entry *first = to;

		for (i = 0; i < count; i++) {
			uint32_t slot = s->retargets[i].slot;
			uint64_t target = s->retargets[i].target;
			int ret;

			if (!target)
				target = ca__jump_table_initial(jump, slot);
			ret = codearena_jump_table_prepare(jump, slot, target,
							   to);
			if (ret < 0)
				return ret;
			to += ret;
		}
		s->counts[t] = to - first;
		s->done[t] = 0;
	}
	return 0;
}

/**
 * ca__retarget_of - the patches for the slots of an arena
 * @module: module
 * @arena: arena
 * @entries: gets the array
 * @table: gets the number of the table, for scratch.done
 *
 * Return: their number; 0 also if they do not fit in one call.
 */
size_t ca__retarget_of(struct codearena_module *module,
		       const struct codearena_arena *arena,
		       struct codearena_patch_entry **entries, size_t *table)
{
	size_t t;

	for (t = 0; t < module->table_count; t++) {
		if (module->tables[t]->arena != arena)
			continue;
		*entries = ca__entries(module, t);
		*table = t;
		return module->scratch.counts[t] <= 2 * CA__MODULE_STEP ?
			       module->scratch.counts[t] :
			       0;
	}
	return 0;
}

static uint32_t ca__patch_flags(const struct codearena_module *module)
{
	return module->opts.flags & CODEARENA_MODULE_F_SYNC ?
		       CODEARENA_PATCH_F_SYNC :
		       0;
}

/**
 * ca__retarget_apply - apply the patches that are not applied yet
 * @module: module
 *
 * Return: 0 or a negative errno; the caller must call ca__retarget_undo() then.
 */
int ca__retarget_apply(struct codearena_module *module)
{
	struct ca__scratch *s = &module->scratch;
	size_t t;

	for (t = 0; t < module->table_count; t++) {
		struct codearena_patch_entry *entries = ca__entries(module, t);

		/*
		 * The two entries of a slot may be in different calls. The far
		 * one comes first: no near slot jumps through it yet.
		 */
		while (s->done[t] < s->counts[t]) {
			size_t n = s->counts[t] - s->done[t];
			int ret;

			if (n > 2 * CA__MODULE_STEP)
				n = 2 * CA__MODULE_STEP;
			ret = codearena_arena_patch(module->tables[t]->arena,
						    entries + s->done[t], n,
						    ca__patch_flags(module),
						    NULL);
			if (ret)
				return ret;
			s->done[t] += n;
		}
	}
	return 0;
}

/**
 * ca__retarget_undo - undo what ca__retarget_apply() did
 * @module: module
 *
 * Return: true on success; false if the backend refuses, as for lack of memory:
 * then some slots keep the new target.
 */
bool ca__retarget_undo(struct codearena_module *module)
{
	struct ca__scratch *s = &module->scratch;
	size_t t;

	for (t = 0; t < module->table_count; t++) {
		struct codearena_patch_entry *entries = ca__entries(module, t);

		while (s->done[t]) {
			struct codearena_patch_entry entry =
				entries[s->done[t] - 1];
			uint64_t value = entry.value;

			entry.value = entry.expected;
			entry.expected = value;
			if (codearena_arena_patch(module->tables[t]->arena,
						  &entry, 1, 0, NULL))
				return false;
			s->done[t]--;
		}
	}
	return true;
}
