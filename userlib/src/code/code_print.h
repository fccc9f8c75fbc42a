/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Printing, and the disassembler.
 */
#ifndef CA__CODE_PRINT_H
#define CA__CODE_PRINT_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ca__printer - destination of text
 * @write: see codearena_code_print()
 * @data: argument of @write
 * @ret: 0, or the error that ended printing
 */
struct ca__printer {
	int (*write)(void *data, const char *text, size_t length);
	void *data;
	int ret;
};

/* print.c */
void ca__print(struct ca__printer *printer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* disassemble.c */
void ca__disassemble(struct ca__printer *printer, const uint8_t *code,
		     uint64_t start, uint32_t size);

#endif /* CA__CODE_PRINT_H */
