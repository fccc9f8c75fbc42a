// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * A strict JSON reader, after RFC 8259.
 */
#include <string.h>

#include "payload.h"

#define MAX_DEPTH	64

struct reader {
	const unsigned char *text;
	const unsigned char *at;
	const unsigned char *end;
	struct json_summary *summary;
	uint32_t depth;
};

enum class {
	OTHER,
	SPACE,
	DIGIT,
	MINUS,
	QUOTE,
	BRACKET,
	BRACE,
	LETTER,
	CLASSES
};

static const uint8_t classes[256] = {
	[' '] = SPACE, ['\t'] = SPACE, ['\n'] = SPACE, ['\r'] = SPACE,
	['0' ... '9'] = DIGIT, ['-'] = MINUS, ['"'] = QUOTE,
	['['] = BRACKET, ['{'] = BRACE, ['a' ... 'z'] = LETTER,
};

static const char *const error_texts[JSON_ERRORS] = {
	[JSON_OK] = "no error",
	[JSON_END] = "the text ends early",
	[JSON_VALUE] = "no value begins like this",
	[JSON_STRING] = "control character in a string",
	[JSON_ESCAPE] = "escape sequence is not valid",
	[JSON_UTF8] = "not UTF-8",
	[JSON_NUMBER] = "number is not valid",
	[JSON_COMMA] = "comma or end expected",
	[JSON_COLON] = "colon expected",
	[JSON_NAME] = "name expected",
	[JSON_DEPTH] = "nested too deep",
	[JSON_REST] = "text after the value",
};

static int parse_value(struct reader *reader);

static void skip_space(struct reader *reader)
{
	while (reader->at < reader->end && classes[*reader->at] == SPACE)
		reader->at++;
}

static int is_digit(const struct reader *reader)
{
	return reader->at < reader->end && classes[*reader->at] == DIGIT;
}

static int accept(struct reader *reader, unsigned char byte)
{
	if (reader->at == reader->end || *reader->at != byte)
		return 0;
	reader->at++;
	return 1;
}

static int hex_digit(unsigned char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int parse_hex(struct reader *reader, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit;

		if (reader->at == reader->end)
			return JSON_END;
		digit = hex_digit(*reader->at++);
		if (digit < 0)
			return JSON_ESCAPE;
		*unit = *unit << 4 | digit;
	}
	return JSON_OK;
}

static __attribute__((noinline)) int parse_escape(struct reader *reader)
{
	uint32_t unit;
	int ret;

	if (reader->at == reader->end)
		return JSON_END;
	switch (*reader->at++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return JSON_OK;
	case 'u':
		break;
	default:
		return JSON_ESCAPE;
	}
	ret = parse_hex(reader, &unit);
	if (ret || (unit & 0xf800) != 0xd800)
		return ret;
	/* One half of a pair: the other must follow. */
	if (unit >= 0xdc00 || !accept(reader, '\\') || !accept(reader, 'u'))
		return JSON_ESCAPE;
	ret = parse_hex(reader, &unit);
	if (!ret && (unit & 0xfc00) != 0xdc00)
		ret = JSON_ESCAPE;
	return ret;
}

/* The rest of a character whose first byte was @first. */
static __attribute__((noinline)) int parse_utf8(struct reader *reader,
						unsigned char first)
{
	uint32_t point, least;
	int more;

	if (first >= 0xc2 && first < 0xe0) {
		more = 1;
		least = 0x80;
	} else if (first >= 0xe0 && first < 0xf0) {
		more = 2;
		least = 0x800;
	} else if (first >= 0xf0 && first < 0xf5) {
		more = 3;
		least = 0x10000;
	} else {
		return JSON_UTF8;
	}
	point = first & (0x3f >> more);
	while (more--) {
		if (reader->at == reader->end || (*reader->at & 0xc0) != 0x80)
			return JSON_UTF8;
		point = point << 6 | (*reader->at++ & 0x3f);
	}
	return point < least || point > 0x10ffff ||
	       (point & ~0x7ffU) == 0xd800 ? JSON_UTF8 : JSON_OK;
}

static __attribute__((noinline)) int parse_string(struct reader *reader)
{
	int ret = JSON_OK;

	reader->at++;
	while (!ret) {
		unsigned char byte;

		if (reader->at == reader->end)
			return JSON_END;
		byte = *reader->at++;
		if (byte == '"')
			break;
		if (byte < ' ')
			return JSON_STRING;
		if (byte == '\\')
			ret = parse_escape(reader);
		else if (byte >= 0x80)
			ret = parse_utf8(reader, byte);
		reader->summary->characters++;
	}
	reader->summary->strings++;
	return ret;
}

static int parse_digits(struct reader *reader, double *value, int *count)
{
	if (!is_digit(reader))
		return JSON_NUMBER;
	for (*count = 0; is_digit(reader); ++*count)
		*value = *value * 10.0 + (*reader->at++ - '0');
	return JSON_OK;
}

static double scale(double value, int exponent)
{
	static const double powers[] = {
		1e1, 1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256,
	};
	int rest = exponent < 0 ? -exponent : exponent;

	/* Beyond the table everything is 0 or infinite. */
	if (rest > 511)
		rest = 511;
	for (int i = 0; rest && i < 9; i++, rest >>= 1)
		if (rest & 1)
			value = exponent < 0 ? value / powers[i] :
					       value * powers[i];
	return value;
}

static __attribute__((noinline)) int parse_number(struct reader *reader)
{
	int negative = accept(reader, '-');
	int digits, fraction = 0, exponent = 0;
	double value = 0.0, power = 0.0;

	if (accept(reader, '0')) {
		if (is_digit(reader))
			return JSON_NUMBER;
	} else if (parse_digits(reader, &value, &digits)) {
		return JSON_NUMBER;
	}
	if (accept(reader, '.') && parse_digits(reader, &value, &fraction))
		return JSON_NUMBER;
	if (accept(reader, 'e') || accept(reader, 'E')) {
		int down = accept(reader, '-');

		if (!down)
			accept(reader, '+');
		if (parse_digits(reader, &power, &digits) || power > 500.0)
			return JSON_NUMBER;
		exponent = down ? -(int)power : (int)power;
	}
	value = scale(value, exponent - fraction);
	reader->summary->sum += negative ? -value : value;
	reader->summary->numbers++;
	return JSON_OK;
}

static int parse_word(struct reader *reader)
{
	static const char words[3][6] = { "true", "false", "null" };

	for (int i = 0; i < 3; i++) {
		size_t length = strlen(words[i]);

		if ((size_t)(reader->end - reader->at) >= length &&
		    !memcmp(reader->at, words[i], length)) {
			reader->at += length;
			reader->summary->words++;
			return JSON_OK;
		}
	}
	return JSON_VALUE;
}

static int enter(struct reader *reader)
{
	if (++reader->depth > MAX_DEPTH)
		return JSON_DEPTH;
	if (reader->depth > reader->summary->depth)
		reader->summary->depth = reader->depth;
	return JSON_OK;
}

/* After an element: 1 if another follows, 0 at the end, or an error below 0. */
static int another(struct reader *reader, unsigned char end)
{
	skip_space(reader);
	if (accept(reader, ','))
		return 1;
	if (accept(reader, end))
		return 0;
	return reader->at == reader->end ? -JSON_END : -JSON_COMMA;
}

static __attribute__((noinline)) int parse_array(struct reader *reader)
{
	int ret = enter(reader);

	if (ret)
		return ret;
	reader->at++;
	reader->summary->arrays++;
	skip_space(reader);
	if (!accept(reader, ']')) {
		do {
			ret = parse_value(reader);
			if (ret)
				return ret;
			ret = another(reader, ']');
		} while (ret > 0);
	}
	reader->depth--;
	return -ret;
}

static __attribute__((noinline)) int parse_object(struct reader *reader)
{
	int ret = enter(reader);

	if (ret)
		return ret;
	reader->at++;
	reader->summary->objects++;
	skip_space(reader);
	if (!accept(reader, '}')) {
		do {
			skip_space(reader);
			if (reader->at == reader->end)
				return JSON_END;
			if (classes[*reader->at] != QUOTE)
				return JSON_NAME;
			ret = parse_string(reader);
			if (ret)
				return ret;
			skip_space(reader);
			if (!accept(reader, ':'))
				return JSON_COLON;
			ret = parse_value(reader);
			if (ret)
				return ret;
			ret = another(reader, '}');
		} while (ret > 0);
	}
	reader->depth--;
	return -ret;
}

static int parse_nothing(struct reader *reader)
{
	(void)reader;
	return JSON_VALUE;
}

static int parse_value(struct reader *reader)
{
	/* A table of addresses: the loader has to fill it in. */
	static int (*const parsers[CLASSES])(struct reader *reader) = {
		[OTHER] = parse_nothing,
		[SPACE] = parse_nothing,
		[DIGIT] = parse_number,
		[MINUS] = parse_number,
		[QUOTE] = parse_string,
		[BRACKET] = parse_array,
		[BRACE] = parse_object,
		[LETTER] = parse_word,
	};

	skip_space(reader);
	if (reader->at == reader->end)
		return JSON_END;
	return parsers[classes[*reader->at]](reader);
}

int json_parse(const char *text, size_t length, struct json_summary *summary)
{
	struct reader reader = {
		.text = (const unsigned char *)text,
		.at = (const unsigned char *)text,
		.end = (const unsigned char *)text + length,
		.summary = summary,
	};
	int ret;

	memset(summary, 0, sizeof(*summary));
	ret = parse_value(&reader);
	if (!ret) {
		skip_space(&reader);
		if (reader.at != reader.end)
			ret = JSON_REST;
	}
	summary->position = reader.at - reader.text;
	return ret;
}

const char *json_error_text(int error)
{
	if (error < 0 || error >= JSON_ERRORS)
		return "unknown error";
	return error_texts[error];
}
