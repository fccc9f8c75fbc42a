#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The matrix of kernels and architectures: run a row and keep its result.
#
# Usage: matrix.sh rows             print KVER ARCH of each row
#        matrix.sh run KVER ARCH    check-vm.sh for this row; its result goes to
#                                   build/matrix/, and its skips are listed
#
# Ends with "matrix KVER ARCH: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

results=$root_dir/build/matrix

# KVER, architecture, and what it is.
rows='
6.1         x86_64   Debian 12
6.12        x86_64   Debian 12 backports
newest      x86_64   Debian 13 backports
rt          x86_64   Debian 12, PREEMPT_RT
rt-deb13    x86_64   Debian 13, PREEMPT_RT
debug       x86_64   Debian 12, with KASAN and lockdep
6.1         arm64    Debian 12
6.12        arm64    Debian 12 backports
16k         arm64    Debian 13, pages of 16 KiB
rt-deb13    arm64    Debian 13, PREEMPT_RT
6.12-deb13  riscv64  Debian 13
newest      riscv64  Debian testing
'

list_rows() {
	local kver arch
	while read -r kver arch _; do
		[ -z "$kver" ] || echo "$kver $arch"
	done <<<"$rows"
}

# Debug kernels are slow: the library's tests run on the others.
options_of() { [[ $1 != debug* ]] || echo --kselftests; }

# skips FILE: program, number and reason of each skipped test.
skips() {
	tr -d '\r' <"$1" | awk '
		/^@@begin / { program = $2 }
		/^(not )?ok .*# *(SKIP|skip)/ { sub(/^(not )?ok */, ""); print "  " program ": " $0 }
		/^@@end .* 4$/ { print "  " program ": skipped as a whole" }'
}

run_row() {
	local kver=$1 arch=$2 code=0 last out options release
	out=$results/$kver-$arch
	mkdir -p "$results"
	rm -f "$out.row"
	mapfile -t options < <(options_of "$kver")
	"$vm_dir/check-vm.sh" "${options[@]}" --name matrix "$kver" "$arch" | tee "$out.out" || code=$?
	last=$(tail -n 1 "$out.out")
	[[ $last =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] ||
		die "$kver $arch: no result"
	release=$("$vm_dir/kernel.sh" release "$kver" "$arch")
	printf '%s\t' "$kver" "$arch" "$release" "${BASH_REMATCH[@]:1:3}" >"$out.row"
	date -u +%F >>"$out.row"
	say "skipped on $kver $arch, $release:"
	skips "$root_dir/build/vm/matrix-$kver-$arch.out" | tee "$out.skips" >&2
	echo "matrix $kver $arch: ${last#*: }"
	return "$code"
}

case ${1:---help} in
-h | --help) usage ;;
rows) list_rows ;;
run) run_row "${2:?KVER missing; see --help}" "${3:?ARCH missing; see --help}" ;;
*) die "no command '$1'; see $me --help" ;;
esac
