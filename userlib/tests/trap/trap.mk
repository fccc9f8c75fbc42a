# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Libraries and options that single tests of traps need. Included by the library's Makefile.

$(O)/%/test_trap_call: LDFLAGS += -Wl,--no-as-needed -lm
$(O)/%/test_trap_encode: LDFLAGS += -Wl,--no-as-needed -lcapstone

# growing_while_in_use slows both sides of the race down.
$(O)/%/test_guard: LDFLAGS += -Wl,--wrap=ca__guards_changed,--wrap=ca__ranges_find

# The same file is a plugin with a library of its own.
trap_plugins := $(O)/plugin/first.so $(O)/plugin/second.so
TEST_CPPFLAGS += -DTEST_PLUGINS='"$(O)/plugin"'
TEST_DATA += $(trap_plugins)

$(trap_plugins): tests/trap/test_trap_plugin.c $(static) $(O)/flags
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(ca_cflags) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -DTRAP_PLUGIN \
		-fPIC -shared $< $(static) -o $@
