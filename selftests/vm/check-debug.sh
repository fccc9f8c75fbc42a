#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the kselftests and the fuzzer on a debug kernel, and look for leaks.
#
# Usage: check-debug.sh [debug-rt]
#
# The kernel's log must hold no complaint (run.sh lists them). After the tests the
# device is fuzzed for 3 minutes, always with the same seed. Then the module is
# unloaded, loaded and unloaded 50 times, and kmemleak must report no leak.
# Ends with "check-debug: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

exec "$vm_dir/check-vm.sh" --name check-debug --kselftests \
	--last "$root_dir/build/selftests/x86_64/codearena_fuzz --seed 20260701 --seconds 180" \
	--last "$vm_dir/guest/guest-unload.sh 50" "${1:-debug}" x86_64
