// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The version, texts of errors, and sizes of structures.
 */
#include <stdio.h>

#include "base/base.h"
#include "lib/helpers.h"

static void version_is_that_of_the_package(void **state)
{
	char text[64];

	(void)state;
	assert_string_equal(CODEARENA_VERSION_STRING, PACKAGE_VERSION);
	assert_string_equal(codearena_version(), PACKAGE_VERSION);
	snprintf(text, sizeof(text), "%d.%d.%d", CODEARENA_VERSION_MAJOR,
		 CODEARENA_VERSION_MINOR, CODEARENA_VERSION_PATCH);
	assert_string_equal(text, PACKAGE_VERSION);
	assert_int_equal(CODEARENA_VERSION_NUMBER / 1000000,
			 CODEARENA_VERSION_MAJOR);
	assert_int_equal(CODEARENA_VERSION_NUMBER / 1000 % 1000,
			 CODEARENA_VERSION_MINOR);
	assert_int_equal(CODEARENA_VERSION_NUMBER % 1000,
			 CODEARENA_VERSION_PATCH);
}

/* All that <linux/codearena.h> and the headers of the library name. */
static const int errors[] = {
	E2BIG, EACCES, EAGAIN, EBADF, EBADFD, EBADMSG, EBUSY, EDEADLK, EEXIST,
	EFAULT, EFBIG, EINTR, EINVAL, EIO, EMFILE, EMSGSIZE, ENAMETOOLONG,
	ENFILE, ENODEV, ENOENT, ENOEXEC, ENOMEM, ENOSPC, ENOSYS, ENOTTY, ENXIO,
	EOPNOTSUPP, EOVERFLOW, EPERM, EPROTO, ERANGE, ESTALE,
};

static void errors_have_texts(void **state)
{
	const char *unknown = codearena_strerror(12345);
	unsigned int i;

	(void)state;
	assert_string_equal(codearena_strerror(0), "success");
	assert_string_equal(unknown, "unknown error");
	assert_ptr_equal(codearena_strerror(INT32_MIN), unknown);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const char *text = codearena_strerror(-errors[i]);

		assert_ptr_not_equal(text, unknown);
		assert_ptr_not_equal(text, codearena_strerror(0));
		assert_ptr_equal(text, codearena_strerror(errors[i]));
	}
	assert_string_not_equal(codearena_strerror(-EPERM), strerror(EPERM));
}

static void sizes_of_structures(void **state)
{
	unsigned char bytes[32] = { 0 };

	(void)state;
	/* 16 bytes in the first release, 24 known here. */
	assert_int_equal(ca__struct_check(bytes, 15, 16, 24), -EINVAL);
	assert_int_equal(ca__struct_check(bytes, 16, 16, 24), 0);
	assert_int_equal(ca__struct_check(bytes, 32, 16, 24), 0);
	bytes[23] = 1;
	assert_int_equal(ca__struct_check(bytes, 32, 16, 24), 0);
	bytes[24] = 1;
	assert_int_equal(ca__struct_check(bytes, 24, 16, 24), 0);
	assert_int_equal(ca__struct_check(bytes, 25, 16, 24), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_that_of_the_package),
		cmocka_unit_test(errors_have_texts),
		cmocka_unit_test(sizes_of_structures),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
