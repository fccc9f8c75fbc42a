// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The version, which the Makefile takes from packaging/VERSION.
 */
#include "base/base.h"
#include "codearena.h"

#ifndef CODEARENA_VERSION
#error "CODEARENA_VERSION comes from the Makefile"
#endif

CODEARENA_API const char *codearena_version(void)
{
	return CODEARENA_VERSION;
}
