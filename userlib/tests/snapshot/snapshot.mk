# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The test of snapshots that takes memory away, counts batches, and refuses to patch. Included by the library's
# Makefile.

$(O)/%/test_snapshot_memory: LDFLAGS += -Wl,--wrap=aligned_alloc \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc \
	-Wl,--wrap=codearena_arena_publish -Wl,--wrap=codearena_arena_patch
