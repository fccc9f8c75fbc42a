// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Machine code of LuaJIT in arenas. Traces are written in ordinary memory, the
 * staging memory of their area, and published when they are finished. The same
 * call patches the exits of the parent trace.
 *
 * Included by lj_mcode.c. In this file, addresses in the staging memory are called
 * staged; the others are those where code runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <codearena.h>

/* Address space of an arena; another one is made when it is full. */
#define MCODE_ARENA	((size_t)8 << 20)

/* Code lies so near to the interpreter that all of it reaches all of it. */
#define MCODE_REACH	((1u << (LJ_TARGET_JUMPRANGE - 1)) - (1u << 21))

/* The largest page of any machine, and the usual size of an area. */
#define MCODE_PAGE	((size_t)65536)

/* What fills the gap between two traces: INT3, or UDF. */
#if LJ_TARGET_X86ORX64
#define MCODE_FILL	0xcc
#else
#define MCODE_FILL	0
#endif

/**
 * struct mcode_area - space for traces
 * @next: the area before this one
 * @arena: where it is; areas that follow each other share an arena
 * @offset: where in the arena; the area at 0 owns the arena
 * @size: bytes
 * @base: where its code runs
 */
struct mcode_area {
	struct mcode_area *next;
	struct codearena_arena *arena;
	uint64_t offset;
	size_t size;
	uint8_t *base;
};

/**
 * struct MCodePort - the machine code of a state, J->mcport
 * @next: in mcode_ports
 * @areas: all areas, the current one first
 * @published: end of what is published at the bottom of the current area; staged
 * @patched: the area of the words to be patched
 * @patches: these words, with their addresses as offsets
 * @patch_count: entries of @patches
 * @patch_room: entries that fit
 * @frozen: a child of fork() shares the arenas, so they must not change
 */
struct MCodePort {
	struct MCodePort *next;
	struct mcode_area *areas;
	uint8_t *published;
	struct mcode_area *patched;
	struct codearena_patch_entry *patches;
	size_t patch_count;
	size_t patch_room;
	int frozen;
};

/* Held while arenas change, so that fork() finds them at rest. */
static pthread_mutex_t mcode_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t mcode_once = PTHREAD_ONCE_INIT;
static struct MCodePort *mcode_ports;
static int mcode_pipe[2];

/* -- fork() -------------------------------------------------------------- */

/*
 * A child gets arenas of its own. The parent waits for that: a trace that it
 * published earlier refers to its own objects, and would be seen by the child.
 */
static void mcode_fork_begin(void)
{
	pthread_mutex_lock(&mcode_mutex);
	if (!mcode_ports || pipe2(mcode_pipe, O_CLOEXEC))
		mcode_pipe[0] = mcode_pipe[1] = -1;
}

static void mcode_fork_parent(void)
{
	struct MCodePort *port;
	ssize_t got = -1;
	char byte;

	if (mcode_pipe[0] >= 0) {
		close(mcode_pipe[1]);
		do
			got = read(mcode_pipe[0], &byte, 1);
		while (got < 0 && errno == EINTR);
		close(mcode_pipe[0]);
	}
	/* The next trace of each state fails then, and frees its arenas. */
	for (port = mcode_ports; port && got != 1; port = port->next)
		port->frozen = 1;
	pthread_mutex_unlock(&mcode_mutex);
}

/* Where a child cannot clone, its first trace fails and frees the arenas. */
static void mcode_fork_child(void)
{
	struct MCodePort *port;
	struct mcode_area *area;
	int ret = 0;

	for (port = mcode_ports; port && mcode_pipe[0] >= 0; port = port->next)
		for (area = port->areas; area && !ret; area = area->next)
			if (!area->offset)
				ret = codearena_arena_clone(area->arena);
	if (mcode_pipe[0] >= 0) {
		/* If this fails, the parent freezes its arenas. */
		if (!ret && write(mcode_pipe[1], "", 1) != 1)
			ret = -errno;
		close(mcode_pipe[0]);
		close(mcode_pipe[1]);
	}
	pthread_mutex_unlock(&mcode_mutex);
}

/*
 * Called when there is an arena. In a child handlers run in the order in which they
 * were registered, and the library's own have to run before it is used.
 */
static void mcode_begin(void)
{
	pthread_atfork(mcode_fork_begin, mcode_fork_parent, mcode_fork_child);
}

/* -- Areas --------------------------------------------------------------- */

static size_t mcode_area_size(const jit_State *J)
{
	size_t size = (size_t)J->param[JIT_P_sizemcode] << 10;

	return (size + MCODE_PAGE - 1) & ~(MCODE_PAGE - 1);
}

/* An address in the staging memory, rounded up to a granule. */
static uint8_t *mcode_round(const jit_State *J, const void *staged)
{
	size_t granule = codearena_arena_granule(J->mcport->areas->arena);
	size_t used = (const uint8_t *)staged - (uint8_t *)J->mcstage;

	return (uint8_t *)J->mcstage + ((used + granule - 1) & ~(granule - 1));
}

/* Describe code between two staged addresses, as it is published. */
static struct codearena_object mcode_object(const jit_State *J,
					    const uint8_t *begin,
					    const void *end, uint32_t flags)
{
	return (struct codearena_object){
		.offset = J->mcport->areas->offset +
			  (begin - (uint8_t *)J->mcstage),
		.source = (uintptr_t)begin,
		.length = (const uint8_t *)end - begin,
		.flags = flags,
	};
}

/* Publish what was added at the bottom of the current area. */
static int mcode_publish_bottom(jit_State *J)
{
	struct MCodePort *port = J->mcport;
	struct codearena_object object =
		mcode_object(J, port->published, J->mcbot, 0);
	int ret = -EPERM;

	if (!object.length)
		return 0;
	pthread_mutex_lock(&mcode_mutex);
	if (!port->frozen)
		ret = codearena_arena_publish(port->areas->arena, &object, 1,
					      NULL, 0, 0, NULL);
	pthread_mutex_unlock(&mcode_mutex);
	if (ret)
		return ret;
	port->published = mcode_round(J, J->mcbot);
	J->mcbot = (MCode *)port->published;
	return 0;
}

/* Find room in the newest arena, or make one. */
static int mcode_place(const struct mcode_area *last, struct mcode_area *area)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "luajit",
		       .near = (void *)lj_vm_exit_handler,
		       .reach = MCODE_REACH);

	if (last && codearena_arena_length(last->arena) - last->offset -
			    last->size >= area->size) {
		area->arena = last->arena;
		area->offset = last->offset + last->size;
		return 0;
	}
	return codearena_arena_new(area->size > MCODE_ARENA ? area->size :
							      MCODE_ARENA,
				   &opts, &area->arena);
}

static struct mcode_area *mcode_area_new(struct MCodePort *port, size_t size)
{
	struct mcode_area *area = calloc(1, sizeof(*area));
	int ret;

	if (!area)
		return NULL;
	area->size = size;
	ret = port->frozen ? -EPERM : mcode_place(port->areas, area);
	if (!ret) {
		ret = codearena_arena_commit(area->arena, area->offset, size);
		if (ret && !area->offset)
			codearena_arena_free(area->arena);
	}
	if (ret) {
		free(area);
		return NULL;
	}
	area->base = (uint8_t *)codearena_arena_base(area->arena) +
		     area->offset;
	area->next = port->areas;
	port->areas = area;
	return area;
}

/* Memory of another size, if the size of areas has been changed. */
static int mcode_stage(jit_State *J, size_t size)
{
	if (J->mcstage && J->szmcarea == size)
		return 0;
	free(J->mcstage);
	/* One byte more: the end of the memory is the beginning of no other. */
	J->mcstage = aligned_alloc(LJ_PAGESIZE, size + LJ_PAGESIZE);
	J->szmcarea = J->mcstage ? size : 0;
	return J->mcstage ? 0 : -ENOMEM;
}

static int mcode_port_new(jit_State *J)
{
	struct MCodePort *port;

	if (J->mcport)
		return 0;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	J->mcport = port;
	pthread_mutex_lock(&mcode_mutex);
	port->next = mcode_ports;
	mcode_ports = port;
	pthread_mutex_unlock(&mcode_mutex);
	return 0;
}

/* The unwinder reads its table where the code is, so it is published first. */
static int mcode_register(jit_State *J, struct mcode_area *area)
{
	MCode *table = J->mcbot;
	int ret;

	J->mcbot = (MCode *)lj_err_frame_mcode(J->mcstage, area->size,
					       (uint8_t *)table);
	if (J->mcbot == table)
		return 0;
	ret = mcode_publish_bottom(J);
	if (!ret)
		lj_err_register_mcode(area->base);
	return ret;
}

/* Take an area off the list that was not registered. */
static void mcode_area_drop(jit_State *J, struct mcode_area *area)
{
	pthread_mutex_lock(&mcode_mutex);
	J->mcport->areas = area->next;
	if (!area->offset)
		codearena_arena_free(area->arena);
	pthread_mutex_unlock(&mcode_mutex);
	J->szmcarea = 0;
	free(area);
}

static int mcode_area_add(jit_State *J, size_t size)
{
	struct mcode_area *area;
	int ret = mcode_port_new(J);

	if (ret)
		return ret;
	J->mcarea = NULL;
	ret = mcode_stage(J, size);
	if (ret)
		return ret;
	pthread_mutex_lock(&mcode_mutex);
	area = mcode_area_new(J->mcport, size);
	pthread_mutex_unlock(&mcode_mutex);
	if (!area)
		return -ENOMEM;
	pthread_once(&mcode_once, mcode_begin);
	J->mcofs = area->base - (uint8_t *)J->mcstage;
	J->mctop = (MCode *)((uint8_t *)J->mcstage + size);
	J->mcbot = J->mcstage;
	J->mcport->published = (uint8_t *)J->mcstage;
	ret = mcode_register(J, area);
	if (ret) {
		mcode_area_drop(J, area);
		return ret;
	}
	J->mcarea = (MCode *)area->base;
	J->szallmcarea += size;
	return 0;
}

static void mcode_allocarea(jit_State *J)
{
	if (mcode_area_add(J, mcode_area_size(J)))
		lj_trace_err(J, LJ_TRERR_MCODEAL);
}

/* Free all MCode areas. No code runs. */
void lj_mcode_free(jit_State *J)
{
	struct MCodePort *port = J->mcport, **link = &mcode_ports;
	struct mcode_area *area;

	free(J->mcstage);
	J->mcstage = J->mcarea = NULL;
	J->mcport = NULL;
	J->szmcarea = J->szallmcarea = 0;
	if (!port)
		return;
	pthread_mutex_lock(&mcode_mutex);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	while ((area = port->areas)) {
		port->areas = area->next;
		lj_err_deregister_mcode(area->base, area->size, area->base);
		if (!area->offset)
			codearena_arena_free(area->arena);
		free(area);
	}
	pthread_mutex_unlock(&mcode_mutex);
	free(port->patches);
	free(port);
}

/* -- Transactions -------------------------------------------------------- */

/* Reserve the remainder of the current MCode area. */
MCode *lj_mcode_reserve(jit_State *J, MCode **lim)
{
	if (!J->mcarea)
		mcode_allocarea(J);
	*lim = J->mcbot;
	return J->mctop;
}

/* A trace whose granules meet those at the bottom needs another area. */
static uint8_t *mcode_trace_begin(jit_State *J, const MCode *top)
{
	size_t granule = codearena_arena_granule(J->mcport->areas->arena);
	uint8_t *staged = (uint8_t *)top - J->mcofs, *begin;

	begin = staged - ((uintptr_t)staged & (granule - 1));
	if (begin < mcode_round(J, J->mcbot))
		lj_mcode_limiterr(J, (uint8_t *)J->mctop - begin +
					     ((uint8_t *)J->mcbot -
					      J->mcport->published) +
					     4 * granule);
	memset(begin, MCODE_FILL, staged - begin);
	return begin;
}

/* The parent may be in another arena. Nothing refers to the new trace yet. */
static int mcode_publish(struct MCodePort *port,
			 struct codearena_object *objects, size_t count)
{
	struct codearena_arena *arena = port->areas->arena;
	size_t patches = port->patch_count;
	int together, ret;

	if (port->frozen)
		return -EPERM;
	together = patches && port->patched->arena == arena;
	ret = codearena_arena_publish(arena, objects, count, port->patches,
				      together ? patches : 0, 0, NULL);
	if (ret || !patches || together)
		return ret;
	return codearena_arena_patch(port->patched->arena, port->patches,
				     patches, 0, NULL);
}

/* Publish the finished trace, which begins at TOP, and patch its parent. */
void lj_mcode_commit(jit_State *J, MCode *top)
{
	struct MCodePort *port = J->mcport;
	uint8_t *begin = mcode_trace_begin(J, top);
	struct codearena_object objects[2];
	size_t count = 1;
	int ret;

	objects[0] = mcode_object(J, begin, J->mctop,
				  CODEARENA_OBJECT_F_PATCHABLE);
	if ((uint8_t *)J->mcbot != port->published)
		objects[count++] = mcode_object(J, port->published, J->mcbot, 0);
	pthread_mutex_lock(&mcode_mutex);
	ret = mcode_publish(port, objects, count);
	pthread_mutex_unlock(&mcode_mutex);
	if (ret)
		lj_trace_err(J, LJ_TRERR_MCODEAL);
	port->patch_count = 0;
	port->published = mcode_round(J, J->mcbot);
	J->mcbot = (MCode *)port->published;
	J->mctop = (MCode *)begin;
}

/* Exit stubs that could not be published are made again. */
static void mcode_forget_stubs(jit_State *J)
{
#ifdef EXITSTUBS_PER_GROUP
	const MCode *from = lj_mcode_exec(J, J->mcbot);
	size_t i, length = J->szmcarea - (from - J->mcarea);

	for (i = 0; i < LJ_MAX_EXITSTUBGR; i++)
		if ((uintptr_t)J->exitstubgroup[i] - (uintptr_t)from < length)
			J->exitstubgroup[i] = NULL;
#else
	UNUSED(J);
#endif
}

/* Exit stubs stay when the trace that needed them first is given up. */
void lj_mcode_abort(jit_State *J)
{
	if (!J->mcarea)
		return;
	J->mcport->patch_count = 0;
	if (!mcode_publish_bottom(J))
		return;
	J->mcbot = (MCode *)J->mcport->published;
	mcode_forget_stubs(J);
}

/* Begin to collect words for the parent trace at PTR. */
MCode *lj_mcode_patch(jit_State *J, MCode *ptr, int finish)
{
	struct mcode_area *area = J->mcport->areas;

	if (finish)
		return NULL;
	while ((uintptr_t)ptr - (uintptr_t)area->base >= area->size)
		area = area->next;
	J->mcport->patched = area;
	J->mcport->patch_count = 0;
	return NULL;
}

/* The entry of an aligned word, which may have been patched in part. */
static struct codearena_patch_entry *mcode_word(jit_State *J,
						const uint8_t *word)
{
	struct MCodePort *port = J->mcport;
	uint64_t offset = port->patched->offset + (word - port->patched->base);
	struct codearena_patch_entry *entry;
	size_t i, room = port->patch_room * 2 + 16;

	for (i = port->patch_count; i-- > 0;)
		if (port->patches[i].offset == offset)
			return &port->patches[i];
	if (port->patch_count == port->patch_room) {
		entry = realloc(port->patches, room * sizeof(*entry));
		if (!entry)
			lj_trace_err(J, LJ_TRERR_MCODEAL);
		port->patches = entry;
		port->patch_room = room;
	}
	entry = &port->patches[port->patch_count++];
	*entry = (struct codearena_patch_entry){
		.offset = offset,
		.expected = *(const uint32_t *)word,
		.value = *(const uint32_t *)word,
		.width = 4,
	};
	return entry;
}

/* Patch 4 bytes of published code, aligned or not, with the next commit. */
void lj_mcode_store(jit_State *J, MCode *p, uint32_t value)
{
	size_t shift = (uintptr_t)p & 3;
	uint8_t *word = (uint8_t *)p - shift;
	struct codearena_patch_entry *low = mcode_word(J, word), *high;
	uint64_t both = low->value;

	if (shift) {
		high = mcode_word(J, word + 4);
		both |= high->value << 32;
	}
	both &= ~(0xffffffffULL << shift * 8);
	both |= (uint64_t)value << shift * 8;
	if (shift)
		high->value = both >> 32;
	/* The array may have moved. */
	mcode_word(J, word)->value = (uint32_t)both;
}

/* Limit of MCode reservation reached. */
void lj_mcode_limiterr(jit_State *J, size_t need)
{
	size_t size = mcode_area_size(J);

	lj_mcode_abort(J);
	if (need > size)
		lj_trace_err(J, LJ_TRERR_MCODEOV); /* Too long for any area. */
	if (J->szallmcarea + size > (size_t)J->param[JIT_P_maxmcode] << 10)
		lj_trace_err(J, LJ_TRERR_MCODEAL);
	mcode_allocarea(J);
	lj_trace_err(J, LJ_TRERR_MCODELM); /* Retry with new area. */
}

/* -- Entry points of FFI callbacks --------------------------------------- */

/* Publish SZ bytes of code; returns where they run, or NULL. */
void *lj_mcode_callbacks(void *code, size_t sz, void **arena)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "luajit callbacks");
	size_t size = (sz + MCODE_PAGE - 1) & ~(MCODE_PAGE - 1);
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = sz,
	};
	struct codearena_arena *made;

	if (codearena_arena_new(size, &opts, &made))
		return NULL;
	if (codearena_arena_commit(made, 0, size) ||
	    codearena_arena_publish(made, &object, 1, NULL, 0, 0, NULL)) {
		codearena_arena_free(made);
		return NULL;
	}
	*arena = made;
	return (void *)codearena_arena_base(made);
}

void lj_mcode_callbacks_free(void *arena)
{
	codearena_arena_free(arena);
}
