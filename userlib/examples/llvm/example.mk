# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearena-lli: $(O)/llvm/codearena-lli, static so that it runs in a VM as it is,
# and what it runs: $(O)/llvm/*.ll. Included by the library's Makefile. Needs
# llvm-19-dev and clang-19.

llvm_dir := $(O)/llvm
llvm_src := examples/llvm
llvm_objects := $(patsubst $(llvm_src)/%,$(llvm_dir)/%.o,\
	$(wildcard $(llvm_src)/*.cc))
llvm_config := llvm-config-19
# The program, and the demo's payload.
llvm_inputs := $(llvm_dir)/work.ll $(demo_payload:%=$(llvm_dir)/%.ll)

.PHONY: llvm
llvm: $(llvm_dir)/codearena-lli $(llvm_dir)/work $(llvm_inputs)

# Not all that llvm-config names: some of it has no static library, nor is it used.
$(llvm_dir)/codearena-lli: $(llvm_objects) $(static)
	$(CXX) $(LDFLAGS) -static -s -pthread $^ $$($(llvm_config) --link-static \
		--ldflags --libs orcjit native irreader) \
		-lz -lzstd -ltinfo -lm -o $@

$(llvm_dir)/%.cc.o: $(llvm_src)/%.cc $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror -O1 $(ca_cppflags) $(CPPFLAGS) \
		-isystem $$($(llvm_config) --includedir) -D_GNU_SOURCE \
		-D__STDC_CONSTANT_MACROS -D__STDC_FORMAT_MACROS \
		-D__STDC_LIMIT_MACROS -pthread -MMD -MP -c $< -o $@

$(llvm_dir)/%.ll: $(llvm_src)/%.c $(demo_src)/payload.h
	@mkdir -p $(@D)
	clang-19 -std=gnu11 -O2 -I$(demo_src) -S -emit-llvm $< -o $@

$(llvm_dir)/%.ll: $(demo_src)/%.c $(demo_src)/payload.h
	@mkdir -p $(@D)
	clang-19 -std=gnu11 -O2 -S -emit-llvm $< -o $@

# The same program as the C compiler makes it, to compare with.
$(llvm_dir)/work: $(llvm_src)/work.c $(demo_payload:%=$(demo_src)/%.c)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(warnings) -O2 -I$(demo_src) $^ -lm -o $@

-include $(wildcard $(llvm_dir)/*.d)
