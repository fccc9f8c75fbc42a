# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The benchmark of the region pool, which is internal to the library. Included by
# the library's Makefile.

.PHONY: bench-pool
bench-pool: $(O)/bench/pool

$(O)/bench/pool: bench/pool.cc $(objects_static) $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror -O2 -g $(ca_cppflags) -Isrc \
		$(CPPFLAGS) $(LDFLAGS) -pthread -MMD -MP $< $(objects_static) -o $@

-include $(O)/bench/pool.d
