/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Declarations for the files of the demo.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <codearena.h>
#include <codearena/elf.h>

#include "payload.h"

/* An object file in the arena. */
struct demo_object {
	struct codearena_elf *elf;
	char file[32];
	uint64_t offset;	/* of its place, a multiple of the page */
	uint64_t room;		/* bytes of its place, all committed */
};

struct demo {
	struct codearena_arena *arena;
	uint64_t used;		/* allocated bytes of the arena */
	bool verbose;
	unsigned int checks;
	unsigned int failures;
};

/* Count a check, and report it if it failed. Returns @ok. */
bool demo_check(struct demo *demo, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void demo_note(const struct demo *demo, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* objects.c */
bool demo_reserve_place(struct demo *demo, struct demo_object *object,
			uint64_t room);
bool demo_open(struct demo *demo, struct demo_object *object,
	       const char *file);
bool demo_load(struct demo *demo, struct demo_object *object);
bool demo_address(struct demo *demo, const struct demo_object *object,
		  const char *name, uint64_t *address);
/* 0 if the object cannot be laid out. */
uint64_t demo_code_length(const struct demo *demo,
			  const struct demo_object *object);
/* A file beside the program; NULL on failure, else for free(). */
char *demo_read_file(const char *file, size_t *length);

/* work.c: compares the loaded code with test vectors and its reference */
void demo_run_sha256(struct demo *demo, const struct demo_object *object);
void demo_run_sort(struct demo *demo, const struct demo_object *object,
		   const char *name);
void demo_run_json(struct demo *demo, const struct demo_object *object);
int demo_compare(const void *a, const void *b);
uint32_t demo_random(uint64_t *state);

/* slot.c */
void demo_run_slot(struct demo *demo, struct demo_object *intro,
		   struct demo_object *merge);

/* report.c */
struct demo_calls {
	unsigned int publish;
	unsigned int patch;
	unsigned int discard;
	unsigned int commit;
	unsigned int ioctls;
};

extern struct demo_calls demo_calls;

void demo_show_maps(struct demo *demo, const char *when);
void demo_show_stat(struct demo *demo);

#endif /* DEMO_H */
