// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Compiles a module to an object file, by wasm2c and the system's C compiler. The
 * object file is cached under a digest of everything that it depends on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wasm.h"

/* embed.S */
extern const char wasm_rt_header[], wasm_rt_code_header[];

/* This line of wasm2c's output separates its macros from the code. */
static const char code_begins[] = "static bool s_module_initialized";

/*
 * NaNs and rounding as the specification demands; one section per function, with
 * all of the function in it, so that it can be loaded alone; no tail calls, so
 * that endless recursion reaches the end of the stack, as in an interpreter.
 */
static const char *const compiler_flags[] = {
	"-std=gnu11", "-O2", "-w", "-DNDEBUG", "-fPIC", "-fvisibility=hidden",
	"-ffunction-sections", "-fno-stack-protector", "-fno-math-errno",
	"-frounding-math", "-fsignaling-nans", "-ffp-contract=off",
	"-fno-optimize-sibling-calls", "-fno-strict-aliasing", "-fwrapv",
	"-fno-asynchronous-unwind-tables", "-fno-reorder-blocks-and-partition",
#ifdef __x86_64__
	"-fcf-protection=none",
#endif
};

/* wasm2c's spelling. */
static const char check_flag[] = "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0";

struct job {
	const struct wasm_options *options;
	const char *name;	/* of the module, for messages */
	char *directory;	/* of this module in the cache */
};

/* FNV-1a with two states: a name, not protection against collisions. */
static void digest(uint64_t state[2], const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++) {
		state[0] = (state[0] ^ bytes[i]) * 0x100000001b3;
		state[1] = (state[1] + bytes[i] + 1) * 0xd6e8feb86659fd93;
		state[1] ^= state[1] >> 32;
	}
}

static char *path_in(const struct job *job, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", job->directory, name) < 0)
		wasm_die("out of memory");
	return path;
}

static FILE *create(const struct job *job, const char *name)
{
	char *path = path_in(job, name);
	FILE *file = fopen(path, "we");

	if (!file)
		wasm_die("cannot write %s: %s", path, strerror(errno));
	free(path);
	return file;
}

static void finish(FILE *file, const char *what)
{
	if (ferror(file) || fclose(file))
		wasm_die("cannot write %s: %s", what, strerror(errno));
}

static void make_directories(const char *path)
{
	char *copy = strdup(path);

	for (char *at = copy + 1; at[-1]; at++) {
		char had = *at;

		if (had && had != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			wasm_die("cannot make %s: %s", copy, strerror(errno));
		*at = had;
	}
	free(copy);
}

/* wasm2c of wabt 1.0.32 aborts without a word on SIMD. */
static void explain(const struct job *job, const char *tool, int status)
{
	if (WIFSIGNALED(status))
		wasm_die("%s was killed by signal %d (%s) on %s%s", tool,
			 WTERMSIG(status), strsignal(WTERMSIG(status)),
			 job->name, WTERMSIG(status) != SIGABRT ? "" :
			 ": does the module use SIMD or another extension?");
	if (WEXITSTATUS(status))
		wasm_die("%s failed on %s with exit status %d", tool, job->name,
			 WEXITSTATUS(status));
}

/* The tool inherits our standard error. */
static void run(const struct job *job, const char *doing,
		const char *const *arguments)
{
	struct timespec tick = { .tv_nsec = 50000000 };
	unsigned int ticks = 0;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		execvp(arguments[0], (char *const *)arguments);
		fprintf(stderr, "cannot run %s: %s\n", arguments[0],
			strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		wasm_die("cannot run %s: %s", arguments[0], strerror(errno));
	while (!waitpid(pid, &status, WNOHANG)) {
		nanosleep(&tick, NULL);
		if (++ticks % 100 == 0 && !job->options->quiet)
			wasm_say("%s %s, %u s", doing, job->name, ticks / 20);
	}
	explain(job, arguments[0], status);
}

/* The version of a tool is part of the key of the cache. */
static void digest_version(uint64_t key[2], const char *tool)
{
	char text[4096];
	int ends[2], status;
	ssize_t length;
	pid_t pid;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC))
		wasm_die("no pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execlp(tool, tool, "--version", NULL);
		fprintf(stderr, "cannot run %s: %s\n", tool, strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		wasm_die("cannot run %s: %s", tool, strerror(errno));
	close(ends[1]);
	while ((length = read(ends[0], text, sizeof(text))) > 0)
		digest(key, text, length);
	close(ends[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		wasm_die("%s does not print its version", tool);
}

/* Checks of memory and of tables give the same reason; tell them apart. */
static void write_line(FILE *to, const char *line, bool *range)
{
	static const char trap[] = "TRAP(OOB)";
	const char *at = strstr(line, trap);

	if (!strncmp(line, "#define ", 8))
		*range = !strncmp(line + 8, "RANGE_CHECK(", 12);
	if (!*range || !at) {
		fputs(line, to);
		return;
	}
	fprintf(to, "%.*sTRAP(MEMORY)%s", (int)(at - line), line,
		at + sizeof(trap) - 1);
	*range = false;
}

/* Write wasm2c's output with a line added before the code, and the glue. */
static void write_source(const struct job *job, const struct wasm_file *file)
{
	char *from_path = path_in(job, "wasm2c.c"), *line = NULL;
	FILE *from = fopen(from_path, "re"), *to = create(job, "module.c");
	size_t room = 0;
	bool found = false, range = false;

	if (!from)
		wasm_die("cannot read %s: %s", from_path, strerror(errno));
	while (getline(&line, &room, from) >= 0) {
		if (!found && !strncmp(line, code_begins,
				       sizeof(code_begins) - 1)) {
			fprintf(to, "#include \"wasm-rt-code.h\"\n\n");
			found = true;
		}
		write_line(to, line, &range);
	}
	if (!found)
		wasm_die("the output of this wasm2c is not what 1.0.32 writes");
	wasm_write_glue(to, file, job->options);
	finish(to, "module.c");
	fclose(from);
	free(from_path);
	free(line);
}

static void write_text(const struct job *job, const char *name,
		       const char *text)
{
	FILE *to = create(job, name);

	fputs(text, to);
	finish(to, name);
}

/* The C of a large module is larger than its object. */
static void discard(const struct job *job)
{
	static const char *const names[] = {
		"module.c", "wasm2c.c", "wasm2c.h", "stripped.wasm",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = path_in(job, names[i]);

		unlink(path);
		free(path);
	}
}

/* Write module.c. */
static void convert(const struct job *job, const char *wasm)
{
	char *stripped = path_in(job, "stripped.wasm");
	char *c = path_in(job, "wasm2c.c");
	const char *arguments[] = {
		"wasm2c", "-n", WASM_NAME, "-o", c, stripped, NULL
	};
	struct wasm_file file;
	size_t length;
	uint8_t *bytes = wasm_read_file(wasm, &length);
	FILE *to;

	to = create(job, "stripped.wasm");
	wasm_write_stripped(to, bytes, length);
	finish(to, "stripped.wasm");
	run(job, "converting", arguments);
	wasm_parse(bytes, length, &file);
	write_source(job, &file);
	wasm_parse_free(&file);
	free(bytes);
	free(stripped);
	free(c);
}

static void compile(const struct job *job, const char *wasm, const char *object)
{
	const size_t flags = sizeof(compiler_flags) / sizeof(compiler_flags[0]);
	char *source = path_in(job, "module.c");
	char *part = path_in(job, "module.o.new");
	const char *arguments[flags + 8];
	size_t count = flags + 5, i;

	write_text(job, "wasm-rt.h", wasm_rt_header);
	write_text(job, "wasm-rt-code.h", wasm_rt_code_header);
	convert(job, wasm);

	arguments[0] = job->options->compiler;
	for (i = 0; i < flags; i++)
		arguments[1 + i] = compiler_flags[i];
	arguments[flags + 1] = "-c";
	arguments[flags + 2] = source;
	arguments[flags + 3] = "-o";
	arguments[flags + 4] = part;
	if (job->options->opt)
		arguments[count++] = job->options->opt;
	if (job->options->checks)
		arguments[count++] = check_flag;
	arguments[count] = NULL;
	run(job, "compiling", arguments);
	if (rename(part, object))
		wasm_die("cannot rename %s: %s", part, strerror(errno));
	discard(job);
	free(source);
	free(part);
}

char *wasm_compile(const char *path, const struct wasm_options *options)
{
	uint64_t key[2] = { 0xcbf29ce484222325, 0x9e3779b97f4a7c15 };
	char *copy = strdup(path), *object;
	struct job job = { .options = options, .name = basename(copy) };
	size_t length;
	uint8_t *bytes = wasm_read_file(path, &length);

	digest(key, bytes, length);
	digest(key, wasm_rt_header, strlen(wasm_rt_header));
	digest(key, wasm_rt_code_header, strlen(wasm_rt_code_header));
	/* This program determines the glue and the flags. */
	digest(key, options->compiler, strlen(options->compiler) + 1);
	digest(key, options->checks ? "checked" : "", options->checks ? 7 : 0);
	if (options->opt)
		digest(key, options->opt, strlen(options->opt) + 1);
	for (size_t i = 0; i < options->global_count; i++)
		digest(key, options->globals[i], strlen(options->globals[i]) + 1);
	digest_version(key, options->compiler);
	digest_version(key, "wasm2c");
	for (size_t i = 0;
	     i < sizeof(compiler_flags) / sizeof(compiler_flags[0]); i++)
		digest(key, compiler_flags[i], strlen(compiler_flags[i]) + 1);
	digest(key, WASM_GLUE_DIGEST, sizeof(WASM_GLUE_DIGEST));
	free(bytes);

	if (asprintf(&job.directory, "%s/%016" PRIx64 "%016" PRIx64,
		     options->cache, key[0], key[1]) < 0)
		wasm_die("out of memory");
	object = path_in(&job, "module.o");
	if (access(object, R_OK)) {
		make_directories(job.directory);
		if (!options->quiet)
			wasm_say("compiling %s, %zu bytes", job.name, length);
		compile(&job, path, object);
	}
	free(job.directory);
	free(copy);
	return object;
}
