# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The benchmark of many functions and modules. Included by the library's Makefile.

.PHONY: bench-scale
bench-scale: $(O)/bench/scale

$(O)/bench/scale: bench/scale.cc $(static) $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror -O2 -g $(ca_cppflags) \
		$(CPPFLAGS) $(LDFLAGS) -pthread -MMD -MP $< $(static) -o $@

-include $(O)/bench/scale.d
