// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The perf map: one line per code, "START SIZE NAME" in hexadecimal.
 *
 * The lock serialises records; all else is immutable.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/log.h"

struct codearena_perfmap {
	pthread_mutex_t lock;
	struct ca__log_file file;
};

CODEARENA_API int codearena_perfmap_new(const char *directory, uint32_t flags,
					struct codearena_perfmap **out)
{
	struct codearena_perfmap *map;
	int ret;

	if (!out)
		return -EINVAL;
	*out = NULL;
	if (flags & ~CODEARENA_PERFMAP_F_APPEND)
		return -EOPNOTSUPP;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	ret = ca__log_open(&map->file, directory ? directory : "/tmp",
			   "perf-%d.map", flags & CODEARENA_PERFMAP_F_APPEND,
			   false);
	if (ret) {
		free(map);
		return ret;
	}
	pthread_mutex_init(&map->lock, NULL);
	*out = map;
	return 0;
}

CODEARENA_API int codearena_perfmap_add(struct codearena_perfmap *map,
					const struct codearena_log_entry *entry)
{
	struct ca__buffer record = { 0 };
	char numbers[40];
	int ret;

	ret = map ? ca__log_check(entry) : -EINVAL;
	if (ret)
		return ret;
	if (map->file.owner != ca__log_owner())
		return -EIO;
	ret = snprintf(numbers, sizeof(numbers), "%" PRIx64 " %" PRIx64 " ",
		       entry->address, entry->size);
	ca__buffer_put(&record, numbers, ret);
	ca__buffer_name(&record, entry->name);
	ca__buffer_put(&record, "\n", 1);
	pthread_mutex_lock(&map->lock);
	ret = ca__log_append(&map->file, &record);
	pthread_mutex_unlock(&map->lock);
	ca__buffer_drop(&record);
	return ret;
}

CODEARENA_API void codearena_perfmap_free(struct codearena_perfmap *map)
{
	if (!map)
		return;
	close(map->file.fd);
	free(map);
}
