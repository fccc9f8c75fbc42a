// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Snapshots without memory: every allocation in turn fails, alone or with all
 * that follow. The allocation functions are wrapped by snapshot.mk, and so are
 * codearena_arena_publish(), as another one, and codearena_arena_patch().
 */
#include "code/handle.h"
#include "lib/memory_fails.h"
#include "snapshot/snapshot_helpers.h"

static bool patches_fail;

int __real_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed);
int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed);

int __wrap_codearena_arena_patch(struct codearena_arena *arena,
				 const struct codearena_patch_entry *patches,
				 size_t count, uint32_t flags, size_t *failed)
{
	if (patches_fail)
		return -ENOMEM;
	return __real_codearena_arena_patch(arena, patches, count, flags,
					    failed);
}

static struct module_fixture fixture;
static struct codearena_handle_table *handles;
static struct image image;
/* Batches that were validated, and whether the last of them was published. */
static int validated;
static bool published;
/* The batch that gets no memory for its publishing; 0: none. */
static int publish_fails;

int __real_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);
int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed);

int __wrap_codearena_arena_publish(struct codearena_arena *arena,
				   struct codearena_object *objects,
				   size_t count,
				   const struct codearena_patch_entry *patches,
				   size_t patch_count, uint32_t flags,
				   size_t *failed)
{
	int ret;

	if (publish_fails && validated == publish_fails)
		memory_left = 0;
	/* The backend needs memory of its own. */
	if (!spend()) {
		if (failed)
			*failed = SIZE_MAX;
		return -ENOMEM;
	}
	ret = __real_codearena_arena_publish(arena, objects, count, patches,
					     patch_count, flags, failed);
	published |= !ret;
	return ret;
}

static int validate(void *data, struct codearena_module *module,
		    struct codearena_code *const *codes, size_t count)
{
	(void)data;
	(void)module;
	(void)codes;
	(void)count;
	published = false;
	/* The second batch is refused, and no slot can be patched back. */
	return ++validated == 2 && patches_fail;
}

/* Three batches, with traps, with handles, and with a wrapper. */
static void publish_several(struct codearena_module *module)
{
	uint8_t *bytes = __real_calloc(1, 60032);
	struct codearena_reloc reloc = {
		.offset = 60000,
		.kind = CODEARENA_RELOC_INDIRECT,
		.form = CODEARENA_FORM_ABS32,
		.index = 4,
	};
	struct rich rich;
	uint32_t i;

	for (i = 0; i < 5; i++) {
		rich_body(&rich, MODULE_IMPORTS + i, i);
		memcpy(bytes, rich.bytes, 24);
		rich.desc.body = bytes;
		rich.desc.instructions_size = 60032;
		rich.desc.safepoint_size = 0;
		rich.desc.handler_size = 0;
		rich.desc.constant_pool_size = 0;
		rich.desc.comments_size = 0;
		rich.desc.relocs = &reloc;
		rich.desc.reloc_count = 1;
		if (i == 4) {
			rich.desc.kind = CODEARENA_CODE_HOST_WRAPPER;
			rich.desc.function_index = CODEARENA_CODE_ANONYMOUS;
		}
		publish_desc(module, &rich.desc);
	}
	free(bytes);
}

static int setup(void **state)
{
	CODEARENA_OPTS(codearena_handle_table_opts, table);
	CODEARENA_OPTS(codearena_snapshot_opts, opts,
		       .flags = CODEARENA_SNAPSHOT_F_OTHERS);
	struct codearena_module_opts how;
	struct module_fixture from;

	backend_setup(state);
	assert_int_equal(codearena_handle_table_new(&table, &handles), 0);
	how = module_opts(&from);
	how.handles = handles;
	module_begin(&from, 0, &how);
	publish_several(from.module);
	image = image_of(from.module, &opts);
	module_end(&from);
	how = module_opts(&fixture);
	how.handles = handles;
	how.validate = validate;
	/* So large that the slots lie in the arena of the code. */
	how.estimate = 1 << 20;
	module_begin(&fixture, 0, &how);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	module_end(&fixture);
	free(image.bytes);
	codearena_handle_table_free(handles);
	return 0;
}

static void expect_no_handles(void)
{
	CODEARENA_OPTS(codearena_handle_table_counters, stat);

	assert_int_equal(codearena_handle_table_stat(handles, &stat), 0);
	assert_int_equal(stat.used, 0);
}

static void grace(void)
{
	struct codearena_allocator *allocator =
		codearena_module_allocator(fixture.module);

	codearena_allocator_grace_end(allocator,
				      codearena_allocator_grace_begin(allocator));
}

/*
 * Load into a new module, as one that is used again has most of its memory.
 * Returns whether an allocation failed, the one after @left more.
 */
static bool load_lacks_memory(size_t left)
{
	struct codearena_module_opts how = module_opts(&fixture);
	struct codearena_module *module;
	int ret;

	how.handles = handles;
	how.validate = validate;
	validated = 0;
	assert_int_equal(codearena_module_new(fixture.manager, &how, &module),
			 0);
	memory_failed = false;
	memory_left = left;
	ret = load(module, &image);
	memory_left = SIZE_MAX;
	if (ret) {
		assert_true(memory_failed);
		assert_int_equal(ret, -ENOMEM);
		expect_pristine(module);
		expect_no_handles();
	} else {
		/* What it can do without is no failure. */
		assert_int_equal(module_stat(module).codes, 5);
	}
	codearena_module_free(module);
	return memory_failed;
}

static void load_fails_cleanly(bool returns)
{
	size_t i = 0;

	memory_returns = returns;
	while (load_lacks_memory(i))
		i++;
	assert_true(i > 10);
	/*
	 * How many allocations there are depends on where the module is, so one
	 * of them may never have failed: when two batches are published.
	 */
	publish_fails = 3;
	assert_true(load_lacks_memory(SIZE_MAX - 1));
	publish_fails = 0;
	assert_int_equal(validated, 3);
	assert_false(published);
}

static void load_fails_cleanly_once(void **state)
{
	(void)state;
	load_fails_cleanly(true);
}

static void load_fails_cleanly_for_good(void **state)
{
	(void)state;
	load_fails_cleanly(false);
}

/* What failed is tried again in the same module. */
static void load_can_be_tried_again(void **state)
{
	unsigned int failures = 0;
	size_t i;
	int ret;

	(void)state;
	memory_returns = true;
	for (i = 0;; i++) {
		memory_left = i;
		ret = load(fixture.module, &image);
		memory_left = SIZE_MAX;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		expect_pristine(fixture.module);
		expect_no_handles();
		grace();
		failures++;
	}
	assert_true(failures > 10);
	assert_int_equal(call_function(fixture.module, 4, 0), 2);
}

/* Functions whose slots cannot be patched back keep their code, and work. */
static void what_cannot_be_undone_works(void **state)
{
	codearena_handle handle;
	uint64_t entry;

	(void)state;
	validated = 0;
	patches_fail = true;
	assert_int_equal(load(fixture.module, &image), -ESTALE);
	patches_fail = false;
	assert_int_equal(validated, 2);
	assert_int_equal(module_stat(fixture.module).current, 2);
	assert_int_equal(module_stat(fixture.module).codes, 2);
	assert_int_equal(module_stat(fixture.module).added, 0);
	assert_int_equal(call_function(fixture.module, 2, 0), 0);
	assert_int_equal(call_function(fixture.module, 3, 0), 1);
	assert_int_equal(call_function(fixture.module, 4, 0), LAZY_VALUE);
	/* Their code holds this one. */
	assert_int_equal(codearena_module_handle(fixture.module, 4, 0, &handle),
			 0);
	assert_int_equal(ca__handle_get(handles, handle, &entry, NULL),
			 0);
	assert_int_equal(call_address(entry), LAZY_VALUE);
	/* Then it succeeds. */
	assert_int_equal(codearena_module_remove(fixture.module,
			CODEARENA_FILTER_ALL, NULL), 0);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	expect_pristine(fixture.module);
	assert_int_equal(load(fixture.module, &image), 0);
}

static void save_fails_cleanly(void **state)
{
	size_t size, i;
	void *bytes;
	int ret;

	(void)state;
	publish_several(fixture.module);
	memory_returns = false;
	for (i = 0;; i++) {
		memory_left = i;
		ret = codearena_snapshot_save_new(fixture.module, NULL, &bytes,
						  &size);
		memory_left = SIZE_MAX;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(bytes);
		assert_int_equal(size, 0);
	}
	assert_int_equal(i, 3);
	free(bytes);
	/* References were given back: all of it can be freed. */
	codearena_module_remove(fixture.module, CODEARENA_FILTER_ALL, NULL);
	assert_int_equal(codearena_module_reap(fixture.module, &size), 0);
	assert_int_equal(size, 4);
}

#define SNAPSHOT_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOT_TEST(load_fails_cleanly_once),
		SNAPSHOT_TEST(load_fails_cleanly_for_good),
		SNAPSHOT_TEST(load_can_be_tried_again),
		SNAPSHOT_TEST(what_cannot_be_undone_works),
		SNAPSHOT_TEST(save_fails_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
