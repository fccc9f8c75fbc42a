# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearena-asmjit: $(O)/asmjit/codearena-asmjit, static so that it runs in a VM as
# it is. Included by the library's Makefile. Needs libasmjit-dev.

asmjit_dir := $(O)/asmjit
asmjit_src := examples/asmjit
asmjit_objects := $(patsubst $(asmjit_src)/%,$(asmjit_dir)/%.o,\
	$(wildcard $(asmjit_src)/*.cc))

.PHONY: asmjit
asmjit: $(asmjit_dir)/codearena-asmjit

$(asmjit_dir)/codearena-asmjit: $(asmjit_objects) $(static)
	$(CXX) -O2 -g $(LDFLAGS) -static -pthread $^ -lasmjit -o $@

$(asmjit_dir)/%.cc.o: $(asmjit_src)/%.cc $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror -O2 -g $(ca_cppflags) $(CPPFLAGS) \
		-pthread -MMD -MP -c $< -o $@

-include $(wildcard $(asmjit_dir)/*.d)
