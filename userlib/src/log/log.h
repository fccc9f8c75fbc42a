/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Shared by the sinks: records under construction, files, and DWARF.
 */
#ifndef CA__LOG_H
#define CA__LOG_H

#include "codearena/log.h"
#include "base/base.h"

/* Sizes in the first release. */
#define CA__SIZE_LOG_ENTRY	64
#define CA__SIZE_LOGGER_OPTS	40

_Static_assert(sizeof(struct codearena_log_entry) >= CA__SIZE_LOG_ENTRY &&
	       sizeof(struct codearena_logger_opts) >= CA__SIZE_LOGGER_OPTS,
	       "structures only grow");

/**
 * struct ca__buffer - growing array of bytes
 * @data: the bytes
 * @size: number of bytes
 * @room: bytes allocated
 * @error: 0, or the first error; nothing is added afterwards
 */
struct ca__buffer {
	uint8_t *data;
	size_t size;
	size_t room;
	int error;
};

/* log_buffer.c; all numbers are little-endian */
void ca__buffer_put(struct ca__buffer *buffer, const void *from, size_t size);
void ca__buffer_number(struct ca__buffer *buffer, uint64_t value,
		       unsigned int bytes);
void ca__buffer_set(struct ca__buffer *buffer, size_t at, uint64_t value,
		    unsigned int bytes);
void ca__buffer_unsigned(struct ca__buffer *buffer, uint64_t value);
void ca__buffer_signed(struct ca__buffer *buffer, int64_t value);
void ca__buffer_string(struct ca__buffer *buffer, const char *string);
void ca__buffer_name(struct ca__buffer *buffer, const char *name);
void ca__buffer_align(struct ca__buffer *buffer, size_t align);
void ca__buffer_drop(struct ca__buffer *buffer);

/**
 * struct ca__log_file - a file that records are appended to
 * @fd: the file
 * @owner: the process that opened it, see ca__log_owner()
 */
struct ca__log_file {
	int fd;
	uint64_t owner;
};

/* log_file.c */
uint64_t ca__log_owner(void);
int ca__log_open(struct ca__log_file *file, const char *directory,
		 const char *format, bool append, bool unlink_it);
int ca__log_append(const struct ca__log_file *file,
		   const struct ca__buffer *record);

/* log.c */
int ca__log_check(const struct codearena_log_entry *entry);
const void *ca__log_bytes(const struct codearena_log_entry *entry);
uint32_t ca__log_machine(void);

/* gdbjit_elf.c */
int ca__gdbjit_build(uint32_t machine,
		     const struct codearena_log_entry *entries, size_t count,
		     void **object, size_t *size);

/* unwind.c */
int ca__unwind_add(const struct codearena_log_entry *entries, size_t count);
bool ca__unwind_remove(uint64_t address);

/* logger.c */
int ca__logger_forget(struct codearena_logger *logger, uint64_t address);

/* dwarf_frame.c */

/**
 * enum ca__dwarf_section - where frame descriptions are for
 * @CA__DEBUG_FRAME: section .debug_frame
 * @CA__EH_FRAME: section .eh_frame, with the addresses of the code
 * @CA__EH_FRAME_AFTER: section .eh_frame that follows the code of its only
 *                      entry at the next multiple of 8, with distances
 */
enum ca__dwarf_section {
	CA__DEBUG_FRAME,
	CA__EH_FRAME,
	CA__EH_FRAME_AFTER
};

size_t ca__dwarf_cie(struct ca__buffer *to, uint32_t machine,
		     enum ca__dwarf_section section);
void ca__dwarf_frame(struct ca__buffer *to, uint32_t machine,
		     enum ca__dwarf_section section, size_t cie,
		     const struct codearena_log_entry *entry);

/* gdbjit_dwarf.c */
void ca__dwarf_abbrev(struct ca__buffer *to);
void ca__dwarf_unit(struct ca__buffer *info, struct ca__buffer *line,
		    const struct codearena_log_entry *entry);

#endif /* CA__LOG_H */
