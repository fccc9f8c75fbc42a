// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A logger: sinks, and the queue of deferred code.
 *
 * The lock protects the queue, @flushing and @table. It is not held during
 * calls of sinks and callbacks. The rest is immutable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "codearena/module.h"
#include "log/log.h"
#include "log/logger_table.h"

#define CA__LOG_SINKS	(CODEARENA_LOG_PERFMAP | CODEARENA_LOG_JITDUMP | \
			 CODEARENA_LOG_GDB | CODEARENA_LOG_UNWIND)
#define CA__LOGGER_FLAGS (CODEARENA_LOGGER_F_ENVIRONMENT | \
			  CODEARENA_LOGGER_F_ANONYMOUS | \
			  CODEARENA_LOGGER_F_UNLINK | \
			  CODEARENA_LOGGER_F_APPEND)

struct ca__deferred {
	struct ca__deferred *next;
	struct codearena_code *code;
};

struct codearena_logger {
	pthread_mutex_t lock;
	struct ca__deferred *first;
	struct ca__deferred **last;
	bool flushing;
	struct ca__log_table table;
	uint64_t owner;
	uint32_t sinks;
	uint32_t flags;
	int (*source)(void *data, const struct codearena_code *code,
		      uint32_t position, struct codearena_log_line *line);
	void *data;
	struct codearena_perfmap *perfmap;
	struct codearena_jitdump *jitdump;
};

static uint32_t ca__sink_by_name(const char *name, size_t length)
{
	static const struct {
		const char *name;
		uint32_t sink;
	} names[] = {
		{ "perfmap", CODEARENA_LOG_PERFMAP },
		{ "jitdump", CODEARENA_LOG_JITDUMP },
		{ "gdb", CODEARENA_LOG_GDB },
		{ "unwind", CODEARENA_LOG_UNWIND },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i].name) == length &&
		    !memcmp(names[i].name, name, length))
			return names[i].sink;
	}
	return 0;
}

static uint32_t ca__sinks_from_environment(void)
{
	const char *list = secure_getenv("CODEARENA_LOG");
	uint32_t sinks = 0;
	size_t length;

	while (list && *list) {
		length = strcspn(list, ",");
		sinks |= ca__sink_by_name(list, length);
		list += length;
		list += *list == ',';
	}
	return sinks;
}

static int ca__logger_open(struct codearena_logger *logger,
			   const char *directory)
{
	uint32_t map_flags = logger->flags & CODEARENA_LOGGER_F_APPEND ?
			     CODEARENA_PERFMAP_F_APPEND : 0;
	uint32_t dump_flags = logger->flags & CODEARENA_LOGGER_F_UNLINK ?
			      CODEARENA_JITDUMP_F_UNLINK : 0;
	int ret = 0;

	if (logger->sinks & CODEARENA_LOG_PERFMAP)
		ret = codearena_perfmap_new(directory, map_flags,
					    &logger->perfmap);
	if (!ret && logger->sinks & CODEARENA_LOG_JITDUMP)
		ret = codearena_jitdump_new(directory, dump_flags,
					    &logger->jitdump);
	if (ret)
		codearena_perfmap_free(logger->perfmap);
	return ret;
}

CODEARENA_API int codearena_logger_new(const struct codearena_logger_opts *opts,
				       struct codearena_logger **out)
{
	struct codearena_logger_opts own;
	struct codearena_logger *logger;
	const char *directory, *other;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (!opts)
		return -EINVAL;
	ret = ca__struct_get(&own, opts, CA__SIZE_LOGGER_OPTS, sizeof(own));
	if (ret)
		return ret;
	if (own.sinks & ~CA__LOG_SINKS || own.flags & ~CA__LOGGER_FLAGS)
		return -EOPNOTSUPP;
	logger = calloc(1, sizeof(*logger));
	if (!logger)
		return -ENOMEM;
	if (own.sinks & CODEARENA_LOG_UNWIND && !ca__unwinder_found()) {
		free(logger);
		return -EOPNOTSUPP;
	}
	directory = own.directory;
	logger->sinks = own.sinks;
	logger->flags = own.flags;
	logger->source = own.source;
	logger->data = own.data;
	logger->last = &logger->first;
	logger->owner = ca__log_owner();
	if (own.flags & CODEARENA_LOGGER_F_ENVIRONMENT) {
		logger->sinks |= ca__sinks_from_environment();
		other = secure_getenv("CODEARENA_LOG_DIR");
		directory = other ? other : directory;
	}
	ret = ca__logger_open(logger, directory);
	if (ret) {
		free(logger);
		return ret;
	}
	pthread_mutex_init(&logger->lock, NULL);
	*out = logger;
	return 0;
}

CODEARENA_API uint32_t
codearena_logger_sinks(const struct codearena_logger *logger)
{
	return logger ? logger->sinks : 0;
}

/* The source lines of all positions that have one. */
static int ca__logger_lines(struct codearena_logger *logger,
			    const struct codearena_code *code,
			    struct codearena_log_line **out, size_t *count)
{
	const struct codearena_source_position *positions =
		ca__code_positions(code);
	size_t i, n = code->position_count, used = 0;
	struct codearena_log_line *lines;

	*out = NULL;
	*count = 0;
	if (!logger->source || !n)
		return 0;
	lines = calloc(n, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		/* Positions of inlined code are in other functions. */
		if (positions[i].inlining_id >= 0)
			continue;
		memset(&lines[used], 0, sizeof(*lines));
		if (logger->source(logger->data, code, positions[i].position,
				   &lines[used]))
			continue;
		lines[used++].offset = positions[i].code_offset;
	}
	*out = lines;
	*count = used;
	return 0;
}

static int ca__logger_gdb(struct codearena_logger *logger,
			  const struct codearena_log_entry *entry)
{
	struct codearena_gdbjit *object, *old = NULL;
	int ret;

	ret = codearena_gdbjit_register(entry, 1, &object);
	if (ret)
		return ret;
	pthread_mutex_lock(&logger->lock);
	ret = ca__log_table_set(&logger->table, entry->address, object, &old);
	pthread_mutex_unlock(&logger->lock);
	codearena_gdbjit_unregister(ret ? object : old);
	return ret;
}

/* Code at the address that was not withdrawn is gone: it is replaced. */
static int ca__logger_unwind(const struct codearena_log_entry *entry)
{
	int ret = ca__unwind_add(entry, 1);

	if (ret != -EEXIST)
		return ret;
	ca__unwind_remove(entry->address);
	return ca__unwind_add(entry, 1);
}

static int ca__logger_jitdump(struct codearena_logger *logger,
			      const struct codearena_log_entry *entry,
			      bool described)
{
	struct codearena_log_entry plain = *entry;

	/* What debuggers may assume is not written to files. */
	if (!described)
		plain.frame = CODEARENA_FRAME_UNKNOWN;
	return codearena_jitdump_load(logger->jitdump, &plain, NULL);
}

static int ca__logger_write(struct codearena_logger *logger,
			    const struct codearena_log_entry *entry,
			    bool described)
{
	int ret = 0, error;

	if (logger->perfmap)
		ret = codearena_perfmap_add(logger->perfmap, entry);
	if (logger->jitdump) {
		error = ca__logger_jitdump(logger, entry, described);
		ret = ret ? ret : error;
	}
	if (logger->sinks & CODEARENA_LOG_GDB) {
		error = ca__logger_gdb(logger, entry);
		ret = ret ? ret : error;
	}
	return ret;
}

static bool ca__logger_names(const struct codearena_logger *logger,
			     const struct codearena_code *code)
{
	return logger->sinks & ~CODEARENA_LOG_UNWIND &&
	       (code->function_index != CODEARENA_CODE_ANONYMOUS ||
		code->kind == CODEARENA_CODE_HOST_WRAPPER ||
		logger->flags & CODEARENA_LOGGER_F_ANONYMOUS);
}

static bool ca__logger_described(const struct codearena_code *code)
{
	return code->unwind || code->kind == CODEARENA_CODE_JUMP_TABLE;
}

static bool ca__logger_unwinds(const struct codearena_logger *logger,
			       const struct codearena_code *code)
{
	return logger->sinks & CODEARENA_LOG_UNWIND &&
	       ca__logger_described(code);
}

static bool ca__logger_wants(const struct codearena_logger *logger,
			     const struct codearena_code *code)
{
	return ca__logger_names(logger, code) ||
	       ca__logger_unwinds(logger, code);
}

static void ca__logger_frame(const struct codearena_code *code,
			     struct codearena_log_entry *entry)
{
	/* Jump tables have no frames, unless their slots use the stack. */
	if (code->kind == CODEARENA_CODE_JUMP_TABLE)
		entry->frame = CODEARENA_FRAME_LEAF;
	if (code->unwind == CODEARENA_UNWIND_FIXED) {
		entry->frame = CODEARENA_FRAME_FIXED;
		entry->frame_size = code->unwind_size;
	}
	if (code->unwind == CODEARENA_UNWIND_CFI) {
		entry->frame = CODEARENA_FRAME_CFI;
		entry->cfi = ca__code_cfi(code);
		entry->cfi_size = code->unwind_size;
	}
}

CODEARENA_API int codearena_logger_code(struct codearena_logger *logger,
					struct codearena_code *code)
{
	char name[CODEARENA_CODE_NAME_MAX + 1];
	struct codearena_log_entry entry = {
		.sz = sizeof(entry),
		.name = name,
	};
	struct codearena_log_line *lines;
	int ret, error;

	if (!logger || !code)
		return -EINVAL;
	if (logger->owner != ca__log_owner())
		return -EIO;
	if (!ca__logger_wants(logger, code))
		return 0;
	ret = ca__logger_lines(logger, code, &lines, &entry.line_count);
	if (ret)
		return ret;
	codearena_code_name(code, name, sizeof(name));
	entry.lines = lines;
	entry.address = code->start;
	entry.size = ca__code_body_bytes(code);
	ca__logger_frame(code, &entry);
	if (ca__logger_names(logger, code))
		ret = ca__logger_write(logger, &entry,
				       ca__logger_described(code));
	if (ca__logger_unwinds(logger, code)) {
		error = ca__logger_unwind(&entry);
		ret = ret ? ret : error;
	}
	free(lines);
	return ret;
}

CODEARENA_API int codearena_logger_defer(struct codearena_logger *logger,
					 struct codearena_code *code)
{
	struct ca__deferred *deferred;
	int ret;

	if (!logger || !code)
		return -EINVAL;
	if (logger->owner != ca__log_owner())
		return -EIO;
	if (!ca__logger_wants(logger, code))
		return 0;
	deferred = calloc(1, sizeof(*deferred));
	if (!deferred)
		return -ENOMEM;
	ret = codearena_code_ref(code);
	if (ret) {
		free(deferred);
		return ret;
	}
	deferred->code = code;
	pthread_mutex_lock(&logger->lock);
	*logger->last = deferred;
	logger->last = &deferred->next;
	pthread_mutex_unlock(&logger->lock);
	return 0;
}

/* Takes the oldest entry; without one flushing ends. */
static struct ca__deferred *ca__deferred_take(struct codearena_logger *logger)
{
	struct ca__deferred *deferred;

	pthread_mutex_lock(&logger->lock);
	deferred = logger->first;
	if (deferred) {
		logger->first = deferred->next;
		if (!logger->first)
			logger->last = &logger->first;
	} else {
		logger->flushing = false;
	}
	pthread_mutex_unlock(&logger->lock);
	return deferred;
}

CODEARENA_API int codearena_logger_flush(struct codearena_logger *logger)
{
	struct ca__deferred *deferred;
	int ret = 0, error;
	bool busy;

	if (!logger)
		return -EINVAL;
	if (logger->owner != ca__log_owner())
		return -EIO;
	pthread_mutex_lock(&logger->lock);
	busy = logger->flushing;
	logger->flushing = true;
	pthread_mutex_unlock(&logger->lock);
	if (busy)
		return 0;
	while ((deferred = ca__deferred_take(logger))) {
		error = codearena_logger_code(logger, deferred->code);
		ret = ret ? ret : error;
		codearena_code_put(deferred->code);
		free(deferred);
	}
	return ret;
}

/**
 * ca__logger_forget - code is about to be freed
 * @logger: logger
 * @address: first address of the code, logged or not
 *
 * Withdraws the code from debuggers and the unwinder; files keep it. Call this
 * before its memory is reused.
 *
 * Return: 0; -EINVAL; -EIO: in a child of fork().
 */
int ca__logger_forget(struct codearena_logger *logger, uint64_t address)
{
	struct codearena_gdbjit *object;

	if (!logger)
		return -EINVAL;
	if (logger->owner != ca__log_owner())
		return -EIO;
	if (logger->sinks & CODEARENA_LOG_UNWIND)
		ca__unwind_remove(address);
	pthread_mutex_lock(&logger->lock);
	object = ca__log_table_take(&logger->table, address);
	pthread_mutex_unlock(&logger->lock);
	codearena_gdbjit_unregister(object);
	return 0;
}

CODEARENA_API void codearena_logger_free(struct codearena_logger *logger)
{
	struct ca__deferred *deferred;

	if (!logger)
		return;
	codearena_perfmap_free(logger->perfmap);
	codearena_jitdump_free(logger->jitdump);
	/* In a child: another thread may have been changing the rest. */
	if (logger->owner != ca__log_owner())
		return;
	while ((deferred = logger->first)) {
		logger->first = deferred->next;
		codearena_code_put(deferred->code);
		free(deferred);
	}
	ca__log_table_free(&logger->table);
	pthread_mutex_destroy(&logger->lock);
	free(logger);
}
