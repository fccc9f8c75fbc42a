// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Object files: placing them in the arena, and loading them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/* The functions of the C library that objects may use. */
static int resolve(void *ctx, const char *name, uint64_t *address)
{
	static const struct {
		const char *name;
		uintptr_t address;
	} known[] = {
		{ "free", (uintptr_t)free },
		{ "malloc", (uintptr_t)malloc },
		{ "memcmp", (uintptr_t)memcmp },
		{ "memcpy", (uintptr_t)memcpy },
		{ "memmove", (uintptr_t)memmove },
		{ "memset", (uintptr_t)memset },
		{ "strlen", (uintptr_t)strlen },
	};

	demo_note(ctx, "    resolves %s\n", name);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(name, known[i].name)) {
			*address = known[i].address;
			return 0;
		}
	}
	return -ENOENT;
}

static bool beside_program(const char *file, char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (length < 0)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + strlen(file) + 2 > size)
		return false;
	strcpy(slash + 1, file);
	return true;
}

char *demo_read_file(const char *file, size_t *length)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t room = 1 << 16;
	FILE *stream;

	if (!beside_program(file, path, sizeof(path)))
		return NULL;
	stream = fopen(path, "re");
	if (!stream)
		return NULL;
	text = malloc(room);
	*length = text ? fread(text, 1, room, stream) : 0;
	if (!text || *length == room || ferror(stream)) {
		free(text);
		text = NULL;
	}
	fclose(stream);
	return text;
}

bool demo_reserve_place(struct demo *demo, struct demo_object *object,
			uint64_t room)
{
	uint64_t page = codearena_arena_page_size(demo->arena);
	int ret;

	object->offset = demo->used;
	object->room = (room + page - 1) & ~(page - 1);
	ret = codearena_arena_commit(demo->arena, object->offset, object->room);
	demo->used += object->room;
	return demo_check(demo, !ret, "commit %llu bytes: %s",
			  (unsigned long long)object->room, strerror(-ret));
}

bool demo_open(struct demo *demo, struct demo_object *object, const char *file)
{
	char path[PATH_MAX], error[200] = "";
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = sizeof(error));
	int ret;

	snprintf(object->file, sizeof(object->file), "%s", file);
	if (!beside_program(file, path, sizeof(path)))
		return demo_check(demo, false, "no path for %s", file);
	ret = codearena_elf_open_file(path, &opts, &object->elf);
	return demo_check(demo, !ret, "open %s: %s: %s", path, strerror(-ret),
			  error);
}

uint64_t demo_code_length(const struct demo *demo,
			  const struct demo_object *object)
{
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);

	if (codearena_elf_measure(object->elf,
				  codearena_arena_granule(demo->arena),
				  &layout))
		return 0;
	return layout.code_length;
}

static void list_functions(const struct demo *demo,
			   const struct demo_object *object)
{
	CODEARENA_OPTS(codearena_elf_sym, sym, .name = NULL);

	for (size_t i = 0; !codearena_elf_symbol_at(object->elf, i, &sym); i++) {
		if (!sym.code.length)
			continue;
		demo_note(demo, "    %-20s offset 0x%05llx, %4llu bytes in %llu\n",
			  sym.name, (unsigned long long)sym.offset,
			  (unsigned long long)sym.size,
			  (unsigned long long)sym.code.length);
	}
}

bool demo_load(struct demo *demo, struct demo_object *object)
{
	CODEARENA_OPTS(codearena_elf_opts, opts,
		       .flags = CODEARENA_ELF_F_COMMITTED,
		       .resolve = resolve, .ctx = demo);
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	struct codearena_stat before = { .size = sizeof(before) };
	struct codearena_stat after = { .size = sizeof(after) };
	unsigned int calls = demo_calls.publish;
	int ret;

	codearena_elf_measure(object->elf, codearena_arena_granule(demo->arena),
			      &layout);
	codearena_arena_stat(demo->arena, &before);
	ret = codearena_elf_load(object->elf, demo->arena, object->offset,
				 &opts);
	if (!demo_check(demo, !ret, "load %s: %s: %s", object->file,
			strerror(-ret), codearena_elf_error(object->elf)))
		return false;
	codearena_arena_stat(demo->arena, &after);
	calls = demo_calls.publish - calls;
	printf("  %-9s %2u functions, %2llu code objects, %4llu bytes, data %llu: %u publish call\n",
	       object->file, layout.functions,
	       (unsigned long long)(after.out_published - before.out_published),
	       (unsigned long long)(after.out_written - before.out_written),
	       (unsigned long long)layout.data_length, calls);
	demo_check(demo, calls == 1, "%s took %u publish calls", object->file,
		   calls);
	list_functions(demo, object);
	return true;
}

bool demo_address(struct demo *demo, const struct demo_object *object,
		  const char *name, uint64_t *address)
{
	int ret = codearena_elf_symbol(object->elf, name, address);

	return demo_check(demo, !ret, "symbol %s: %s", name,
			  codearena_elf_error(object->elf));
}
