// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Fuzzer of the snapshot loader. The input is loaded as it is; and once more
 * with checksums, and all that must agree with the module, repaired, so that the
 * code after these checks is reached, on every machine and with every version.
 *
 * If it loads, the module must hold what the input says; it is saved and loaded
 * again, which must give the same. If not, the module must be unchanged.
 * Best built with the flags of snapshot.mk. The mutator knows the format:
 * it adds, takes away and changes entries, and counts them right again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codearena/module.h"
#include "codearena/trap.h"
#include "lib/require.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_fits.h"

#define IMPORTS		2
#define FUNCTIONS	8
#define HEAD		sizeof(struct ca__head)
#define LARGEST		8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static struct codearena_manager *manager;
static struct codearena_handle_table *handles;

/* An empty module, for inputs that are refused. */
static struct codearena_module *empty;

static void builtin(void)
{
}

static struct codearena_module *module_new(void)
{
	const uint64_t builtins[] = {
		(uintptr_t)builtin, (uintptr_t)builtin, (uintptr_t)builtin,
	};
	const uint64_t externals[] = { 0x1000, UINT64_MAX };
	CODEARENA_OPTS(codearena_module_opts, opts,
		       .imports = IMPORTS,
		       .functions = FUNCTIONS,
		       .builtins = builtins,
		       .builtin_count = 3,
		       .flags = CODEARENA_MODULE_F_LAZY,
		       .estimate = 16384,
		       .signature_count = 4,
		       .externals = externals,
		       .external_count = 2,
		       .handles = handles);
	struct codearena_module *module;

	require(!codearena_module_new(manager, &opts, &module));
	return module;
}

static void start(void)
{
	CODEARENA_OPTS(codearena_handle_table_opts, table);
	CODEARENA_OPTS(codearena_manager_opts, opts,
		       .backend = CODEARENA_BACKEND_MEMFD);

	if (manager)
		return;
	require(!codearena_manager_new(&opts, &manager));
	require(!codearena_handle_table_new(&table, &handles));
	empty = module_new();
	/* For traps whose landing pad is the process's. */
	codearena_trap_set_landing(empty->spaces[0].arena,
				   codearena_pad_external());
}

static struct codearena_module_counters stat_of(struct codearena_module *module)
{
	CODEARENA_OPTS(codearena_module_counters, stat);

	require(!codearena_module_stat(module, &stat));
	return stat;
}

static void require_pristine(struct codearena_module *module)
{
	struct codearena_module_counters stat = stat_of(module);
	CODEARENA_OPTS(codearena_handle_table_counters, table);

	require(!stat.codes && !stat.added && !stat.current && !stat.dead);
	require(!stat.code_bytes && !stat.metadata_bytes);
	require(!codearena_handle_table_stat(handles, &table) && !table.used);
}

/* Lookups of an object agree with each other. */
static void examine(const struct codearena_code *code)
{
	struct codearena_source_position position;
	struct codearena_inlining_position inlining;
	uint64_t begin = codearena_code_start(code);
	uint32_t size = codearena_code_size(code), i;

	require(codearena_code_find(begin) == code);
	require(codearena_code_find(begin + size - 1) == code);
	for (i = 0; i <= size; i += 7) {
		codearena_code_is_protected(code, begin + i);
		if (codearena_code_position_before(code, i, &position))
			continue;
		require(position.code_offset < i);
		while (position.inlining_id >= 0) {
			require(!codearena_code_inlining(code,
							 position.inlining_id,
							 &inlining));
			/* Walking up the callers must end. */
			require(inlining.caller_id < position.inlining_id);
			position.inlining_id = inlining.caller_id;
		}
	}
}

static bool same(const void *a, const void *b, size_t bytes)
{
	return !bytes || (a && !memcmp(a, b, bytes));
}

/* An object must agree with the snapshot. */
static void compare(const struct codearena_code *code,
		    const struct ca__view *view)
{
	const struct ca__record *record = &view->record;
	struct codearena_code_info info = { .sz = sizeof(info) };
	char name[CODEARENA_CODE_NAME_MAX + 1];

	require(!codearena_code_get_info(code, &info));
	require(info.kind == record->kind);
	require(info.tier == record->tier);
	require(info.debug == CODEARENA_DEBUG_NONE);
	require(info.flags == record->report);
	require(info.function_index == record->function_index);
	require(info.frame_slots == record->frame_slots);
	require(info.parameter_slots == record->parameter_slots);
	require(!memcmp(&info.instructions_size, record->sections,
			sizeof(record->sections)));
	require(info.trap_count == record->traps);
	require(info.reloc_count == record->relocs);
	/* Relocations change the rest. */
	require(record->relocs ||
		same((void *)(uintptr_t)info.start, view->body,
		     ca__record_body(record)));
	require(info.position_count == record->positions);
	require(same(info.positions, view->positions,
		     record->positions * sizeof(ca__record_position)));
	require(info.inlining_count == record->inlinings);
	require(same(info.inlinings, view->inlinings,
		     record->inlinings * sizeof(ca__record_inlining)));
	require(info.deopt_size == record->deopt_size);
	require(same(info.deopt, view->deopt, record->deopt_size));
	require(codearena_code_name(code, name, sizeof(name)) > 0);
	require(!record->name_length ||
		!strcmp(name, (const char *)view->name));
}

/* All objects of a snapshot that was loaded. */
static void compare_all(struct codearena_module *module, const uint8_t *data,
			size_t size)
{
	struct ca__reader reader = {
		data + HEAD + FUNCTIONS, size - HEAD - FUNCTIONS
	};
	struct codearena_code **codes;
	struct ca__head head;
	size_t count, i;

	memcpy(&head, data, HEAD);
	count = (size_t)head.saved + head.others;
	require(stat_of(module).codes == count);
	require(stat_of(module).current == head.saved);
	codes = malloc(count * sizeof(*codes));
	require(codes);
	require(!codearena_module_codes(module, 0, codes, &count));
	for (i = 0; i < count; i++) {
		struct ca__view view;

		examine(codes[i]);
		require(ca__view_read(&reader, &view));
		/* In one space they are in the order of the snapshot. */
		if (stat_of(module).spaces == 1)
			compare(codes[i], &view);
	}
	ca__module_put(codes, count);
	free(codes);
}

static const struct codearena_snapshot_opts everything = {
	.sz = sizeof(everything),
	.flags = CODEARENA_SNAPSHOT_F_BASELINE | CODEARENA_SNAPSHOT_F_OTHERS,
};

/* Loads bytes and returns what the module saves; NULL: they do not load. */
static uint8_t *pass(const uint8_t *data, size_t *size)
{
	CODEARENA_OPTS(codearena_snapshot_error, failed);
	struct codearena_module *module = empty;
	uint8_t states[FUNCTIONS];
	void *out = NULL;
	uint32_t reason;
	int checked, ret;

	checked = snapshot_fits(module, NULL, data, *size, &reason);
	if (!checked)
		module = module_new();
	ret = codearena_snapshot_load(module, NULL, data, *size, states,
				      &failed);
	require(failed.error == ret);
	require(!checked || failed.reason == reason);
	require(checked ? ret == checked : ret <= 0);
	if (ret) {
		require_pristine(module);
		if (module != empty)
			codearena_module_free(module);
		return NULL;
	}
	compare_all(module, data, *size);
	require(!codearena_snapshot_save_new(module, &everything, &out, size));
	compare_all(module, out, *size);
	codearena_module_free(module);
	return out;
}

/* Repairs checksums, length, and what the module expects. */
static void repair(uint8_t *data, size_t size)
{
	struct codearena_snapshot_opts none = { .sz = sizeof(none) };
	struct ca__head head, expected;

	memcpy(&head, data, HEAD);
	ca__head_expect(&expected, empty, &none);
	expected.trap_kinds &= head.trap_kinds;
	expected.saved = head.saved;
	expected.eager = head.eager;
	expected.others = head.others;
	expected.code_bytes = head.code_bytes;
	expected.length = size;
	expected.payload_crc = ca__crc32c(0, data + HEAD, size - HEAD);
	ca__head_seal(&expected);
	memcpy(data, &expected, HEAD);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy, *first, *second;
	size_t again;

	start();
	again = size;
	free(pass(data, &again));
	if (size < HEAD || size > LARGEST)
		return 0;
	copy = malloc(size);
	require(copy);
	memcpy(copy, data, size);
	repair(copy, size);
	first = pass(copy, &size);
	free(copy);
	if (!first)
		return 0;
	again = size;
	second = pass(first, &again);
	require(second && again == size && !memcmp(first, second, size));
	free(first);
	free(second);
	return 0;
}

/* The mutator */

/**
 * struct bytes - an input that is being changed
 * @data: the bytes
 * @size: how many
 * @max: how many there may be
 */
struct bytes {
	uint8_t *data;
	size_t size;
	size_t max;
};

/**
 * struct place - an object in an input
 * @record: offset of its record
 * @end: offset after it
 * @view: what is in it
 */
struct place {
	size_t record;
	size_t end;
	struct ca__view view;
};

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 6364136223846793005ULL +
		       1442695040888963407ULL;
	return limit ? (random_state >> 33) % limit : 0;
}

static bool splice(struct bytes *bytes, size_t at, size_t remove, size_t insert)
{
	if (at + remove > bytes->size ||
	    bytes->size - remove + insert > bytes->max)
		return false;
	memmove(bytes->data + at + insert, bytes->data + at + remove,
		bytes->size - at - remove);
	bytes->size = bytes->size - remove + insert;
	return true;
}

static bool place_of(const struct bytes *bytes, size_t index,
		     struct place *place)
{
	struct ca__reader reader;

	if (bytes->size < HEAD + FUNCTIONS)
		return false;
	reader.at = bytes->data + HEAD + FUNCTIONS;
	reader.left = bytes->size - HEAD - FUNCTIONS;
	do {
		place->record = bytes->size - reader.left;
		if (!ca__view_read(&reader, &place->view))
			return false;
		place->end = bytes->size - reader.left;
	} while (index--);
	return true;
}

static size_t places(const struct bytes *bytes)
{
	struct place place;
	size_t count = 0;

	while (place_of(bytes, count, &place))
		count++;
	return count;
}

/* Parts of an object that consist of entries. */
#define PARTS	11

/* Where part @part is, what an entry has, and where their number is. */
static size_t part_of(const struct place *place, const struct bytes *bytes,
		      unsigned int part, size_t *entry, size_t *count_at)
{
	static const size_t counts[PARTS] = {
		offsetof(struct ca__record, sections[0]),
		offsetof(struct ca__record, sections[1]),
		offsetof(struct ca__record, sections[2]),
		offsetof(struct ca__record, sections[3]),
		offsetof(struct ca__record, sections[4]),
		offsetof(struct ca__record, traps),
		offsetof(struct ca__record, relocs),
		offsetof(struct ca__record, positions),
		offsetof(struct ca__record, inlinings),
		offsetof(struct ca__record, deopt_size),
		offsetof(struct ca__record, name_length),
	};
	static const size_t sizes[PARTS] = {
		1, 1, 1, 1, 1, sizeof(struct ca__record_trap),
		sizeof(struct ca__record_reloc), sizeof(ca__record_position),
		sizeof(ca__record_inlining), 1, 1,
	};
	size_t at = place->record + sizeof(struct ca__record);
	uint32_t count;
	unsigned int i;

	for (i = 0; i < part; i++) {
		memcpy(&count, bytes->data + place->record + counts[i], 4);
		at += count * sizes[i];
	}
	*entry = sizes[part];
	*count_at = place->record + counts[part];
	return at;
}

/* Several entries of a part more, or less. */
static void change_count(struct bytes *bytes, const struct place *place)
{
	unsigned int part = random_below(PARTS);
	size_t entry, count_at, at, which, bytes_of;
	uint32_t count, more = 1 + random_below(random_below(8) ? 2 : 70);

	at = part_of(place, bytes, part, &entry, &count_at);
	memcpy(&count, bytes->data + count_at, sizeof(count));
	which = at + entry * random_below(count + 1);
	bytes_of = more * entry;
	if (random_below(2)) {
		if (count < more || which + bytes_of > at + count * entry ||
		    !splice(bytes, which, bytes_of, 0))
			return;
		count -= more;
	} else {
		bool first = !count && part == PARTS - 1;

		/* A name gets its end with its first byte. */
		if (!splice(bytes, which, 0, bytes_of + first))
			return;
		if (which >= at + bytes_of)
			memcpy(bytes->data + which,
			       bytes->data + which - bytes_of, bytes_of);
		else
			memset(bytes->data + which, 'a', bytes_of);
		if (first)
			bytes->data[which + bytes_of] = 0;
		count += more;
	}
	memcpy(bytes->data + count_at, &count, sizeof(count));
}

static void change_entry(struct bytes *bytes, const struct place *place)
{
	size_t entry, count_at, at;
	uint32_t count;

	at = part_of(place, bytes, random_below(PARTS), &entry, &count_at);
	memcpy(&count, bytes->data + count_at, sizeof(count));
	if (!count)
		return;
	at += entry * random_below(count);
	if (entry > 1) {
		/* A number of the entry; small ones have most meaning. */
		uint32_t value = random_below(random_below(2) ? 8 : 128);

		if (!random_below(6))
			value = -value;
		memcpy(bytes->data + at + 4 * random_below(entry / 4), &value,
		       sizeof(value));
		return;
	}
	LLVMFuzzerMutate(bytes->data + at, 1, 1);
}

/* One object more, or less, or another place for it. */
static void change_objects(struct bytes *bytes, const struct place *place)
{
	size_t length = place->end - place->record;

	if (random_below(2)) {
		splice(bytes, place->record, length, 0);
		return;
	}
	if (splice(bytes, place->end, 0, length))
		memcpy(bytes->data + place->end, bytes->data + place->record,
		       length);
}

static void change_record(struct bytes *bytes, const struct place *place)
{
	static const uint8_t offsets[] = {
		offsetof(struct ca__record, kind),
		offsetof(struct ca__record, tier),
		offsetof(struct ca__record, report),
		offsetof(struct ca__record, function_index),
		offsetof(struct ca__record, frame_slots),
		offsetof(struct ca__record, parameter_slots),
	};
	size_t at = place->record + offsets[random_below(sizeof(offsets))];

	bytes->data[at] = random_below(4) ? random_below(5) : 0xff;
}

/* All that is counted, and the functions in their order. */
static void recount(struct bytes *bytes)
{
	struct ca__head head;
	struct place place;
	size_t objects = places(bytes), i, n = 0;
	uint8_t *states = bytes->data + HEAD;

	if (bytes->size < HEAD + FUNCTIONS)
		return;
	memcpy(&head, bytes->data, HEAD);
	head.saved = 0;
	head.eager = 0;
	head.code_bytes = 0;
	head.trap_kinds = 0;
	for (i = 0; i < FUNCTIONS; i++) {
		states[i] %= CODEARENA_SNAPSHOT_CODE + 1;
		if (states[i] == CODEARENA_SNAPSHOT_CODE && n == objects)
			states[i] = CODEARENA_SNAPSHOT_EAGER;
		head.eager += states[i] == CODEARENA_SNAPSHOT_EAGER;
		if (states[i] != CODEARENA_SNAPSHOT_CODE)
			continue;
		place_of(bytes, n++, &place);
		head.saved++;
		place.view.record.kind = CODEARENA_CODE_FUNCTION;
		place.view.record.function_index = IMPORTS + i;
		memcpy(bytes->data + place.record, &place.view.record,
		       sizeof(place.view.record));
	}
	head.others = objects - n;
	for (i = 0; i < objects; i++) {
		place_of(bytes, i, &place);
		head.code_bytes += (ca__record_body(&place.view.record) + 63) &
				   ~63ULL;
		if (place.view.record.traps)
			head.trap_kinds = UINT32_MAX;
		if (i < n || place.view.record.kind != CODEARENA_CODE_FUNCTION)
			continue;
		place.view.record.function_index = CODEARENA_CODE_ANONYMOUS;
		memcpy(bytes->data + place.record, &place.view.record,
		       sizeof(place.view.record));
	}
	if (objects)
		bytes->size = place.end;
	memcpy(bytes->data, &head, HEAD);
}

static void change(struct bytes *bytes)
{
	size_t objects = places(bytes);
	struct place place;

	if (!objects || !random_below(16)) {
		bytes->size = HEAD + LLVMFuzzerMutate(bytes->data + HEAD,
						      bytes->size - HEAD,
						      bytes->max - HEAD);
		return;
	}
	place_of(bytes, random_below(objects), &place);
	switch (random_below(16)) {
	case 0 ... 4:
		change_count(bytes, &place);
		break;
	case 5 ... 10:
		change_entry(bytes, &place);
		break;
	case 11 ... 12:
		change_record(bytes, &place);
		break;
	case 13 ... 14:
		change_objects(bytes, &place);
		break;
	default:
		bytes->data[HEAD + random_below(FUNCTIONS)] = random_below(3);
		break;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	struct bytes bytes = { data, size, max < LARGEST ? max : LARGEST };
	unsigned int steps;

	start();
	random_state = seed;
	random_below(1);
	if (size < HEAD + FUNCTIONS || size > bytes.max || !random_below(16))
		return LLVMFuzzerMutate(data, size, max);
	for (steps = 1 + random_below(4); steps; steps--)
		change(&bytes);
	if (bytes.size < HEAD)
		return bytes.size;
	if (random_below(8))
		recount(&bytes);
	repair(bytes.data, bytes.size);
	return bytes.size;
}
