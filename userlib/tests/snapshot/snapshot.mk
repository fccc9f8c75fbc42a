# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Included by the library's Makefile: a test that makes allocations and patches
# fail and counts batches.

$(O)/%/test_snapshot_memory: LDFLAGS += -Wl,--wrap=aligned_alloc \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc \
	-Wl,--wrap=codearena_arena_publish -Wl,--wrap=codearena_arena_patch
