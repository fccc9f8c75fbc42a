// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code collection while runtimes execute and code is replaced.
 *
 * A mock runtime "executes" current code without a reference: it keeps the
 * object on a stack of its own and reads it, long after it may have been
 * replaced. If it were freed meanwhile, the sanitizers would report the access,
 * and mock_free() would find it on the stack.
 */
#include <pthread.h>
#include <sched.h>

#include "space/mock_owner.h"

#define RUNTIMES	3
#define SLOTS		8
#define DEPTH		4
#define REPLACED	4000

/**
 * struct machine - state of a test
 * @mock: the module
 * @collector: its collector
 * @lock: protects @table
 * @table: current code, with a reference each
 * @stop: atomic; makes the runtimes end
 */
struct machine {
	struct mock_owner mock;
	struct codearena_collector *collector;
	pthread_mutex_t lock;
	struct codearena_code *table[SLOTS];
	bool stop;
};

/**
 * struct processor - a runtime with one thread
 * @machine: its machine
 * @runtime: the collector's runtime
 * @asked: atomic; sequence of the last call of @ask
 * @stack: code that it executes, used by its thread only
 * @steps: number of executions
 */
struct processor {
	struct machine *machine;
	struct codearena_runtime *runtime;
	uint64_t asked;
	struct codearena_code *stack[DEPTH];
	uint64_t steps;
};

static void ask(void *data, struct codearena_runtime *runtime,
		uint64_t sequence)
{
	struct processor *p = data;

	(void)runtime;
	__atomic_store_n(&p->asked, sequence, __ATOMIC_SEQ_CST);
}

static void answer(struct processor *p)
{
	uint64_t asked = __atomic_exchange_n(&p->asked, 0, __ATOMIC_SEQ_CST);
	uint64_t pcs[DEPTH];
	size_t count = 0, i;

	if (!asked)
		return;
	for (i = 0; i < DEPTH; i++) {
		if (p->stack[i])
			pcs[count++] = codearena_code_start(p->stack[i]) + i;
	}
	codearena_collector_report(p->runtime, asked, pcs, count);
}

static void *execute_always(void *argument)
{
	struct processor *p = argument;
	struct machine *m = p->machine;
	unsigned int at = 0, i;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		at = (at + 1) % DEPTH;
		pthread_mutex_lock(&m->lock);
		p->stack[at] = m->table[p->steps * 7 % SLOTS];
		pthread_mutex_unlock(&m->lock);
		/* Return to older ones. */
		for (i = 0; i < DEPTH; i++) {
			if (p->stack[i] &&
			    codearena_code_size(p->stack[i]) != MOCK_SIZE)
				return NULL;
		}
		answer(p);
		p->steps++;
		if (p->steps % 16 == 0)
			sched_yield();
	}
	memset(p->stack, 0, sizeof(p->stack));
	codearena_collector_leave(p->runtime);
	return argument;
}

static void replace(struct machine *m, unsigned int round)
{
	struct codearena_code *fresh = mock_code(&m->mock, MOCK_SIZE);
	struct codearena_scope *scope;
	struct codearena_code *old;

	assert_int_equal(codearena_scope_open(&scope), 0);
	pthread_mutex_lock(&m->lock);
	old = m->table[round % SLOTS];
	m->table[round % SLOTS] = fresh;
	/* As a module under its mutex. */
	if (round % 3 == 0)
		assert_int_equal(codearena_scope_add(old), 0);
	assert_int_equal(ca__code_put(old), 0);
	pthread_mutex_unlock(&m->lock);
	ca__owner_kick(&m->mock.owner);
	assert_int_equal(codearena_scope_close(scope), 0);
	if (round % 8 == 0)
		sched_yield();
}

static void machine_start(struct machine *m, uint32_t flags)
{
	struct codearena_collector_opts opts = {
		.sz = sizeof(opts),
		.flags = flags,
		.least = flags ? 0 : 20 * MOCK_SIZE,
	};
	unsigned int i;

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	assert_int_equal(codearena_collector_new(&opts, &m->collector), 0);
	mock_init(&m->mock, m->collector, 0x100000);
	for (i = 0; i < SLOTS; i++)
		m->table[i] = mock_code(&m->mock, MOCK_SIZE);
}

static void run(uint32_t flags)
{
	struct processor processors[RUNTIMES] = { 0 };
	struct codearena_collector_counters stat = { .sz = sizeof(stat) };
	struct codearena_runtime_opts opts = {
		.sz = sizeof(opts),
		.ask = ask,
	};
	pthread_t threads[RUNTIMES];
	struct machine m;
	unsigned int i;
	void *result;

	machine_start(&m, flags);
	for (i = 0; i < RUNTIMES; i++) {
		processors[i].machine = &m;
		opts.data = &processors[i];
		assert_int_equal(codearena_collector_join(m.collector, &opts,
					&processors[i].runtime), 0);
	}
	for (i = 0; i < RUNTIMES; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						execute_always,
						&processors[i]), 0);
	for (i = 0; i < REPLACED; i++)
		replace(&m, i);
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < RUNTIMES; i++) {
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, &processors[i]);
	}
	for (i = 0; i < SLOTS; i++)
		assert_int_equal(codearena_code_put(m.table[i]), 0);
	assert_int_equal(codearena_collector_request(m.collector), 0);
	assert_int_equal(mock_freed(&m.mock), REPLACED + SLOTS);
	assert_int_equal(codearena_collector_stat(m.collector, &stat), 0);
	assert_int_equal(stat.freed, REPLACED + SLOTS);
	assert_int_equal(stat.waiting + stat.candidates + stat.runtimes, 0);
	assert_true(stat.collections > 1);
	ca__owner_end(&m.mock.owner);
	assert_int_equal(codearena_collector_free(m.collector), 0);
	pthread_mutex_destroy(&m.lock);
}

static void runtimes_execute_while_code_is_replaced(void **state)
{
	(void)state;
	run(0);
}

static void the_same_with_no_threshold(void **state)
{
	(void)state;
	run(CODEARENA_COLLECTOR_F_STRESS);
}

/* Owners begin and end during collections of another owner. */
static void *owners_come_and_go(void *argument)
{
	struct machine *m = argument;
	unsigned int i, j;

	for (i = 0; i < 100; i++) {
		struct codearena_code *codes[20];
		struct mock_owner mock;

		mock_init(&mock, m->collector, 0x40000000);
		for (j = 0; j < 20; j++)
			codes[j] = mock_code(&mock, MOCK_SIZE);
		/* Ten objects without references, ten with. */
		for (j = 0; j < 10; j++)
			assert_int_equal(codearena_code_put(codes[j]), 0);
		codearena_collector_request(m->collector);
		ca__owner_end(&mock.owner);
		if (mock.freed > 10)
			return NULL;
		/* Without runtimes the request has freed them. */
		for (j = mock.freed ? 10 : 0; j < 20; j++)
			ca__code_destroy(codes[j]);
		if (mock.freed && mock.freed != 10)
			return NULL;
	}
	return argument;
}

static void owners_die_beside_collections(void **state)
{
	struct machine m;
	pthread_t thread;
	unsigned int i;
	void *result;

	(void)state;
	/* On request only: an owner's ten objects are freed together. */
	machine_start(&m, CODEARENA_COLLECTOR_F_MANUAL);
	assert_int_equal(pthread_create(&thread, NULL, owners_come_and_go, &m),
			 0);
	for (i = 0; i < REPLACED; i++)
		replace(&m, i);
	pthread_join(thread, &result);
	assert_ptr_equal(result, &m);
	for (i = 0; i < SLOTS; i++)
		codearena_code_put(m.table[i]);
	codearena_collector_request(m.collector);
	assert_int_equal(mock_freed(&m.mock), REPLACED + SLOTS);
	ca__owner_end(&m.mock.owner);
	assert_int_equal(codearena_collector_free(m.collector), 0);
	pthread_mutex_destroy(&m.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runtimes_execute_while_code_is_replaced),
		cmocka_unit_test(the_same_with_no_threshold),
		cmocka_unit_test(owners_die_beside_collections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
