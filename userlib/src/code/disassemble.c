// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The disassembler: capstone, for the machine that the library runs on.
 *
 * It is loaded on first use, so that no program depends on it.
 */
#include "code/code_print.h"

#if __has_include(<capstone/capstone.h>)
#include <capstone/capstone.h>
/* Capstone knows riscv64 since its version 5. */
#if !defined(__riscv) || CS_API_MAJOR >= 5
#define CA__DISASSEMBLER
#endif
#endif

#ifdef CA__DISASSEMBLER

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>

#define CA__STRING(text)	#text
#define CA__SONAME(major)	"libcapstone.so." CA__STRING(major)

#if defined(__x86_64__)
#define CA__CS_ARCH	CS_ARCH_X86
#define CA__CS_MODE	CS_MODE_64
#elif defined(__aarch64__)
#define CA__CS_ARCH	CS_ARCH_ARM64
#define CA__CS_MODE	CS_MODE_LITTLE_ENDIAN
#else
#define CA__CS_ARCH	CS_ARCH_RISCV
#define CA__CS_MODE	(CS_MODE_RISCV64 | CS_MODE_RISCVC)
#endif

static struct {
	__typeof__(cs_open) *open;
	__typeof__(cs_close) *close;
	__typeof__(cs_malloc) *malloc;
	__typeof__(cs_free) *free;
	__typeof__(cs_disasm_iter) *iter;
	bool usable;
} ca__capstone;

static pthread_once_t ca__capstone_once = PTHREAD_ONCE_INIT;

static void ca__capstone_load(void)
{
	/* The ABI of the version that the library was built with. */
	void *library = dlopen(CA__SONAME(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
	ca__capstone.open = dlsym(library, "cs_open");
	ca__capstone.close = dlsym(library, "cs_close");
	ca__capstone.malloc = dlsym(library, "cs_malloc");
	ca__capstone.free = dlsym(library, "cs_free");
	ca__capstone.iter = dlsym(library, "cs_disasm_iter");
	ca__capstone.usable = ca__capstone.open && ca__capstone.close &&
			      ca__capstone.malloc && ca__capstone.free &&
			      ca__capstone.iter;
}

static void ca__instructions(struct ca__printer *printer, csh handle,
			     const uint8_t *code, uint64_t start, size_t size)
{
	cs_insn *instruction = ca__capstone.malloc(handle);
	uint64_t address = start;

	if (!instruction) {
		ca__print(printer, "(no memory for the disassembler)\n");
		return;
	}
	while (size && !printer->ret) {
		if (ca__capstone.iter(handle, &code, &size, &address,
				      instruction)) {
			ca__print(printer, "0x%" PRIx64 " +0x%" PRIx64
				  "  %s%s%s\n", instruction->address,
				  instruction->address - start,
				  instruction->mnemonic,
				  *instruction->op_str ? " " : "",
				  instruction->op_str);
			continue;
		}
		/* Data among instructions, or unknown to capstone. */
		ca__print(printer, "0x%" PRIx64 " +0x%" PRIx64
			  "  .byte 0x%02x\n", address, address - start, *code);
		code++;
		address++;
		size--;
	}
	ca__capstone.free(instruction, 1);
}

/**
 * ca__disassemble - print machine code as instructions
 * @printer: destination
 * @code: the bytes, which may be a copy
 * @start: address at which they are executed
 * @size: number of bytes
 */
void ca__disassemble(struct ca__printer *printer, const uint8_t *code,
		     uint64_t start, uint32_t size)
{
	csh handle;

	pthread_once(&ca__capstone_once, ca__capstone_load);
	if (!ca__capstone.usable ||
	    ca__capstone.open(CA__CS_ARCH, CA__CS_MODE, &handle) !=
	    CS_ERR_OK) {
		ca__print(printer, "(no disassembler: " CA__SONAME(CS_API_MAJOR)
			  " is not installed)\n");
		return;
	}
	ca__instructions(printer, handle, code, start, size);
	ca__capstone.close(&handle);
}

#else

void ca__disassemble(struct ca__printer *printer, const uint8_t *code,
		     uint64_t start, uint32_t size)
{
	(void)code;
	(void)start;
	(void)size;
	ca__print(printer, "(built without a disassembler)\n");
}

#endif
