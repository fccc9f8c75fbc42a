# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Allocations fail where the fuzzer wants it.

fuzz_elf_ldflags := $(fuzz_fail_ldflags)
