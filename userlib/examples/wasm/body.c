// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Describes a function of a compiled module for the library, and loads the data
 * of the module. Functions are called through slots of the jump table, functions
 * of the runner through builtins.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "split.h"
#include "wasm.h"

/* Padding between the instructions and the constant pool: int3. */
#define FILLER	0xcc

/* A displacement counts from the end of its field. */
#define FIELD	4

struct field {
	const struct wasm_object *object;
	struct wasm_body *body;
	uint32_t part;
	uint32_t pool;		/* offset of the constant pool */
	const Elf64_Rela *rela;
	const Elf64_Sym *symbol;
};

static const Elf64_Sym *symbol_of(const struct wasm_object *o,
				  const Elf64_Rela *rela)
{
	return &o->symbols[ELF64_R_SYM(rela->r_info)];
}

static void __attribute__((noreturn)) refuse(const struct field *f,
					     const char *why)
{
	wasm_die("%s+0x%llx: %s", f->object->parts[f->part].name,
		 (unsigned long long)f->rela->r_offset, why);
}

static void put_32(const struct field *f, uint64_t offset, int64_t value)
{
	int32_t word = value;

	if (word != value)
		refuse(f, "out of reach");
	memcpy(f->body->bytes + offset, &word, sizeof(word));
}

static void add_reloc(const struct field *f, uint8_t kind, uint32_t index,
		      int64_t addend)
{
	f->body->relocs[f->body->desc.reloc_count++] = (struct codearena_reloc) {
		.offset = f->rela->r_offset,
		.kind = kind,
		.form = CODEARENA_FORM_X86_64_REL32,
		.index = index,
		.addend = addend,
	};
}

/* Find the piece of jump tables that a function's own reference targets. */
static const struct wasm_switch *find_switch(const struct field *f,
					     uint32_t section, uint64_t offset)
{
	const struct wasm_object *o = f->object;
	size_t low = 0, high = o->switch_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct wasm_switch *s = &o->switches[middle];

		if (s->section < section ||
		    (s->section == section && s->end <= offset))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == o->switch_count || o->switches[low].section != section ||
	    o->switches[low].start > offset)
		return NULL;
	return &o->switches[low];
}

static void refer_to_data(const struct field *f, uint32_t section)
{
	int64_t offset = f->symbol->st_value + f->rela->r_addend + FIELD;
	const struct wasm_switch *s = find_switch(f, section, offset);

	if (!s) {
		add_reloc(f, CODEARENA_RELOC_EXTERNAL, 0,
			  f->object->places[section].data + offset);
		return;
	}
	if (s->function != f->part)
		refuse(f, "a jump table of another function");
	put_32(f, f->rela->r_offset, (int64_t)(f->pool + s->pool + offset -
	       s->start) - FIELD - (int64_t)f->rela->r_offset);
}

static void refer_to_code(const struct field *f, uint32_t function)
{
	int64_t offset = f->symbol->st_value + f->rela->r_addend;

	if (function == f->part) {
		put_32(f, f->rela->r_offset,
		       offset - (int64_t)f->rela->r_offset);
		return;
	}
	if (offset != -FIELD)
		refuse(f, "branches into the middle of another function");
	add_reloc(f, CODEARENA_RELOC_CALL, function, 0);
}

static void refer(const struct field *f)
{
	const struct wasm_object *o = f->object;
	uint32_t symbol = ELF64_R_SYM(f->rela->r_info);
	uint32_t section = f->symbol->st_shndx;

	switch (ELF64_R_TYPE(f->rela->r_info)) {
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		add_reloc(f, CODEARENA_RELOC_EXTERNAL, 0, o->offsets +
			  8 * (o->slots[symbol] - 1) + f->rela->r_addend +
			  FIELD);
		return;
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		break;
	default:
		refuse(f, "a relocation of an unknown type");
	}
	if (section == SHN_UNDEF) {
		if (f->rela->r_addend != -FIELD)
			refuse(f, "data of the runner");
		add_reloc(f, CODEARENA_RELOC_STUB_CALL, o->builtins[symbol], 0);
	} else if (section >= o->section_count) {
		refuse(f, "a symbol in no section");
	} else if (o->places[section].function != WASM_NO_FUNCTION) {
		refer_to_code(f, o->places[section].function);
	} else if (o->places[section].data != UINT64_MAX) {
		refer_to_data(f, section);
	} else {
		refuse(f, "refers to a section that is left out");
	}
}

/*
 * An entry is the distance from the beginning of its table to a place in the
 * function, encoded as a distance from the entry itself.
 */
static void fill_pool(struct field *f)
{
	const struct wasm_object *o = f->object;

	for (size_t i = 0; i < o->switch_count; i++) {
		const struct wasm_switch *s = &o->switches[i];
		uint64_t count = (s->end - s->start) / 4;

		if (s->function != f->part)
			continue;
		for (uint64_t j = 0; j < count; j++) {
			uint64_t place = f->pool + s->pool + 4 * j;

			f->rela = &s->first[j];
			put_32(f, place, (int64_t)symbol_of(o, f->rela)->st_value +
			       f->rela->r_addend - (int64_t)place);
		}
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct codearena_reloc *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void wasm_body_make(const struct wasm_object *o, uint32_t index,
		    struct wasm_body *body)
{
	const struct wasm_part *part = &o->parts[index];
	const Elf64_Shdr *table = &o->sections[part->relocations];
	size_t count = part->relocations ? table->sh_size / sizeof(Elf64_Rela) :
		       0;
	const Elf64_Rela *rela = (const void *)(o->image + table->sh_offset);
	struct field f = { .object = o, .body = body, .part = index };

	f.pool = part->pool ? (part->length + 3) / 4 * 4 : part->length;
	memset(body, 0, sizeof(*body));
	body->bytes = wasm_allocate(f.pool + part->pool);
	memset(body->bytes + part->length, FILLER, f.pool - part->length);
	memcpy(body->bytes, o->image + o->sections[part->section].sh_offset,
	       part->length);
	body->relocs = wasm_allocate(count * sizeof(*body->relocs));
	body->trap.length = part->length;
	body->trap.landing = CODEARENA_LANDING_EXTERNAL;
	body->desc = (struct codearena_code_desc) {
		.sz = sizeof(body->desc),
		.body = body->bytes,
		.traps = &body->trap,
		.relocs = body->relocs,
		.name = part->name,
		.trap_count = 1,
		.kind = CODEARENA_CODE_FUNCTION,
		.tier = CODEARENA_TIER_OPTIMIZED,
		.function_index = index,
		.flags = CODEARENA_CODE_F_REPORT,
		.instructions_size = f.pool,
		.constant_pool_size = part->pool,
	};
	for (size_t i = 0; i < count; i++) {
		f.rela = &rela[i];
		f.symbol = symbol_of(o, f.rela);
		refer(&f);
	}
	qsort(body->relocs, body->desc.reloc_count, sizeof(*body->relocs),
	      by_offset);
	if (part->pool)
		fill_pool(&f);
}

void wasm_body_free(struct wasm_body *body)
{
	free(body->bytes);
	free(body->relocs);
}

struct data {
	const struct wasm_object *object;
	uint8_t *data;
	int (*resolve)(void *ctx, const char *name, uint64_t *address);
	uint64_t (*target)(void *ctx, uint32_t function);
	void *ctx;
};

static uint64_t address_of(const struct data *d, const Elf64_Sym *symbol,
			   int64_t addend)
{
	const struct wasm_object *o = d->object;
	const char *name = o->names + symbol->st_name;
	uint32_t section = symbol->st_shndx;
	uint64_t address;

	if (section == SHN_UNDEF) {
		if (d->resolve(d->ctx, name, &address))
			wasm_die("%s is not there", name);
		return address + addend;
	}
	if (section < o->section_count &&
	    o->places[section].data != UINT64_MAX)
		return (uintptr_t)d->data + o->places[section].data +
		       symbol->st_value + addend;
	if (section >= o->section_count ||
	    o->places[section].function == WASM_NO_FUNCTION ||
	    symbol->st_value + addend)
		wasm_die("the data refers to %s+%lld", name, (long long)addend);
	return d->target(d->ctx, o->places[section].function);
}

static void relocate_data(const struct data *d, const Elf64_Shdr *table)
{
	const struct wasm_object *o = d->object;
	const Elf64_Rela *rela = (const void *)(o->image + table->sh_offset);
	uint8_t *to = d->data + o->places[table->sh_info].data;

	for (size_t i = 0; i < table->sh_size / sizeof(*rela); i++) {
		const Elf64_Sym *symbol = symbol_of(o, &rela[i]);
		uint32_t section = symbol->st_shndx;
		uint64_t address;

		/* A jump table that was moved into its function. */
		if (ELF64_R_TYPE(rela[i].r_info) == R_X86_64_PC32 &&
		    section < o->section_count &&
		    o->places[section].function != WASM_NO_FUNCTION)
			continue;
		if (ELF64_R_TYPE(rela[i].r_info) != R_X86_64_64)
			wasm_die("data with a relocation of type %u",
				 (unsigned int)ELF64_R_TYPE(rela[i].r_info));
		address = address_of(d, symbol, rela[i].r_addend);
		memcpy(to + rela[i].r_offset, &address, sizeof(address));
	}
}

void wasm_data_make(const struct wasm_object *o, uint8_t *data,
		    int (*resolve)(void *ctx, const char *name,
				   uint64_t *address),
		    uint64_t (*target)(void *ctx, uint32_t function),
		    void *ctx)
{
	const struct data d = { o, data, resolve, target, ctx };

	for (uint32_t i = 0; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];

		if (o->places[i].data != UINT64_MAX &&
		    s->sh_type != SHT_NOBITS)
			memcpy(data + o->places[i].data,
			       o->image + s->sh_offset, s->sh_size);
	}
	for (uint32_t i = 0; i < o->section_count; i++) {
		const Elf64_Shdr *s = &o->sections[i];

		if (s->sh_type == SHT_RELA && s->sh_info < o->section_count &&
		    o->places[s->sh_info].data != UINT64_MAX)
			relocate_data(&d, s);
	}
	for (uint32_t i = 0; i < o->symbol_count; i++) {
		uint64_t address;

		if (!o->slots[i])
			continue;
		address = address_of(&d, &o->symbols[i], 0);
		memcpy(data + o->offsets + 8 * (o->slots[i] - 1), &address,
		       sizeof(address));
	}
}
