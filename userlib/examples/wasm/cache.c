// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The cache of compiled modules: a directory for each, with module.o in it. Its
 * time is that of its last use. Who compiles a module locks its directory for
 * himself; who uses it shares the lock until his process ends. A directory that is
 * locked is not removed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasm.h"

#define OBJECT	"module.o"

struct entry {
	char *path;
	struct timespec used;
	uint64_t bytes;
};

char *wasm_cache_path(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		wasm_die("out of memory");
	return path;
}

static void make_directories(const char *path)
{
	char *copy = strdup(path);

	for (char *at = copy + 1; at[-1]; at++) {
		char had = *at;

		if (had && had != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			wasm_die("cannot make %s: %s", copy, strerror(errno));
		*at = had;
	}
	free(copy);
}

static bool is_same_file(int descriptor, const char *path)
{
	struct stat one, other;

	return !fstat(descriptor, &one) && !stat(path, &other) &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Another process may remove the directory before it is locked. */
static int lock(const char *directory, int how)
{
	for (;;) {
		int descriptor;

		make_directories(directory);
		descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (descriptor < 0 && errno != ENOENT)
			wasm_die("cannot open %s: %s", directory,
				 strerror(errno));
		if (descriptor < 0)
			continue;
		flock(descriptor, how);
		if (is_same_file(descriptor, directory))
			return descriptor;
		close(descriptor);
	}
}

int wasm_cache_use(const char *directory)
{
	char *object = wasm_cache_path(directory, OBJECT);
	int descriptor = lock(directory, LOCK_SH);
	bool there = !access(object, R_OK);

	if (there)
		utimensat(AT_FDCWD, object, NULL, 0);
	free(object);
	if (there)
		return descriptor;
	close(descriptor);
	return -1;
}

int wasm_cache_make(const char *directory)
{
	return lock(directory, LOCK_EX);
}

/* Remove the files of a directory, all of them or all but the object. */
static void empty(const char *directory, bool keep_object)
{
	DIR *files = opendir(directory);
	struct dirent *file;

	while (files && (file = readdir(files))) {
		if (file->d_name[0] != '.' &&
		    !(keep_object && !strcmp(file->d_name, OBJECT)))
			unlinkat(dirfd(files), file->d_name, 0);
	}
	if (files)
		closedir(files);
}

/* The C of a large module is larger than its object. */
void wasm_cache_clean(const char *directory)
{
	empty(directory, true);
}

static uint64_t bytes_of(const char *directory)
{
	DIR *files = opendir(directory);
	struct dirent *file;
	uint64_t bytes = 0;
	struct stat st;

	while (files && (file = readdir(files)))
		if (file->d_name[0] != '.' &&
		    !fstatat(dirfd(files), file->d_name, &st, 0))
			bytes += st.st_size;
	if (files)
		closedir(files);
	return bytes;
}

/* Only directories that this program made: 32 hexadecimal digits. */
static bool is_entry(const char *name)
{
	return strlen(name) == 32 &&
	       strspn(name, "0123456789abcdef") == 32;
}

static struct entry make_entry(const char *cache, const char *name)
{
	struct entry entry = { .path = wasm_cache_path(cache, name) };
	char *object = wasm_cache_path(entry.path, OBJECT);
	struct stat st;

	/* What was never finished goes first. */
	if (!stat(object, &st))
		entry.used = st.st_mtim;
	free(object);
	entry.bytes = bytes_of(entry.path);
	return entry;
}

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used;
	const struct timespec *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static struct entry *list_entries(const char *cache, size_t *count)
{
	struct entry *entries = NULL;
	DIR *names = opendir(cache);
	struct dirent *name;

	*count = 0;
	while (names && (name = readdir(names))) {
		if (!is_entry(name->d_name))
			continue;
		entries = realloc(entries, (*count + 1) * sizeof(*entries));
		if (!entries)
			wasm_die("out of memory");
		entries[(*count)++] = make_entry(cache, name->d_name);
	}
	if (names)
		closedir(names);
	if (entries)
		qsort(entries, *count, sizeof(*entries), by_use);
	return entries;
}

static bool remove_entry(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool removed = false;

	if (descriptor < 0)
		return false;
	if (!flock(descriptor, LOCK_EX | LOCK_NB)) {
		empty(path, false);
		removed = !rmdir(path);
	}
	close(descriptor);
	return removed;
}

void wasm_cache_limit(const char *cache, uint64_t limit)
{
	size_t count;
	struct entry *entries = list_entries(cache, &count);
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += entries[i].bytes;
	for (size_t i = 0; i < count; i++) {
		if (bytes > limit && remove_entry(entries[i].path))
			bytes -= entries[i].bytes;
		free(entries[i].path);
	}
	free(entries);
}
