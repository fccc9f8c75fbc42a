// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Opening object files and looking symbols up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/elf_internal.h"

#define CA__ELF_FILE_MAX (1LL << 30)

#define CA__ELF_OPEN_VALID_FLAGS \
	(CODEARENA_ELF_OPEN_F_CONSTRUCT | CODEARENA_ELF_OPEN_F_UNWIND)

static const struct ca__elf_kind *
ca__elf_kind_in(const struct ca__elf_kind *kinds, size_t count, uint32_t type)
{
	for (size_t i = 0; i < count; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

const struct ca__elf_kind *ca__elf_kind(const struct ca__elf_machine *machine,
					uint32_t type)
{
	return ca__elf_kind_in(machine->kinds, machine->kind_count, type);
}

const char *ca__elf_kind_name(const struct ca__elf_machine *machine,
			      uint32_t type, char number[16])
{
	const struct ca__elf_kind *kind =
		ca__elf_kind_in(machine->refused, machine->refused_count, type);

	if (kind)
		return kind->name;
	snprintf(number, 16, "%u", (unsigned int)type);
	return number;
}

int ca__elf_fail(struct codearena_elf *elf, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(elf->error, sizeof(elf->error), format, args);
	va_end(args);
	return error;
}

static bool ca__elf_is_listed(const struct codearena_elf *elf,
			      const struct ca__elf_symbol *symbol)
{
	if (!*symbol->name)
		return false;
	switch (symbol->type) {
	case STT_NOTYPE:
		/* Where code and data begin, and labels of relocations. */
		return elf->machine->machine == EM_X86_64 ||
		       symbol->bind != STB_LOCAL ||
		       (symbol->name[0] != '$' &&
			strncmp(symbol->name, ".L", 2));
	case STT_OBJECT:
	case STT_FUNC:
	case STT_COMMON:
		return true;
	default:
		return false;
	}
}

static int ca__elf_list_symbols(struct codearena_elf *elf)
{
	uint32_t *listed, *by_name;

	if (!elf->symbol_count)
		return 0;
	listed = calloc(elf->symbol_count, sizeof(*listed));
	elf->listed = listed;
	by_name = calloc(elf->symbol_count, sizeof(*by_name));
	elf->by_name = by_name;
	if (!listed || !by_name)
		return ca__elf_fail(elf, -ENOMEM, "no memory");
	for (uint32_t i = 1; i < elf->symbol_count; i++) {
		const struct ca__elf_symbol *symbol = &elf->symbols[i];

		if (!ca__elf_is_listed(elf, symbol))
			continue;
		listed[elf->listed_count++] = i;
		if (symbol->home != CA__ELF_UNDEFINED)
			by_name[elf->by_name_count++] = i;
	}
	ca__elf_names_sort(elf);
	return 0;
}

static int ca__elf_open_opts_get(const struct codearena_elf_open_opts *opts,
				 struct codearena_elf_open_opts *own)
{
	int ret = ca__struct_get(own, opts, CA__SIZE_ELF_OPEN_OPTS,
				 sizeof(*own));

	if (ret)
		return ret;
	if (own->error && own->error_size)
		own->error[0] = '\0';
	return own->flags & ~CA__ELF_OPEN_VALID_FLAGS || own->__reserved ?
	       -EOPNOTSUPP : 0;
}

/* Takes over @image, also on failure. */
static int ca__elf_open_image(uint8_t *image, size_t size,
			      const struct codearena_elf_open_opts *opts,
			      struct codearena_elf **out)
{
	struct codearena_elf *elf = calloc(1, sizeof(*elf));
	int ret;

	if (!elf) {
		free(image);
		return -ENOMEM;
	}
	elf->image = image;
	elf->size = size;
	elf->open_flags = opts->flags;
	ret = ca__elf_parse(elf);
	if (!ret && elf->open_flags)
		ret = ca__elf_start_new(elf);
	if (!ret)
		ret = ca__elf_list_symbols(elf);
	if (ret) {
		if (opts->error && opts->error_size)
			snprintf(opts->error, opts->error_size, "%s",
				 elf->error);
		codearena_elf_close(elf);
		return ret;
	}
	*out = elf;
	return 0;
}

CODEARENA_API
int codearena_elf_open(const void *image, size_t size,
		       const struct codearena_elf_open_opts *opts,
		       struct codearena_elf **out)
{
	struct codearena_elf_open_opts own;
	uint8_t *copy;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!image)
		return -EINVAL;
	ret = ca__elf_open_opts_get(opts, &own);
	if (ret)
		return ret;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, image, size);
	return ca__elf_open_image(copy, size, &own, out);
}

/*
 * Reads as many bytes as the file has when the call begins. The caller frees
 * @image, also on failure.
 */
static int ca__elf_read_file(int fd, uint8_t **image, size_t *size)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size >= CA__ELF_FILE_MAX)
		return -EFBIG;
	*image = malloc(st.st_size ? st.st_size : 1);
	if (!*image)
		return -ENOMEM;
	for (*size = 0; *size < (size_t)st.st_size; *size += got) {
		got = read(fd, *image + *size, st.st_size - *size);
		if (got < 0 && errno == EINTR) {
			got = 0;
			continue;
		}
		if (got < 0)
			return -errno;
		if (!got)
			break;
	}
	return 0;
}

CODEARENA_API
int codearena_elf_open_file(const char *path,
			    const struct codearena_elf_open_opts *opts,
			    struct codearena_elf **out)
{
	struct codearena_elf_open_opts own;
	uint8_t *image = NULL;
	size_t size = 0;
	int ret, fd;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!path)
		return -EINVAL;
	ret = ca__elf_open_opts_get(opts, &own);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = fd < 0 ? -errno : ca__elf_read_file(fd, &image, &size);
	if (fd >= 0)
		close(fd);
	if (ret) {
		free(image);
		if (own.error && own.error_size)
			snprintf(own.error, own.error_size, "cannot read %s",
				 path);
		return ret;
	}
	return ca__elf_open_image(image, size, &own, out);
}

CODEARENA_API
void codearena_elf_close(struct codearena_elf *elf)
{
	if (!elf)
		return;
	free(elf->arrays);
	free(elf->by_name);
	free(elf->listed);
	free(elf->relocs);
	free(elf->symbols);
	free(elf->sections);
	free(elf->image);
	free(elf);
}

CODEARENA_API
const char *codearena_elf_error(const struct codearena_elf *elf)
{
	return elf ? elf->error : "";
}

CODEARENA_API
int codearena_elf_measure(struct codearena_elf *elf, uint32_t granule,
			  struct codearena_elf_layout *layout)
{
	struct codearena_elf_layout own = { 0 };
	struct ca__elf_sums sums;
	int ret;

	if (!elf)
		return -EINVAL;
	elf->error[0] = '\0';
	if (granule < CA__ELF_LEAST_GRANULE || granule > 65536 ||
	    granule & (granule - 1))
		return ca__elf_fail(elf, -EINVAL, "no such granule");
	ret = ca__elf_layout(elf, granule, false, &sums);
	if (ret)
		return ret;
	own.machine = elf->machine->machine;
	own.functions = elf->function_count;
	own.objects = sums.objects;
	own.code_length = sums.code_length;
	own.code_align = sums.code_align;
	own.data_length = sums.data_length;
	ret = ca__struct_put(layout, &own, CA__SIZE_ELF_LAYOUT, sizeof(own));
	if (ret)
		return ca__elf_fail(elf, ret, "size of the structure");
	return 0;
}

static bool ca__elf_is_gone(const struct codearena_elf *elf,
			    const struct ca__elf_symbol *symbol)
{
	return symbol->home == CA__ELF_IN_SECTION &&
	       (elf->sections[symbol->section].where == CA__ELF_NOWHERE ||
		elf->sections[symbol->section].discarded);
}

struct codearena_range
ca__elf_granules(const struct codearena_elf *elf,
		 const struct ca__elf_section *section)
{
	return (struct codearena_range){
		.offset = elf->offset + section->place,
		.length = ca__align_up(section->size, elf->granule),
	};
}

static void ca__elf_describe(const struct codearena_elf *elf,
			     const struct ca__elf_symbol *symbol,
			     struct codearena_elf_sym *sym)
{
	const struct ca__elf_section *section;

	sym->name = symbol->name;
	sym->size = symbol->size;
	sym->offset = CODEARENA_ELF_NO_OFFSET;
	if (symbol->type == STT_FUNC)
		sym->type = CODEARENA_ELF_SYM_FUNC;
	else if (symbol->type == STT_OBJECT || symbol->type == STT_COMMON)
		sym->type = CODEARENA_ELF_SYM_OBJECT;
	if (symbol->home != CA__ELF_UNDEFINED)
		sym->flags |= CODEARENA_ELF_SYM_F_DEFINED;
	if (symbol->bind != STB_LOCAL)
		sym->flags |= CODEARENA_ELF_SYM_F_GLOBAL;
	if (symbol->bind == STB_WEAK)
		sym->flags |= CODEARENA_ELF_SYM_F_WEAK;
	if (!elf->arena || ca__elf_is_gone(elf, symbol))
		return;
	sym->address = symbol->address;
	if (symbol->home != CA__ELF_IN_SECTION)
		return;
	section = &elf->sections[symbol->section];
	if (section->where == CA__ELF_CODE || section->where == CA__ELF_RODATA)
		sym->offset = elf->offset + section->place + symbol->value;
	if (section->where == CA__ELF_CODE && section->size)
		sym->code = ca__elf_granules(elf, section);
}

CODEARENA_API
int codearena_elf_symbol_at(struct codearena_elf *elf, size_t index,
			    struct codearena_elf_sym *sym)
{
	struct codearena_elf_sym own = { 0 };
	int ret;

	if (!elf)
		return -EINVAL;
	elf->error[0] = '\0';
	if (index >= elf->listed_count)
		return ca__elf_fail(elf, -ENOENT, "no symbol %zu", index);
	ca__elf_describe(elf, &elf->symbols[elf->listed[index]], &own);
	ret = ca__struct_put(sym, &own, CA__SIZE_ELF_SYM, sizeof(own));
	if (ret)
		return ca__elf_fail(elf, ret, "size of the structure");
	return 0;
}

int ca__elf_find(struct codearena_elf *elf, const char *name,
		 struct ca__elf_symbol **symbol)
{
	if (!elf)
		return -EINVAL;
	elf->error[0] = '\0';
	if (!name)
		return ca__elf_fail(elf, -EINVAL, "no name");
	if (!elf->arena)
		return ca__elf_fail(elf, -EBADFD, "the object is not loaded");
	*symbol = ca__elf_by_name(elf, name);
	if (!*symbol || ca__elf_is_gone(elf, *symbol))
		return ca__elf_fail(elf, -ENOENT, "no symbol %.*s",
				    CA__ELF_NAME_SHOWN, name);
	return 0;
}

CODEARENA_API
int codearena_elf_symbol(struct codearena_elf *elf, const char *name,
			 uint64_t *address)
{
	struct ca__elf_symbol *symbol;
	int ret;

	if (!address)
		return -EINVAL;
	*address = 0;
	ret = ca__elf_find(elf, name, &symbol);
	if (ret)
		return ret;
	*address = symbol->address;
	return 0;
}
