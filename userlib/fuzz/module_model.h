/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The model of a module for its fuzzer: arrays of code and functions, which count
 * every reference separately.
 */
#ifndef FUZZ_MODULE_MODEL_H
#define FUZZ_MODULE_MODEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codearena/module.h"
#include "fail.h"

#define IMPORTS		2
#define FUNCTIONS	6
#define BUILTINS	3
#define CODES		48
#define SCOPES		3
#define GONE		32

/* What the builtins return; the lazy one adds the index of the function. */
#define LAZY_VALUE	100000U
#define BUILTIN_VALUE	50000U

enum life { NONE, STAGED, LIVE };
enum body { RETURNS, CALLS, CALLS_BUILTIN };

/**
 * struct entry - a code object
 * @held: references of the fuzzer
 * @table: current
 * @owned: the module's reference, of a wrapper
 * @scopes: bit for each scope that has it
 * @candidate: in the running collection
 * @reported: whether the debugger knows it
 * @value: what it returns, or what it calls
 */
struct entry {
	enum life life;
	struct codearena_code *code;
	uint64_t start;
	uint32_t size;
	size_t memory;
	int32_t function;
	uint32_t kind, tier, debug;
	bool deopt;
	unsigned int held;
	bool table, owned, candidate, reported;
	unsigned int scopes;
	enum body body;
	uint32_t value;
};

struct model {
	struct entry entries[CODES];
	struct entry *current[FUNCTIONS];
	struct codearena_region gone[GONE];
	unsigned int gone_count;
	unsigned int scopes;
	bool debug, deopt, collector, lazy, logged;
	bool collecting, follow;
	bool ending;
};

static inline bool entry_refs(const struct entry *e)
{
	return e->held || e->table || e->owned || e->scopes;
}

/* It gets a reference, and is no candidate any more. */
static inline void entry_touch(struct entry *e)
{
	e->candidate = false;
}

static inline bool entry_declared(const struct entry *e)
{
	return e->kind == CODEARENA_CODE_FUNCTION && e->function >= IMPORTS &&
		e->function < IMPORTS + FUNCTIONS;
}

static inline struct entry *model_by_code(struct model *m,
					  const struct codearena_code *code)
{
	unsigned int i;

	for (i = 0; i < CODES; i++) {
		if (m->entries[i].life != NONE && m->entries[i].code == code)
			return &m->entries[i];
	}
	return NULL;
}

static inline struct entry *model_at(struct model *m, uint64_t pc)
{
	unsigned int i;

	for (i = 0; i < CODES; i++) {
		struct entry *e = &m->entries[i];

		if (e->life == LIVE && pc - e->start < e->size)
			return e;
	}
	return NULL;
}

static inline struct entry *model_room(struct model *m)
{
	unsigned int i;

	for (i = 0; i < CODES; i++) {
		if (m->entries[i].life == NONE)
			return &m->entries[i];
	}
	return NULL;
}

/* The rules of codearena_module_publish(). */
static inline bool model_installs(const struct model *m, const struct entry *e,
				  const struct entry *prior)
{
	if (e->debug == CODEARENA_DEBUG_STEPPING)
		return false;
	if (m->debug) {
		if (e->debug == CODEARENA_DEBUG_NONE)
			return false;
		return !prior || prior->debug <= e->debug;
	}
	if (!prior || prior->debug || prior->tier <= e->tier)
		return true;
	return m->deopt && prior->deopt;
}

/* The innermost scope gets a reference. */
static inline void model_scope(struct model *m, struct entry *e)
{
	if (m->scopes)
		e->scopes |= 1U << (m->scopes - 1);
}

static inline void model_publish(struct model *m, struct entry *e)
{
	struct entry *prior;

	e->life = LIVE;
	e->reported = m->logged && e->function != CODEARENA_CODE_ANONYMOUS;
	model_scope(m, e);
	if (!entry_declared(e)) {
		e->owned = true;
		return;
	}
	prior = m->current[e->function - IMPORTS];
	if (!model_installs(m, e, prior))
		return;
	m->current[e->function - IMPORTS] = e;
	e->table = true;
	if (prior) {
		model_scope(m, prior);
		prior->table = false;
	}
}

/* What a call of current code returns; 0: it must not be called. */
static inline uint32_t model_value(const struct model *m,
				   const struct entry *e, unsigned int depth)
{
	const struct entry *next;

	if (depth > FUNCTIONS)
		return 0;
	if (e->body == RETURNS)
		return e->value;
	if (e->body == CALLS_BUILTIN)
		return BUILTIN_VALUE + e->value;
	next = m->current[e->value - IMPORTS];
	if (next)
		return model_value(m, next, depth + 1);
	return m->lazy ? LAZY_VALUE + e->value : 0;
}

#endif /* FUZZ_MODULE_MODEL_H */
