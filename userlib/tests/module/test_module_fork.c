// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A child of fork() that inherits objects whose locks other threads held: each
 * call returns -EPERM at once, freeing works, and new objects do, too.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "code/collect.h"
#include "code/handle.h"
#include "codearena/log.h"
#include "codearena/snapshot.h"
#include "codearena/trap.h"
#include "module/module_helpers.h"
#include "space/space.h"

#define CHILD_SECONDS	20

/**
 * struct family - objects of the parent
 * @fixture: a module with code
 * @collector: its collector
 * @runtime: of @collector
 * @handles: its table
 * @allocator: an allocator of its own
 * @region: allocated from it
 * @code: published code, with a reference
 * @held: the thread below holds all locks
 * @stop: it may give them back
 */
struct family {
	struct module_fixture fixture;
	struct codearena_collector *collector;
	struct codearena_runtime *runtime;
	struct codearena_handle_table *handles;
	struct codearena_allocator *allocator;
	struct codearena_region region;
	struct codearena_code *code;
	struct body body;
	int held;
	int stop;
};

static void ask(void *data, struct codearena_runtime *runtime,
		uint64_t sequence)
{
	(void)data;
	(void)runtime;
	(void)sequence;
}

static void *hold_locks(void *data)
{
	struct family *f = data;
	pthread_mutex_t *const locks[] = {
		&f->fixture.module->allocator->lock,
		&f->allocator->lock,
		&f->fixture.module->lock,
		&f->collector->lock,
		&f->handles->turn,
		&f->handles->lock,
		&f->handles->native_lock,
	};
	size_t i;

	pthread_rwlock_wrlock(&f->fixture.module->log_lock);
	for (i = 0; i < sizeof(locks) / sizeof(*locks); i++)
		pthread_mutex_lock(locks[i]);
	__atomic_store_n(&f->held, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE))
		usleep(100);
	for (i = sizeof(locks) / sizeof(*locks); i--;)
		pthread_mutex_unlock(locks[i]);
	pthread_rwlock_unlock(&f->fixture.module->log_lock);
	return NULL;
}

static void family_begin(struct family *f)
{
	CODEARENA_OPTS(codearena_runtime_opts, runtime, .ask = ask);
	CODEARENA_OPTS(codearena_allocator_opts, allocator, .estimate = 65536);
	struct codearena_module_opts opts = module_opts(&f->fixture);

	memset(f, 0, sizeof(*f));
	opts = module_opts(&f->fixture);
	assert_int_equal(codearena_collector_new(NULL, &f->collector), 0);
	assert_int_equal(codearena_collector_join(f->collector, &runtime,
						  &f->runtime), 0);
	assert_int_equal(codearena_handle_table_new(NULL, &f->handles), 0);
	opts.collector = f->collector;
	opts.handles = f->handles;
	module_begin(&f->fixture, 0, &opts);
	body_return(&f->body, 5, 77);
	f->code = publish_body(f->fixture.module, &f->body);
	assert_int_equal(codearena_allocator_new(f->fixture.manager, &allocator,
						 &f->allocator), 0);
	assert_int_equal(codearena_allocator_allocate(f->allocator, 64, NULL,
						      &f->region), 0);
}

static void family_end(struct family *f)
{
	codearena_code_put(f->code);
	codearena_allocator_free(f->allocator);
	module_end(&f->fixture);
	codearena_collector_leave(f->runtime);
	assert_int_equal(codearena_collector_free(f->collector), 0);
	codearena_handle_table_free(f->handles);
}

/* Numbers the call that is wrong. */
static int wrong;
#define REFUSED(call) \
	do { wrong = __LINE__; if ((call) != -EPERM) return false; } while (0)
#define RIGHT(condition) \
	do { wrong = __LINE__; if (!(condition)) return false; } while (0)

static bool modules_refuse(struct family *f)
{
	CODEARENA_OPTS(codearena_module_counters, counters);
	struct codearena_module *m = f->fixture.module, *other;
	struct codearena_code *codes[8];
	struct codearena_guard *guard;
	codearena_handle handle;
	size_t count = 8, size = 0;
	uint64_t address;
	uint32_t index;
	bool builtin;

	REFUSED(codearena_module_add(m, &f->body.desc, 1, codes, NULL));
	REFUSED(codearena_module_publish(m, &f->code, 1, NULL));
	REFUSED(codearena_module_add_publish(m, &f->body.desc, 1, NULL, NULL));
	REFUSED(codearena_module_drop(m, &f->code, 1));
	REFUSED(codearena_module_call_target(m, 5, 0, &address));
	REFUSED(codearena_module_builtin_target(m, 1, 0, &address));
	REFUSED(codearena_module_slot(m, 64, &builtin, &index));
	REFUSED(codearena_module_handle(m, 5, 0, &handle));
	REFUSED(codearena_module_code(m, 5, codes));
	REFUSED(codearena_module_codes(m, 0, codes, &count));
	REFUSED(codearena_module_remove(m, CODEARENA_FILTER_ALL, NULL));
	REFUSED(codearena_module_set_debug(m, true));
	REFUSED(codearena_module_reinstall_debug(m, f->code));
	REFUSED(codearena_module_lookup(m, m, codes));
	REFUSED(codearena_module_stat(m, &counters));
	REFUSED(codearena_logger_detach(m));
	REFUSED(codearena_snapshot_save(m, NULL, NULL, &size));
	REFUSED(codearena_snapshot_load(m, NULL, &size, 1, NULL, NULL));
	REFUSED(codearena_module_guard_new(m, 1 << 16, NULL, &guard));
	REFUSED(codearena_module_new(f->fixture.manager, NULL, &other));
	REFUSED(codearena_code_ref(f->code));
	REFUSED(codearena_code_put(f->code));
	return true;
}

static bool others_refuse(struct family *f)
{
	CODEARENA_OPTS(codearena_allocator_counters, allocator);
	CODEARENA_OPTS(codearena_space_info, space);
	CODEARENA_OPTS(codearena_collector_counters, collector);
	CODEARENA_OPTS(codearena_runtime_opts, opts, .ask = ask);
	CODEARENA_OPTS(codearena_handle_table_counters, handles);
	struct codearena_allocator *other;
	struct codearena_runtime *runtime;
	struct codearena_region region;
	codearena_handle handle;

	REFUSED(codearena_allocator_new(f->fixture.manager, NULL, &other));
	REFUSED(codearena_allocator_allocate(f->allocator, 64, NULL, &region));
	REFUSED(codearena_allocator_release(f->allocator, &f->region, 1, NULL));
	RIGHT(!codearena_allocator_grace_begin(f->allocator));
	REFUSED(codearena_allocator_grace_end(f->allocator, 1));
	REFUSED(codearena_allocator_space(f->allocator, 0, &space));
	REFUSED(codearena_allocator_stat(f->allocator, &allocator));
	REFUSED(codearena_collector_join(f->collector, &opts, &runtime));
	REFUSED(codearena_collector_leave(f->runtime));
	REFUSED(codearena_collector_report(f->runtime, 1, NULL, 0));
	REFUSED(codearena_collector_request(f->collector));
	REFUSED(codearena_collector_stat(f->collector, &collector));
	REFUSED(codearena_handle_for_native(f->handles, 64, 0, &handle));
	REFUSED(codearena_handle_table_sweep(f->handles, 0));
	REFUSED(codearena_handle_table_stat(f->handles, &handles));
	return true;
}

/* What needs no lock works as before. */
static bool reading_works(struct family *f)
{
	uint64_t start = codearena_code_start(f->code), offset;

	RIGHT(call_address(start) == 77);
	RIGHT(codearena_code_find(start) == f->code);
	RIGHT(!codearena_code_find_ref(start));
	RIGHT(!codearena_allocator_locate(f->allocator, f->region.begin, NULL,
					  &offset, NULL));
	return true;
}

static bool freeing_works(struct family *f)
{
	uint64_t start = codearena_code_start(f->code);

	codearena_allocator_free(f->allocator);
	codearena_module_free(f->fixture.module);
	RIGHT(!codearena_code_find(start));
	RIGHT(!codearena_collector_free(f->collector));
	codearena_handle_table_free(f->handles);
	codearena_manager_free(f->fixture.manager);
	return true;
}

/* The child has modules of its own, at the addresses of those that are gone. */
static bool new_objects_work(void)
{
	struct family own;

	family_begin(&own);
	RIGHT(call_function(own.fixture.module, 5, 0) == 77);
	RIGHT(codearena_code_find(codearena_code_start(own.code)) == own.code);
	family_end(&own);
	return true;
}

static bool child(void *context)
{
	struct family *f = context;
	bool right;

	alarm(CHILD_SECONDS);
	right = modules_refuse(f) && others_refuse(f) && reading_works(f) &&
		freeing_works(f) && new_objects_work();
	if (!right)
		dprintf(2, "# wrong in line %d\n", wrong);
	return right;
}

static void locks_are_held(void **state)
{
	struct family f;
	pthread_t thread;

	(void)state;
	family_begin(&f);
	assert_int_equal(pthread_create(&thread, NULL, hold_locks, &f), 0);
	while (!__atomic_load_n(&f.held, __ATOMIC_ACQUIRE))
		usleep(100);
	assert_int_equal(in_child(child, &f), 0);
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* The parent has lost nothing. */
	assert_int_equal(call_function(f.fixture.module, 5, 0), 77);
	assert_ptr_equal(codearena_code_find(codearena_code_start(f.code)),
			 f.code);
	family_end(&f);
}

static void *find_always(void *data)
{
	struct family *f = data;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		codearena_code_put(codearena_code_find_ref(
				   codearena_code_start(f->code)));
	return NULL;
}

static bool find_once(void *context)
{
	struct family *f = context;

	alarm(CHILD_SECONDS);
	return !codearena_code_find_ref(codearena_code_start(f->code));
}

/* The index is the process's: its lock may be held by nobody in a child. */
static void index_is_free_in_children(void **state)
{
	struct family f;
	pthread_t thread;
	int i;

	(void)state;
	family_begin(&f);
	assert_int_equal(pthread_create(&thread, NULL, find_always, &f), 0);
	for (i = 0; i < 300; i++)
		assert_int_equal(in_child(find_once, &f), 0);
	__atomic_store_n(&f.stop, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	family_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_are_held),
		cmocka_unit_test(index_is_free_in_children),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
