# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Allocations and patches fail where the fuzzer wants it.

fuzz_module_ldflags := $(fuzz_fail_ldflags) -Wl,--wrap=codearena_arena_patch
