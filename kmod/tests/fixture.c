// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * An arena for each case of a KUnit suite.
 *
 * Cases run in a kernel thread, while the process that loads the module waits.
 * The thread borrows its address space: arenas get an owner, and the commands
 * find their arrays in real user memory.
 */
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fixture.h"

static struct mm_struct *test_mm;
static unsigned long test_memory;
static long test_committed_before;
static unsigned long test_metadata_before;
static unsigned long test_limit_before;

/* Some kernels run the suites before the module's own init function. */
static bool test_before_init(void)
{
	return THIS_MODULE->state == MODULE_STATE_COMING;
}

static void *test_parameter(const char *name)
{
	unsigned int i;

	for (i = 0; i < THIS_MODULE->num_kp; i++) {
		if (!strcmp(THIS_MODULE->kp[i].name, name))
			return THIS_MODULE->kp[i].arg;
	}
	return NULL;
}

static unsigned long *test_module_limit(void)
{
	return test_parameter("commit_limit_mb");
}

int test_suite_init(struct kunit_suite *suite)
{
	int ret = 0;

	if (test_before_init())
		ret = codearena_handle_init();
	if (ret)
		return ret;
	/* The last page is a hole: an array can run out of memory on the way. */
	test_memory = vm_mmap(NULL, 0, TEST_USER + PAGE_SIZE,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(test_memory))
		return (int)test_memory;
	vm_munmap(test_memory + TEST_USER, PAGE_SIZE);
	test_mm = current->mm;
	test_committed_before = atomic_long_read(&codearena_committed);
	test_metadata_before = codearena_metadata_total();
	if (!test_module_limit() || !test_parameter("user_share") ||
	    !test_parameter("slow_path"))
		return -ENOENT;
	test_limit_before = *test_module_limit();
	return 0;
}

void test_suite_exit(struct kunit_suite *suite)
{
	vm_munmap(test_memory, TEST_USER);
	if (test_before_init())
		codearena_handle_exit();
}

/**
 * test_set_module_limit - set the parameter commit_limit_mb
 * @test: the case
 * @megabytes: its value; what it was comes back when the case ends
 */
void test_set_module_limit(struct kunit *test, unsigned long megabytes)
{
	WRITE_ONCE(*test_module_limit(), megabytes);
}

/**
 * test_set_user_share - set the parameter user_share
 * @test: the case
 * @percent: its value; it is all when a case begins
 */
void test_set_user_share(struct kunit *test, unsigned int percent)
{
	WRITE_ONCE(*(unsigned int *)test_parameter("user_share"), percent);
}

/**
 * test_set_slow_path - set the parameter slow_path
 * @test: the case
 * @slow: its value; it is off when a case begins
 */
void test_set_slow_path(struct kunit *test, bool slow)
{
	WRITE_ONCE(*(bool *)test_parameter("slow_path"), slow);
}

/* Close the handle, if one is open, and open another. */
static int test_reopen(struct test_arena *t)
{
	if (t->file->private_data)
		codearena_file_exit(t->file);
	t->file->private_data = NULL;
	t->arena = NULL;
	return codearena_file_init(t->file);
}

void test_reserve(struct kunit *test, u64 length, u64 commit_limit, u32 flags)
{
	struct test_arena *t = test_arena(test);
	struct codearena_reserve cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.length = length,
		.commit_limit = commit_limit,
	};
	struct codearena_ucmd ucmd = { .file = t->file, .cmd = &cmd };

	KUNIT_ASSERT_EQ(test, 0, test_reopen(t));
	KUNIT_ASSERT_EQ(test, 0, codearena_ioctl_reserve(&ucmd));
	t->arena = codearena_file_arena(t->file);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->arena);
}

int test_init(struct kunit *test)
{
	struct test_arena *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->file = kunit_kzalloc(test, sizeof(*t->file), GFP_KERNEL);
	if (!t->file)
		return -ENOMEM;
	t->user = test_memory;
	test->priv = t;
	test_set_user_share(test, 0);
	test_set_slow_path(test, false);
	/* The end of the thread gives both back, whether it is aborted or not. */
	mmget(test_mm);
	kthread_use_mm(test_mm);
	test_reserve(test, TEST_LENGTH, 0, 0);
	return 0;
}

int test_init_slow(struct kunit *test)
{
	int ret = test_init(test);

	if (!ret)
		test_set_slow_path(test, true);
	return ret;
}

void test_exit(struct kunit *test)
{
	struct test_arena *t = test_arena(test);

	if (!t)
		return;
	if (t->arena)
		test_check_arena(test);
	if (t->file->private_data)
		codearena_file_exit(t->file);
	test_set_module_limit(test, test_limit_before);
	KUNIT_EXPECT_EQ_MSG(test, test_committed_before,
			    atomic_long_read(&codearena_committed),
			    "pages stay charged");
	KUNIT_EXPECT_EQ_MSG(test, test_metadata_before,
			    codearena_metadata_total(),
			    "metadata stays charged");
}

unsigned long test_user(struct kunit *test, size_t at)
{
	return test_arena(test)->user + at;
}

unsigned long test_user_put(struct kunit *test, size_t at, const void *from,
			    size_t length)
{
	unsigned long to = test_user(test, at);

	KUNIT_ASSERT_LE(test, at + length, (size_t)TEST_USER);
	KUNIT_ASSERT_EQ(test, 0UL,
			copy_to_user((void __user *)to, from, length));
	return to;
}

/* Arrays lie in the upper half, so that the lower one can hold sources. */
static unsigned long test_array(struct kunit *test, const void *from,
				size_t length)
{
	return test_user_put(test, TEST_USER / 2, from, length);
}

static unsigned long test_second_array(struct kunit *test, const void *from,
				       size_t length)
{
	return test_user_put(test, TEST_USER / 4 * 3, from, length);
}

static int test_run(struct kunit *test, int (*handler)(struct codearena_ucmd *),
		    void *cmd)
{
	struct codearena_ucmd ucmd = {
		.file = test_arena(test)->file,
		.arena = test_arena(test)->arena,
		.cmd = cmd,
	};

	return handler(&ucmd);
}

int test_commit(struct kunit *test, u64 offset, u64 length)
{
	struct codearena_commit cmd = { .offset = offset, .length = length };

	return test_run(test, codearena_ioctl_commit, &cmd);
}

int test_decommit(struct kunit *test, u64 offset, u64 length)
{
	struct codearena_decommit cmd = { .offset = offset, .length = length };

	return test_run(test, codearena_ioctl_decommit, &cmd);
}

int test_seal(struct kunit *test, u64 offset, u64 length, u32 flags)
{
	struct codearena_seal cmd = {
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return test_run(test, codearena_ioctl_seal, &cmd);
}

int test_write(struct kunit *test, const struct codearena_chunk *chunks,
	       u32 count)
{
	struct codearena_write cmd = {
		.chunks = test_array(test, chunks, count * sizeof(*chunks)),
		.count = count,
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret = test_run(test, codearena_ioctl_write, &cmd);

	test_arena(test)->failed = cmd.out_failed;
	return ret;
}

int test_publish(struct kunit *test, struct codearena_object *objects,
		 u32 count, const struct codearena_patch_entry *patches,
		 u32 patch_count)
{
	size_t size = count * sizeof(*objects);
	struct codearena_publish cmd = {
		.objects = test_array(test, objects, size),
		.patches = test_second_array(test, patches,
					     patch_count * sizeof(*patches)),
		.object_count = count,
		.patch_count = patch_count,
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret = test_run(test, codearena_ioctl_publish, &cmd);

	test_arena(test)->failed = cmd.out_failed;
	/* For the ids of tables. */
	KUNIT_ASSERT_EQ(test, 0UL,
			copy_from_user(objects, u64_to_user_ptr(cmd.objects),
				       size));
	return ret;
}

int test_patch(struct kunit *test, const struct codearena_patch_entry *patches,
	       u32 count)
{
	struct codearena_patch cmd = {
		.patches = test_array(test, patches, count * sizeof(*patches)),
		.count = count,
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret = test_run(test, codearena_ioctl_patch, &cmd);

	test_arena(test)->failed = cmd.out_failed;
	return ret;
}

int test_discard(struct kunit *test, const struct codearena_range *ranges,
		 u32 count)
{
	struct codearena_discard cmd = {
		.ranges = test_array(test, ranges, count * sizeof(*ranges)),
		.count = count,
		.out_failed = CODEARENA_NO_INDEX,
	};
	int ret = test_run(test, codearena_ioctl_discard, &cmd);

	test_arena(test)->failed = cmd.out_failed;
	return ret;
}

int test_discard1(struct kunit *test, u64 offset, u64 length)
{
	struct codearena_range range = { .offset = offset, .length = length };

	return test_discard(test, &range, 1);
}

int test_register(struct kunit *test, u64 offset, u64 length,
		  const struct codearena_trap *traps, u32 count, u64 *id)
{
	struct codearena_trap_register cmd = {
		.offset = offset,
		.length = length,
		.traps = test_array(test, traps, count * sizeof(*traps)),
		.count = count,
		.out_failed = CODEARENA_NO_INDEX,
	};
	unsigned long uptr = test_second_array(test, &cmd, sizeof(cmd));
	struct codearena_ucmd ucmd = {
		.file = test_arena(test)->file,
		.arena = test_arena(test)->arena,
		.uptr = (void __user *)uptr,
		.cmd = &cmd,
	};
	int ret = codearena_ioctl_trap_register(&ucmd);

	test_arena(test)->failed = cmd.out_failed;
	KUNIT_ASSERT_EQ(test, 0UL,
			copy_from_user(&cmd, (void __user *)uptr, sizeof(cmd)));
	if (id)
		*id = cmd.out_id;
	return ret;
}

int test_release(struct kunit *test, u64 id)
{
	struct codearena_trap_release cmd = { .id = id };

	return test_run(test, codearena_ioctl_trap_release, &cmd);
}

bool test_is_fill(struct kunit *test, u64 offset, size_t length)
{
	u8 fill[CODEARENA_GRANULE] __aligned(8);
	const u8 *bytes = test_byte(test, offset);
	size_t i;

	codearena_arch_fill(fill, sizeof(fill));
	for (i = 0; i < length; i++) {
		if (bytes[i] != fill[(offset + i) % sizeof(fill)])
			return false;
	}
	return true;
}

/* States of a page that go together, and what they say about its bytes. */
static void test_check_page(struct kunit *test, unsigned long index,
			    struct codearena_counters *counters)
{
	struct codearena_page *state = test_page(test, index);
	unsigned int i;

	if (!state)
		return;
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, state->claimed, "page %lu", index);
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, state->settling, "page %lu", index);
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, state->patchable & ~state->sealed,
			    "page %lu", index);
	KUNIT_EXPECT_EQ_MSG(test, 0ULL, state->sealed & ~state->written,
			    "page %lu", index);
	if (!state->data) {
		KUNIT_EXPECT_EQ_MSG(test, 0ULL, state->written, "page %lu",
				    index);
		return;
	}
	counters->committed++;
	counters->sealed += hweight64(state->sealed);
	counters->patchable += hweight64(state->patchable);
	for (i = 0; i < CODEARENA_GRANULES; i++) {
		if (!(state->written & BIT_ULL(i)))
			KUNIT_EXPECT_TRUE_MSG(test,
					      test_is_fill(test, P(index) + G(i),
							   CODEARENA_GRANULE),
					      "page %lu granule %u", index, i);
	}
}

/* Without landing pads, of which only trap.c knows the size. */
static unsigned long test_metadata(struct codearena_arena *arena)
{
	const unsigned long chunks = DIV_ROUND_UP(arena->length >> PAGE_SHIFT,
						  CODEARENA_CHUNK_PAGES);
	unsigned long bytes, i;
	struct rb_node *node;
	u32 shape;

	bytes = codearena_footprint(struct_size(arena, chunks, chunks));
	for (i = 0; i < chunks; i++) {
		if (arena->chunks[i])
			bytes += codearena_footprint(sizeof(*arena->chunks[i]));
	}
	for (node = rb_first(&arena->tables); node; node = rb_next(node)) {
		shape = rb_entry(node, struct codearena_table, node)->shape;
		bytes += codearena_footprint(codearena_table_size(shape));
	}
	return bytes;
}

void test_check_arena(struct kunit *test)
{
	struct codearena_arena *arena = test_arena(test)->arena;
	struct codearena_counters counters = {};
	unsigned long i, metadata;

	KUNIT_EXPECT_GT(test, arena->stale.first, arena->stale.last);
	metadata = atomic_long_read(&arena->metadata);
	if (RB_EMPTY_ROOT(&arena->pads))
		KUNIT_EXPECT_EQ(test, test_metadata(arena), metadata);
	else
		KUNIT_EXPECT_LT(test, test_metadata(arena), metadata);
	for (i = 0; i < arena->length >> PAGE_SHIFT; i++)
		test_check_page(test, i, &counters);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&arena->staged));
	KUNIT_EXPECT_EQ(test, counters.committed, arena->counters.committed);
	KUNIT_EXPECT_EQ(test, counters.sealed, arena->counters.sealed);
	KUNIT_EXPECT_EQ(test, counters.patchable, arena->counters.patchable);
	KUNIT_EXPECT_LE(test, counters.committed, (u64)arena->commit_limit);
}
