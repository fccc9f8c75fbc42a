// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Options, threads, what is worth keeping, progress and the result. */
#include <getopt.h>
#include <pthread.h>
#include <time.h>

#include "fuzz.h"

#define MAX_KEPT	256
#define REPLAYS		20	/* for what needs luck */
#define SHRINK_SECONDS	20
#define PROGRESS	10

static struct {
	uint64_t seed;
	unsigned int seconds;
	unsigned int threads;
	uint64_t operations;
	bool feedback;
	const char *replay;
	const char *trace;
} options = {
	.seed = 1,
	.seconds = 60,
	.threads = 2,
	.feedback = true,
	.trace = "codearena_fuzz.trace",
};

/* What all threads share. */
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct program *kept[MAX_KEPT];
static unsigned int kept_count;
static uint64_t operations_done, arenas_made;
static bool stop, failed;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void keep(struct fuzzer *f)
{
	struct program *copy = malloc(sizeof(*copy));

	if (!copy)
		abort();
	*copy = f->program;
	pthread_mutex_lock(&kept_lock);
	if (kept_count < MAX_KEPT) {
		kept[kept_count++] = copy;
	} else {
		uint64_t victim = below(f, MAX_KEPT);

		free(kept[victim]);
		kept[victim] = copy;
	}
	pthread_mutex_unlock(&kept_lock);
}

static bool choose_kept(struct fuzzer *f, struct program *to)
{
	bool any;

	pthread_mutex_lock(&kept_lock);
	any = kept_count;
	if (any)
		*to = *kept[below(f, kept_count)];
	pthread_mutex_unlock(&kept_lock);
	return any;
}

/* Run a program that is new, or one that was worth keeping with changes. */
static void fuzz_once(struct fuzzer *f)
{
	static __thread struct program source;
	uint32_t length = 8 + (uint32_t)below(f, MAX_OPS - 8), next = 0;
	struct op op;

	if (!below(f, 3) || !choose_kept(f, &source))
		source.count = 0;
	program_begin(f);
	while (f->program.count < length && !f->error[0] && !stopped()) {
		uint64_t how = below(f, 16);

		if (next < source.count && how < 13) {
			op = source.ops[next++];
			if (how == 0)
				op_mutate(f, &op);
			else if (how == 1)
				continue;
		} else {
			op_generate(f, &op);
		}
		program_step(f, &op);
		__atomic_add_fetch(&arenas_made, op.kind == OP_RESERVE,
				   __ATOMIC_RELAXED);
		if (__atomic_add_fetch(&operations_done, 1, __ATOMIC_RELAXED) ==
		    options.operations)
			__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	}
	program_end(f);
	if (f->kcov && kcov_end(f->kcov) && !f->error[0])
		keep(f);
}

static void report(struct fuzzer *f)
{
	struct program *program = malloc(sizeof(*program));
	char error[sizeof(f->error)];
	uint32_t before;
	FILE *file;
	char line[4096];

	if (!program)
		abort();
	*program = f->program;
	before = program->count;
	memcpy(error, f->error, sizeof(error));
	printf("# violation, thread %u, operation %u: %s\n", f->index, before,
	       error);
	if (!trace_write(options.trace, f, program, error))
		printf("# cannot write %s\n", options.trace);
	fflush(stdout);
	if (!program_run(f, program)) {
		trace_shrink(f, program, SHRINK_SECONDS);
		trace_write(options.trace, f, program, error);
		printf("# it happens again; %u of %u operations are left\n",
		       program->count, before);
	} else {
		printf("# it does not happen again with these operations alone\n");
	}
	printf("# the trace is in %s:\n", options.trace);
	file = fopen(options.trace, "re");
	while (file && fgets(line, sizeof(line), file))
		printf("#   %s", line);
	if (file)
		fclose(file);
	fflush(stdout);
	free(program);
}

static void *work(void *argument)
{
	struct fuzzer *f = argument;

	/* The stack for signals is the thread's own. */
	trap_state_free(f->state);
	f->state = trap_state_new();
	if (options.feedback)
		f->kcov = kcov_open();
	while (!stopped() && !f->error[0])
		fuzz_once(f);
	/* The others have their own troubles then. */
	if (f->error[0] && !__atomic_exchange_n(&failed, true, __ATOMIC_ACQ_REL)) {
		__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
		report(f);
	}
	if (f->kcov)
		kcov_close(f->kcov);
	return NULL;
}

static void progress(double start)
{
	printf("# %.0f s: %llu operations, %llu calls refused, %llu not, %llu edges, %llu arenas\n",
	       seconds_now() - start,
	       (unsigned long long)__atomic_load_n(&operations_done,
						   __ATOMIC_RELAXED),
	       (unsigned long long)__atomic_load_n(&calls_judged[0],
						   __ATOMIC_RELAXED),
	       (unsigned long long)__atomic_load_n(&calls_judged[1],
						   __ATOMIC_RELAXED),
	       (unsigned long long)kcov_edges(),
	       (unsigned long long)__atomic_load_n(&arenas_made,
						   __ATOMIC_RELAXED));
	fflush(stdout);
}

static void wait_and_tell(double start)
{
	const struct timespec nap = { .tv_nsec = 50000000 };
	double next = start + PROGRESS;

	while (!stopped()) {
		nanosleep(&nap, NULL);
		if (seconds_now() >= next) {
			progress(start);
			next += PROGRESS;
		}
		if (options.seconds && seconds_now() >= start + options.seconds)
			__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	}
}

/* Memory may be given back a little after the last close has returned. */
static bool total_becomes(int fd, uint64_t wanted)
{
	return WAIT_UNTIL(commit_total(fd) == wanted);
}

static int fuzz(void)
{
	struct fuzzer *fuzzers[MAX_THREADS];
	pthread_t threads[MAX_THREADS];
	int fd = device_open(O_RDWR);
	double start = seconds_now();
	uint64_t base;
	bool good;

	if (fd < 0)
		abort();
	base = commit_total(fd);
	if (!shared_open())
		abort();
	for (unsigned int i = 0; i < options.threads; i++) {
		fuzzers[i] = fuzzer_new(i, options.seed);
		fuzzers[i]->alone = options.threads == 1;
		if (pthread_create(&threads[i], NULL, work, fuzzers[i]))
			abort();
	}
	wait_and_tell(start);
	for (unsigned int i = 0; i < options.threads; i++) {
		pthread_join(threads[i], NULL);
		fuzzer_free(fuzzers[i]);
	}
	shared_close();
	progress(start);
	good = !failed;
	if (!total_becomes(fd, base)) {
		printf("# %llu bytes stay committed\n",
		       (unsigned long long)(commit_total(fd) - base));
		good = false;
	}
	close(fd);
	return good ? 0 : 1;
}

static int replay(void)
{
	struct program *program = calloc(1, sizeof(*program));
	struct fuzzer *f;
	bool good = true;

	if (!program || !trace_read(options.replay, program, &options.seed)) {
		fprintf(stderr, "codearena_fuzz: %s is no trace\n",
			options.replay);
		exit(2);
	}
	if (!shared_open())
		abort();
	f = fuzzer_new(0, options.seed);
	f->alone = true;
	for (int i = 0; i < REPLAYS && good; i++)
		good = program_run(f, program);
	if (good)
		printf("# no violation in %d runs of %u operations\n", REPLAYS,
		       program->count);
	else
		printf("# violation, operation %u of %u: %s\n",
		       f->program.count, program->count, f->error);
	fuzzer_free(f);
	shared_close();
	free(program);
	return good ? 0 : 1;
}

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: codearena_fuzz [OPTION]...\n"
		"\n"
		"Does what comes to mind to /dev/codearena, and compares all that it\n"
		"answers with a model. Prints TAP; exits 0 without a violation, 1 with\n"
		"one, 2 for wrong options, 4 where there is no device.\n"
		"\n"
		"  --seed N        where the random numbers begin (default 1)\n"
		"  --seconds N     how long; 0: until the operations are done\n"
		"                  (default 60)\n"
		"  --threads N     1 to %u (default 2)\n"
		"  --operations N  end after that many (default: no limit)\n"
		"  --no-feedback   do not look which operations reach new code\n"
		"  --trace FILE    where the operations before a violation go\n"
		"                  (default codearena_fuzz.trace)\n"
		"  --replay FILE   do what such a file says, up to %d times\n"
		"  --help\n"
		"\n"
		"With one thread and without feedback, the same seed gives the same\n"
		"operations; with feedback only as far as the kernel takes the same ways.\n"
		"A trace does not depend on either.\n",
		MAX_THREADS, REPLAYS);
}

static uint64_t number_of(const char *name, const char *text, uint64_t least,
			  uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-' || value < least ||
	    value > most) {
		fprintf(stderr, "codearena_fuzz: --%s %s: not a number from %llu to %llu\n",
			name, text, (unsigned long long)least,
			(unsigned long long)most);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option list[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 'd' },
		{ "threads", required_argument, NULL, 't' },
		{ "operations", required_argument, NULL, 'o' },
		{ "no-feedback", no_argument, NULL, 'n' },
		{ "trace", required_argument, NULL, 'f' },
		{ "replay", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (option) {
		case 's':
			options.seed = number_of("seed", optarg, 0, UINT64_MAX);
			break;
		case 'd':
			options.seconds = (unsigned int)
				number_of("seconds", optarg, 0, 100000000);
			break;
		case 't':
			options.threads = (unsigned int)
				number_of("threads", optarg, 1, MAX_THREADS);
			break;
		case 'o':
			options.operations = number_of("operations", optarg, 1,
						       UINT64_MAX);
			break;
		case 'n':
			options.feedback = false;
			break;
		case 'f':
			options.trace = optarg;
			break;
		case 'r':
			options.replay = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind != argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct kcov *k;
	int code;

	parse(argc, argv);
	if (access(DEVICE, R_OK | W_OK)) {
		printf("TAP version 13\n1..0 # SKIP no " DEVICE "\n");
		return 4;
	}
	process_signals();
	printf("TAP version 13\n1..1\n# seed %llu, %u threads\n",
	       (unsigned long long)options.seed, options.threads);
	k = options.feedback ? kcov_open() : NULL;
	if (k)
		kcov_close(k);
	else
		printf("# no coverage of the kernel here: operations are chosen blindly\n");
	fflush(stdout);
	code = options.replay ? replay() : fuzz();
	printf("%s 1 - fuzzing with seed %llu\n", code ? "not ok" : "ok",
	       (unsigned long long)options.seed);
	return code;
}
