# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Tests of pools and code space that take memory away. Included by the library's
# Makefile.

$(O)/%/test_pool_model: LDFLAGS += -Wl,--wrap=aligned_alloc
$(O)/%/test_space_memory: LDFLAGS += -Wl,--wrap=aligned_alloc \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
