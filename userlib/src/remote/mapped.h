/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * What a process has mapped for execution.
 */
#ifndef CA__REMOTE_MAPPED_H
#define CA__REMOTE_MAPPED_H

/* 0, or -EACCES if it could change something of that. */
int ca__mapped_check(void);

#endif /* CA__REMOTE_MAPPED_H */
