# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The index of code objects against an ordered map with a mutex. The index is
# filled by hidden functions, hence the static objects.

.PHONY: bench-lookup
bench-lookup: $(O)/bench/lookup

$(O)/bench/lookup: bench/lookup.cc $(objects_static) $(O)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -Wall -Wextra -Werror $(ca_cppflags) -Isrc $(CPPFLAGS) \
		-O2 -g $(LDFLAGS) -pthread $< $(objects_static) -o $@
