# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The benchmark of the region pool. Included by the library's Makefile.

.PHONY: bench-pool
bench-pool: $(O)/bench/pool

$(O)/bench/pool: bench/pool.cc $(static) $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Wshadow -Werror -O2 -g $(ca_cppflags) \
		$(CPPFLAGS) $(LDFLAGS) -pthread -MMD -MP $< $(static) -o $@

-include $(O)/bench/pool.d
