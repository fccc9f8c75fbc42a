#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the tests of the preload library in a VM; from Linux 6.3 on under PR_SET_MDWE.
#
# Usage: check-preload.sh [KVER]
#
# Ends with "check-preload: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
kver=${1:-${KVER:-6.12}}
built=$root_dir/build/userlib/preload
copy=$root_dir/build/vm/preload-$kver

# A copy: others may build meanwhile.
build() {
	make -s -C "$root_dir/userlib" --no-print-directory O="$root_dir/build/userlib" \
		preload-tests >&2
	rm -rf "$copy"
	mkdir -p "${copy%/*}"
	cp -a "$built" "$copy"
}

say "building the preload library and its tests"
building userlib build
run=$copy/codearena-run
mdwe=--mdwe
[ "$kver" != 6.1 ] || mdwe=--report # which harms nothing
exec "$vm_dir/run-tests.sh" --kver "$kver" --arch x86_64 --run --stage --run "$copy/root" \
	--beside "$copy/libcodearena-preload.so" --beside "$copy/fail" \
	--beside "$copy/tests/." check-preload -- \
	"$run $mdwe --wx=strict ./preload_strict" \
	"$run $mdwe --wx=emulate ./preload_emulate" \
	"$run --wx=off fail/codearena-run $mdwe --wx=strict ./preload_fail"
