# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Small nodes, so that trees of few regions are high.

fuzz_pool_cppflags := -DCA__NODE_GROUP=4 -DCA__NODE_GROUPS=2
