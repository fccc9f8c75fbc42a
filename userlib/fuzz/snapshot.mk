# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Batches of one object, so that small inputs have several, and later ones fail
# when earlier ones were published. Included by fuzz.mk.

fuzz_snapshot_cppflags := -DCA__SNAPSHOT_BATCH=1
