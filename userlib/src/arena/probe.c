// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Which backend is there, and which one is used.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena/backend.h"
#include "arena/translate.h"

static const struct ca__backend *ca__backend_by_id(enum codearena_backend id)
{
	if (id == CODEARENA_BACKEND_DEVICE)
		return &ca__device_backend;
	if (id == CODEARENA_BACKEND_MEMFD)
		return &ca__memfd_backend;
	return NULL;
}

/* Let the environment decide in place of AUTO. */
static int ca__backend_auto(enum codearena_backend *id)
{
	const char *wish = secure_getenv("CODEARENA_BACKEND");

	if (!wish)
		return 0;
	for (*id = CODEARENA_BACKEND_DEVICE; *id <= CODEARENA_BACKEND_MEMFD;
	     (*id)++) {
		if (!strcmp(wish, codearena_backend_name(*id)))
			return 0;
	}
	return -EINVAL;
}

/**
 * ca__backend_select - find the backend for a new arena
 * @id: what the caller wants
 * @device: path of the device, or NULL
 * @backend: gets the backend. Only AUTO checks whether it is usable: the device
 *           if it is, else the fallback
 * @reason: gets why AUTO did not take the device; 0 in all other cases
 *
 * Return: 0 or -EINVAL.
 */
int ca__backend_select(enum codearena_backend id, const char *device,
		       const struct ca__backend **backend, int *reason)
{
	struct codearena_info info;
	int ret = 0;

	*reason = 0;

	if (id == CODEARENA_BACKEND_AUTO) {
		ret = ca__backend_auto(&id);
		if (ret)
			return ret;
	}
	if (id == CODEARENA_BACKEND_AUTO) {
		/* The kernel would see the addresses of translations. */
		*reason = ca__translated() ? -EOPNOTSUPP :
			  ca__device_backend.probe(device, &info);
		id = *reason ? CODEARENA_BACKEND_MEMFD :
			       CODEARENA_BACKEND_DEVICE;
	}
	*backend = ca__backend_by_id(id);
	return *backend ? 0 : -EINVAL;
}

CODEARENA_API int codearena_probe(enum codearena_backend backend,
				  struct codearena_info *info)
{
	struct codearena_info known;
	const struct ca__backend *found;
	size_t size, copied;
	int ret, reason;

	/* Only written to: the caller's further bytes do not matter. */
	if (info && info->sz < CA__SIZE_INFO)
		return -EINVAL;
	ret = ca__backend_select(backend, NULL, &found, &reason);
	if (!ret)
		ret = found->probe(NULL, &known);
	if (ret || !info)
		return ret;
	size = info->sz;
	copied = size < sizeof(known) ? size : sizeof(known);
	memset(info, 0, size);
	memcpy(info, &known, copied);
	info->sz = size;
	return 0;
}

CODEARENA_API const char *codearena_backend_name(enum codearena_backend backend)
{
	switch (backend) {
	case CODEARENA_BACKEND_AUTO:
		return "auto";
	case CODEARENA_BACKEND_DEVICE:
		return "device";
	case CODEARENA_BACKEND_MEMFD:
		return "memfd";
	}
	return "unknown";
}
