// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Records under construction. The first error sticks, so callers check once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"

#define CA__BUFFER_MAX	0x7fffffffUL

/**
 * ca__buffer_put - append bytes
 * @buffer: buffer
 * @from: bytes
 * @size: number of bytes
 */
void ca__buffer_put(struct ca__buffer *buffer, const void *from, size_t size)
{
	size_t room = buffer->room ? buffer->room : 256;
	uint8_t *data;

	if (buffer->error || !size)
		return;
	if (size > CA__BUFFER_MAX - buffer->size) {
		buffer->error = -EOVERFLOW;
		return;
	}
	while (room - buffer->size < size)
		room *= 2;
	if (room != buffer->room) {
		data = realloc(buffer->data, room);
		if (!data) {
			buffer->error = -ENOMEM;
			return;
		}
		buffer->data = data;
		buffer->room = room;
	}
	memcpy(buffer->data + buffer->size, from, size);
	buffer->size += size;
}

/**
 * ca__buffer_set - overwrite a number
 * @buffer: buffer
 * @at: its offset
 * @value: new value
 * @bytes: its width in bytes
 */
void ca__buffer_set(struct ca__buffer *buffer, size_t at, uint64_t value,
		    unsigned int bytes)
{
	unsigned int i;

	if (buffer->error)
		return;
	for (i = 0; i < bytes; i++)
		buffer->data[at + i] = value >> (8 * i);
}

/**
 * ca__buffer_number - append a number
 * @buffer: buffer
 * @value: number
 * @bytes: its width in bytes, at most 8
 */
void ca__buffer_number(struct ca__buffer *buffer, uint64_t value,
		       unsigned int bytes)
{
	size_t at = buffer->size;
	uint8_t zeros[8] = { 0 };

	ca__buffer_put(buffer, zeros, bytes);
	ca__buffer_set(buffer, at, value, bytes);
}

/**
 * ca__buffer_unsigned - append a number as ULEB128
 * @buffer: buffer
 * @value: number
 */
void ca__buffer_unsigned(struct ca__buffer *buffer, uint64_t value)
{
	do {
		ca__buffer_number(buffer,
				  (value & 0x7f) | (value > 0x7f ? 0x80 : 0),
				  1);
		value >>= 7;
	} while (value);
}

/**
 * ca__buffer_signed - append a number as SLEB128
 * @buffer: buffer
 * @value: number
 */
void ca__buffer_signed(struct ca__buffer *buffer, int64_t value)
{
	while (value < -64 || value > 63) {
		ca__buffer_number(buffer, (value & 0x7f) | 0x80, 1);
		value >>= 7;
	}
	ca__buffer_number(buffer, value & 0x7f, 1);
}

/**
 * ca__buffer_string - append a string and its terminating 0
 * @buffer: buffer
 * @string: string
 */
void ca__buffer_string(struct ca__buffer *buffer, const char *string)
{
	ca__buffer_put(buffer, string, strlen(string) + 1);
}

/**
 * ca__buffer_name - append a name, escaped, without a 0
 * @buffer: buffer
 * @name: name
 */
void ca__buffer_name(struct ca__buffer *buffer, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char byte;
	char escaped[4] = "\\x";

	for (; *name; name++) {
		byte = *name;
		if (byte >= ' ' && byte != 0x7f && byte != '\\') {
			ca__buffer_put(buffer, name, 1);
			continue;
		}
		escaped[2] = digits[byte >> 4];
		escaped[3] = digits[byte & 15];
		ca__buffer_put(buffer, escaped, sizeof(escaped));
	}
}

/**
 * ca__buffer_align - append zeros up to an alignment
 * @buffer: buffer
 * @align: a power of two
 */
void ca__buffer_align(struct ca__buffer *buffer, size_t align)
{
	while (!buffer->error && buffer->size & (align - 1))
		ca__buffer_number(buffer, 0, 1);
}

/**
 * ca__buffer_drop - free the bytes
 * @buffer: buffer
 */
void ca__buffer_drop(struct ca__buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
