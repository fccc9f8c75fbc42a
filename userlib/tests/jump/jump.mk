# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Libraries that single tests of jump tables need. Included by the library's
# Makefile.

$(O)/%/test_jump_encode: LDFLAGS += -Wl,--no-as-needed -lcapstone
