// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Replays a trace with a module and compares the results. A trace is text, a line
 * for each event, in the order in which they were recorded:
 *
 *	instantiate
 *	call NAME VALUE...	  the host calls an export
 *	table NAME INDEX VALUE...  the host calls an entry of an exported table
 *	import INDEX VALUE...	  the module calls an import; until its
 *	result VALUE...		  result the host is the one that acts
 *	write ADDRESS HEX	  the host stores to memory
 *	grow PAGES		  the host makes memory larger
 *	check PAGES HASH	  memory has this size and these contents
 *	return VALUE...		  end of instantiate or call,
 *	trap REASON		  or this one
 *
 * A value is n: and the bits of a number of JavaScript; b: and 64 bits; r: and
 * the bits as they are; or r:nan, any value that is no number. Names have
 * %XX for what is not a letter, digit, or one of _-.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

#define MOST_VALUES	64
/* Number of measured replays. */
#define METERED		3

struct replay {
	struct wasm_module *module;
	const char *path;
	FILE *file;
	char *line;
	size_t room;
	unsigned int number;	/* of the line */
	unsigned int compared, differences;
};

static void differ(struct replay *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void differ(struct replay *r, const char *format, ...)
{
	va_list args;

	r->differences++;
	printf("%s:%u: ", r->path, r->number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* Trace and module disagree: the replay ends. */
static void lose(struct replay *r, const char *what) __attribute__((noreturn));
static void lose(struct replay *r, const char *what)
{
	wasm_die("%s:%u: %s, where the trace has '%.60s'", r->path, r->number,
		 what, r->line);
}

/* First word of the next line, or NULL; take_word() returns the others. */
static char *next_line(struct replay *r, char **rest)
{
	ssize_t length;

	do {
		length = getline(&r->line, &r->room, r->file);
		if (length < 0)
			return NULL;
		r->number++;
		if (length && r->line[length - 1] == '\n')
			r->line[--length] = '\0';
	} while (!length || r->line[0] == '#');
	*rest = r->line + strcspn(r->line, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return r->line;
}

static char *take_word(char **rest)
{
	char *word = *rest;

	if (!*word)
		return NULL;
	*rest += strcspn(word, " ");
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static uint64_t take_number(struct replay *r, char **rest, int base)
{
	char *word = take_word(rest), *end;
	uint64_t value;

	if (!word)
		lose(r, "a number is missing");
	value = strtoull(word, &end, base);
	if (*end)
		lose(r, "no number");
	return value;
}

/* JavaScript's conversion of a number to a 32-bit integer. */
static uint32_t to_int32(double number)
{
	if (!isfinite(number))
		return 0;
	number = fmod(trunc(number), 4294967296.0);
	return (uint32_t)(int64_t)number;
}

static uint64_t word_of(struct replay *r, const char *value, char type)
{
	uint64_t bits;
	double number;
	float single;
	char *end;

	if (!value || !value[0] || value[1] != ':')
		lose(r, "a value is missing");
	bits = strtoull(value + 2, &end, 16);
	if (*end)
		lose(r, "no value");
	if (value[0] != 'n')
		return type == 'i' ? (uint32_t)bits : bits;
	memcpy(&number, &bits, sizeof(number));
	if (type == 'i')
		return to_int32(number);
	if (type == 'd')
		return bits;
	if (type == 'j')
		lose(r, "a number where 64 bits belong");
	single = (float)number;
	bits = 0;
	memcpy(&bits, &single, sizeof(single));
	return bits;
}

static bool is_nan(uint64_t word, char type)
{
	if (type == 'f')
		return (word & 0x7fffffff) > 0x7f800000;
	return type == 'd' && (word & INT64_MAX) > 0x7ff0000000000000;
}

static void take_values(struct replay *r, char **rest, const char *types,
			uint64_t *words)
{
	if (strlen(types) > MOST_VALUES)
		wasm_die("more than %u values", MOST_VALUES);
	for (size_t i = 0; types[i]; i++)
		words[i] = word_of(r, take_word(rest), types[i]);
}

static void compare_values(struct replay *r, char **rest, const char *types,
			   const uint64_t *words, const char *what)
{
	for (size_t i = 0; types[i]; i++) {
		char *value = take_word(rest);
		uint64_t expected;

		if (value && !strcmp(value, "r:nan")) {
			r->compared++;
			if (!is_nan(words[i], types[i]))
				differ(r, "%s %zu is 0x%" PRIx64 ", not NaN",
				       what, i, words[i]);
			continue;
		}
		expected = word_of(r, value, types[i]);
		r->compared++;
		/* JavaScript does not distinguish NaNs. */
		if (words[i] != expected &&
		    !(value[0] == 'n' && is_nan(words[i], types[i]) &&
		      is_nan(expected, types[i])))
			differ(r, "%s %zu is 0x%" PRIx64 ", not 0x%" PRIx64,
			       what, i, words[i], expected);
	}
	if (**rest)
		lose(r, "the trace has more values");
}

static uint8_t hex_digit(struct replay *r, char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	lose(r, "no hexadecimal digit");
}

static void write_memory(struct replay *r, char **rest)
{
	const wasm_rt_memory_t *memory = r->module->memory;
	uint64_t address = take_number(r, rest, 10);
	const char *hex = take_word(rest);
	size_t length = hex ? strlen(hex) / 2 : 0;

	if (!memory || address > memory->size ||
	    length > memory->size - address)
		lose(r, "memory is too small");
	for (size_t i = 0; i < length; i++)
		memory->data[address + i] = hex_digit(r, hex[2 * i]) << 4 |
					    hex_digit(r, hex[2 * i + 1]);
}

static uint32_t hash(const wasm_rt_memory_t *memory)
{
	const uint32_t *words = (const uint32_t *)memory->data;
	uint32_t h = 0x811c9dc5;

	for (uint64_t i = 0; i < memory->size / 4; i++) {
		h = (h ^ words[i]) * 0x9e3779b1;
		h = h << 13 | h >> 19;
	}
	return h;
}

static void check_memory(struct replay *r, char **rest)
{
	const wasm_rt_memory_t *memory = r->module->memory;
	uint32_t pages = take_number(r, rest, 10);
	uint32_t expected = take_number(r, rest, 16), is;

	if (!memory)
		lose(r, "the module has no memory");
	r->compared++;
	if (memory->pages != pages) {
		differ(r, "memory has %u pages, not %u", memory->pages, pages);
		return;
	}
	is = hash(memory);
	if (is != expected)
		differ(r, "memory differs: 0x%08x, not 0x%08x", is, expected);
}

static void grow_memory(struct replay *r, char **rest)
{
	uint32_t pages = take_number(r, rest, 10);

	if (!r->module->memory ||
	    wasm_host_grow_memory(r->module->memory, pages) == UINT32_MAX)
		lose(r, "memory does not grow");
}

static void decode_name(struct replay *r, char *name)
{
	char *to = name;

	while (*name) {
		if (*name != '%') {
			*to++ = *name++;
			continue;
		}
		*to++ = hex_digit(r, name[1]) << 4 | hex_digit(r, name[2]);
		name += 3;
	}
	*to = '\0';
}

/* V8 does not tell these two apart; the recorder writes the first one. */
static bool same_reason(const char *here, const char *recorded)
{
	return !strcmp(here, recorded) ||
	       (!strcmp(recorded, "indirect call type mismatch") &&
		!strcmp(here, "uninitialized element"));
}

/* End of a call: it returned if @done, otherwise @trap. */
static void end_call(struct replay *r, bool done, const char *results,
		     const uint64_t *values, const struct wasm_trap *trap)
{
	char *rest, *word = next_line(r, &rest);

	if (!word)
		wasm_die("%s ends in a call", r->path);
	if (!strcmp(word, "trap")) {
		r->compared++;
		if (done)
			differ(r, "no trap, but '%s' was due", rest);
		else if (!same_reason(trap->reason, rest))
			differ(r, "trap '%s' in %s, not '%s'", trap->reason,
			       trap->function, rest);
		else if (!trap->function[0] || trap->function[0] == '?')
			differ(r, "a trap in no function");
	} else if (strcmp(word, "return")) {
		lose(r, done ? "the module returned" : trap->reason);
	} else if (!done) {
		differ(r, "trap '%s' in %s+0x%" PRIx64, trap->reason,
		       trap->function, trap->offset);
	} else {
		compare_values(r, &rest, results, values, "result");
	}
}

static void call(struct replay *r, char **rest)
{
	const struct wasm_glue_export *function;
	uint64_t values[MOST_VALUES];
	struct wasm_trap trap;
	char *name = take_word(rest);
	bool done;

	if (!name)
		lose(r, "no name");
	decode_name(r, name);
	function = wasm_find(r->module, name);
	if (!function)
		wasm_die("%s:%u: the module has no function %s", r->path,
			 r->number, name);
	take_values(r, rest, function->parameters, values);
	done = wasm_call(r->module, function, values, &trap);
	end_call(r, done, function->results, values, &trap);
}

static void call_entry(struct replay *r, char **rest)
{
	const struct wasm_glue_type *type;
	uint64_t values[2 + MOST_VALUES];
	struct wasm_trap trap;
	char *name = take_word(rest);
	uint32_t index = take_number(r, rest, 10);
	bool done;

	decode_name(r, name);
	type = wasm_find_indirect(r->module, name, index, values);
	if (!type)
		wasm_die("%s:%u: table %s has no function %u", r->path,
			 r->number, name, index);
	take_values(r, rest, type->parameters, values + 2);
	done = wasm_enter(r->module, type->call, values, &trap);
	end_call(r, done, type->results, values, &trap);
}

static void instantiate(struct replay *r)
{
	struct wasm_trap trap;
	bool done = wasm_instantiate(r->module, &trap);

	if (r->module->memory)
		wasm_touch(r->module, r->module->memory->data,
			   r->module->memory->size);
	/* The measurement begins. */
	r->module->ticks = 0;
	end_call(r, done, "", NULL, &trap);
}

/* Act as the host up to a line that is not for it; return its word, or NULL. */
static char *act(struct replay *r, char **rest)
{
	char *word;

	while ((word = next_line(r, rest))) {
		if (!strcmp(word, "call"))
			call(r, rest);
		else if (!strcmp(word, "table"))
			call_entry(r, rest);
		else if (!strcmp(word, "instantiate"))
			instantiate(r);
		else if (!strcmp(word, "write"))
			write_memory(r, rest);
		else if (!strcmp(word, "grow"))
			grow_memory(r, rest);
		else if (!strcmp(word, "check"))
			check_memory(r, rest);
		else
			break;
	}
	return word;
}

static void host_call(struct wasm_module *module, uint32_t index,
		      uint64_t *values)
{
	const struct wasm_glue_import *import = &module->glue->imports[index];
	char undefined[] = "n:7ff8000000000000";
	struct replay *r = module->host;
	char *rest, *word = next_line(r, &rest);

	if (!word || strcmp(word, "import"))
		lose(r, "the module calls an import");
	if (take_number(r, &rest, 10) != index)
		lose(r, import->name);
	compare_values(r, &rest, import->parameters, values, "argument");
	word = act(r, &rest);
	if (!word || strcmp(word, "result"))
		lose(r, "an import has no result");
	/* No result is undefined, which JavaScript converts to NaN or 0. */
	take_values(r, *rest ? &rest : &(char *){ undefined },
		    import->results, values);
}

static void replay(struct replay *r)
{
	char *rest;

	if (act(r, &rest))
		lose(r, "the host would act");
}

/* Replay with warm code and a new instance. */
static void again(struct replay *r)
{
	struct wasm_module *module = r->module;

	module->glue->free(module->instance);
	memset(module->instance, 0, module->glue->instance_size);
	module->ticks = 0;
	rewind(r->file);
	r->number = 0;
}

int wasm_replay(const char *object, const char *trace,
		const struct wasm_options *options)
{
	static const char suffix[] = ".trace";
	struct replay r = { .path = trace };
	struct wasm_counters counters;
	unsigned int handlers;
	const char *name;
	size_t length;
	uint8_t *bytes = wasm_read_file(trace, &length);

	/* An isolated module can read no file. */
	r.file = fmemopen(bytes, length, "r");
	if (!r.file)
		wasm_die("cannot read %s: %s", trace, strerror(errno));
	r.module = wasm_load(object, options);
	r.module->host = &r;
	r.module->host_call = host_call;
	replay(&r);
	if (options->meter) {
		uint64_t least = UINT64_MAX;

		wasm_meter_publish(r.module);
		/* Timer interrupts disturb some of them. */
		for (int i = 0; i < METERED; i++) {
			again(&r);
			replay(&r);
			if (r.module->ticks < least)
				least = r.module->ticks;
		}
		printf("@steady %s %" PRIu64 "\n", trace, least);
		wasm_count(r.module, &counters);
		printf("@lazy %s %" PRIu64 " %" PRIu64 "\n", trace,
		       counters.loaded, counters.load_ticks);
	}
	fclose(r.file);
	if (!r.compared)
		wasm_die("%s compares nothing", trace);
	handlers = options->host_signals ? 0 : wasm_handlers();
	if (handlers)
		differ(&r, "%u handlers of signals", handlers);
	if (options->stats)
		wasm_print_stats(r.module);
	if (options->perf_map)
		wasm_write_perf_map(r.module);

	name = strrchr(trace, '/') ? strrchr(trace, '/') + 1 : trace;
	length = strlen(name);
	if (length > strlen(suffix) &&
	    !strcmp(name + length - strlen(suffix), suffix))
		length -= strlen(suffix);
	wasm_count(r.module, &counters);
	printf("%-32.*s %5" PRIu64 " %6" PRIu64 " %8" PRIu64 " %7" PRIu64
	       " %8u %5" PRIu64 " %7" PRIu64 "  %s\n",
	       (int)length, name, counters.functions, counters.loaded,
	       counters.code_bytes, r.module->calls, r.compared,
	       r.module->traps, wasm_signals(r.module),
	       r.differences ? "DIFFERENT" : "ok");
	wasm_unload(r.module);
	free(r.line);
	free(bytes);
	return r.differences ? 1 : 0;
}
