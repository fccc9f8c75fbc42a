// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * CLONE as the child of a fork uses it: mapped over the inherited view, changed
 * and executed there, level below level; and while the original is in use.
 */
#include "lib/harness.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/crew.h"
#include "lib/group.h"
#include "lib/slots.h"
#include "lib/trap_code.h"

#define DEPTH		3
#define CHILDREN	2
#define MIB		(1ULL << 20)

/**
 * struct tree - what every process of a tree has at the same addresses
 * @t: its arena, first the one of the test
 * @load: a load that lands on the pad of the arena
 * @external: a store that lands on the pad of the process
 * @slot: offset of a patchable slot; it jumps to code that returns @value
 * @free: offset of granules that are not sealed yet
 * @target: what the slot jumps to
 * @value: a number that no other process of the tree has
 */
struct tree {
	struct trap_arena t;
	struct site load;
	struct site external;
	uint64_t slot;
	uint64_t free;
	uint64_t target;
	uint32_t value;
};

/* Publish code that returns a number, and let the slot jump to it. */
static int tree_change(struct tree *tree, uint32_t value)
{
	const uint64_t old = slot_near(tree->slot, tree->target);
	uint8_t code[CODE_SIZE];

	code_return(code, value);
	CHECK(do_publish1(tree->t.fd, tree->free, code, sizeof(code), 0) == 0);
	CHECK(do_patch1(tree->t.fd, tree->slot, 8, old,
			slot_near(tree->slot, tree->free)) == 0);
	tree->target = tree->free;
	tree->free += tree->t.arena.granule;
	tree->value = value;
	return 0;
}

static int tree_check(const struct tree *tree)
{
	const struct trap_arena *t = &tree->t;
	struct trap_state *state = trap_state_new();
	uint32_t result = 0;

	CHECK(guarded_call(t->arena.view + tree->slot, &result) == 0);
	CHECK(result == tree->value);
	trap_access(state, site_entry(t, &tree->load), t->guard + 24);
	CHECK(state->where == pad_address(t));
	trap_access(state, site_entry(t, &tree->external), t->guard + 32);
	CHECK(state->where == (uintptr_t)trap_external_pad);
	CHECK(state->signals == 0);
	trap_state_free(state);
	return 0;
}

/* The clone in place of the arena that a child has inherited. */
static int tree_clone(struct tree *tree)
{
	struct arena *a = &tree->t.arena;
	int fd = do_clone(tree->t.fd);

	CHECK(fd >= 0);
	CHECK(mmap(a->view, a->length, PROT_READ | PROT_EXEC,
		   MAP_SHARED | MAP_FIXED, fd, 0) == a->view);
	close(tree->t.fd);
	tree->t.fd = fd;
	a->fd = fd;
	/* It belongs to the process and the arena, so it is not inherited. */
	CHECK(do_landing(fd, (uintptr_t)trap_external_pad) == 0);
	return 0;
}

static int tree_new(struct tree *tree)
{
	struct trap_arena *t = &tree->t;
	uint64_t word;

	CHECK(trap_arena_new(t, TRAP_ARENA_PAGES) == 0);
	CHECK(site_new(t, &code_load, &tree->load) == 0);
	CHECK(site_protect(t, &tree->load, t->pad.start, 0, NULL) == 0);
	CHECK(site_new(t, &code_store, &tree->external) == 0);
	CHECK(site_protect(t, &tree->external, CODEARENA_LANDING_EXTERNAL, 0,
			   NULL) == 0);
	CHECK(do_landing(t->fd, (uintptr_t)trap_external_pad) == 0);
	tree->slot = t->next;
	tree->target = t->next + t->arena.granule;
	tree->free = tree->target;
	word = slot_near(tree->slot, tree->target);
	CHECK(do_publish1(t->fd, tree->slot, &word, sizeof(word),
			  CODEARENA_OBJECT_F_PATCHABLE) == 0);
	return tree_change(tree, 1);
}

static int tree_grow(struct tree *tree, unsigned int depth, uint32_t value,
		     int pipe);

/* Fork a child, and wait until it has its clone: what it sees then is fixed. */
static pid_t tree_fork(struct tree *tree, unsigned int depth, uint32_t value)
{
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(tree_grow(tree, depth, value, pipes[1]));
	close(pipes[1]);
	if (pid > 0 && read(pipes[0], &byte, 1) != 1)
		fprintf(stderr, "# child %u made no clone\n", value);
	close(pipes[0]);
	return pid;
}

/* A child at a level, and its children; @value is the first digit of theirs. */
static int tree_grow(struct tree *tree, unsigned int depth, uint32_t value,
		     int pipe)
{
	pid_t children[CHILDREN];

	CHECK(tree_check(tree) == 0);
	CHECK_ERRNO(EPERM, do_publish1(tree->t.fd, tree->free, "x", 1, 0));
	CHECK(tree_clone(tree) == 0);
	CHECK(write(pipe, "c", 1) == 1);
	CHECK(tree_check(tree) == 0);
	CHECK(tree_change(tree, value) == 0);
	CHECK(tree_check(tree) == 0);
	for (unsigned int i = 0; depth < DEPTH && i < CHILDREN; i++) {
		children[i] = tree_fork(tree, depth + 1, 10 * value + i);
		CHECK(children[i] > 0);
	}
	/* While they work. */
	CHECK(tree_change(tree, 1000 * value) == 0);
	CHECK(tree_check(tree) == 0);
	for (unsigned int i = 0; depth < DEPTH && i < CHILDREN; i++) {
		int status;

		CHECK(waitpid(children[i], &status, 0) == children[i]);
		CHECK(status == 0);
	}
	return tree_check(tree);
}

FIXTURE(fork)
{
	struct tree tree;
};

FIXTURE_SETUP(fork)
{
	trap_handlers();
	ASSERT_EQ(0, tree_new(&self->tree));
}

FIXTURE_TEARDOWN(fork)
{
	trap_arena_free(&self->tree.t);
}

TEST_F(fork, three_deep)
{
	pid_t child = tree_fork(&self->tree, 1, 2);
	int status;

	ASSERT_LT(0, child);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, tree_check(&self->tree));
	/* Two were taken by the child, in the view that it had inherited. */
	EXPECT_FIXED(self->tree.t.fd, 4, 0, 0);
	EXPECT_EQ(0, tree_change(&self->tree, 3));
	EXPECT_EQ(0, tree_check(&self->tree));
}

static int forgets_pad(void *arg)
{
	struct tree *tree = arg;
	struct arena *a = &tree->t.arena;
	struct trap_state *state = trap_state_new();
	int fd = do_clone(tree->t.fd);

	CHECK(fd >= 0);
	CHECK_ERRNO(ENOENT, do_landing(fd, (uintptr_t)trap_external_pad));
	CHECK(mmap(a->view, a->length, PROT_READ | PROT_EXEC,
		   MAP_SHARED | MAP_FIXED, fd, 0) == a->view);
	trap_access(state, site_entry(&tree->t, &tree->external),
		    tree->t.guard + 32);
	CHECK(state->signo == SIGSEGV);
	CHECK(do_landing(fd, (uintptr_t)trap_external_pad) == 0);
	CHECK_ERRNO(EBUSY, do_landing(fd, (uintptr_t)trap_external_pad));
	close(tree->t.fd);
	tree->t.fd = fd;
	return tree_check(tree);
}

TEST_F(fork, external_pad_is_set_again)
{
	EXPECT_EQ(0, run_child(forgets_pad, &self->tree));
}

/*
 * A hundred thousand tables, each of its own code. Half of them take a debug kernel long,
 * and half of them are 50 MB of code where a granule has 1 KiB, and a clone as much again.
 */
#define TABLES		(is_debug_kernel() || sysconf(_SC_PAGESIZE) > 16384 ? 50000U : 100000U)
#define BATCH		1000

static int publish_tables(struct tree *tree, uint64_t first)
{
	struct codearena_object *objects = calloc(BATCH, sizeof(*objects));
	const uint64_t length = fragment_length(&code_load);
	const uint64_t granule = tree->t.arena.granule;
	struct codearena_trap trap;

	CHECK(objects);
	trap = trap_of((uint32_t)(code_load.trap - code_load.start), 1,
		       tree->t.pad.start);
	for (uint64_t done = 0; done < TABLES; done += BATCH) {
		for (uint64_t i = 0; i < BATCH; i++) {
			objects[i] = object_of(first + (done + i) * granule,
					       code_load.start, length, 0);
			objects[i].traps = (uintptr_t)&trap;
			objects[i].trap_count = 1;
		}
		CHECK(do_publish(tree->t.fd, objects, BATCH, NULL, 0, 0) == 0);
	}
	free(objects);
	return 0;
}

FIXTURE(tables)
{
	struct tree tree;
	uint64_t first;
};

FIXTURE_SETUP(tables)
{
	trap_handlers();
	/* A page has 64 granules. */
	ASSERT_ZERO(trap_arena_new(&self->tree.t, TABLES / 64 + 18));
	self->first = page_at(&self->tree.t.arena, 16);
	ASSERT_EQ(0, publish_tables(&self->tree, self->first));
	self->tree.free = self->first;
}

FIXTURE_TEARDOWN(tables)
{
	trap_arena_free(&self->tree.t);
}

static int lands_in(const struct trap_arena *t, uint64_t offset)
{
	struct trap_state *state = trap_state_new();

	trap_access(state, t->arena.view + offset, t->guard + 8);
	CHECK(state->where == pad_address(t));
	trap_state_free(state);
	return 0;
}

static int clone_tables(void *arg)
{
	struct tree *tree = arg;
	struct trap_arena *t = &tree->t;
	const uint64_t first = tree->free, granule = t->arena.granule;
	struct codearena_stat stat;
	double began = seconds_now();
	int fd = do_clone(t->fd);

	CHECK(fd >= 0);
	fprintf(stderr, "# cloned in %.3f s\n", seconds_now() - began);
	CHECK(do_stat(fd, &stat) == 0);
	CHECK(stat.out_trap_tables == TABLES);
	CHECK(stat.out_trap_entries == TABLES);
	CHECK(mmap(t->arena.view, t->arena.length, PROT_READ | PROT_EXEC,
		   MAP_SHARED | MAP_FIXED, fd, 0) == t->arena.view);
	for (uint64_t i = 0; i < TABLES; i += TABLES / 100)
		CHECK(lands_in(t, first + i * granule) == 0);
	CHECK(lands_in(t, first + (TABLES - 1) * granule) == 0);
	/* Its tables go; the original's stay. */
	CHECK(do_discard1(fd, first, TABLES * granule) == 0);
	CHECK(do_stat(fd, &stat) == 0);
	CHECK(stat.out_trap_tables == 0);
	return 0;
}

TEST_F(tables, are_cloned)
{
	EXPECT_EQ(0, run_child(clone_tables, &self->tree));
	EXPECT_TABLES(self->tree.t.fd, TABLES, TABLES);
	EXPECT_EQ(0, lands_in(&self->tree.t, self->first));
}

static int clone_for_ever(void *arg)
{
	const struct tree *tree = arg;

	for (;;)
		close(do_clone(tree->t.fd));
	return 0;
}

/* A fatal signal ends it wherever it is, and nothing stays behind. */
TEST_F(tables, are_left_by_a_killed_process)
{
	struct snapshot *before = snapshot(&self->tree.t.arena);
	const uint64_t total = crew_total();
	uint64_t random = 1;
	double killed, slowest = 0;
	int status;
	pid_t pid;

	for (unsigned int i = 0; i < 10; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(clone_for_ever(&self->tree));
		usleep(20000 + crew_random(&random) % 100000);
		killed = seconds_now();
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		killed = seconds_now() - killed;
		slowest = killed > slowest ? killed : slowest;
	}
	printf("# slowest end %.3f s\n", slowest);
	EXPECT_TRUE(crew_total_becomes(total));
	EXPECT_TRUE(expect_unchanged(&self->tree.t.arena, before));
}

/* CLONE, and the copies for later changes, in a small control group. */
static int clone_in_a_small_group(void *arg)
{
	const struct tree *tree = arg;
	struct snapshot *before = snapshot(&tree->t.arena);

	CHECK(enter_group("3M") == 0);
	/* Half of the tables, as on a debug kernel, take more than 3 MB. */
	CHECK_ERRNO(ENOMEM, do_clone(tree->t.fd));
	CHECK(expect_unchanged(&tree->t.arena, before));
	CHECK(write_file(GROUP "/memory.max", "max") == 0);
	CHECK(do_clone(tree->t.fd) >= 0);
	return 0;
}

TEST_F(tables, do_not_fit_in_a_group)
{
	if (!group_new())
		SKIP(return, "no memory control group");
	EXPECT_EQ(0, run_child(clone_in_a_small_group, &self->tree));
	EXPECT_EQ(0, group_event("oom_kill"));
	EXPECT_TRUE(group_free());
}

static int change_in_a_small_group(void *arg)
{
	struct tree *tree = arg;
	const uint64_t length = page_at(&tree->t.arena, TABLES / 64);
	struct snapshot *before;
	char limit[32];
	int max;

	CHECK(enter_group("max") == 0);
	max = open(GROUP "/memory.max", O_WRONLY | O_CLOEXEC);
	CHECK(max >= 0);
	CHECK(tree_clone(tree) == 0);
	before = snapshot(&tree->t.arena);
	snprintf(limit, sizeof(limit), "%llu",
		 (unsigned long long)(group_usage() + MIB));
	CHECK(write_file(GROUP "/memory.max", limit) == 0);
	/* A copy of each page takes three times that, or more. */
	CHECK_ERRNO(ENOMEM, do_discard1(tree->t.fd, tree->free, length));
	/* Now the group is full, and the test itself may need memory. */
	CHECK(write(max, "max", 3) == 3);
	CHECK(expect_unchanged(&tree->t.arena, before));
	CHECK(do_discard1(tree->t.fd, tree->free, length) == 0);
	return 0;
}

TEST_F(tables, copies_do_not_fit_in_a_group)
{
	if (!group_new())
		SKIP(return, "no memory control group");
	EXPECT_EQ(0, run_child(change_in_a_small_group, &self->tree));
	EXPECT_EQ(0, group_event("oom_kill"));
	EXPECT_TRUE(group_free());
	EXPECT_TABLES(self->tree.t.fd, TABLES, TABLES);
}

/* Threads that execute a slot while it is patched in pages that clones share. */
struct runner {
	struct crew *crew;
	const uint8_t *slot;
};

static void *run_slot(void *arg)
{
	struct runner *runner = arg;
	uint32_t result;

	while (crew_goes_on(runner->crew)) {
		if (guarded_call(runner->slot, &result))
			crew_fail(runner->crew, "signal %d at %p",
				  last_fault.signo, last_fault.address);
		else if (result != 1 && result != 2)
			crew_fail(runner->crew, "returned %u", result);
	}
	return NULL;
}

/*
 * Back and forth between two targets, each time with a clone of the old state.
 * The patched slot is read, not called: an emulator that translates it for one
 * processor while another stores to it may have kept the old word.
 */
static bool patch_shared_slot(struct tree *tree, uint64_t other, bool back)
{
	struct trap_arena *t = &tree->t;
	const uint64_t target[] = { tree->target, other };
	const uint64_t old = slot_near(tree->slot, target[back]);
	const uint64_t new = slot_near(tree->slot, target[!back]);
	struct arena clone = t->arena;
	uint32_t then = 0;

	clone.fd = do_clone(t->fd);
	clone.view = arena_map(&clone, clone.fd);
	if (clone.fd < 0 || clone.view == MAP_FAILED ||
	    do_patch1(t->fd, tree->slot, 8, old, new) ||
	    memcmp(t->arena.view + tree->slot, &new, sizeof(new)) ||
	    memcmp(clone.view + tree->slot, &old, sizeof(old)) ||
	    guarded_call(clone.view + tree->slot, &then))
		return false;
	arena_free(&clone);
	return then == 1U + back;
}

TEST_F(fork, threads_execute_what_is_cloned)
{
	struct tree *tree = &self->tree;
	struct crew crew = { .awaited = 0 };
	struct runner runners[2];
	unsigned long clones = 0;
	uint8_t code[CODE_SIZE];
	bool back = false;

	code_return(code, 2);
	ASSERT_ZERO(do_publish1(tree->t.fd, tree->free, code, sizeof(code), 0));
	for (unsigned int i = 0; i < 2; i++)
		runners[i] = (struct runner) {
			&crew, tree->t.arena.view + tree->slot
		};
	ASSERT_TRUE(crew_start(&crew, 2, run_slot, runners,
			       sizeof(runners[0])));
	while (crew_goes_on(&crew)) {
		if (!patch_shared_slot(tree, tree->free, back))
			crew_fail(&crew, "clone %lu: %s", clones,
				  strerror(errno));
		back = !back;
		clones++;
	}
	ASSERT_TRUE(crew_join(&crew));
	ASSERT_CREW(&crew);
	printf("# %lu clones, %lu rounds\n", clones, crew_rounds(&crew));
	EXPECT_LT(0, clones);
}

TEST_HARNESS_MAIN
