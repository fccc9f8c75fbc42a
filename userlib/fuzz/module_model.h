/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A module, told as simply as possible: which pieces of code there are, who holds
 * them, and which is current. The fuzzer does everything here too, and compares.
 */
#ifndef FUZZ_MODULE_MODEL_H
#define FUZZ_MODULE_MODEL_H

#include <stdbool.h>

#include "codearena_module.h"
#include "input.h"

#define FUNCTIONS	6
#define IMPORTS		2
#define PIECES		96

/**
 * enum state - of a piece
 * @UNUSED: there is none here
 * @ADDED: not published yet
 * @PUBLISHED: executable
 */
enum state { UNUSED = 0, ADDED, PUBLISHED };

/**
 * struct piece - one code object
 * @state: enum state
 * @code: the object
 * @start: its address
 * @size: its bytes
 * @function: index of the declared function, from 0; or FUNCTIONS, a wrapper
 * @tier: enum codearena_code_tier
 * @debug: enum codearena_code_debug
 * @deopt: it can be replaced by a lower tier
 * @callee: it calls this declared function; or -1, it returns @value
 * @value: what it returns
 * @held: the fuzzer has a reference
 * @owned: the module has one, for a wrapper
 * @current: the table has one
 * @scoped: the open scope has one
 * @on_stack: the runtime says that it is on a stack
 * @freed: the module has said so, perhaps in the middle of an operation
 */
struct piece {
	enum state state;
	struct codearena_code *code;
	uint64_t start;
	uint64_t size;
	unsigned int function;
	unsigned int tier;
	unsigned int debug;
	bool deopt;
	int callee;
	uint32_t value;
	bool held;
	bool owned;
	bool current;
	bool scoped;
	bool on_stack;
	bool freed;
};

/**
 * struct model - the module
 * @pieces: its code
 * @table: current piece of each function, or NULL
 * @debug: it is in the debug state
 * @deopt: CODEARENA_MODULE_F_DEOPT
 * @scope: a scope is open
 * @values: the last value that was given to a piece
 */
struct model {
	struct piece pieces[PIECES];
	struct piece *table[FUNCTIONS];
	bool debug;
	bool deopt;
	bool scope;
	uint32_t values;
};

static inline bool piece_is_dead(const struct piece *piece)
{
	return piece->state == PUBLISHED && !piece->held && !piece->owned &&
		!piece->current && !piece->scoped;
}

static inline struct piece *piece_unused(struct model *model)
{
	for (unsigned int i = 0; i < PIECES; i++) {
		if (model->pieces[i].state == UNUSED)
			return &model->pieces[i];
	}
	return NULL;
}

/* The n-th piece of a state, counted around; NULL if there is none. */
static inline struct piece *piece_pick(struct model *model, enum state state,
				       unsigned int n)
{
	for (unsigned int i = 0; i < PIECES; i++) {
		struct piece *piece = &model->pieces[(n + i) % PIECES];

		if (piece->state == state)
			return piece;
	}
	return NULL;
}

/* The rules of codearena_module_publish(), word by word. */
static inline bool model_installs(const struct model *model,
				  const struct piece *piece)
{
	const struct piece *now = model->table[piece->function];

	if (piece->debug == CODEARENA_DEBUG_STEPPING)
		return false;
	if (model->debug) {
		return piece->debug != CODEARENA_DEBUG_NONE &&
			!(now && now->debug > piece->debug);
	}
	if (now && now->debug == CODEARENA_DEBUG_NONE && now->tier > piece->tier)
		return model->deopt && now->deopt;
	return true;
}

static inline void model_set(struct model *model, unsigned int function,
			     struct piece *piece)
{
	struct piece *prior = model->table[function];

	if (prior) {
		prior->current = false;
		prior->scoped |= model->scope;
	}
	model->table[function] = piece;
	if (piece)
		piece->current = true;
}

static inline void model_publish(struct model *model, struct piece *piece)
{
	piece->state = PUBLISHED;
	piece->scoped = model->scope;
	if (piece->function == FUNCTIONS)
		piece->owned = true;
	else if (model_installs(model, piece))
		model_set(model, piece->function, piece);
}

/* What a call of a function returns. Callees have higher numbers: it ends. */
static inline uint32_t model_call(const struct model *model,
				  unsigned int function, uint32_t lazy)
{
	const struct piece *piece;

	for (;;) {
		piece = model->table[function];
		if (!piece)
			return lazy;
		if (piece->callee < 0)
			return piece->value;
		function = piece->callee;
	}
}

static inline bool model_filter(const struct piece *piece,
				enum codearena_filter filter)
{
	bool debug = piece->debug != CODEARENA_DEBUG_NONE;

	switch (filter) {
	case CODEARENA_FILTER_DEBUG:
		return debug;
	case CODEARENA_FILTER_NOT_DEBUG:
		return !debug;
	case CODEARENA_FILTER_BASELINE:
		return piece->tier == CODEARENA_TIER_BASELINE;
	case CODEARENA_FILTER_OPTIMIZED:
		return piece->tier == CODEARENA_TIER_OPTIMIZED;
	case CODEARENA_FILTER_ALL:
		return true;
	}
	return false;
}

#endif /* FUZZ_MODULE_MODEL_H */
