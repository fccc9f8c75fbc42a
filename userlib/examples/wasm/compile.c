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
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasm.h"

/* embed.S */
extern const char wasm_rt_header[], wasm_rt_code_header[];

/*
 * NaNs and rounding as the specification demands; one section per function, with
 * all of the function in it, so that it can be loaded alone; no tail calls, so
 * that endless recursion reaches the end of the stack, as in an interpreter.
 */
static const char *const compiler_flags[] = {
	"-std=gnu11", "-w", "-DNDEBUG", "-fPIC", "-fvisibility=hidden",
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

static FILE *create(const struct job *job, const char *name)
{
	char *path = wasm_cache_path(job->directory, name);
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

static void run(const struct job *job, const char *doing,
		const char *const *arguments)
{
	const struct wasm_command command = { doing, arguments };

	wasm_run_all(job->options, job->name, &command, 1);
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

/* Write wasm2c's output as it is compiled; return the number of its parts. */
static size_t write_source(const struct job *job, const struct wasm_file *file)
{
	char *path = wasm_cache_path(job->directory, "wasm2c.c");
	FILE *from = fopen(path, "re"), *to = create(job, "module.c");
	size_t parts;

	if (!from)
		wasm_die("cannot read %s: %s", path, strerror(errno));
	parts = wasm_write_source(to, from, file, job->options);
	finish(to, "module.c");
	fclose(from);
	free(path);
	return parts;
}

static void write_text(const struct job *job, const char *name,
		       const char *text)
{
	FILE *to = create(job, name);

	fputs(text, to);
	finish(to, name);
}

/* Write module.c, which is compiled in so many parts. */
static size_t convert(const struct job *job, const char *wasm)
{
	char *stripped = wasm_cache_path(job->directory, "stripped.wasm");
	char *c = wasm_cache_path(job->directory, "wasm2c.c");
	const char *arguments[] = {
		"wasm2c", "-n", WASM_NAME, "-o", c, stripped, NULL
	};
	struct wasm_file file;
	size_t length, parts;
	uint8_t *bytes = wasm_read_file(wasm, &length);
	FILE *to;

	to = create(job, "stripped.wasm");
	wasm_write_stripped(to, bytes, length);
	finish(to, "stripped.wasm");
	run(job, "converting", arguments);
	wasm_parse(bytes, length, &file);
	wasm_check_globals(&file, job->options);
	parts = write_source(job, &file);
	wasm_parse_free(&file);
	free(bytes);
	free(stripped);
	free(c);
	return parts;
}

/* The command that compiles a part. */
struct part {
	char *object;
	char define[32];
	const char *arguments[sizeof(compiler_flags) / sizeof(compiler_flags[0]) + 9];
};

static void make_part(const struct job *job, struct part *part, size_t number,
		      const char *source)
{
	const size_t flags = sizeof(compiler_flags) / sizeof(compiler_flags[0]);
	const char **to = part->arguments;
	char name[32];

	snprintf(name, sizeof(name), "part-%zu.o", number);
	part->object = wasm_cache_path(job->directory, name);
	snprintf(part->define, sizeof(part->define), "-DWASM_PART=%zu", number);
	*to++ = job->options->compiler;
	for (size_t i = 0; i < flags; i++)
		*to++ = compiler_flags[i];
	*to++ = job->options->opt ? job->options->opt : "-O2";
	if (job->options->checks)
		*to++ = check_flag;
	*to++ = part->define;
	*to++ = "-c";
	*to++ = source;
	*to++ = "-o";
	*to++ = part->object;
	*to = NULL;
}

/* Every section stays by itself, so that each is one function. */
static void join(const struct job *job, const struct part *parts, size_t count,
		 const char *object)
{
	const char **arguments = wasm_allocate((count + 7) * sizeof(char *));
	size_t i = 0;

	arguments[i++] = job->options->compiler;
	arguments[i++] = "-r";
	arguments[i++] = "-nostdlib";
	arguments[i++] = "-Wl,--unique";
	arguments[i++] = "-o";
	arguments[i++] = object;
	for (size_t k = 0; k < count; k++)
		arguments[i++] = parts[k].object;
	run(job, "joining", arguments);
	free(arguments);
}

static void compile_parts(const struct job *job, size_t count,
			  const char *object)
{
	struct wasm_command *commands = wasm_allocate(count * sizeof(*commands));
	struct part *parts = wasm_allocate(count * sizeof(*parts));
	char *source = wasm_cache_path(job->directory, "module.c");
	char *joined = wasm_cache_path(job->directory, "module.o.new");

	for (size_t i = 0; i < count; i++) {
		make_part(job, &parts[i], i, source);
		commands[i] = (struct wasm_command) {
			"compiling", parts[i].arguments,
		};
	}
	wasm_run_all(job->options, job->name, commands, count);
	if (count > 1)
		join(job, parts, count, joined);
	if (rename(count > 1 ? joined : parts[0].object, object))
		wasm_die("cannot write %s: %s", object, strerror(errno));
	for (size_t i = 0; i < count; i++)
		free(parts[i].object);
	free(joined);
	free(source);
	free(parts);
	free(commands);
}

/* Whoever waited for the lock may find that the other one made the object. */
static void compile(const struct job *job, const char *wasm, const char *object)
{
	int lock = wasm_cache_make(job->directory);

	if (access(object, R_OK)) {
		write_text(job, "wasm-rt.h", wasm_rt_header);
		write_text(job, "wasm-rt-code.h", wasm_rt_code_header);
		compile_parts(job, convert(job, wasm), object);
		wasm_cache_clean(job->directory);
	}
	close(lock);
}

static void make_key(const struct wasm_options *options, const uint8_t *bytes,
		     size_t length, uint64_t key[2])
{
	key[0] = 0xcbf29ce484222325;
	key[1] = 0x9e3779b97f4a7c15;
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
}

/* Say what the module lacks when it was compiled before, too. */
static void check_again(const struct wasm_options *options,
			const uint8_t *bytes, size_t length)
{
	struct wasm_file file;

	wasm_parse(bytes, length, &file);
	wasm_check_globals(&file, options);
	wasm_parse_free(&file);
}

char *wasm_compile(const char *path, const struct wasm_options *options)
{
	char *copy = strdup(path), *object;
	struct job job = { .options = options, .name = basename(copy) };
	size_t length;
	uint8_t *bytes = wasm_read_file(path, &length);
	bool made = false;
	uint64_t key[2];

	make_key(options, bytes, length, key);
	if (asprintf(&job.directory, "%s/%016" PRIx64 "%016" PRIx64,
		     options->cache, key[0], key[1]) < 0)
		wasm_die("out of memory");
	object = wasm_cache_path(job.directory, "module.o");
	while (wasm_cache_use(job.directory) < 0) {
		if (!options->quiet)
			wasm_say("compiling %s, %zu bytes", job.name, length);
		compile(&job, path, object);
		made = true;
	}
	if (made)
		wasm_cache_limit(options->cache, options->cache_limit);
	else
		check_again(options, bytes, length);
	free(job.directory);
	free(bytes);
	free(copy);
	return object;
}
