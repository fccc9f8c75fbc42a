/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The kernel's harness, included first by every test program. It ends a test after
 * 30 seconds, which says nothing on a slow machine: whoever runs a program ends
 * the one that hangs (settings, guest-tests.sh).
 */
#ifndef CODEARENA_SELFTESTS_HARNESS_H
#define CODEARENA_SELFTESTS_HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	36000

#endif /* CODEARENA_SELFTESTS_HARNESS_H */
