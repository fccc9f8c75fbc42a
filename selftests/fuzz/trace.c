// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Traces: a program in a file, and a shorter program with the same end. */
#include <time.h>

#include "fuzz.h"

bool trace_write(const char *path, const struct fuzzer *f,
		 const struct program *program, const char *error)
{
	FILE *file = fopen(path, "we");
	bool good;

	if (!file)
		return false;
	fprintf(file, "# codearena_fuzz: %s\n", error);
	fprintf(file, "# thread %u%s; run again with --replay FILE\n", f->index,
		f->alone ? "" : ", and others beside it");
	fprintf(file, "seed %llx\n", (unsigned long long)f->seed);
	for (uint32_t i = 0; i < program->count; i++)
		op_print(file, &program->ops[i]);
	good = !ferror(file);
	return !fclose(file) && good;
}

bool trace_read(const char *path, struct program *program, uint64_t *seed)
{
	FILE *file = fopen(path, "re");
	unsigned long long value;
	char line[4096];
	bool good = true;

	if (!file)
		return false;
	program->count = 0;
	while (good && fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "seed %llx", &value) == 1)
			*seed = value;
		else if (program->count == MAX_OPS ||
			 !op_parse(line, &program->ops[program->count++]))
			good = false;
	}
	fclose(file);
	return good;
}

/* Without some operations. */
static void program_cut(struct program *to, const struct program *from,
			uint32_t first, uint32_t count)
{
	to->count = 0;
	for (uint32_t i = 0; i < from->count; i++)
		if (i - first >= count)
			to->ops[to->count++] = from->ops[i];
}

/* Leave out what is not needed, halves first and single operations last. */
void trace_shrink(struct fuzzer *f, struct program *program,
		  unsigned int seconds)
{
	struct program *shorter = malloc(sizeof(*shorter));
	time_t until = time(NULL) + seconds;
	uint32_t first = 0;

	if (!shorter)
		abort();
	for (uint32_t size = program->count / 2; size; size /= 2) {
		first = 0;
		while (first < program->count && time(NULL) < until) {
			program_cut(shorter, program, first, size);
			if (program_run(f, shorter))
				first += size;
			else
				*program = *shorter;
		}
	}
	free(shorter);
}
