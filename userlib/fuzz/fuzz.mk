# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fuzzers of the library, one for each fuzz/fuzz_NAME.c, by clang's libFuzzer with
# ASan and UBSan. Included by the library's Makefile.
#
# fuzz         run them one after another, FUZZ_SECONDS each
# fuzz-smoke   the inputs of the corpora, and ten seconds each
#
# FUZZ=NAMES       which (default: all)
# FUZZ_CC=         a clang
# fuzz_NAME_cppflags, fuzz_NAME_ldflags    for one of them only

FUZZ_SECONDS ?= 300
FUZZ_CC ?= clang
fuzz_names := $(patsubst fuzz/fuzz_%.c,%,$(sort $(wildcard fuzz/fuzz_*.c)))
FUZZ ?= $(fuzz_names)
fuzz_flags := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all

# Small nodes, so that trees of few regions get high.
fuzz_pool_cppflags := -DCA__NODE_GROUP=4 -DCA__NODE_GROUPS=2
# So that any allocation can be made to fail.
fuzz_module_ldflags := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

-include $(wildcard fuzz/fuzz_*.mk)

# The library is compiled once, and again for those with flags of their own.
fuzz_objects = $(sources:src/%.c=$(O)/fuzz/$(if $(fuzz_$(1)_cppflags),lib-$(1),lib)/%.o)

define fuzz_library
$(O)/fuzz/$(1)/%.o: src/%.c $(O)/flags Makefile fuzz/fuzz.mk
	@mkdir -p $$(@D)
	$$(call quiet,CC)$$(FUZZ_CC) $$(ca_cflags) $(2) $$(CPPFLAGS) $$(fuzz_flags) \
		-fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c $$< -o $$@

-include $$(wildcard $(O)/fuzz/$(1)/*.d)
endef
$(eval $(call fuzz_library,lib,))

define fuzzer
$(if $(fuzz_$(1)_cppflags),$(call fuzz_library,lib-$(1),$(fuzz_$(1)_cppflags)))

$(O)/fuzz/$(1): fuzz/fuzz_$(1).c $(call fuzz_objects,$(1)) $(wildcard fuzz/*.h)
	$$(call quiet,LD)$$(FUZZ_CC) $$(ca_cflags) $$(fuzz_$(1)_cppflags) $$(CPPFLAGS) \
		$$(fuzz_flags) -fsanitize=fuzzer,address,undefined $$(fuzz_$(1)_ldflags) \
		-pthread $$(filter %.c %.o,$$^) -o $$@
endef
$(foreach f,$(fuzz_names),$(eval $(call fuzzer,$(f))))

.PHONY: fuzz fuzz-smoke
fuzz: $(FUZZ:%=$(O)/fuzz/%)
	@fuzz/run.sh --seconds $(FUZZ_SECONDS) $^

fuzz-smoke: $(FUZZ:%=$(O)/fuzz/%)
	@fuzz/run.sh --name check-fuzz --seconds 10 $^
