// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Formatted text for a callback.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "code/code_print.h"

/**
 * ca__print - print a line or a part of one
 * @printer: destination; after an error nothing is printed
 * @format: as for printf()
 */
void ca__print(struct ca__printer *printer, const char *format, ...)
{
	char small[256], *text = small;
	va_list args, again;
	int length;

	if (printer->ret)
		return;
	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(small, sizeof(small), format, args);
	if (length >= (int)sizeof(small)) {
		text = malloc((size_t)length + 1);
		if (text)
			vsnprintf(text, (size_t)length + 1, format, again);
	}
	va_end(again);
	va_end(args);
	if (length < 0 || !text) {
		printer->ret = -ENOMEM;
		return;
	}
	printer->ret = printer->write(printer->data, text, length);
	if (text != small)
		free(text);
}
