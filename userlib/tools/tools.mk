# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearenactl: $(O)/codearenactl, which uses the shared library. Included by the
# library's Makefile. It uses the library's disassembler, which is not exported.

tools_objects := $(patsubst tools/%.c,$(O)/tools/%.o,$(sort $(wildcard tools/*.c)))
tools_shared := $(O)/pic/code/disassemble.o $(O)/pic/code/print.o

$(O)/tools/%.o: tools/%.c $(O)/flags Makefile $(version_file)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(ca_cflags) $(CPPFLAGS) $(CFLAGS) -fPIE -MMD -MP -c $< -o $@

$(O)/codearenactl: $(tools_objects) $(tools_shared) $(O)/libcodearena.so
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -pie -pthread $(tools_objects) $(tools_shared) \
		-L$(O) -lcodearena -o $@

# Linked with the static library, for the tests.
$(O)/tools/codearenactl: $(tools_objects) $(static)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -pie -pthread $(tools_objects) $(static) -o $@

-include $(wildcard $(O)/tools/*.d)

# Linked with the static library, so that it runs in VMs.
$(O)/tools/codearenactl_helper: tools/tests/helper.c $(static) $(O)/flags
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) -std=gnu11 -D_GNU_SOURCE $(warnings) $(ca_cppflags) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) \
		-static -pthread -MMD -MP $< $(static) -o $@

tools_beside := $(O)/tools/codearenactl $(O)/tools/codearenactl_helper
$(O)/tools/test_codearenactl.sh: tools/tests/test_codearenactl.sh $(tools_beside)
	cp $< $@

# Runs anywhere: with musl it needs nothing of the machine.
.PHONY: tools-static
tools-static: $(O)/static-tools/codearenactl

$(O)/static-tools/codearenactl: $(tools_objects) $(static)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -static -pthread $(tools_objects) $(static) -o $@

.PHONY: tools
tools: $(O)/codearenactl $(O)/tools/codearenactl
