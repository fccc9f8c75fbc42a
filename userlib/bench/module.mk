# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The benchmark of modules. Included by the library's Makefile. Needs asmjit.

.PHONY: bench-module
bench-module: $(O)/bench/module

$(O)/bench/module: bench/module.cc $(static) $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror -O2 -g $(ca_cppflags) \
		$(CPPFLAGS) $(LDFLAGS) -pthread -MMD -MP $< $(static) -lasmjit \
		$(CAPSTONE_LIBS) -o $@

-include $(O)/bench/module.d
