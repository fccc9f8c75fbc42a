// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loading snapshots: batches, threads, and that all of it is taken back.
 */
#include <pthread.h>

#include "code/ref.h"
#include "code/handle.h"
#include "snapshot/snapshot_helpers.h"

#define FUNCTIONS	120

/**
 * struct watch - events that the callbacks of a module counted
 * @batches: calls of validate
 * @codes: how much was in each
 * @refuse: number of the batch that is refused; -1: none
 * @events: how many of each
 */
struct watch {
	int batches;
	size_t codes[200];
	int refuse;
	int events[CODEARENA_EVENT_FREED + 1];
};

static struct watch watch;
static struct module_fixture fixture;
static struct codearena_handle_table *handles;

static int validate(void *data, struct codearena_module *module,
		    struct codearena_code *const *codes, size_t count)
{
	(void)data;
	(void)module;
	(void)codes;
	watch.codes[watch.batches] = count;
	return watch.batches++ == watch.refuse;
}

static void event(void *data, struct codearena_module *module,
		  enum codearena_event what, struct codearena_code *code)
{
	(void)data;
	(void)module;
	assert_true(codearena_code_start(code));
	watch.events[what]++;
}

static void watch_reset(int refuse)
{
	memset(&watch, 0, sizeof(watch));
	watch.refuse = refuse;
}

static struct codearena_module_opts
watched_opts(struct module_fixture *f, struct codearena_collector *collector)
{
	struct codearena_module_opts opts = module_opts(f);

	opts.functions = FUNCTIONS;
	opts.validate = validate;
	opts.event = event;
	opts.handles = handles;
	opts.collector = collector;
	return opts;
}

static int setup(void **state)
{
	CODEARENA_OPTS(codearena_handle_table_opts, opts);
	struct codearena_module_opts how;

	backend_setup(state);
	assert_int_equal(codearena_handle_table_new(&opts, &handles), 0);
	watch_reset(-1);
	how = watched_opts(&fixture, NULL);
	module_begin(&fixture, 0, &how);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	module_end(&fixture);
	codearena_handle_table_free(handles);
	return 0;
}

/* Function i returns i, and takes @size bytes; odd ones use a handle. */
static struct image image_sized(uint32_t count, size_t size)
{
	struct module_fixture f;
	struct codearena_module_opts opts = watched_opts(&f, NULL);
	struct image image;
	uint32_t i;

	module_begin(&f, 0, &opts);
	for (i = 0; i < count; i++) {
		struct codearena_reloc reloc = {
			.offset = size - 4,
			.kind = CODEARENA_RELOC_INDIRECT,
			.form = CODEARENA_FORM_ABS32,
			.index = MODULE_IMPORTS + i,
		};
		uint8_t *bytes = calloc(1, size);
		struct body body;

		body_return(&body, MODULE_IMPORTS + i, i);
		memcpy(bytes, body.bytes, BODY_MAX);
		body.desc.body = bytes;
		body.desc.tier = CODEARENA_TIER_OPTIMIZED;
		body.desc.instructions_size = size;
		if (i % 2) {
			body.desc.relocs = &reloc;
			body.desc.reloc_count = 1;
		}
		publish_desc(f.module, &body.desc);
		free(bytes);
	}
	image = image_of(f.module, NULL);
	module_end(&f);
	watch_reset(-1);
	return image;
}

static void expect_loaded(struct codearena_module *module, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < FUNCTIONS; i++)
		assert_int_equal(call_function(module, MODULE_IMPORTS + i, 0),
				 i < count ? i : LAZY_VALUE);
	assert_int_equal(module_stat(module).current, count);
	assert_int_equal(module_stat(module).codes, count);
	assert_int_equal(module_stat(module).added, 0);
	assert_int_equal(module_stat(module).dead, 0);
}

static uint32_t handle_count(void)
{
	CODEARENA_OPTS(codearena_handle_table_counters, stat);

	assert_int_equal(codearena_handle_table_stat(handles, &stat), 0);
	return stat.used;
}

static void expect_nothing(struct codearena_module *module)
{
	struct codearena_module_counters stat = module_stat(module);
	uint32_t i;

	assert_int_equal(stat.codes, 0);
	assert_int_equal(stat.added, 0);
	assert_int_equal(stat.current, 0);
	assert_int_equal(stat.dead, 0);
	assert_int_equal(stat.code_bytes, 0);
	assert_int_equal(stat.metadata_bytes, 0);
	assert_int_equal(stat.optimized_bytes, stat.table_bytes);
	for (i = 0; i < FUNCTIONS; i++)
		assert_int_equal(call_function(module, MODULE_IMPORTS + i, 0),
				 LAZY_VALUE);
	assert_int_equal(handle_count(), 0);
}

/* V8: batches of at least 100000 bytes. */
static void publishing_is_done_in_batches(void **state)
{
	struct image image = image_sized(22, 20032);

	(void)state;
	assert_int_equal(load(fixture.module, &image), 0);
	free(image.bytes);
	assert_int_equal(watch.batches, 5);
	assert_int_equal(watch.codes[0], 5);
	assert_int_equal(watch.codes[3], 5);
	assert_int_equal(watch.codes[4], 2);
	expect_loaded(fixture.module, 22);
	assert_int_equal(watch.events[CODEARENA_EVENT_PUBLISHED], 22);
	assert_int_equal(watch.events[CODEARENA_EVENT_INSTALLED], 22);
	assert_int_equal(handle_count(), 11);
}

/* V8: a hundredth of the code, where that is more. */
static void there_are_at_most_hundred_batches(void **state)
{
	struct image image = image_sized(119, 102400);

	(void)state;
	assert_int_equal(load(fixture.module, &image), 0);
	free(image.bytes);
	/* The hundredth is 121856 bytes: two objects. */
	assert_int_equal(watch.batches, 60);
	assert_int_equal(watch.codes[0], 2);
	assert_int_equal(watch.codes[59], 1);
	expect_loaded(fixture.module, 119);
}

/* Whichever batch fails, nothing is left; and then it can be loaded. */
static void every_batch_can_be_undone(void **state)
{
	struct image image = image_sized(22, 20032);
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		CODEARENA_OPTS(codearena_snapshot_error, failed);

		watch_reset(i);
		assert_int_equal(codearena_snapshot_load(fixture.module, NULL,
				image.bytes, image.size, NULL, &failed),
				-ESTALE);
		assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OK);
		assert_int_equal(failed.error, -ESTALE);
		assert_int_equal(watch.batches, i + 1);
		expect_nothing(fixture.module);
		assert_int_equal(watch.events[CODEARENA_EVENT_INSTALLED],
				 5 * i);
		assert_int_equal(watch.events[CODEARENA_EVENT_RETIRED], 5 * i);
		assert_int_equal(watch.events[CODEARENA_EVENT_FREED], 5 * i);
	}
	watch_reset(-1);
	assert_int_equal(load(fixture.module, &image), 0);
	free(image.bytes);
	expect_loaded(fixture.module, 22);
}

/* Handles allocated before stay, and target the slots again. */
static void handles_of_before_stay(void **state)
{
	struct image image = image_sized(12, 20032);
	codearena_handle handle, after;
	uint64_t entry, slot;

	(void)state;
	assert_int_equal(codearena_module_handle(fixture.module, 3, 0, &handle),
			 0);
	watch_reset(1);
	assert_int_equal(load(fixture.module, &image), -ESTALE);
	free(image.bytes);
	assert_int_equal(handle_count(), 1);
	assert_int_equal(codearena_module_handle(fixture.module, 3, 0, &after),
			 0);
	assert_int_equal(after, handle);
	assert_int_equal(ca__handle_get(handles, handle, &entry, NULL),
			 0);
	codearena_module_call_target(fixture.module, 3, 0, &slot);
	assert_int_equal(entry, slot);
}

/* Handles that a failed addition allocated are released. */
static void adding_can_be_undone(void **state)
{
	struct image image = image_sized(22, 20032);
	CODEARENA_OPTS(codearena_reloc_error, reloc_failed);
	CODEARENA_OPTS(codearena_snapshot_error, failed,
		       .reloc = &reloc_failed);
	struct ca__record_reloc reloc;
	struct ca__reader reader;
	struct ca__view view;
	size_t i;

	(void)state;
	reader = image_objects(&image);
	for (i = 0; i < 22; i++)
		assert_true(ca__view_read(&reader, &view));
	memcpy(&reloc, view.relocs, sizeof(reloc));
	reloc.index = MODULE_IMPORTS + FUNCTIONS;
	memcpy(image.bytes + (view.relocs - image.bytes), &reloc,
	       sizeof(reloc));
	image_repair(&image, image_head(&image));
	assert_int_equal(codearena_snapshot_load(fixture.module, NULL,
			image.bytes, image.size, NULL, &failed), -ENOENT);
	free(image.bytes);
	assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OBJECT);
	assert_int_equal(failed.object, 21);
	assert_int_equal(reloc_failed.object, 21);
	assert_int_equal(reloc_failed.index, 0);
	assert_int_equal(reloc_failed.reason, CODEARENA_RELOC_BAD_FUNCTION);
	assert_int_equal(watch.batches, 0);
	expect_nothing(fixture.module);
}

/* What only publishing refuses: a landing pad in a protected range. */
static void publishing_names_the_object(void **state)
{
	CODEARENA_OPTS(codearena_reloc_error, reloc_failed);
	CODEARENA_OPTS(codearena_snapshot_error, failed,
		       .reloc = &reloc_failed);
	struct codearena_trap trap = { 0, 1, 64 };
	struct module_fixture f;
	struct codearena_module_opts opts = watched_opts(&f, NULL);
	uint8_t *bytes = calloc(1, 60032);
	struct image image;
	uint32_t i;

	(void)state;
	module_begin(&f, 0, &opts);
	for (i = 0; i < 6; i++) {
		struct body body;

		body_return(&body, MODULE_IMPORTS + i, i);
		body.desc.body = bytes;
		body.desc.tier = CODEARENA_TIER_OPTIMIZED;
		body.desc.instructions_size = 60032;
		body.desc.traps = &trap;
		body.desc.trap_count = 1;
		publish_desc(f.module, &body.desc);
	}
	free(bytes);
	image = image_of(f.module, NULL);
	module_end(&f);
	{
		struct ca__reader reader = image_objects(&image);
		struct ca__record_trap wrong = { 0, 1, 0 };
		struct ca__view view;

		for (i = 0; i < 4; i++)
			assert_true(ca__view_read(&reader, &view));
		memcpy(image.bytes + (view.traps - image.bytes), &wrong,
		       sizeof(wrong));
	}
	image_repair(&image, image_head(&image));
	watch_reset(-1);
	assert_int_equal(codearena_snapshot_load(fixture.module, NULL,
			image.bytes, image.size, NULL, &failed), -EINVAL);
	free(image.bytes);
	assert_int_equal(watch.batches, 2);
	assert_int_equal(failed.reason, CODEARENA_SNAPSHOT_OBJECT);
	assert_int_equal(failed.object, 3);
	assert_true(reloc_failed.index == SIZE_MAX);
	expect_nothing(fixture.module);
}

/* An open scope keeps the code, which is retired all the same. */
static void scopes_keep_what_is_undone(void **state)
{
	struct image image = image_sized(12, 20032);
	struct codearena_scope *scope;

	(void)state;
	assert_int_equal(codearena_scope_open(&scope), 0);
	watch_reset(1);
	assert_int_equal(load(fixture.module, &image), -ESTALE);
	assert_int_equal(ca__scope_count(scope), 5);
	assert_int_equal(module_stat(fixture.module).current, 0);
	assert_int_equal(module_stat(fixture.module).codes, 5);
	assert_int_equal(watch.events[CODEARENA_EVENT_FREED], 0);
	assert_int_equal(load(fixture.module, &image), -EBUSY);
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(codearena_module_reap(fixture.module, NULL), 0);
	expect_nothing(fixture.module);
	watch_reset(-1);
	assert_int_equal(load(fixture.module, &image), 0);
	free(image.bytes);
}

/* A collector frees reverted code at its next collection. */
static void collectors_free_what_is_undone(void **state)
{
	CODEARENA_OPTS(codearena_collector_opts, how,
		       .flags = CODEARENA_COLLECTOR_F_MANUAL);
	struct image image = image_sized(12, 20032);
	struct codearena_collector *collector;
	struct codearena_module_opts opts;
	struct module_fixture f;

	(void)state;
	assert_int_equal(codearena_collector_new(&how, &collector), 0);
	opts = watched_opts(&f, collector);
	module_begin(&f, 0, &opts);
	watch_reset(1);
	assert_int_equal(load(f.module, &image), -ESTALE);
	assert_int_equal(module_stat(f.module).current, 0);
	assert_int_equal(module_stat(f.module).codes, 5);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(module_stat(f.module).codes, 0);
	assert_int_equal(watch.events[CODEARENA_EVENT_FREED], 5);
	watch_reset(-1);
	assert_int_equal(load(f.module, &image), 0);
	free(image.bytes);
	expect_loaded(f.module, 12);
	module_end(&f);
	assert_int_equal(codearena_collector_free(collector), 0);
}

/* Wrappers are taken back too. */
static void wrappers_can_be_undone(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts,
		       .flags = CODEARENA_SNAPSHOT_F_OTHERS);
	struct module_fixture f;
	struct codearena_module_opts how = watched_opts(&f, NULL);
	struct image image;
	struct body body;
	uint8_t *bytes = calloc(1, 100032);
	uint32_t i;

	(void)state;
	module_begin(&f, 0, &how);
	for (i = 0; i < 3; i++) {
		body_return(&body, CODEARENA_CODE_ANONYMOUS, 10);
		body.desc.kind = CODEARENA_CODE_HOST_WRAPPER;
		body.desc.body = bytes;
		body.desc.instructions_size = 100032;
		publish_desc(f.module, &body.desc);
	}
	image = image_of(f.module, &opts);
	module_end(&f);
	free(bytes);
	watch_reset(2);
	assert_int_equal(load(fixture.module, &image), -ESTALE);
	free(image.bytes);
	assert_int_equal(watch.batches, 3);
	assert_int_equal(watch.events[CODEARENA_EVENT_PUBLISHED], 2);
	assert_int_equal(watch.events[CODEARENA_EVENT_FREED], 2);
	expect_nothing(fixture.module);
}

/* Code that does not fit is an error, and the rest is reverted. */
static void space_can_run_out(void **state)
{
	struct image image = image_sized(60, 20032);
	struct module_fixture f;
	struct codearena_module_opts opts = watched_opts(&f, NULL);
	CODEARENA_OPTS(codearena_manager_opts, manager,
		       .max_committed = 1 << 20);
	int ret;

	(void)state;
	assert_int_equal(codearena_manager_new(&manager, &f.manager), 0);
	assert_int_equal(codearena_module_new(f.manager, &opts, &f.module), 0);
	ret = load(f.module, &image);
	assert_int_equal(ret, -ENOMEM);
	expect_nothing(f.module);
	module_end(&f);
	free(image.bytes);
}

/* Several code spaces, the last of which are made while code is added. */
static void loading_makes_code_spaces(void **state)
{
	struct image image = image_sized(60, 20032);
	struct module_fixture f;
	struct codearena_module_opts opts = watched_opts(&f, NULL);

	(void)state;
	opts.estimate = 4096;
	opts.reach = 1 << 19;
	module_begin(&f, 1 << 19, &opts);
	watch_reset(9);
	assert_int_equal(load(f.module, &image), -ESTALE);
	expect_nothing(f.module);
	assert_true(module_stat(f.module).spaces > 2);
	watch_reset(-1);
	/* Space that was given back waits for a grace. */
	assert_int_equal(codearena_allocator_grace_end(
			codearena_module_allocator(f.module),
			codearena_allocator_grace_begin(
				codearena_module_allocator(f.module))), 0);
	assert_int_equal(load(f.module, &image), 0);
	free(image.bytes);
	expect_loaded(f.module, 60);
	module_end(&f);
}

struct crew {
	void (*work)(void *context);
	void *context;
};

static void *crew_main(void *argument)
{
	struct crew *crew = argument;

	crew->work(crew->context);
	return NULL;
}

static void in_parallel(void *data, void (*work)(void *context), void *context)
{
	struct crew crew = { work, context };
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crew_main,
						&crew), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	++*(int *)data;
}

static void many_threads_relocate(void **state)
{
	struct image image = image_sized(60, 20032), broken;
	int calls = 0;
	CODEARENA_OPTS(codearena_snapshot_opts, opts, .parallel = in_parallel,
		       .data = &calls);

	(void)state;
	/* Some of them fail. */
	broken = image_copy(&image);
	{
		struct ca__reader reader = image_objects(&broken);
		struct ca__view view;
		size_t i;

		for (i = 0; i < 60; i++) {
			assert_true(ca__view_read(&reader, &view));
			if (i >= 40 && view.record.relocs)
				broken.bytes[view.relocs - broken.bytes + 4] =
					99;
		}
	}
	image_repair(&broken, image_head(&broken));
	assert_int_equal(codearena_snapshot_load(fixture.module, &opts,
			broken.bytes, broken.size, NULL, NULL), -EINVAL);
	free(broken.bytes);
	expect_nothing(fixture.module);
	assert_int_equal(calls, 1);
	watch_reset(7);
	assert_int_equal(codearena_snapshot_load(fixture.module, &opts,
			image.bytes, image.size, NULL, NULL), -ESTALE);
	expect_nothing(fixture.module);
	watch_reset(-1);
	assert_int_equal(codearena_snapshot_load(fixture.module, &opts,
			image.bytes, image.size, NULL, NULL), 0);
	free(image.bytes);
	assert_int_equal(calls, 3);
	assert_int_equal(watch.batches, 12);
	expect_loaded(fixture.module, 60);
}

/* A callback that does nothing does no harm. */
static void idle(void *data, void (*work)(void *context), void *context)
{
	(void)data;
	(void)work;
	(void)context;
}

static void idle_threads_do_no_harm(void **state)
{
	CODEARENA_OPTS(codearena_snapshot_opts, opts, .parallel = idle);
	struct image image = image_sized(12, 20032);

	(void)state;
	assert_int_equal(codearena_snapshot_load(fixture.module, &opts,
			image.bytes, image.size, NULL, NULL), 0);
	free(image.bytes);
	expect_loaded(fixture.module, 12);
}

#define SNAPSHOT_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SNAPSHOT_TEST(publishing_is_done_in_batches),
		SNAPSHOT_TEST(there_are_at_most_hundred_batches),
		SNAPSHOT_TEST(every_batch_can_be_undone),
		SNAPSHOT_TEST(handles_of_before_stay),
		SNAPSHOT_TEST(adding_can_be_undone),
		SNAPSHOT_TEST(publishing_names_the_object),
		SNAPSHOT_TEST(scopes_keep_what_is_undone),
		SNAPSHOT_TEST(collectors_free_what_is_undone),
		SNAPSHOT_TEST(wrappers_can_be_undone),
		SNAPSHOT_TEST(space_can_run_out),
		SNAPSHOT_TEST(loading_makes_code_spaces),
		SNAPSHOT_TEST(many_threads_relocate),
		SNAPSHOT_TEST(idle_threads_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
