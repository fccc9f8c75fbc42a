// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The jitdump, version 1, see
 * tools/perf/Documentation/jitdump-specification.txt in the kernel's sources.
 *
 * The lock protects the counter, and serialises records: indices and times
 * ascend in the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log/log.h"

#define CA__DUMP_MAGIC		0x4a695444
#define CA__DUMP_VERSION	1
#define CA__DUMP_HEADER		40

enum ca__dump_record {
	CA__DUMP_LOAD = 0,
	CA__DUMP_MOVE = 1,
	CA__DUMP_DEBUG_INFO = 2,
	CA__DUMP_CLOSE = 3,
	CA__DUMP_UNWINDING = 4,
};

struct codearena_jitdump {
	pthread_mutex_t lock;
	struct ca__log_file file;
	void *marker;
	size_t marker_size;
	uint64_t next_index;
};

static uint64_t ca__dump_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void ca__dump_begin(struct ca__buffer *record, enum ca__dump_record id)
{
	ca__buffer_number(record, id, 4);
	ca__buffer_number(record, 0, 4);
	ca__buffer_number(record, ca__dump_time(), 8);
}

static void ca__dump_end(struct ca__buffer *record, size_t begin)
{
	ca__buffer_set(record, begin + 4, record->size - begin, 4);
}

static void ca__dump_threads(struct ca__buffer *record)
{
	ca__buffer_number(record, getpid(), 4);
	ca__buffer_number(record, syscall(SYS_gettid), 4);
}

static int ca__dump_header(struct codearena_jitdump *dump)
{
	struct ca__buffer header = { 0 };
	int ret;

	ca__buffer_number(&header, CA__DUMP_MAGIC, 4);
	ca__buffer_number(&header, CA__DUMP_VERSION, 4);
	ca__buffer_number(&header, CA__DUMP_HEADER, 4);
	ca__buffer_number(&header, ca__log_machine(), 4);
	ca__buffer_number(&header, 0, 4);
	ca__buffer_number(&header, getpid(), 4);
	ca__buffer_number(&header, ca__dump_time(), 8);
	ca__buffer_number(&header, 0, 8);
	ret = ca__log_append(&dump->file, &header);
	ca__buffer_drop(&header);
	return ret;
}

CODEARENA_API int codearena_jitdump_new(const char *directory, uint32_t flags,
					struct codearena_jitdump **out)
{
	struct codearena_jitdump *dump;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (flags & ~CODEARENA_JITDUMP_F_UNLINK)
		return -EOPNOTSUPP;
	dump = calloc(1, sizeof(*dump));
	if (!dump)
		return -ENOMEM;
	ret = ca__log_open(&dump->file, directory ? directory : ".",
			   "jit-%d.dump", false,
			   flags & CODEARENA_JITDUMP_F_UNLINK);
	if (ret)
		goto err_dump;
	ret = ca__dump_header(dump);
	if (ret)
		goto err_file;
	dump->marker_size = sysconf(_SC_PAGESIZE);
	dump->marker = mmap(NULL, dump->marker_size, PROT_READ | PROT_EXEC,
			    MAP_PRIVATE, dump->file.fd, 0);
	if (dump->marker == MAP_FAILED) {
		ret = -errno;
		goto err_file;
	}
	pthread_mutex_init(&dump->lock, NULL);
	*out = dump;
	return 0;

err_file:
	close(dump->file.fd);
err_dump:
	free(dump);
	return ret;
}

static void ca__dump_lines(struct ca__buffer *record,
			   const struct codearena_log_entry *entry)
{
	const struct codearena_log_line *line;
	size_t begin = record->size;
	size_t i;

	if (!entry->line_count)
		return;
	ca__dump_begin(record, CA__DUMP_DEBUG_INFO);
	ca__buffer_number(record, entry->address, 8);
	ca__buffer_number(record, entry->line_count, 8);
	for (i = 0; i < entry->line_count; i++) {
		line = &entry->lines[i];
		/*
		 * Without the size of an ELF header, which V8 adds: current perf
		 * adds it itself, and V8's lines are after the code then.
		 */
		ca__buffer_number(record, entry->address + line->offset, 8);
		ca__buffer_number(record, line->line, 4);
		ca__buffer_number(record, line->column, 4);
		ca__buffer_string(record, line->file);
	}
	ca__buffer_align(record, 8);
	ca__dump_end(record, begin);
}

/* Sections 10.6.1 and 10.6.2 of the LSB: a table of one entry. */
static void ca__dump_frame_header(struct ca__buffer *to, size_t frames,
				  size_t description, uint64_t code)
{
	static const uint8_t encodings[] = {
		1,	/* version */
		0x1b,	/* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
		0x03,	/* DW_EH_PE_udata4 */
		0x3b,	/* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
	};

	ca__buffer_put(to, encodings, sizeof(encodings));
	ca__buffer_number(to, -frames - sizeof(encodings), 4);
	ca__buffer_number(to, 1, 4);
	ca__buffer_number(to, -frames - ca__align_up(code, 8), 4);
	ca__buffer_number(to, description - frames, 4);
}

/*
 * How the code of the next record unwinds: .eh_frame, which perf puts after the
 * code at a multiple of 8, and .eh_frame_hdr after that.
 */
static void ca__dump_unwinding(struct ca__buffer *record,
			       const struct codearena_log_entry *entry)
{
	struct ca__buffer frames = { 0 };
	size_t begin = record->size, cie, description, size;

	if (entry->frame == CODEARENA_FRAME_UNKNOWN)
		return;
	cie = ca__dwarf_cie(&frames, ca__log_machine(), CA__EH_FRAME_AFTER);
	description = frames.size;
	ca__dwarf_frame(&frames, ca__log_machine(), CA__EH_FRAME_AFTER, cie,
			entry);
	ca__buffer_number(&frames, 0, 4);
	ca__buffer_align(&frames, 8);
	size = frames.size;
	ca__dump_frame_header(&frames, size, description, entry->size);
	ca__dump_begin(record, CA__DUMP_UNWINDING);
	ca__buffer_number(record, frames.size, 8);
	ca__buffer_number(record, frames.size - size, 8);
	ca__buffer_number(record, frames.size, 8);
	ca__buffer_put(record, frames.data, frames.size);
	ca__buffer_align(record, 8);
	ca__dump_end(record, begin);
	if (frames.error && !record->error)
		record->error = frames.error;
	ca__buffer_drop(&frames);
}

static void ca__dump_load(struct ca__buffer *record,
			  const struct codearena_log_entry *entry,
			  const void *bytes, uint64_t index)
{
	size_t begin = record->size;

	ca__dump_begin(record, CA__DUMP_LOAD);
	ca__dump_threads(record);
	ca__buffer_number(record, entry->address, 8);
	ca__buffer_number(record, entry->address, 8);
	ca__buffer_number(record, entry->size, 8);
	ca__buffer_number(record, index, 8);
	ca__buffer_name(record, entry->name);
	ca__buffer_number(record, 0, 1);
	ca__buffer_put(record, bytes, entry->size);
	ca__dump_end(record, begin);
}

CODEARENA_API int codearena_jitdump_load(struct codearena_jitdump *dump,
					 const struct codearena_log_entry *entry,
					 uint64_t *index)
{
	struct ca__buffer record = { 0 };
	int ret;

	ret = dump ? ca__log_check(entry) : -EINVAL;
	if (ret)
		return ret;
	if (dump->file.owner != ca__log_owner())
		return -EIO;
	pthread_mutex_lock(&dump->lock);
	/* In one write, so that a full disk stores all or nothing. */
	ca__dump_lines(&record, entry);
	ca__dump_unwinding(&record, entry);
	ca__dump_load(&record, entry, ca__log_bytes(entry), dump->next_index);
	ret = ca__log_append(&dump->file, &record);
	if (!ret && index)
		*index = dump->next_index;
	if (!ret)
		dump->next_index++;
	pthread_mutex_unlock(&dump->lock);
	ca__buffer_drop(&record);
	return ret;
}

CODEARENA_API int codearena_jitdump_move(struct codearena_jitdump *dump,
					 uint64_t index, uint64_t from,
					 uint64_t to, uint64_t size)
{
	struct ca__buffer record = { 0 };
	int ret;

	if (!dump || !size)
		return -EINVAL;
	if (from > UINT64_MAX - size || to > UINT64_MAX - size)
		return -EOVERFLOW;
	if (dump->file.owner != ca__log_owner())
		return -EIO;
	pthread_mutex_lock(&dump->lock);
	if (index >= dump->next_index) {
		ret = -ENOENT;
		goto out_unlock;
	}
	ca__dump_begin(&record, CA__DUMP_MOVE);
	ca__dump_threads(&record);
	ca__buffer_number(&record, to, 8);
	ca__buffer_number(&record, from, 8);
	ca__buffer_number(&record, to, 8);
	ca__buffer_number(&record, size, 8);
	ca__buffer_number(&record, index, 8);
	ca__dump_end(&record, 0);
	ret = ca__log_append(&dump->file, &record);
out_unlock:
	pthread_mutex_unlock(&dump->lock);
	ca__buffer_drop(&record);
	return ret;
}

CODEARENA_API void codearena_jitdump_free(struct codearena_jitdump *dump)
{
	struct ca__buffer record = { 0 };

	if (!dump)
		return;
	if (dump->file.owner == ca__log_owner()) {
		ca__dump_begin(&record, CA__DUMP_CLOSE);
		ca__dump_end(&record, 0);
		ca__log_append(&dump->file, &record);
		ca__buffer_drop(&record);
	}
	munmap(dump->marker, dump->marker_size);
	close(dump->file.fd);
	free(dump);
}
