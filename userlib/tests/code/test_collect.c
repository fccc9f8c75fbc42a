// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Code collection: the life cycle of code, runtimes, triggers. V8 has no unit
 * tests for it; these follow its engine's collector.
 */
#include "space/mock_owner.h"

#define START		0x100000

/**
 * struct asked - a mock runtime
 * @runtime: the collector's runtime
 * @times: number of calls of @ask
 * @sequence: argument of the last call
 * @at_once: @ask reports @pcs
 * @pcs: code on its stack
 * @count: entries of @pcs
 * @drop: NULL, or code of which @ask drops a reference
 */
struct asked {
	struct codearena_runtime *runtime;
	unsigned int times;
	uint64_t sequence;
	bool at_once;
	uint64_t pcs[4];
	size_t count;
	struct codearena_code *drop;
};

static void ask(void *data, struct codearena_runtime *runtime,
		uint64_t sequence)
{
	struct asked *asked = data;

	asked->times++;
	asked->sequence = sequence;
	assert_int_equal(codearena_collector_leave(runtime), -EDEADLK);
	if (asked->drop) {
		struct codearena_code *code = asked->drop;

		asked->drop = NULL;
		assert_int_equal(codearena_code_put(code), 0);
	}
	if (asked->at_once)
		assert_int_equal(codearena_collector_report(runtime, sequence,
							    asked->pcs,
							    asked->count), 0);
}

static void join(struct codearena_collector *collector, struct asked *asked)
{
	struct codearena_runtime_opts opts = {
		.sz = sizeof(opts),
		.ask = ask,
		.data = asked,
	};

	memset(asked, 0, sizeof(*asked));
	assert_int_equal(codearena_collector_join(collector, &opts,
						  &asked->runtime), 0);
}

static int report(struct asked *asked, uint64_t pc)
{
	return codearena_collector_report(asked->runtime, asked->sequence, &pc,
					  pc ? 1 : 0);
}

static struct codearena_collector *collector_with(uint32_t flags)
{
	struct codearena_collector_opts opts = {
		.sz = sizeof(opts),
		.flags = flags,
	};
	struct codearena_collector *collector;

	assert_int_equal(codearena_collector_new(&opts, &collector), 0);
	return collector;
}

static struct codearena_collector_counters
stat_now(struct codearena_collector *collector)
{
	struct codearena_collector_counters stat = { .sz = sizeof(stat) };

	assert_int_equal(codearena_collector_stat(collector, &stat), 0);
	return stat;
}

static void end(struct codearena_collector *collector, struct mock_owner *mock)
{
	ca__owner_end(&mock->owner);
	assert_int_equal(codearena_collector_free(collector), 0);
}

static void without_runtimes_code_dies_at_once(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct codearena_collector_counters stat;
	struct mock_owner mock;

	(void)state;
	mock_init(&mock, collector, START);
	assert_int_equal(codearena_code_put(mock_code(&mock, MOCK_SIZE)), 0);
	assert_int_equal(mock.freed, 1);
	stat = stat_now(collector);
	assert_int_equal(stat.sequence, 1);
	assert_int_equal(stat.collections, 1);
	assert_int_equal(stat.freed, 1);
	assert_int_equal(stat.freed_bytes, MOCK_SIZE);
	assert_int_equal(stat.waiting, 0);
	assert_int_equal(stat.owners, 1);
	assert_int_equal(codearena_collector_free(collector), -EBUSY);
	end(collector, &mock);
}

static void live_code_is_kept_until_it_is_not(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct codearena_collector_counters stat;
	struct codearena_code *code[3];
	struct mock_owner mock;
	struct asked asked;
	unsigned int i;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	for (i = 0; i < 3; i++) {
		code[i] = mock_code(&mock, MOCK_SIZE);
		assert_int_equal(codearena_code_put(code[i]), 0);
	}
	stat = stat_now(collector);
	assert_int_equal(stat.waiting, 3);
	assert_int_equal(stat.waiting_bytes, 3 * MOCK_SIZE);
	assert_int_equal(asked.times, 0);

	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(asked.times, 1);
	assert_int_equal(asked.sequence, 1);
	assert_int_equal(stat_now(collector).candidates, 3);
	assert_int_equal(stat_now(collector).outstanding, 1);
	assert_int_equal(mock.freed, 0);

	/* The middle one, by its last byte. */
	assert_int_equal(report(&asked, START + 2 * MOCK_SIZE - 1), 0);
	assert_int_equal(mock.freed, 2);
	assert_int_equal(mock.calls, 1);
	assert_int_equal(stat_now(collector).waiting, 1);
	assert_int_equal(stat_now(collector).candidates, 0);

	/* The end is outside. */
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(asked.sequence, 2);
	assert_int_equal(report(&asked, START + 2 * MOCK_SIZE), 0);
	assert_int_equal(mock.freed, 3);
	assert_int_equal(stat_now(collector).freed_bytes, 3 * MOCK_SIZE);
	assert_int_equal(codearena_collector_leave(asked.runtime), 0);
	end(collector, &mock);
}

static void every_boundary_of_candidates(void **state)
{
	static const struct {
		int64_t at;
		unsigned int kept;
	} rows[] = {
		{ -1, 0 }, { 0, 1 }, { MOCK_SIZE - 1, 1 }, { MOCK_SIZE, 0 },
		{ 4 * MOCK_SIZE - 1, 0 }, { 4 * MOCK_SIZE, 1 },
		{ 5 * MOCK_SIZE - 1, 1 }, { 5 * MOCK_SIZE, 0 },
		{ INT64_MAX, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct codearena_collector *collector =
			collector_with(CODEARENA_COLLECTOR_F_MANUAL);
		struct mock_owner mock;
		struct asked asked;

		mock_init(&mock, collector, START);
		join(collector, &asked);
		codearena_code_put(mock_code(&mock, MOCK_SIZE));
		mock.next = START + 4 * MOCK_SIZE;
		codearena_code_put(mock_code(&mock, MOCK_SIZE));
		codearena_collector_request(collector);
		assert_int_equal(report(&asked,
					START + (uint64_t)rows[i].at), 0);
		assert_int_equal(mock.freed, 2 - rows[i].kept);
		codearena_collector_request(collector);
		report(&asked, 0);
		assert_int_equal(mock.freed, 2);
		codearena_collector_leave(asked.runtime);
		end(collector, &mock);
	}
}

static void all_runtimes_must_report(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct codearena_code *code;
	struct mock_owner mock;
	struct asked asked[3];
	uint64_t pc = START;
	unsigned int i;

	(void)state;
	mock_init(&mock, collector, START);
	for (i = 0; i < 3; i++)
		join(collector, &asked[i]);
	code = mock_code(&mock, MOCK_SIZE);
	assert_int_equal(codearena_code_put(code), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(asked[i].times, 1);

	assert_int_equal(codearena_collector_report(asked[1].runtime, 1, &pc,
						    1), 0);
	assert_int_equal(report(&asked[1], 0), 1);
	assert_int_equal(report(&asked[0], 0), 0);
	assert_int_equal(stat_now(collector).outstanding, 1);
	assert_int_equal(mock.freed, 0);
	/* Leaving counts as a report. */
	assert_int_equal(codearena_collector_leave(asked[2].runtime), 0);
	assert_int_equal(stat_now(collector).collections, 1);
	assert_int_equal(stat_now(collector).waiting, 1);
	assert_int_equal(report(&asked[0], 0), 1);

	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(report(&asked[0], 0), 0);
	assert_int_equal(codearena_collector_leave(asked[0].runtime), 0);
	assert_int_equal(mock.freed, 0);
	assert_int_equal(codearena_collector_leave(asked[1].runtime), 0);
	assert_int_equal(mock.freed, 1);
	assert_int_equal(codearena_collector_leave(NULL), 0);
	end(collector, &mock);
}

static void late_reports_are_ignored(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct mock_owner mock;
	struct asked asked;
	uint64_t pc = START;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	assert_int_equal(codearena_collector_report(asked.runtime, 1, NULL, 0),
			 -EINVAL);
	codearena_code_put(mock_code(&mock, MOCK_SIZE));
	codearena_collector_request(collector);
	assert_int_equal(report(&asked, pc), 0);
	codearena_collector_request(collector);
	assert_int_equal(asked.sequence, 2);

	/* Of the first collection, during the second one. */
	assert_int_equal(codearena_collector_report(asked.runtime, 1, &pc, 1),
			 1);
	assert_int_equal(stat_now(collector).outstanding, 1);
	assert_int_equal(codearena_collector_report(asked.runtime, 0, &pc, 1),
			 -EINVAL);
	assert_int_equal(codearena_collector_report(asked.runtime, 3, &pc, 1),
			 -EINVAL);
	assert_int_equal(codearena_collector_report(NULL, 2, &pc, 1), -EINVAL);
	assert_int_equal(codearena_collector_report(asked.runtime, 2, NULL, 1),
			 -EINVAL);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 1);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

static uint64_t committed_bytes(void *data)
{
	return *(uint64_t *)data;
}

static void trigger_is_64_kib_and_a_tenth(void **state)
{
	uint64_t committed = 1000000;
	struct codearena_collector_opts opts = {
		.sz = sizeof(opts),
		.committed = committed_bytes,
		.data = &committed,
	};
	uint64_t threshold = 65536 + 100000;
	struct codearena_collector *collector;
	struct mock_owner mock;

	(void)state;
	assert_int_equal(codearena_collector_new(&opts, &collector), 0);
	mock_init(&mock, collector, START);
	codearena_code_put(mock_code(&mock, threshold));
	assert_int_equal(stat_now(collector).sequence, 0);
	codearena_code_put(mock_code(&mock, 1));
	assert_int_equal(stat_now(collector).sequence, 1);
	assert_int_equal(mock.freed, 2);

	/* Counting starts again. */
	codearena_code_put(mock_code(&mock, threshold));
	assert_int_equal(stat_now(collector).sequence, 1);
	codearena_code_put(mock_code(&mock, 1));
	assert_int_equal(stat_now(collector).sequence, 2);

	/* No overflow. */
	committed = UINT64_MAX;
	codearena_code_put(mock_code(&mock, 1U << 30));
	assert_int_equal(stat_now(collector).sequence, 2);
	committed = 0;
	codearena_code_put(mock_code(&mock, 1));
	assert_int_equal(stat_now(collector).sequence, 3);
	end(collector, &mock);
}

static void trigger_can_be_set(void **state)
{
	struct codearena_collector_opts opts = {
		.sz = sizeof(opts),
		.least = 1000,
	};
	struct codearena_collector *collector;
	struct mock_owner mock;

	(void)state;
	assert_int_equal(codearena_collector_new(&opts, &collector), 0);
	mock_init(&mock, collector, START);
	codearena_code_put(mock_code(&mock, 1000));
	assert_int_equal(mock.freed, 0);
	codearena_code_put(mock_code(&mock, 1));
	assert_int_equal(mock.freed, 2);
	end(collector, &mock);
}

/* As a module drops references under its mutex. */
static void hidden_put_never_calls_back(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct mock_owner mock;
	struct asked asked;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	asked.at_once = true;
	assert_int_equal(ca__code_put(mock_code(&mock, MOCK_SIZE)), 0);
	assert_int_equal(asked.times, 0);
	assert_int_equal(mock.freed, 0);
	ca__owner_kick(&mock.owner);
	assert_int_equal(asked.times, 1);
	assert_int_equal(mock.freed, 1);
	ca__owner_kick(&mock.owner);
	assert_int_equal(asked.times, 1);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

static void one_at_a_time_and_one_more(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct mock_owner mock;
	struct asked asked;
	unsigned int i;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	for (i = 0; i < 5; i++)
		codearena_code_put(mock_code(&mock, MOCK_SIZE));
	assert_int_equal(asked.times, 1);
	assert_int_equal(stat_now(collector).candidates, 1);
	assert_int_equal(stat_now(collector).waiting, 4);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 1);
	/* The next one follows at once, and has all that died meanwhile. */
	assert_int_equal(asked.times, 2);
	assert_int_equal(stat_now(collector).candidates, 4);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 5);
	assert_int_equal(mock.calls, 2);
	assert_int_equal(asked.times, 2);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

static void callbacks_do_not_nest(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct mock_owner mock;
	struct asked asked;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	asked.at_once = true;
	asked.drop = mock_code(&mock, MOCK_SIZE);
	codearena_code_put(mock_code(&mock, MOCK_SIZE));
	assert_int_equal(asked.times, 2);
	assert_int_equal(mock.freed, 2);
	assert_int_equal(stat_now(collector).collections, 2);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

static void referenced_candidate_lives_again(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct codearena_code *code;
	struct mock_owner mock;
	struct asked asked;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	code = mock_code(&mock, MOCK_SIZE);
	codearena_code_put(code);
	/* As by a lookup, or a debugger that reinstalls the code. */
	assert_true(ca__code_try_ref(code));
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 0);
	assert_int_equal(code->references, 1);
	assert_int_equal(stat_now(collector).waiting, 0);

	/* V8 would free it now without asking. */
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(mock.freed, 0);
	assert_int_equal(asked.times, 2);
	assert_int_equal(report(&asked, START), 0);
	assert_int_equal(mock.freed, 0);
	codearena_collector_request(collector);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 1);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

/* Whoever took the reference may be in the code, after its report. */
static void touched_candidate_is_checked_anew(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct codearena_code *code;
	struct mock_owner mock;
	struct asked asked;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	code = mock_code(&mock, MOCK_SIZE);
	codearena_code_put(code);
	assert_int_equal(asked.times, 1);
	assert_true(ca__code_try_ref(code));
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 0);
	assert_int_equal(asked.times, 2);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 1);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

/* The same if the reference is older than the collection. */
static void referenced_code_is_no_candidate(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct codearena_code *code;
	struct mock_owner mock;
	struct asked asked;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &asked);
	code = mock_code(&mock, MOCK_SIZE);
	codearena_code_put(code);
	assert_true(ca__code_try_ref(code));
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(asked.times, 0);
	assert_int_equal(stat_now(collector).waiting, 0);
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(stat_now(collector).waiting, 1);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(report(&asked, 0), 0);
	assert_int_equal(mock.freed, 1);
	codearena_collector_leave(asked.runtime);
	end(collector, &mock);
}

static void reference_of_the_collector_cannot_be_dropped(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct codearena_code *code;
	struct mock_owner mock;

	(void)state;
	mock_init(&mock, collector, START);
	code = mock_code(&mock, MOCK_SIZE);
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(codearena_code_put(code), -EINVAL);
	assert_int_equal(stat_now(collector).waiting, 1);
	/* A later one can. */
	assert_int_equal(codearena_code_ref(code), 0);
	assert_int_equal(codearena_code_put(code), 0);
	assert_int_equal(stat_now(collector).waiting, 1);
	codearena_collector_request(collector);
	assert_int_equal(mock.freed, 1);
	end(collector, &mock);
}

static void scope_keeps_candidates(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_STRESS);
	struct codearena_scope *scope;
	struct codearena_code *code;
	struct mock_owner mock;

	(void)state;
	mock_init(&mock, collector, START);
	code = mock_code(&mock, MOCK_SIZE);
	assert_int_equal(codearena_scope_open(&scope), 0);
	assert_int_equal(codearena_scope_add(code), 0);
	codearena_code_put(code);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(mock.freed, 0);
	assert_int_equal(codearena_scope_close(scope), 0);
	assert_int_equal(mock.freed, 1);
	end(collector, &mock);
}

static void one_call_for_each_owner(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct mock_owner mocks[4];
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 4; i++)
		mock_init(&mocks[i], collector, START + (i << 20));
	for (j = 0; j < 200; j++) {
		for (i = 0; i < 4; i++)
			codearena_code_put(mock_code(&mocks[i], MOCK_SIZE));
	}
	assert_int_equal(codearena_collector_request(collector), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(mocks[i].calls, 1);
		assert_int_equal(mocks[i].largest, 200);
		ca__owner_end(&mocks[i].owner);
	}
	assert_int_equal(codearena_collector_free(collector), 0);
}

static void dying_owner_leaves_every_set(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct codearena_code *codes[4];
	struct mock_owner first, second;
	struct asked asked;
	unsigned int i;

	(void)state;
	mock_init(&first, collector, START);
	mock_init(&second, collector, START + (1 << 20));
	join(collector, &asked);
	/* Two candidates and two waiting objects of each owner. */
	for (i = 0; i < 4; i++) {
		codes[i] = mock_code(&first, MOCK_SIZE);
		codearena_code_put(mock_code(&second, MOCK_SIZE));
		codearena_code_put(codes[i]);
		if (i == 1)
			codearena_collector_request(collector);
	}
	assert_int_equal(stat_now(collector).candidates, 4);
	assert_int_equal(stat_now(collector).waiting, 4);
	ca__owner_end(&first.owner);
	assert_int_equal(stat_now(collector).candidates, 2);
	assert_int_equal(stat_now(collector).waiting, 2);
	assert_int_equal(stat_now(collector).waiting_bytes, 2 * MOCK_SIZE);
	assert_int_equal(stat_now(collector).owners, 1);
	assert_int_equal(first.calls, 0);
	for (i = 0; i < 4; i++)
		ca__code_destroy(codes[i]);

	/* Its addresses match nothing now. */
	assert_int_equal(report(&asked, START), 0);
	assert_int_equal(second.freed, 2);
	codearena_collector_leave(asked.runtime);
	codearena_collector_request(collector);
	assert_int_equal(second.freed, 4);
	end(collector, &second);
}

static void nothing_to_collect(void **state)
{
	struct codearena_collector *collector = collector_with(0);
	struct asked asked;

	(void)state;
	join(collector, &asked);
	assert_int_equal(codearena_collector_free(collector), -EBUSY);
	assert_int_equal(codearena_collector_request(collector), 0);
	assert_int_equal(asked.times, 0);
	assert_int_equal(stat_now(collector).sequence, 0);
	assert_int_equal(stat_now(collector).runtimes, 1);
	codearena_collector_leave(asked.runtime);
	assert_int_equal(codearena_collector_free(collector), 0);
	assert_int_equal(codearena_collector_free(NULL), 0);
}

static void who_joins_late_is_not_asked(void **state)
{
	struct codearena_collector *collector =
		collector_with(CODEARENA_COLLECTOR_F_MANUAL);
	struct asked early, late;
	struct mock_owner mock;

	(void)state;
	mock_init(&mock, collector, START);
	join(collector, &early);
	codearena_code_put(mock_code(&mock, MOCK_SIZE));
	codearena_collector_request(collector);
	join(collector, &late);
	assert_int_equal(codearena_collector_report(late.runtime, 1, NULL, 0),
			 1);
	assert_int_equal(report(&early, 0), 0);
	assert_int_equal(mock.freed, 1);
	assert_int_equal(late.times, 0);
	codearena_code_put(mock_code(&mock, MOCK_SIZE));
	codearena_collector_request(collector);
	assert_int_equal(late.times, 1);
	codearena_collector_leave(early.runtime);
	codearena_collector_leave(late.runtime);
	assert_int_equal(mock.freed, 2);
	end(collector, &mock);
}

static void bad_arguments(void **state)
{
	struct codearena_collector *collector = collector_with(0);
	struct codearena_collector *out = collector;
	struct codearena_collector_counters stat = { 0 };
	struct codearena_collector_opts opts = { .sz = sizeof(opts) };
	struct codearena_runtime_opts runtime = { .sz = sizeof(runtime) };
	struct codearena_runtime *joined;

	(void)state;
	assert_int_equal(codearena_collector_new(&opts, NULL), -EINVAL);
	opts.flags = 4;
	assert_int_equal(codearena_collector_new(&opts, &out), -EOPNOTSUPP);
	assert_null(out);
	opts.flags = 3;
	assert_int_equal(codearena_collector_new(&opts, &out), -EINVAL);
	opts.flags = 0;
	opts.percent = 101;
	assert_int_equal(codearena_collector_new(&opts, &out), -EINVAL);
	opts.sz--;
	assert_int_equal(codearena_collector_new(&opts, &out), -EINVAL);
	assert_int_equal(codearena_collector_request(NULL), -EINVAL);
	assert_int_equal(codearena_collector_stat(collector, &stat), -EINVAL);
	assert_int_equal(codearena_collector_stat(collector, NULL), -EINVAL);
	assert_int_equal(codearena_collector_stat(NULL, &stat), -EINVAL);
	assert_int_equal(codearena_collector_join(collector, &runtime, NULL),
			 -EINVAL);
	assert_int_equal(codearena_collector_join(collector, NULL, &joined),
			 -EINVAL);
	assert_null(joined);
	/* No runtime. */
	assert_int_equal(codearena_collector_join(collector, &runtime, &joined),
			 -EINVAL);
	runtime.ask = ask;
	assert_int_equal(codearena_collector_join(NULL, &runtime, &joined),
			 -EINVAL);
	runtime.sz = 1;
	assert_int_equal(codearena_collector_join(collector, &runtime, &joined),
			 -EINVAL);
	assert_int_equal(codearena_collector_free(collector), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_runtimes_code_dies_at_once),
		cmocka_unit_test(live_code_is_kept_until_it_is_not),
		cmocka_unit_test(every_boundary_of_candidates),
		cmocka_unit_test(all_runtimes_must_report),
		cmocka_unit_test(late_reports_are_ignored),
		cmocka_unit_test(trigger_is_64_kib_and_a_tenth),
		cmocka_unit_test(trigger_can_be_set),
		cmocka_unit_test(hidden_put_never_calls_back),
		cmocka_unit_test(one_at_a_time_and_one_more),
		cmocka_unit_test(callbacks_do_not_nest),
		cmocka_unit_test(referenced_candidate_lives_again),
		cmocka_unit_test(touched_candidate_is_checked_anew),
		cmocka_unit_test(referenced_code_is_no_candidate),
		cmocka_unit_test(reference_of_the_collector_cannot_be_dropped),
		cmocka_unit_test(scope_keeps_candidates),
		cmocka_unit_test(one_call_for_each_owner),
		cmocka_unit_test(dying_owner_leaves_every_set),
		cmocka_unit_test(nothing_to_collect),
		cmocka_unit_test(who_joins_late_is_not_asked),
		cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
