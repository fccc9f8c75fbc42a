/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Running debuggers and profilers from tests.
 */
#ifndef TEST_TOOLS_H
#define TEST_TOOLS_H

#include <stdbool.h>

/* Runs a shell command; returns its output, to be freed, and its status. */
char *tool_run(const char *command, int *status);

/* Is a command installed? Prints a message if not. */
bool tool_installed(const char *tool);

/* The path of this program. */
void tool_self(char path[4096]);

/* Fails unless the output contains the text. */
void expect_text(const char *output, const char *text);

/*
 * Records this program, called with --MODE DIRECTORY, to the file data. False:
 * perf cannot record on this machine, so the test has to be skipped.
 */
bool perf_recorded(const char *directory, const char *mode);

#endif /* TEST_TOOLS_H */
