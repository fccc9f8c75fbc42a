# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fuzzing of the library. Included by its Makefile. Targets: fuzz, fuzz-smoke,
# fuzz-build.
#
# FUZZ_SECONDS=300   how long fuzz runs each fuzzer
# FUZZ=NAMES         which fuzzers: the part of fuzz/fuzz_NAME.c
#
# fuzz/corpus/NAME/ has inputs to begin with. A fuzzer that needs flags sets
# fuzz_NAME_cppflags, for which the library is built again, or fuzz_NAME_ldflags
# in fuzz/NAME.mk.

FUZZ_SECONDS ?= 300
FUZZ ?= $(patsubst fuzz/fuzz_%.c,%,$(sort $(wildcard fuzz/fuzz_*.c)))
FUZZ_CC ?= clang

fuzz := $(O)/fuzz
fuzz_cflags := -std=gnu11 $(warnings) -O1 -g -fno-omit-frame-pointer -pthread \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	$(ca_cppflags) -Isrc -Itests

# For fuzz/fail.h.
fuzz_fail_ldflags := -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc \
	-Wl,--wrap=aligned_alloc

-include $(filter-out fuzz/fuzz.mk,$(wildcard fuzz/*.mk))

# Objects in directory $(1), with flags $(2).
define fuzz_library
$(fuzz)/$(1)/%.o: src/%.c Makefile fuzz/fuzz.mk $(wildcard fuzz/$(1).mk) $(version_file)
	@mkdir -p $$(@D)
	$$(call quiet,CC)$$(FUZZ_CC) $$(fuzz_cflags) $(2) -MMD -MP -c $$< -o $$@

-include $(wildcard $(sources:src/%.c=$(fuzz)/$(1)/%.d))
endef
$(eval $(call fuzz_library,library,))

define fuzz_program
$(if $(fuzz_$(1)_cppflags),$(call fuzz_library,$(1),$(fuzz_$(1)_cppflags)))

$(fuzz)/fuzz_$(1): fuzz/fuzz_$(1).c fuzz/fuzz.mk $(wildcard fuzz/$(1).mk) \
		$(sources:src/%.c=$(fuzz)/$(if $(fuzz_$(1)_cppflags),$(1),library)/%.o)
	@mkdir -p $$(@D)
	$$(call quiet,LD)$$(FUZZ_CC) $$(fuzz_cflags) $(fuzz_$(1)_cppflags) -MMD -MP \
		$$(filter %.c %.o,$$^) $(fuzz_$(1)_ldflags) -o $$@

-include $(wildcard $(fuzz)/fuzz_$(1).d)
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_program,$(f))))

.PHONY: fuzz-build
fuzz-build: $(FUZZ:%=$(fuzz)/fuzz_%)

.PHONY: fuzz
fuzz: fuzz-build
	@fuzz/run.sh --seconds $(FUZZ_SECONDS) --out $(fuzz) $(FUZZ)

.PHONY: fuzz-smoke
fuzz-smoke: fuzz-build
	@fuzz/run.sh --replay --seconds 10 --out $(fuzz) $(FUZZ)
