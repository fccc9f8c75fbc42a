# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Libraries and options that single tests of traps need. Included by the library's Makefile.

$(O)/%/test_trap_call: LDFLAGS += -Wl,--no-as-needed -lm
$(O)/%/test_trap_encode: LDFLAGS += -Wl,--no-as-needed -lcapstone

# growing_while_in_use slows both sides of the race down.
$(O)/%/test_guard: LDFLAGS += -Wl,--wrap=ca__guards_changed,--wrap=ca__ranges_find
