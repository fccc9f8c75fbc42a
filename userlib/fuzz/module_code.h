/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Machine code for the fuzzer of modules.
 */
#ifndef FUZZ_MODULE_CODE_H
#define FUZZ_MODULE_CODE_H

#include "fail.h"
#include "module_model.h"

#define BODY	8192

static uint8_t body[BODY];

#if defined(__x86_64__)
#define TRAP	0xcc
__asm__(".text\n.type fuzz_lazy, @function\n"
	"fuzz_lazy:\n\tendbr64\n\tpop %rax\n\tadd $100000, %eax\n\tret\n");
#elif defined(__aarch64__)
#define TRAP	0x00
__asm__(".text\n.type fuzz_lazy, %function\n"
	"fuzz_lazy:\n\thint #34\n\tmov w0, #34464\n\tmovk w0, #1, lsl #16\n"
	"\tadd w0, w0, w8\n\tret\n");
#else
#error "the fuzzer has no code for this architecture"
#endif

void fuzz_lazy(void);

static inline unsigned int builtin_one(void)
{
	return BUILTIN_VALUE + 1;
}

static inline unsigned int builtin_two(void)
{
	return BUILTIN_VALUE + 2;
}

/* Writes the beginning of a body; the rest of it is not executed. */
static inline void write_body(const struct entry *e, struct codearena_reloc *reloc)
{
	uint32_t value = e->value;

	reloc->kind = e->body == CALLS ? CODEARENA_RELOC_CALL :
		      CODEARENA_RELOC_STUB_CALL;
	reloc->index = value;
#if defined(__x86_64__)
	body[0] = e->body == RETURNS ? 0xb8 : 0xe9;
	memset(body + 1, 0, 4);
	if (e->body == RETURNS)
		memcpy(body + 1, &value, 4);
	body[5] = 0xc3;
	reloc->form = CODEARENA_FORM_X86_64_REL32;
	reloc->offset = 1;
#else
	uint32_t code[2] = { 0x52800000 | value << 5, 0xd65f03c0 };

	if (e->body != RETURNS)
		code[0] = 0x14000000;
	memcpy(body, code, sizeof(code));
	reloc->form = CODEARENA_FORM_AARCH64_BRANCH26;
#endif
}

#endif /* FUZZ_MODULE_CODE_H */
