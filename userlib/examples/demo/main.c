// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The demo: loads compiled C into an arena, runs it, retargets a slot while it
 * runs, and replaces it.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define ARENA_LENGTH	(2ULL << 20)

bool demo_check(struct demo *demo, bool ok, const char *format, ...)
{
	va_list args;

	demo->checks++;
	if (ok)
		return true;
	demo->failures++;
	va_start(args, format);
	printf("FAILED: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	return false;
}

void demo_note(const struct demo *demo, const char *format, ...)
{
	va_list args;

	if (!demo->verbose)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

static bool load(struct demo *demo, struct demo_object *object,
		 const char *file, uint64_t room)
{
	if (!demo_open(demo, object, file))
		return false;
	if (demo_code_length(demo, object) > room)
		room = demo_code_length(demo, object);
	return demo_reserve_place(demo, object, room) &&
	       demo_load(demo, object);
}

static void run(struct demo *demo)
{
	struct demo_object sha256 = { 0 }, json = { 0 };
	struct demo_object intro = { 0 }, merge = { 0 };

	printf("Object files, as the compiler wrote them:\n");
	if (!load(demo, &sha256, "sha256.o", 0) ||
	    !load(demo, &json, "parse.o", 0) ||
	    /* Leave room for the parser later. */
	    !load(demo, &intro, "sort.o", json.room) ||
	    !load(demo, &merge, "merge.o", 0))
		goto out;
	printf("Running them:\n");
	demo_run_sha256(demo, &sha256);
	demo_run_json(demo, &json);
	demo_run_sort(demo, &intro, "sort_intro");
	demo_run_sort(demo, &merge, "sort_merge");
	printf("Redirecting a jump-table slot:\n");
	demo_run_slot(demo, &intro, &merge);
out:
	codearena_elf_close(merge.elf);
	codearena_elf_close(intro.elf);
	codearena_elf_close(json.elf);
	codearena_elf_close(sha256.elf);
}

static int demo_main(struct demo *demo, enum codearena_backend backend)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "demo",
		       .backend = backend);
	int ret;

	ret = codearena_arena_new(ARENA_LENGTH, &opts, &demo->arena);
	if (!demo_check(demo, !ret, "no arena on backend %s: %s",
			codearena_backend_name(backend), strerror(-ret)))
		return EXIT_FAILURE;
	printf("codearena %s, backend %s: an arena of %llu KiB, granules of %u bytes\n",
	       codearena_version(),
	       codearena_backend_name(codearena_arena_backend(demo->arena)),
	       ARENA_LENGTH >> 10, codearena_arena_granule(demo->arena));
	demo_show_maps(demo, "before");
	run(demo);
	demo_show_maps(demo, "after");
	demo_show_stat(demo);
	codearena_arena_free(demo->arena);

	printf("%u checks, %u failed: %s\n", demo->checks, demo->failures,
	       demo->failures ? "NOT RIGHT" : "all right");
	return demo->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void usage(const char *name)
{
	printf("Usage: %s [--backend auto|device|memfd] [--verbose]\n\n"
	       "Loads object files that stand beside it into executable memory, runs\n"
	       "them, and redirects and replaces their functions. Exit status 0 means\n"
	       "that every result was right.\n\n"
	       "  -b, --backend WHICH  where code is kept; auto: the device if there\n"
	       "  -v, --verbose        list functions and resolved symbols\n"
	       "  -h, --help           this text\n", name);
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	enum codearena_backend backend = CODEARENA_BACKEND_AUTO;
	struct demo demo = { 0 };
	int option;

	/* Keep the order of lines even if the program crashes. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt_long(argc, argv, "b:vh", options,
				     NULL)) != -1) {
		switch (option) {
		case 'b':
			if (parse_backend(optarg, &backend))
				continue;
			fprintf(stderr, "%s: no backend %s\n", argv[0], optarg);
			return 2;
		case 'v':
			demo.verbose = true;
			continue;
		case 'h':
			usage(argv[0]);
			return EXIT_SUCCESS;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: what is %s?\n", argv[0], argv[optind]);
		return 2;
	}
	return demo_main(&demo, backend);
}
