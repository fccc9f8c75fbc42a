// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Runs WebAssembly modules whose code does not check memory accesses, divisions
 * or the stack: guards and traps of codearena do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

#define MOST_ARGUMENTS	64
#define CACHE_LIMIT	(512ULL << 20)

struct run {
	struct wasm_options options;
	const char *object;
	const char *trace;
	const char *hashed;	/* a file */
	const char *only_compile;	/* to this file */
	const char *function;
	char **arguments;
	int argument_count;
	const char **globals;
};

/* A signed or unsigned number of 32 bits. */
static uint32_t narrow(const char *text, uint64_t word)
{
	int64_t number = word;

	if (word > UINT32_MAX && (number >= 0 || number < INT32_MIN))
		wasm_die("'%s' is out of range", text);
	return word;
}

static bool is_huge(uint64_t word, char type)
{
	return type == 'f' ? (word & 0x7fffffff) == 0x7f800000 :
			     (word & INT64_MAX) == 0x7ff0000000000000;
}

static uint64_t parse_value(const char *text, char type)
{
	uint64_t word = 0;
	double number;
	float single;
	char *end;

	errno = 0;
	switch (type) {
	case 'f':
		single = strtof(text, &end);
		memcpy(&word, &single, sizeof(single));
		break;
	case 'd':
		number = strtod(text, &end);
		memcpy(&word, &number, sizeof(number));
		break;
	default:
		word = strtoull(text, &end, 0);
		if (type == 'i' && !errno)
			word = narrow(text, word);
	}
	if (!*text || *end)
		wasm_die("'%s' is not a number", text);
	/* Numbers close to 0 are what they are rounded to. */
	if (errno == ERANGE &&
	    (type == 'i' || type == 'j' || is_huge(word, type)))
		wasm_die("'%s' is out of range", text);
	return word;
}

static void print_value(uint64_t word, char type)
{
	uint32_t low = word;
	double number;
	float single;

	switch (type) {
	case 'i':
		printf(" %" PRId32, (int32_t)word);
		break;
	case 'j':
		printf(" %" PRId64, (int64_t)word);
		break;
	case 'f':
		memcpy(&single, &low, sizeof(single));
		printf(" %.9g", single);
		break;
	default:
		memcpy(&number, &word, sizeof(number));
		printf(" %.17g", number);
	}
}

static int print_trap(const struct wasm_trap *trap)
{
	printf("trap: %s in %s+0x%" PRIx64 ", pc 0x%" PRIx64 "\n",
	       trap->reason, trap->function, trap->offset, trap->report.pc);
	return 3;
}

static int list_exports(const struct wasm_module *module)
{
	for (uint32_t i = 0; i < module->glue->export_count; i++)
		printf("%s(%s) -> (%s)\n", module->glue->exports[i].name,
		       module->glue->exports[i].parameters,
		       module->glue->exports[i].results);
	return EXIT_SUCCESS;
}

static int invoke(struct wasm_module *module, const struct run *run)
{
	const struct wasm_glue_export *function;
	uint64_t values[MOST_ARGUMENTS] = { 0 };
	struct wasm_trap trap;
	int count;

	function = wasm_find(module, run->function);
	if (!function)
		wasm_die("the module has no function %s", run->function);
	count = strlen(function->parameters);
	if (count > MOST_ARGUMENTS ||
	    strlen(function->results) > MOST_ARGUMENTS)
		wasm_die("%s has more than %d arguments or results",
			 run->function, MOST_ARGUMENTS);
	if (count != run->argument_count)
		wasm_die("%s takes %d arguments (%s), and %d are given",
			 run->function, count, function->parameters,
			 run->argument_count);
	for (int i = 0; i < count; i++)
		values[i] = parse_value(run->arguments[i],
					function->parameters[i]);
	if (!wasm_call(module, function, values, &trap))
		return print_trap(&trap);
	printf("%s =", run->function);
	for (size_t i = 0; function->results[i]; i++)
		print_value(values[i], function->results[i]);
	printf("\n");
	return EXIT_SUCCESS;
}

static int body(void *data)
{
	const struct run *run = data;
	struct wasm_module *module;
	struct wasm_trap trap;
	int code;

	if (run->trace)
		return wasm_replay(run->object, run->trace, &run->options);
	if (run->hashed)
		return wasm_hash(run->object, run->hashed, run->function,
				 &run->options);
	module = wasm_load(run->object, &run->options);
	if (!wasm_instantiate(module, &trap))
		code = print_trap(&trap);
	else if (run->function)
		code = invoke(module, run);
	else
		code = list_exports(module);
	if (run->options.stats)
		wasm_print_stats(module);
	if (run->options.perf_map)
		wasm_write_perf_map(module);
	wasm_unload(module);
	return code;
}

/* The runtime of an isolated module ends here: it has no other thread. */
static int body_or_end(void *data)
{
	const struct run *run = data;
	int code = body(data);

	if (run->options.isolate)
		exit(code);
	return code;
}

static void usage(const char *name)
{
	printf("Usage: %s [OPTION]... MODULE.wasm [EXPORT [ARGUMENT]...]\n"
	       "       %s [OPTION]... --replay TRACE MODULE.wasm\n"
	       "       %s [OPTION]... --hash FILE MODULE.wasm DIGEST\n"
	       "       %s [OPTION]... --compile OBJECT MODULE.wasm\n\n"
	       "Compiles a WebAssembly module with wasm2c and the system's C compiler,\n"
	       "publishes the code in an arena, and calls an export of it; without\n"
	       "EXPORT lists them. MODULE.o is a module that was compiled before.\n"
	       "Imported functions print their arguments and return 0; imported\n"
	       "globals are 0 unless --global says otherwise.\n\n"
	       "  -b, --backend WHICH  auto (default), device or memfd\n"
	       "  -c, --compile OBJECT only compile, and put the object there\n"
	       "  -r, --replay TRACE   do what the trace says and compare\n"
	       "      --hash FILE      hash it with a module of hash-wasm, and compare\n"
	       "  -C, --cache DIR      where compiled modules are kept\n"
	       "      --cache-limit MIB  remove what was used longest ago (default: 512)\n"
	       "      --cc COMPILER    C compiler (default: $CC or cc)\n"
	       "      --opt LEVEL      compile with -OLEVEL (default: 2); 0 or 1 is faster\n"
	       "  -g, --global MODULE.NAME=VALUE  the value of an imported global\n"
	       "  -s, --stats          print counters\n"
	       "      --perf-map       write /tmp/perf-PID.map\n"
	       "      --eager          load all functions at once, not each at its first call\n"
	       "      --direct         the same, and calls do not go through a jump table\n"
	       "      --isolate        compile in another process than the one that executes;\n"
	       "                       that one can make no code (device only)\n"
	       "      --checks         compile with explicit checks of memory's bounds\n"
	       "      --meter          replay four times, print the least ticks but of the first\n"
	       "  -q, --quiet          say nothing while compiling\n"
	       "  -h, --help           this text\n\n"
	       "Exit status: 0; 1 error, or the trace differs; 2 usage; 3 trap.\n",
	       name, name, name, name);
}

static bool parse_backend(const char *name, enum codearena_backend *backend)
{
	static const enum codearena_backend all[] = {
		CODEARENA_BACKEND_AUTO, CODEARENA_BACKEND_DEVICE,
		CODEARENA_BACKEND_MEMFD,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(name, codearena_backend_name(all[i]))) {
			*backend = all[i];
			return true;
		}
	}
	return false;
}

static void choose_backend(struct wasm_options *options)
{
	CODEARENA_OPTS(codearena_info, info, .machine = 0);
	int ret = codearena_probe(options->backend, &info);

	if (ret)
		wasm_die("backend %s cannot be used: %s",
			 codearena_backend_name(options->backend),
			 strerror(-ret));
	options->backend = info.backend;
	if (options->isolate && info.backend != CODEARENA_BACKEND_DEVICE)
		wasm_die("--isolate needs the device: on backend %s the process that executes has a writable view of the code",
			 codearena_backend_name(info.backend));
}

static void copy_file(const char *from, const char *to)
{
	size_t length;
	uint8_t *bytes = wasm_read_file(from, &length);
	FILE *file = fopen(to, "we");

	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file))
		wasm_die("cannot write %s: %s", to, strerror(errno));
	free(bytes);
}

static bool is_object(const char *path)
{
	size_t length = strlen(path);

	return length > 2 && !strcmp(path + length - 2, ".o");
}

static int start(struct run *run, const char *module)
{
	char *made = NULL;
	int code;

	run->object = module;
	if (!is_object(module))
		run->object = made = wasm_compile(module, &run->options);
	if (run->only_compile) {
		copy_file(run->object, run->only_compile);
		free(made);
		return EXIT_SUCCESS;
	}
	choose_backend(&run->options);
	code = wasm_on_guarded_stack(&run->options, body_or_end, run);
	free(made);
	return code;
}

enum {
	OPTION_CC = 256,
	OPTION_CACHE_LIMIT,
	OPTION_OPT,
	OPTION_HASH,
	OPTION_PERF_MAP,
	OPTION_EAGER,
	OPTION_DIRECT,
	OPTION_CHECKS,
	OPTION_ISOLATE,
	OPTION_METER
};

#define GO_ON	(-1)

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "compile", required_argument, NULL, 'c' },
	{ "replay", required_argument, NULL, 'r' },
	{ "hash", required_argument, NULL, OPTION_HASH },
	{ "cache", required_argument, NULL, 'C' },
	{ "cache-limit", required_argument, NULL, OPTION_CACHE_LIMIT },
	{ "cc", required_argument, NULL, OPTION_CC },
	{ "opt", required_argument, NULL, OPTION_OPT },
	{ "global", required_argument, NULL, 'g' },
	{ "stats", no_argument, NULL, 's' },
	{ "perf-map", no_argument, NULL, OPTION_PERF_MAP },
	{ "eager", no_argument, NULL, OPTION_EAGER },
	{ "direct", no_argument, NULL, OPTION_DIRECT },
	{ "checks", no_argument, NULL, OPTION_CHECKS },
	{ "isolate", no_argument, NULL, OPTION_ISOLATE },
	{ "meter", no_argument, NULL, OPTION_METER },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int take_opt(struct run *run, const char *name, const char *level)
{
	static char option[4] = "-O";

	if (strlen(level) != 1 || !strchr("0123sg", *level)) {
		fprintf(stderr, "%s: no optimisation %s\n", name, level);
		return 2;
	}
	option[2] = *level;
	run->options.opt = option;
	return GO_ON;
}

static int take_limit(struct run *run, const char *name, const char *text)
{
	char *end;

	errno = 0;
	run->options.cache_limit = strtoull(text, &end, 10);
	if (!*text || *text == '-' || *end || errno ||
	    run->options.cache_limit > UINT64_MAX >> 20) {
		fprintf(stderr, "%s: '%s' is not a number of MiB\n", name, text);
		return 2;
	}
	run->options.cache_limit <<= 20;
	return GO_ON;
}

static void add_global(struct run *run, const char *text)
{
	size_t count = run->options.global_count;

	run->globals = realloc(run->globals, (count + 1) * sizeof(*run->globals));
	if (!run->globals)
		wasm_die("out of memory");
	run->globals[count] = text;
	run->options.globals = run->globals;
	run->options.global_count = count + 1;
}

/* An exit status, or GO_ON. */
static int take_option(struct run *run, const char *name, int option)
{
	switch (option) {
	case 'b':
		if (parse_backend(optarg, &run->options.backend))
			return GO_ON;
		fprintf(stderr, "%s: no backend %s\n", name, optarg);
		return 2;
	case 'c':
		run->only_compile = optarg;
		return GO_ON;
	case 'r':
		run->trace = optarg;
		return GO_ON;
	case 'C':
		run->options.cache = optarg;
		return GO_ON;
	case OPTION_CACHE_LIMIT:
		return take_limit(run, name, optarg);
	case OPTION_HASH:
		run->hashed = optarg;
		return GO_ON;
	case OPTION_CC:
		run->options.compiler = optarg;
		return GO_ON;
	case OPTION_OPT:
		return take_opt(run, name, optarg);
	case 'g':
		add_global(run, optarg);
		return GO_ON;
	case 's':
		run->options.stats = true;
		return GO_ON;
	case OPTION_PERF_MAP:
		run->options.perf_map = true;
		return GO_ON;
	case OPTION_EAGER:
		run->options.loading = WASM_EAGER;
		return GO_ON;
	case OPTION_CHECKS:
		run->options.checks = true;
		return GO_ON;
	case OPTION_ISOLATE:
		run->options.isolate = true;
		return GO_ON;
	case OPTION_METER:
		run->options.meter = true;
		return GO_ON;
	case OPTION_DIRECT:
		run->options.loading = WASM_DIRECT;
		return GO_ON;
	case 'q':
		run->options.quiet = true;
		return GO_ON;
	case 'h':
		usage(name);
		return EXIT_SUCCESS;
	default:
		return 2;
	}
}

int main(int argc, char **argv)
{
	struct run run = {
		.options.cache = WASM_CACHE,
		.options.cache_limit = CACHE_LIMIT,
#ifndef __x86_64__
		/* lazy-entry.S and split.c know one machine. */
		.options.loading = WASM_DIRECT,
#endif
		.options.compiler = getenv("CC") ? getenv("CC") : "cc",
	};
	int option;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt_long(argc, argv, "+b:c:r:C:g:sqh", options,
				     NULL)) != -1) {
		int code = take_option(&run, argv[0], option);

		if (code != GO_ON)
			return code;
	}
	if (optind >= argc || ((run.trace || run.only_compile) &&
			       optind + 1 < argc) ||
	    (run.hashed && optind + 2 != argc)) {
		fprintf(stderr, "%s: no module, or too many arguments; see --help\n",
			argv[0]);
		return 2;
	}
	if (run.options.isolate && (run.options.loading == WASM_DIRECT ||
				    run.options.perf_map)) {
		fprintf(stderr, "%s: --isolate compiles functions one by one, and writes no perf map\n",
			argv[0]);
		return 2;
	}
	if (optind + 1 < argc) {
		run.function = argv[optind + 1];
		run.arguments = argv + optind + 2;
		run.argument_count = argc - optind - 2;
	}
	return start(&run, argv[optind]);
}
