// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Descriptions of code for profilers and debuggers: checking and reading them.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "log/log.h"

static int ca__log_file_name_check(const char *file)
{
	size_t i;

	if (!file || !*file)
		return -EINVAL;
	for (i = 0; file[i]; i++) {
		if ((unsigned char)file[i] < ' ' || file[i] == 0x7f)
			return -EINVAL;
		if (i == PATH_MAX - 1)
			return -ENAMETOOLONG;
	}
	return 0;
}

static int ca__log_lines_check(const struct codearena_log_entry *entry)
{
	const struct codearena_log_line *line;
	uint64_t last = 0;
	size_t i;
	int ret;

	if (!entry->line_count)
		return 0;
	if (!entry->lines)
		return -EINVAL;
	for (i = 0; i < entry->line_count; i++) {
		line = &entry->lines[i];
		if (line->offset < last || line->offset >= entry->size ||
		    !line->line)
			return -EINVAL;
		last = line->offset;
		ret = ca__log_file_name_check(line->file);
		if (ret)
			return ret;
	}
	return 0;
}

/* The first release has no members for the last two rules. */
static bool ca__log_frame_valid(const struct codearena_log_entry *entry,
				bool whole)
{
	switch (entry->frame) {
	case CODEARENA_FRAME_POINTER:
	case CODEARENA_FRAME_LEAF:
	case CODEARENA_FRAME_UNKNOWN:
		return true;
	case CODEARENA_FRAME_FIXED:
		return whole && !(entry->frame_size % 8);
	case CODEARENA_FRAME_CFI:
		return whole && entry->cfi && entry->cfi_size;
	default:
		return false;
	}
}

/**
 * ca__log_check - check a description of code
 * @entry: NULL, or the description
 *
 * Return: 0; -EINVAL: NULL, @sz is too small, no name, size 0, an unknown
 * frame, lines that do not ascend, leave the code, have number 0 or no file
 * name; -E2BIG: members unknown to this library are not 0; -EOPNOTSUPP: flags
 * are not 0; -EOVERFLOW: larger than CODEARENA_CODE_MAX, or the address range
 * wraps; -ENAMETOOLONG: the name of the code or of a file is too long.
 */
int ca__log_check(const struct codearena_log_entry *entry)
{
	bool whole;
	int ret;

	if (!entry)
		return -EINVAL;
	ret = ca__struct_check(entry, entry->sz, CA__SIZE_LOG_ENTRY,
			       sizeof(*entry));
	if (ret)
		return ret;
	whole = entry->sz >= sizeof(*entry);
	if (entry->flags || (whole && entry->__reserved))
		return -EOPNOTSUPP;
	if (entry->size > CODEARENA_CODE_MAX ||
	    entry->address > UINT64_MAX - entry->size)
		return -EOVERFLOW;
	if (!entry->size || !entry->name || !*entry->name ||
	    !ca__log_frame_valid(entry, whole))
		return -EINVAL;
	if (strnlen(entry->name, CODEARENA_CODE_NAME_MAX + 1) >
	    CODEARENA_CODE_NAME_MAX)
		return -ENAMETOOLONG;
	return ca__log_lines_check(entry);
}

/**
 * ca__log_bytes - address to read code at
 * @entry: code
 *
 * Return: the address.
 */
const void *ca__log_bytes(const struct codearena_log_entry *entry)
{
	return entry->bytes ? entry->bytes :
			      (const void *)(uintptr_t)entry->address;
}

/**
 * ca__log_machine - ELF machine number of this library
 *
 * Return: EM_*.
 */
uint32_t ca__log_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#else
	return EM_RISCV;
#endif
}
