/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What the tests know of requests.
 */
#ifndef CA__REMOTE_H
#define CA__REMOTE_H

#include <codearena/remote.h>

/* Size of the first release. */
#define CA__SIZE_REMOTE_OPTS	40

_Static_assert(sizeof(struct codearena_remote_opts) >= CA__SIZE_REMOTE_OPTS,
	       "structures only grow");

struct ca__remote_request {
	uint32_t instance;
	uint32_t function;
};

#endif /* CA__REMOTE_H */
