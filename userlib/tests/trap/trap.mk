# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Libraries that single tests of traps need. Included by the library's Makefile.

$(O)/%/test_trap_call: LDFLAGS += -Wl,--no-as-needed -lm
$(O)/%/test_trap_encode: LDFLAGS += -Wl,--no-as-needed -lcapstone
