// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Parsing snapshots. Allocates nothing and never reads past the end, whatever the
 * snapshot says.
 */
#include <errno.h>
#include <string.h>

#include "snapshot/snapshot.h"

static bool ca__take(struct ca__reader *reader, uint64_t count, size_t size,
		     const uint8_t **out)
{
	/* Counts are sums of a few 32-bit numbers. */
	uint64_t bytes = count * size;

	if (bytes > reader->left)
		return false;
	*out = reader->at;
	reader->at += bytes;
	reader->left -= bytes;
	return true;
}

static bool ca__name_sound(const struct ca__view *view)
{
	uint32_t length = view->record.name_length;

	return !length || strnlen((const char *)view->name, length + 1) ==
			  length;
}

static bool ca__take_unwind(struct ca__reader *reader, struct ca__view *view)
{
	const uint32_t rule = view->record.unwind;
	const uint8_t *at;

	view->cfi = NULL;
	view->unwind_size = 0;
	if (!ca__unwind_has_size(rule))
		return true;
	if (!ca__take(reader, 1, sizeof(view->unwind_size), &at))
		return false;
	memcpy(&view->unwind_size, at, sizeof(view->unwind_size));
	if (rule == CODEARENA_UNWIND_FIXED)
		return view->unwind_size % 8 == 0;
	return view->unwind_size &&
	       ca__take(reader, view->unwind_size, 1, &view->cfi);
}

/**
 * ca__view_read - read an object
 * @reader: at the object; moves past it
 * @view: gets its parts
 *
 * Return: whether it is complete and consistent.
 */
bool ca__view_read(struct ca__reader *reader, struct ca__view *view)
{
	struct ca__record *record = &view->record;
	const uint8_t *at;

	if (!ca__take(reader, 1, sizeof(*record), &at))
		return false;
	memcpy(record, at, sizeof(*record));
	if (record->report & ~CODEARENA_CODE_F_REPORT ||
	    record->unwind > CODEARENA_UNWIND_CFI ||
	    !record->sections[0] ||
	    ca__record_body(record) > CODEARENA_CODE_MAX ||
	    record->name_length > CODEARENA_CODE_NAME_MAX)
		return false;
	return ca__take(reader, ca__record_body(record), 1, &view->body) &&
		ca__take(reader, record->traps, sizeof(struct ca__record_trap),
			 &view->traps) &&
		ca__take(reader, record->relocs,
			 sizeof(struct ca__record_reloc), &view->relocs) &&
		ca__take(reader, record->positions, sizeof(ca__record_position),
			 &view->positions) &&
		ca__take(reader, record->inlinings, sizeof(ca__record_inlining),
			 &view->inlinings) &&
		ca__take(reader, record->deopt_size, 1, &view->deopt) &&
		ca__take(reader, (uint64_t)record->name_length +
			 !!record->name_length, 1, &view->name) &&
		ca__name_sound(view) && ca__take_unwind(reader, view);
}

/**
 * struct ca__walk - one pass over a snapshot
 * @plan: the result
 * @reader: the bytes that are not read yet
 * @limit: bytes of code that complete a batch
 * @bytes: bytes of code in the last batch
 * @total: bytes of code in all batches
 * @traps: number of traps
 */
struct ca__walk {
	struct ca__plan *plan;
	struct ca__reader reader;
	uint64_t limit;
	uint64_t bytes;
	uint64_t total;
	uint64_t traps;
};

static bool ca__states_sound(struct ca__walk *walk)
{
	struct ca__plan *plan = walk->plan;
	uint32_t counts[CODEARENA_SNAPSHOT_CODE + 1] = { 0 }, i;

	if (!ca__take(&walk->reader, plan->head.functions, 1, &plan->states))
		return false;
	for (i = 0; i < plan->head.functions; i++) {
		if (plan->states[i] > CODEARENA_SNAPSHOT_CODE)
			return false;
		counts[plan->states[i]]++;
	}
	return counts[CODEARENA_SNAPSHOT_CODE] == plan->head.saved &&
		counts[CODEARENA_SNAPSHOT_EAGER] == plan->head.eager;
}

static struct ca__batch *ca__batch_for_next(struct ca__walk *walk)
{
	struct ca__plan *plan = walk->plan;

	if (plan->batch_count &&
	    (walk->bytes < walk->limit ||
	     plan->batch_count == CA__SNAPSHOT_BATCHES))
		return &plan->batches[plan->batch_count - 1];
	walk->bytes = 0;
	plan->batches[plan->batch_count] = (struct ca__batch){
		.reader = walk->reader,
		.first = plan->objects,
	};
	return &plan->batches[plan->batch_count++];
}

static bool ca__walk_object(struct ca__walk *walk, struct ca__view *view)
{
	struct ca__batch *batch = ca__batch_for_next(walk);
	const struct ca__record *record = &view->record;
	uint64_t size;

	if (!ca__view_read(&walk->reader, view))
		return false;
	size = ca__align_up(ca__record_body(record), walk->plan->head.unit);
	batch->count++;
	batch->traps += record->traps;
	batch->relocs += record->relocs;
	batch->positions += record->positions;
	batch->inlinings += record->inlinings;
	walk->plan->objects++;
	walk->bytes += size;
	walk->total += size;
	walk->traps += record->traps;
	return true;
}

/* Slot number of a declared function, or UINT32_MAX. */
static uint32_t ca__record_slot(const struct ca__head *head,
				const struct ca__record *record)
{
	uint32_t index = record->function_index;

	if (record->kind != CODEARENA_CODE_FUNCTION ||
	    record->function_index < 0 || index < head->imports ||
	    index - head->imports >= head->functions)
		return UINT32_MAX;
	return index - head->imports;
}

static bool ca__walk_all(struct ca__walk *walk)
{
	const struct ca__head *head = &walk->plan->head;
	struct ca__view view;
	uint32_t i;

	if (!ca__states_sound(walk))
		return false;
	for (i = 0; i < head->functions; i++) {
		if (walk->plan->states[i] != CODEARENA_SNAPSHOT_CODE)
			continue;
		if (!ca__walk_object(walk, &view) ||
		    ca__record_slot(head, &view.record) != i)
			return false;
	}
	for (i = 0; i < head->others; i++) {
		if (!ca__walk_object(walk, &view) ||
		    ca__record_slot(head, &view.record) != UINT32_MAX)
			return false;
	}
	return walk->plan->objects && !walk->reader.left &&
		walk->total == head->code_bytes &&
		!walk->traps == !head->trap_kinds;
}

/**
 * ca__snapshot_plan - check a snapshot, and divide it into batches
 * @expected: header that the module expects
 * @from: the snapshot
 * @size: bytes of it
 * @plan: gets the result
 * @reason: gets what is wrong
 *
 * Return: 0, or the error that enum codearena_snapshot_reason documents.
 */
int ca__snapshot_plan(const struct ca__head *expected, const void *from,
		      size_t size, struct ca__plan *plan, uint32_t *reason)
{
	struct ca__walk walk = { .plan = plan };
	struct ca__head *head = &plan->head;
	int ret;

	plan->objects = 0;
	plan->batch_count = 0;
	ret = ca__head_read(from, size, head, reason);
	if (!ret)
		ret = ca__head_compare(head, expected, reason);
	if (ret)
		return ret;
	*reason = CODEARENA_SNAPSHOT_LENGTH;
	if (head->length != size)
		return -EBADMSG;
	walk.reader.at = (const uint8_t *)from + sizeof(*head);
	walk.reader.left = size - sizeof(*head);
	*reason = CODEARENA_SNAPSHOT_CHECKSUM;
	if (ca__crc32c(0, walk.reader.at, walk.reader.left) !=
	    head->payload_crc)
		return -EBADMSG;
	walk.limit = head->code_bytes / CA__SNAPSHOT_BATCHES +
		     !!(head->code_bytes % CA__SNAPSHOT_BATCHES);
	if (walk.limit < CA__SNAPSHOT_BATCH)
		walk.limit = CA__SNAPSHOT_BATCH;
	*reason = CODEARENA_SNAPSHOT_STRUCTURE;
	if (!ca__walk_all(&walk))
		return -EBADMSG;
	*reason = CODEARENA_SNAPSHOT_OK;
	return 0;
}
