// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The version of the library that runs.
 */
#include "base/base.h"
#include "codearena.h"

CODEARENA_API const char *codearena_version(void)
{
	return CODEARENA_VERSION_STRING;
}
