// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Executable memory of sljit from codearena: its interface of separate writable and
 * executable addresses, with one difference. The writable bytes are not a second
 * view of the code. They are ordinary memory until sljit_publish_exec() hands them
 * to the kernel, and then they are freed.
 *
 * Included by sljitLir.c in the place of sljitProtExecAllocator.c.
 */
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>

#include <codearena/module.h>

/**
 * struct sljit_region - space for one compiled pattern
 * @code: where it runs
 * @staged: what is being written, behind a pointer to this; NULL once published
 */
struct sljit_region {
	struct codearena_region code;
	struct sljit_region **staged;
};

/* What precedes the bytes keeps them aligned for any instruction. */
#define SLJIT_STAGED_HEAD	16

static struct codearena_manager *sljit_manager;
static struct codearena_allocator *sljit_allocator;
static void *sljit_regions; /* a tree by the address of the code */
static pthread_mutex_t sljit_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t sljit_once = PTHREAD_ONCE_INIT;

static void sljit_fork_begin(void)
{
	pthread_mutex_lock(&sljit_mutex);
}

static void sljit_fork_parent(void)
{
	pthread_mutex_unlock(&sljit_mutex);
}

/* A child that cannot clone matches with the patterns that its parent compiled. */
static void sljit_fork_child(void)
{
	if (sljit_allocator)
		codearena_allocator_clone(sljit_allocator);
	pthread_mutex_unlock(&sljit_mutex);
}

static void sljit_begin(void)
{
	CODEARENA_OPTS(codearena_allocator_opts, opts, .name = "pcre2",
		       .ahead = 65536);

	if (codearena_manager_new(NULL, &sljit_manager))
		return;
	/* In a child the library's own handlers, registered before, run first. */
	if (pthread_atfork(sljit_fork_begin, sljit_fork_parent, sljit_fork_child) ||
	    codearena_allocator_new(sljit_manager, &opts, &sljit_allocator)) {
		codearena_manager_free(sljit_manager);
		sljit_manager = NULL;
	}
}

static int sljit_compare(const void *a, const void *b)
{
	const struct sljit_region *x = a, *y = b;

	return x->code.begin < y->code.begin ? -1 : x->code.begin > y->code.begin;
}

static struct sljit_region *sljit_find(void *code)
{
	const struct sljit_region key = { .code.begin = (uintptr_t)code };
	void *found;

	pthread_mutex_lock(&sljit_mutex);
	found = tfind(&key, &sljit_regions, sljit_compare);
	pthread_mutex_unlock(&sljit_mutex);
	return found ? *(struct sljit_region **)found : NULL;
}

/* Nobody executes what sljit frees, so no grace is waited for. */
static void sljit_give_back(struct sljit_region *region)
{
	uint64_t grace;

	free(region->staged);
	codearena_allocator_release(sljit_allocator, &region->code, 1, NULL);
	grace = codearena_allocator_grace_begin(sljit_allocator);
	codearena_allocator_grace_end(sljit_allocator, grace);
	free(region);
}

/* Memory to write SIZE bytes of code to, or NULL. */
static void *sljit_malloc_exec(sljit_uw size)
{
	struct sljit_region *region;
	int kept;

	pthread_once(&sljit_once, sljit_begin);
	if (!sljit_allocator || size > SIZE_MAX - SLJIT_STAGED_HEAD)
		return NULL;
	region = calloc(1, sizeof(*region));
	if (!region)
		return NULL;
	region->staged = malloc(SLJIT_STAGED_HEAD + size);
	if (!region->staged ||
	    codearena_allocator_allocate(sljit_allocator, size, NULL,
					 &region->code)) {
		free(region->staged);
		free(region);
		return NULL;
	}
	*region->staged = region;
	pthread_mutex_lock(&sljit_mutex);
	kept = tsearch(region, &sljit_regions, sljit_compare) != NULL;
	pthread_mutex_unlock(&sljit_mutex);
	if (!kept) {
		sljit_give_back(region);
		return NULL;
	}
	return (uint8_t *)region->staged + SLJIT_STAGED_HEAD;
}

/* What to add to an address from sljit_malloc_exec() to get that of the code. */
SLJIT_API_FUNC_ATTRIBUTE sljit_sw sljit_exec_offset(void *ptr)
{
	struct sljit_region **staged =
		(void *)((uint8_t *)ptr - SLJIT_STAGED_HEAD);

	return (sljit_sw)((*staged)->code.begin - (uintptr_t)ptr);
}

/* Publish the code that was written, up to END; 0, or a negative errno. */
static int sljit_publish_exec(void *code, void *end)
{
	struct sljit_region *region = sljit_find(code);
	struct codearena_object object = {
		.source = (uintptr_t)region->staged + SLJIT_STAGED_HEAD,
		.length = (uintptr_t)end - (uintptr_t)code,
	};
	struct codearena_arena *arena;
	uint64_t offset;
	int ret;

	ret = codearena_allocator_locate(sljit_allocator, region->code.begin,
					 &arena, &offset, NULL);
	if (ret)
		return ret;
	object.offset = offset;
	ret = codearena_arena_publish(arena, &object, 1, NULL, 0, 0, NULL);
	if (ret)
		return ret;
	free(region->staged);
	region->staged = NULL;
	return 0;
}

/* Free code, published or not, by its address. */
static void sljit_free_exec(void *code)
{
	struct sljit_region *region = sljit_find(code);

	pthread_mutex_lock(&sljit_mutex);
	tdelete(region, &sljit_regions, sljit_compare);
	pthread_mutex_unlock(&sljit_mutex);
	sljit_give_back(region);
}

SLJIT_API_FUNC_ATTRIBUTE void sljit_free_unused_memory_exec(void)
{
}
