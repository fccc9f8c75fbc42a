// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The runner as a library.
 */
#include <errno.h>
#include <string.h>

#include "../wasm.h"
#include "replay.h"

struct job {
	const char *object, *trace;
	struct wasm_options options;
};

static int body(void *data)
{
	const struct job *job = data;

	return wasm_replay(job->object, job->trace, &job->options);
}

int hosts_replay(const char *backend, const char *object, const char *trace)
{
	CODEARENA_OPTS(codearena_info, info, .machine = 0);
	struct job job = {
		.object = object,
		.trace = trace,
		.options = {
			.backend = CODEARENA_BACKEND_DEVICE,
			.host_signals = true,
		},
	};
	int ret;

	if (strcmp(backend, "device"))
		job.options.backend = CODEARENA_BACKEND_MEMFD;
	ret = codearena_probe(job.options.backend, &info);
	if (ret)
		return ret;
	ret = wasm_on_guarded_stack(&job.options, body, &job);
	fflush(stdout);
	return ret;
}
