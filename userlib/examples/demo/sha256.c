// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * SHA-256, after FIPS 180-4.
 */
#include <string.h>

#include "payload.h"

uint64_t sha256_blocks;

static const uint32_t initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, unsigned int bits)
{
	return word >> bits | word << (32 - bits);
}

static uint32_t load(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store(uint8_t *bytes, uint32_t word)
{
	bytes[0] = word >> 24;
	bytes[1] = word >> 16;
	bytes[2] = word >> 8;
	bytes[3] = word;
}

/* Not inlined, so that the object has calls between its own functions. */
static __attribute__((noinline)) void expand(uint32_t schedule[64],
					     const uint8_t *block)
{
	for (int i = 0; i < 16; i++)
		schedule[i] = load(block + 4 * i);
	for (int i = 16; i < 64; i++) {
		uint32_t w15 = schedule[i - 15];
		uint32_t w2 = schedule[i - 2];

		schedule[i] = schedule[i - 16] + schedule[i - 7] +
			(rotate(w15, 7) ^ rotate(w15, 18) ^ w15 >> 3) +
			(rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10);
	}
}

static __attribute__((noinline)) void compress(uint32_t state[8],
					       const uint8_t *block)
{
	uint32_t schedule[64], v[8];

	expand(schedule, block);
	memcpy(v, state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^
				    (v[1] & v[2]);
		uint32_t first = v[7] + choice + constants[i] + schedule[i] +
			(rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25));
		uint32_t second = majority +
			(rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += first;
		v[0] = first + second;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
	sha256_blocks++;
}

void sha256_init(struct sha256 *ctx)
{
	memcpy(ctx->state, initial, sizeof(initial));
	ctx->length = 0;
}

void sha256_update(struct sha256 *ctx, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t used = ctx->length % sizeof(ctx->block);

	ctx->length += length;
	if (used) {
		size_t room = sizeof(ctx->block) - used;
		size_t part = length < room ? length : room;

		memcpy(ctx->block + used, bytes, part);
		bytes += part;
		length -= part;
		if (part < room)
			return;
		compress(ctx->state, ctx->block);
	}
	for (; length >= sizeof(ctx->block); length -= sizeof(ctx->block)) {
		compress(ctx->state, bytes);
		bytes += sizeof(ctx->block);
	}
	memcpy(ctx->block, bytes, length);
}

void sha256_final(struct sha256 *ctx, uint8_t digest[SHA256_SIZE])
{
	size_t used = ctx->length % sizeof(ctx->block);
	uint64_t bits = ctx->length * 8;

	ctx->block[used++] = 0x80;
	if (used > sizeof(ctx->block) - 8) {
		memset(ctx->block + used, 0, sizeof(ctx->block) - used);
		compress(ctx->state, ctx->block);
		used = 0;
	}
	memset(ctx->block + used, 0, sizeof(ctx->block) - 8 - used);
	store(ctx->block + 56, bits >> 32);
	store(ctx->block + 60, bits);
	compress(ctx->state, ctx->block);
	for (int i = 0; i < 8; i++)
		store(digest + 4 * i, ctx->state[i]);
}
