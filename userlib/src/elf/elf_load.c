// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loading objects into arenas and unloading them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "elf/elf_internal.h"
#include "arena/place.h"

#define CA__ELF_VALID_FLAGS	CODEARENA_ELF_F_COMMITTED

/**
 * struct ca__elf_publishing - one call
 * @elf: the object
 * @code: its bytes
 * @objects: array for all of its code objects
 */
struct ca__elf_publishing {
	const struct codearena_elf *elf;
	const uint8_t *code;
	struct codearena_object *objects;
};

/* Every backend takes arrays of this length. */
#define CA__ELF_FEW_ENTRIES	256

static size_t ca__elf_max_entries(struct codearena_arena *arena, size_t wanted)
{
	struct codearena_info info = { .sz = sizeof(info) };

	/* Probing is a system call. */
	if (wanted <= CA__ELF_FEW_ENTRIES ||
	    codearena_probe(codearena_arena_backend(arena), &info))
		return CA__ELF_FEW_ENTRIES;
	return info.max_entries;
}

static int ca__elf_check_target(struct codearena_elf *elf,
				struct codearena_arena *arena, uint64_t offset)
{
	uint64_t length = codearena_arena_length(arena);

	if (offset & (elf->sums.code_align - 1))
		return ca__elf_fail(elf, -EINVAL,
				    "offset 0x%llx is not a multiple of %llu",
				    (unsigned long long)offset,
				    (unsigned long long)elf->sums.code_align);
	if (offset > length || elf->sums.code_length > length - offset)
		return ca__elf_fail(elf, -ENOENT,
				    "0x%llx bytes at offset 0x%llx lie outside of the arena",
				    (unsigned long long)elf->sums.code_length,
				    (unsigned long long)offset);
	return 0;
}

/* Appends the object from @place to @end, unless it is empty. */
static void ca__elf_add_object(const struct ca__elf_publishing *p,
			       size_t *count, uint64_t place, uint64_t end)
{
	if (place == end)
		return;
	p->objects[*count].offset = p->elf->offset + place;
	p->objects[*count].source = (uintptr_t)(p->code + place);
	p->objects[*count].length = end - place;
	++*count;
}

/*
 * Merge objects without a free granule between them: each object costs the
 * backend as much as copying some hundred bytes. The buffer has trap
 * instructions in every gap, so ca__elf_publish() may merge all of them if a
 * call takes no more objects.
 */
static size_t ca__elf_join_neighbours(struct codearena_object *objects,
				      size_t count, uint64_t granule)
{
	size_t last = 0;

	for (size_t i = 1; i < count; i++) {
		uint64_t end = objects[last].offset + objects[last].length;

		if (objects[i].offset == ca__align_up(end, granule))
			objects[last].length = objects[i].offset +
					       objects[i].length -
					       objects[last].offset;
		else
			objects[++last] = objects[i];
	}
	return last + 1;
}

static size_t ca__elf_add_objects(const struct ca__elf_publishing *p)
{
	const struct codearena_elf *elf = p->elf;
	const struct ca__elf_sums *sums = &elf->sums;
	size_t count = 0;

	for (uint32_t i = 1; i < elf->section_count; i++) {
		const struct ca__elf_section *section = &elf->sections[i];

		if (section->where == CA__ELF_CODE)
			ca__elf_add_object(p, &count, section->place,
					   section->place + section->size);
	}
	ca__elf_add_object(p, &count, sums->stubs,
			   sums->stubs + (uint64_t)elf->stubs_used *
			   elf->machine->stub_size);
	ca__elf_add_object(p, &count, sums->rodata, sums->rodata_end);
	return count;
}

static int ca__elf_publish(struct codearena_elf *elf,
			   struct codearena_arena *arena, const uint8_t *code)
{
	struct ca__elf_publishing p = { .elf = elf, .code = code };
	struct codearena_object *first;
	size_t count;
	int ret = 0;

	if (!elf->sums.objects)
		return 0;
	p.objects = calloc(elf->sums.objects, sizeof(*p.objects));
	if (!p.objects)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	first = p.objects;
	count = ca__elf_add_objects(&p);
	if (count)
		count = ca__elf_join_neighbours(first, count, elf->granule);
	if (count > ca__elf_max_entries(arena, count)) {
		first->length = first[count - 1].offset +
				first[count - 1].length - first->offset;
		count = 1;
	}
	if (count)
		ret = codearena_arena_publish(arena, first, count, NULL, 0, 0,
					      NULL);
	if (ret)
		ca__elf_fail(elf, ret, "cannot publish: %s", strerror(-ret));
	free(p.objects);
	return ret;
}

static int ca__elf_commit_and_publish(struct codearena_elf *elf,
				      struct codearena_arena *arena,
				      const uint8_t *code, bool committed)
{
	uint64_t page = codearena_arena_page_size(arena);
	uint64_t start = elf->offset & ~(page - 1);
	uint64_t end = ca__align_up(elf->offset + elf->sums.code_length,
					page);
	int ret;

	if (!elf->sums.code_length)
		return 0;
	if (!committed) {
		ret = codearena_arena_commit(arena, start, end - start);
		if (ret)
			return ca__elf_fail(elf, ret, "cannot commit: %s",
					    strerror(-ret));
	}
	ret = ca__elf_publish(elf, arena, code);
	if (ret && !committed)
		codearena_arena_decommit(arena, start, end - start);
	return ret;
}

static void ca__elf_unmap_data(struct codearena_elf *elf)
{
	if (elf->data)
		munmap(elf->data, elf->data_mapped);
	elf->data = NULL;
	elf->data_mapped = 0;
}

/* Code refers to variables by 32-bit distances. */
static int ca__elf_map_data(struct codearena_elf *elf,
			    struct codearena_arena *arena,
			    uint64_t code_address)
{
	uint64_t half = elf->sums.code_length / 2;
	struct ca__place place = {
		.near = (const void *)(uintptr_t)(code_address + half),
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.fd = -1,
	};
	void *data;
	int ret;

	if (!elf->sums.data_length)
		return 0;
	place.length = ca__align_up(elf->sums.data_length,
				    codearena_arena_page_size(arena));
	/* Either end of the code must reach the far end of the data. */
	place.reach = half + 1 < elf->machine->reach ?
		      elf->machine->reach - half - 1 : 1;
	ret = ca__place_map(&place, &data);
	if (ret)
		return ca__elf_fail(elf, ret,
				    "no room for 0x%llx bytes of data near the code",
				    (unsigned long long)elf->sums.data_length);
	elf->data = data;
	elf->data_mapped = place.length;
	return 0;
}

static int ca__elf_load_at(struct codearena_elf *elf,
			   struct codearena_arena *arena,
			   const struct codearena_elf_opts *opts)
{
	struct ca__elf_image image = {
		.resolve = opts->resolve,
		.ctx = opts->ctx,
	};
	int ret;

	image.code_address = (uintptr_t)codearena_arena_base(arena) +
			     elf->offset;
	image.code = malloc(elf->sums.code_length ? elf->sums.code_length : 1);
	if (!image.code)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	ret = ca__elf_map_data(elf, arena, image.code_address);
	if (ret)
		goto out_code;
	image.data = elf->data;
	image.data_address = (uintptr_t)elf->data;
	ret = ca__elf_link(elf, &image);
	if (!ret)
		ret = ca__elf_commit_and_publish(
			elf, arena, image.code,
			opts->flags & CODEARENA_ELF_F_COMMITTED);
	if (ret)
		ca__elf_unmap_data(elf);
out_code:
	free(image.code);
	return ret;
}

CODEARENA_API
int codearena_elf_load(struct codearena_elf *elf, struct codearena_arena *arena,
		       uint64_t offset, const struct codearena_elf_opts *opts)
{
	struct codearena_elf_opts own;
	int ret;

	if (!elf)
		return -EINVAL;
	elf->error[0] = '\0';
	if (!arena)
		return ca__elf_fail(elf, -EINVAL, "no arena");
	ret = ca__struct_get(&own, opts, CA__SIZE_ELF_OPTS, sizeof(own));
	if (ret)
		return ca__elf_fail(elf, ret, "size of the options");
	if (own.flags & ~CA__ELF_VALID_FLAGS || own.__reserved)
		return ca__elf_fail(elf, -EOPNOTSUPP, "unknown flags");
	if (elf->arena)
		return ca__elf_fail(elf, -EBUSY, "the object is loaded");
	if (elf->machine->machine != CA__MACHINE)
		return ca__elf_fail(elf, -ENOEXEC, "the object is for %s",
				    elf->machine->name);

	elf->granule = codearena_arena_granule(arena);
	ret = ca__elf_layout(elf, elf->granule, true, &elf->sums);
	if (ret)
		return ret;
	ret = ca__elf_check_target(elf, arena, offset);
	if (!ret)
		ret = ca__elf_start_check(elf, arena);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < elf->section_count; i++)
		elf->sections[i].discarded = false;
	elf->offset = offset;
	ret = ca__elf_load_at(elf, arena, &own);
	if (ret)
		return ret;
	elf->arena = arena;
	if (elf->open_flags)
		ca__elf_start(elf);
	return 0;
}

static int ca__elf_find_code(struct codearena_elf *elf, const char *name,
			     struct ca__elf_section **section)
{
	struct ca__elf_symbol *symbol;
	int ret;

	ret = ca__elf_find(elf, name, &symbol);
	if (ret)
		return ret;
	*section = &elf->sections[symbol->section];
	if (symbol->home != CA__ELF_IN_SECTION ||
	    (*section)->where != CA__ELF_CODE || !(*section)->size)
		return ca__elf_fail(elf, -ENOENT, "%.*s is not code",
				    CA__ELF_NAME_SHOWN, name);
	return 0;
}

static int ca__elf_discard_ranges(struct codearena_elf *elf,
				  const struct codearena_range *ranges,
				  size_t count)
{
	int ret = codearena_arena_discard(elf->arena, ranges, count, NULL);

	if (ret)
		return ca__elf_fail(elf, ret, "cannot discard: %s",
				    strerror(-ret));
	return 0;
}

CODEARENA_API
int codearena_elf_discard(struct codearena_elf *elf, const char *name)
{
	struct ca__elf_section *section;
	struct codearena_range range;
	int ret;

	ret = ca__elf_find_code(elf, name, &section);
	if (ret)
		return ret;
	if (section->has_functions)
		return ca__elf_fail(elf, -EBUSY,
				    "section %.*s holds other functions too",
				    CA__ELF_NAME_SHOWN, section->name);
	range = ca__elf_granules(elf, section);
	ret = ca__elf_discard_ranges(elf, &range, 1);
	if (ret)
		return ret;
	section->discarded = true;
	return 0;
}

/* The ranges between functions that were discarded alone. */
static size_t ca__elf_remaining(const struct codearena_elf *elf,
				struct codearena_range *ranges)
{
	uint64_t from = elf->offset;
	size_t count = 0;

	for (uint32_t i = 1; i <= elf->section_count; i++) {
		struct codearena_range gap = {
			.offset = elf->offset + elf->sums.code_length,
		};

		if (i < elf->section_count) {
			if (!elf->sections[i].discarded)
				continue;
			gap = ca__elf_granules(elf, &elf->sections[i]);
		}
		if (gap.offset > from) {
			ranges[count].offset = from;
			ranges[count++].length = gap.offset - from;
		}
		from = gap.offset + gap.length;
	}
	return count;
}

CODEARENA_API
int codearena_elf_unload(struct codearena_elf *elf)
{
	struct codearena_range *ranges;
	size_t count, limit;
	int ret = 0;

	if (!elf)
		return -EINVAL;
	elf->error[0] = '\0';
	if (!elf->arena)
		return ca__elf_fail(elf, -EBADFD, "the object is not loaded");
	ranges = calloc((size_t)elf->section_count + 1, sizeof(*ranges));
	if (!ranges)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	ca__elf_stop(elf);
	count = ca__elf_remaining(elf, ranges);
	limit = ca__elf_max_entries(elf->arena, count);
	for (size_t i = 0; i < count && !ret; i += limit)
		ret = ca__elf_discard_ranges(
			elf, ranges + i, count - i < limit ? count - i : limit);
	free(ranges);
	if (ret)
		return ret;
	ca__elf_stopped(elf);
	ca__elf_unmap_data(elf);
	elf->arena = NULL;
	return 0;
}
