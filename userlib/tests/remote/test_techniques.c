// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What other ways to executable memory leave possible to a store, for the table of
 * Documentation/hardening.rst. The tests pass if the code can be changed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/helpers.h"

#define OLD_VALUE	1
#define NEW_VALUE	2
#define PAGE		65536

static unsigned int run(const void *at)
{
	unsigned int (*function)(void);

	__builtin___clear_cache((char *)at, (char *)at + CODE_MAX);
	memcpy(&function, &at, sizeof(function));
	return function();
}

static uint8_t *make(int prot)
{
	uint8_t *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	code_return(at, OLD_VALUE);
	assert_int_equal(mprotect(at, PAGE, prot), 0);
	return at;
}

/* A compiler opens all of the page to add code to it. */
static void mprotect_opens_what_is_there(void **state)
{
	uint8_t *at = make(PROT_READ | PROT_EXEC);

	(void)state;
	assert_int_equal(run(at), OLD_VALUE);
	assert_int_equal(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0);
	code_return(at, NEW_VALUE);	/* a stray store of another thread */
	assert_int_equal(mprotect(at, PAGE, PROT_READ | PROT_EXEC), 0);
	assert_int_equal(run(at), NEW_VALUE);
	munmap(at, PAGE);
}

static void memfd_has_an_alias(void **state)
{
	int fd = memfd_create("code", MFD_CLOEXEC);
	uint8_t *writable, *code;

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE), 0);
	writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	code_return(writable, OLD_VALUE);
	assert_int_equal(run(code), OLD_VALUE);
	code_return(writable, NEW_VALUE);
	assert_int_equal(run(code), NEW_VALUE);
	munmap(writable, PAGE);
	munmap(code, PAGE);
	close(fd);
}

static bool stores(void *at)
{
	code_return(at, NEW_VALUE);
	return true;
}

/* A store is stopped; the kernel's is not. */
static void keys_do_not_bind_the_kernel(void **state)
{
	uint8_t *at = make(PROT_READ | PROT_WRITE);
	uint8_t code[CODE_MAX];
	int key = pkey_alloc(0, PKEY_DISABLE_WRITE), mem;

	(void)state;
	skip_with_sanitizer();
	if (key < 0)
		skip_because("no protection keys here");
	assert_int_equal(pkey_mprotect(at, PAGE, PROT_READ | PROT_WRITE |
				       PROT_EXEC, key), 0);
	assert_int_equal(in_child(stores, at), SIGSEGV);
	assert_int_equal(run(at), OLD_VALUE);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	assert_true(mem >= 0);
	assert_true(pwrite(mem, code, code_return(code, NEW_VALUE),
			   (uintptr_t)at) > 0);
	assert_int_equal(run(at), NEW_VALUE);
	close(mem);
	pkey_free(key);
	munmap(at, PAGE);
}

/* Before the library copies it, code is data: on the device, too. */
static void source_is_ordinary_memory(void **state)
{
	struct fixture *f = *state;
	uint8_t code[CODE_MAX];
	struct codearena_object object = {
		.offset = f->fresh,
		.source = (uintptr_t)code,
		.length = code_return(code, OLD_VALUE),
	};

	code_return(code, NEW_VALUE);	/* a store of another thread */
	assert_int_equal(codearena_arena_publish(f->arena, &object, 1, NULL, 0,
						 0, NULL), 0);
	assert_int_equal(execute(f->arena, f->fresh), NEW_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mprotect_opens_what_is_there),
		cmocka_unit_test(memfd_has_an_alias),
		cmocka_unit_test(keys_do_not_bind_the_kernel),
		FIXTURE_TEST(source_is_ordinary_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
