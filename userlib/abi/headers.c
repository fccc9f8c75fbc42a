// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Not to be run: make check-headers compiles it as C99 and as C++11, with every
 * warning that a user may have.
 */
#include <codearena.h>
#include <codearena/elf.h>
#include <codearena/jump.h>
#include <codearena/log.h>
#include <codearena/module.h>
#include <codearena/remote.h>
#include <codearena/snapshot.h>
#include <codearena/trap.h>

#if CODEARENA_VERSION_NUMBER < 1000000
#error "the version has too small a number"
#endif

extern int headers(const char **version);

int headers(const char **version)
{
	CODEARENA_OPTS(codearena_arena_opts, opts);
#ifdef __cplusplus
	CODEARENA_OPTS(codearena_guard_opts, guard);
	CODEARENA_OPTS(codearena_info, info);

	guard.align = 4096;
#else
	CODEARENA_OPTS(codearena_guard_opts, guard, .align = 4096);
	CODEARENA_OPTS(codearena_info, info, .page_size = 4096,
		       .granule = 64);
#endif

	opts.name = "name";
	*version = CODEARENA_VERSION_STRING;
	return opts.sz == sizeof(opts) && guard.sz == sizeof(guard) &&
	       guard.align == 4096 && info.sz == sizeof(info);
}
