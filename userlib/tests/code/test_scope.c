// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * References, and scopes that hold them. V8 has no unit tests for these; they
 * follow its WasmCodeRefScope.
 */
#include <pthread.h>

#include "code/ref.h"
#include "space/mock_owner.h"

#define MANY	1000

static int scope_setup(void **state)
{
	static struct mock_owner mock;

	mock_init(&mock, NULL, 0x10000);
	*state = &mock;
	return 0;
}

static int scope_teardown(void **state)
{
	struct mock_owner *mock = *state;

	ca__owner_end(&mock->owner);
	return ca__owner_dead(&mock->owner) != 0;
}

#define SCOPE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, scope_setup, scope_teardown)

static void counter_starts_at_one(void **state)
{
	struct mock_owner *mock = *state;
	struct codearena_code *code = mock_code(mock, MOCK_SIZE);

	assert_int_equal(code->references, 1);
	assert_int_equal(codearena_code_ref(code), 0);
	assert_int_equal(code->references, 2);
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(ca__owner_dead(&mock->owner), 0);
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(ca__owner_dead(&mock->owner), 1);
	assert_int_equal(mock->freed, 0);

	/* Dead: no reference can be taken or dropped. */
	assert_int_not_equal(codearena_code_ref(code), 0);
	assert_int_equal(codearena_code_put(code), -EINVAL);
	assert_int_equal(ca__owner_dead(&mock->owner), 1);
	assert_int_equal(ca__owner_reap(&mock->owner), 1);
	assert_int_equal(mock->freed, 1);
	assert_int_equal(ca__owner_reap(&mock->owner), 0);
	assert_int_equal(mock->calls, 1);
}

static void counter_does_not_overflow(void **state)
{
	struct codearena_code *code = mock_code(*state, MOCK_SIZE);

	code->references = 0x7fffffff;
	assert_int_equal(codearena_code_ref(code), -EOVERFLOW);
	assert_int_equal(code->references, 0x7fffffff);
	code->references = 1;
	assert_int_equal(codearena_code_put(code), 0);
}

static void no_code(void **state)
{
	(void)state;
	assert_int_equal(codearena_code_ref(NULL), -EINVAL);
	assert_int_equal(codearena_code_put(NULL), -EINVAL);
}

static void reaped_in_one_call(void **state)
{
	struct mock_owner *mock = *state;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		codearena_code_put(mock_code(mock, MOCK_SIZE));
	assert_int_equal(ca__owner_dead(&mock->owner), MANY);
	assert_int_equal(ca__owner_reap(&mock->owner), MANY);
	assert_int_equal(mock->calls, 1);
	assert_int_equal(mock->freed, MANY);
}

static void scope_keeps_code(void **state)
{
	struct mock_owner *mock = *state;
	struct codearena_code *code = mock_code(mock, MOCK_SIZE);
	struct codearena_scope *scope;

	assert_int_equal(codearena_scope_add(code), -ENOENT);
	assert_int_equal(code->references, 1);
	assert_int_equal(codearena_scope_open(&scope), 0);
	assert_int_equal(ca__scope_count(scope), 0);
	assert_int_equal(codearena_scope_add(NULL), -EINVAL);
	assert_int_equal(codearena_scope_add(code), 0);
	assert_int_equal(code->references, 2);

	/* A scope is a set. */
	assert_int_equal(codearena_scope_add(code), 0);
	assert_int_equal(code->references, 2);
	assert_int_equal(ca__scope_count(scope), 1);

	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(ca__owner_dead(&mock->owner), 0);
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(ca__owner_dead(&mock->owner), 1);
}

static void failed_add_changes_nothing(void **state)
{
	struct codearena_code *code = mock_code(*state, MOCK_SIZE);
	struct codearena_scope *scope;

	assert_int_equal(codearena_scope_open(&scope), 0);
	code->references = 0x7fffffff;
	assert_int_equal(codearena_scope_add(code), -EOVERFLOW);
	assert_int_equal(ca__scope_count(scope), 0);
	code->references = 1;
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(code->references, 1);
	codearena_code_put(code);
}

static void scopes_nest(void **state)
{
	struct mock_owner *mock = *state;
	struct codearena_code *code = mock_code(mock, MOCK_SIZE);
	struct codearena_scope *outer, *inner;

	assert_int_equal(codearena_scope_open(NULL), -EINVAL);
	assert_int_equal(codearena_scope_open(&outer), 0);
	assert_int_equal(codearena_scope_add(code), 0);
	assert_int_equal(codearena_scope_open(&inner), 0);
	assert_int_equal(codearena_scope_add(code), 0);
	assert_int_equal(code->references, 3);
	assert_int_equal(ca__scope_count(outer), 1);
	assert_int_equal(ca__scope_count(inner), 1);

	/* Out of order. */
	assert_int_equal(codearena_scope_close(outer), -EINVAL);
	assert_int_equal(code->references, 3);
	assert_int_equal(codearena_scope_close(inner), 0);
	assert_int_equal(code->references, 2);
	assert_int_equal(codearena_scope_close(inner), -EPERM);
	assert_int_equal(codearena_scope_close(outer), 0);
	assert_int_equal(codearena_scope_close(outer), -EPERM);
	assert_int_equal(codearena_scope_close(NULL), 0);
	assert_int_equal(ca__scope_count(NULL), 0);
	assert_int_equal(code->references, 1);
	codearena_code_put(code);
}

static void scope_holds_many(void **state)
{
	struct mock_owner *mock = *state;
	struct codearena_code *codes[MANY];
	struct codearena_scope *scope;
	unsigned int i;

	assert_int_equal(codearena_scope_open(&scope), 0);
	for (i = 0; i < MANY; i++) {
		codes[i] = mock_code(mock, MOCK_SIZE);
		assert_int_equal(codearena_scope_add(codes[i]), 0);
	}
	for (i = 0; i < MANY; i++) {
		assert_int_equal(codearena_scope_add(codes[i]), 0);
		assert_int_equal(codes[i]->references, 2);
		codearena_code_put(codes[i]);
	}
	assert_int_equal(ca__scope_count(scope), MANY);
	assert_int_equal(ca__owner_dead(&mock->owner), 0);
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(ca__owner_dead(&mock->owner), MANY);
}

static void reserved_scope(void **state)
{
	struct codearena_code *code = mock_code(*state, MOCK_SIZE);
	struct codearena_scope *scope;

	/* Without a scope this does nothing. */
	assert_int_equal(ca__scope_reserve(SIZE_MAX), 0);
	ca__scope_add(code);
	assert_int_equal(code->references, 1);
	assert_int_equal(codearena_scope_open(&scope), 0);
	assert_int_equal(ca__scope_reserve(SIZE_MAX), -ENOMEM);
	assert_int_equal(ca__scope_reserve(MANY), 0);
	ca__scope_add(code);
	assert_int_equal(ca__scope_count(scope), 1);
	assert_int_equal(codearena_scope_close(scope), 0);
	codearena_code_put(code);
}

/* A thread uses the scope of another one. */
static void *foreign(void *argument)
{
	struct codearena_scope *scope = argument, *own;

	assert_int_equal(codearena_scope_close(scope), -EPERM);
	assert_int_equal(ca__scope_count(scope), 0);
	assert_int_equal(codearena_scope_open(&own), 0);
	assert_int_equal(codearena_scope_close(scope), -EPERM);
	assert_int_equal(codearena_scope_close(own), 0);
	return argument;
}

static void other_threads_cannot_close(void **state)
{
	struct codearena_code *code = mock_code(*state, MOCK_SIZE);
	struct codearena_scope *scope;
	pthread_t thread;
	void *result;

	assert_int_equal(codearena_scope_open(&scope), 0);
	assert_int_equal(codearena_scope_add(code), 0);
	assert_int_equal(pthread_create(&thread, NULL, foreign, scope), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, scope);
	assert_int_equal(code->references, 2);
	assert_int_equal(codearena_scope_close(scope), 0);
	codearena_code_put(code);
}

static void *leave_open(void *argument)
{
	struct codearena_scope *scope;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (codearena_scope_open(&scope) ||
		    codearena_scope_add(argument))
			return NULL;
	}
	return argument;
}

static void ending_thread_closes_its_scopes(void **state)
{
	struct codearena_code *code = mock_code(*state, MOCK_SIZE);
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, leave_open, code), 0);
	pthread_join(thread, &result);
	assert_ptr_equal(result, code);
	assert_int_equal(__atomic_load_n(&code->references, __ATOMIC_ACQUIRE),
			 1);
	codearena_code_put(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCOPE_TEST(counter_starts_at_one),
		SCOPE_TEST(counter_does_not_overflow),
		SCOPE_TEST(no_code),
		SCOPE_TEST(reaped_in_one_call),
		SCOPE_TEST(scope_keeps_code),
		SCOPE_TEST(failed_add_changes_nothing),
		SCOPE_TEST(scopes_nest),
		SCOPE_TEST(scope_holds_many),
		SCOPE_TEST(reserved_scope),
		SCOPE_TEST(other_threads_cannot_close),
		SCOPE_TEST(ending_thread_closes_its_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
