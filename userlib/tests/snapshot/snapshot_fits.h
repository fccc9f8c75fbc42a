/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The checks that loading a snapshot begins with, alone. Also for the fuzzer.
 */
#ifndef TEST_SNAPSHOT_FITS_H
#define TEST_SNAPSHOT_FITS_H

#include "snapshot/snapshot.h"

static inline int snapshot_fits(struct codearena_module *module,
				const struct codearena_snapshot_opts *opts,
				const void *from, size_t size,
				uint32_t *reason)
{
	struct codearena_snapshot_opts own;
	struct ca__head expected;
	struct ca__plan plan;
	int ret;

	*reason = CODEARENA_SNAPSHOT_OK;
	ret = ca__snapshot_opts_get(&own, opts);
	if (ret)
		return ret;
	pthread_mutex_lock(&module->lock);
	ca__head_expect(&expected, module, &own);
	pthread_mutex_unlock(&module->lock);
	return ca__snapshot_plan(&expected, from, size, &plan, reason);
}

#endif /* TEST_SNAPSHOT_FITS_H */
