/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The runner as a library, for programs that own the signals of their process.
 */
#ifndef HOSTS_REPLAY_H
#define HOSTS_REPLAY_H

#include <stdint.h>

/*
 * Replay a trace with a compiled module, in a thread of its own. @backend as for
 * --backend. Return: 0: the module behaved as the trace says; -errno: the backend
 * cannot be used.
 */
int hosts_replay(const char *backend, const char *object, const char *trace);

#endif /* HOSTS_REPLAY_H */
