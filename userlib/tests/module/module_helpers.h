/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules for tests.
 */
#ifndef TEST_MODULE_HELPERS_H
#define TEST_MODULE_HELPERS_H

#include <elf.h>

#include "codearena/jump.h"
#include "codearena/module.h"
#include "lib/helpers.h"
#include "module/module.h"

#define MODULE_FUNCTIONS	10
#define MODULE_IMPORTS		2
#define BODY_MAX		64

/* Opens a manager and a module; limits of 0 are the defaults. */
struct module_fixture {
	struct codearena_manager *manager;
	struct codearena_module *module;
	uint64_t builtins[3];
};

void module_begin(struct module_fixture *fixture, uint64_t max_code_space,
		  const struct codearena_module_opts *opts);
void module_end(struct module_fixture *fixture);

/* Options with functions, imports and builtins, the first of which is lazy. */
struct codearena_module_opts module_opts(struct module_fixture *fixture);

/* What the lazy builtin returns. */
#define LAZY_VALUE	1234

/* Code of a function, for one object. */
struct body {
	uint8_t bytes[BODY_MAX];
	struct codearena_reloc reloc;
	struct codearena_code_desc desc;
};

/* Returns a value. */
void body_return(struct body *body, int32_t function, uint32_t value);

/* Tail-calls function or builtin @target. */
void body_call(struct body *body, int32_t function, uint32_t kind,
	       uint32_t target);

/* Add and publish; with a reference. */
struct codearena_code *publish_body(struct codearena_module *module,
				    struct body *body);

/* Call function @function through the slot near @from. */
unsigned int call_function(struct codearena_module *module, uint32_t function,
			   uint64_t from);
unsigned int call_address(uint64_t address);

#endif /* TEST_MODULE_HELPERS_H */
