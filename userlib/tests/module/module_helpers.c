// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Modules for tests.
 */
#include "module/module_helpers.h"

/* A lazy slot leaves the index of the function where codearena/jump.h says. */
#if defined(__x86_64__)
unsigned int lazy(void);
__asm__(".text\n"
	".globl lazy\n"
	".hidden lazy\n"
	".type lazy, @function\n"
	"lazy:\n"
	"	endbr64\n"
	"	addq $8, %rsp\n"
	"	movl $1234, %eax\n"
	"	ret\n"
	".size lazy, . - lazy\n");
#else
static unsigned int lazy(void)
{
	return LAZY_VALUE;
}
#endif

static unsigned int one(void)
{
	return 1;
}

static unsigned int two(void)
{
	return 2;
}

struct codearena_module_opts module_opts(struct module_fixture *fixture)
{
	fixture->builtins[0] = (uintptr_t)lazy;
	fixture->builtins[1] = (uintptr_t)one;
	fixture->builtins[2] = (uintptr_t)two;
	return (struct codearena_module_opts){
		.sz = sizeof(struct codearena_module_opts),
		.name = "test",
		.imports = MODULE_IMPORTS,
		.functions = MODULE_FUNCTIONS,
		.builtins = fixture->builtins,
		.builtin_count = 3,
		.flags = CODEARENA_MODULE_F_LAZY,
		.estimate = 16384,
		.signature_count = 4,
	};
}

void module_begin(struct module_fixture *fixture, uint64_t max_code_space,
		  const struct codearena_module_opts *opts)
{
	CODEARENA_OPTS(codearena_manager_opts, manager,
		       .max_code_space = max_code_space);

	assert_int_equal(codearena_manager_new(&manager, &fixture->manager), 0);
	assert_int_equal(codearena_module_new(fixture->manager, opts,
					      &fixture->module), 0);
}

void module_end(struct module_fixture *fixture)
{
	codearena_module_free(fixture->module);
	codearena_manager_free(fixture->manager);
}

static void body_begin(struct body *body, int32_t function)
{
	memset(body, 0, sizeof(*body));
	body->desc.sz = sizeof(body->desc);
	body->desc.body = body->bytes;
	body->desc.kind = CODEARENA_CODE_FUNCTION;
	body->desc.tier = CODEARENA_TIER_BASELINE;
	body->desc.function_index = function;
}

void body_return(struct body *body, int32_t function, uint32_t value)
{
	body_begin(body, function);
	body->desc.instructions_size = code_return(body->bytes, value);
}

void body_call(struct body *body, int32_t function, uint32_t kind,
	       uint32_t target)
{
	body_begin(body, function);
	body->desc.relocs = &body->reloc;
	body->desc.reloc_count = 1;
	body->reloc.kind = kind;
	body->reloc.index = target;
#if defined(__x86_64__)
	body->bytes[0] = 0xe9;
	body->desc.instructions_size = 5;
	body->reloc.offset = 1;
	body->reloc.form = CODEARENA_FORM_X86_64_REL32;
#elif defined(__aarch64__)
	memcpy(body->bytes, "\x00\x00\x00\x14", 4);
	body->desc.instructions_size = 4;
	body->reloc.form = CODEARENA_FORM_AARCH64_BRANCH26;
#else
	/* auipc t1; jr t1 */
	memcpy(body->bytes, "\x17\x03\x00\x00\x67\x00\x03\x00", 8);
	body->desc.instructions_size = 8;
	body->reloc.form = CODEARENA_FORM_RISCV_PCREL;
#endif
}

struct codearena_code *publish_body(struct codearena_module *module,
				    struct body *body)
{
	struct codearena_code *code;

	assert_int_equal(codearena_module_add_publish(module, &body->desc, 1,
						      &code, NULL), 0);
	return code;
}

unsigned int call_address(uint64_t address)
{
	unsigned int (*function)(void);

	memcpy(&function, &address, sizeof(function));
	return function();
}

unsigned int call_function(struct codearena_module *module, uint32_t function,
			   uint64_t from)
{
	uint64_t target;

	assert_int_equal(codearena_module_call_target(module, function, from,
						      &target), 0);
	return call_address(target);
}
