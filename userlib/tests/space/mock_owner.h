/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * An owner of code objects whose bodies are nowhere: addresses are all that
 * references and collection look at.
 */
#ifndef MOCK_OWNER_H
#define MOCK_OWNER_H

#include "lib/helpers.h"
#include "code/ref.h"

#define MOCK_SIZE	256

/**
 * struct mock_owner - who frees code in tests
 * @owner: must be the first
 * @next: address of the next object
 * @calls: of @free_codes, atomic like what follows
 * @freed: objects that were freed
 * @largest: most objects in one call
 */
struct mock_owner {
	struct ca__owner owner;
	uint64_t next;
	uint64_t calls;
	uint64_t freed;
	uint64_t largest;
};

static inline void mock_free(struct ca__owner *owner,
			     struct codearena_code **codes, size_t count)
{
	struct mock_owner *mock = (struct mock_owner *)owner;
	size_t i;

	for (i = 0; i < count; i++) {
		assert_ptr_equal(codes[i]->owner, owner);
		assert_int_equal(codes[i]->references, 0);
		assert_false(ca__code_try_ref(codes[i]));
		ca__code_destroy(codes[i]);
	}
	__atomic_add_fetch(&mock->calls, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&mock->freed, count, __ATOMIC_SEQ_CST);
	if (count > __atomic_load_n(&mock->largest, __ATOMIC_SEQ_CST))
		__atomic_store_n(&mock->largest, count, __ATOMIC_SEQ_CST);
}

static const struct ca__owner_ops mock_ops = {
	.free_codes = mock_free,
};

static inline void mock_init(struct mock_owner *mock,
			     struct codearena_collector *collector,
			     uint64_t start)
{
	memset(mock, 0, sizeof(*mock));
	mock->next = start;
	ca__owner_begin(&mock->owner, &mock_ops, collector);
}

/* Objects of one owner lie side by side; any thread may make one. */
static inline struct codearena_code *mock_code(struct mock_owner *mock,
					       uint64_t size)
{
	struct codearena_code_desc desc = {
		.sz = sizeof(desc),
		.body = mock,
		.instructions_size = size,
	};
	struct codearena_region region = { .size = size };
	struct codearena_code *code = NULL;

	region.begin = __atomic_fetch_add(&mock->next, size, __ATOMIC_SEQ_CST);
	assert_int_equal(ca__code_new(&desc, region, &mock->owner, &code), 0);
	return code;
}

static inline uint64_t mock_freed(const struct mock_owner *mock)
{
	return __atomic_load_n(&mock->freed, __ATOMIC_SEQ_CST);
}

#endif /* MOCK_OWNER_H */
