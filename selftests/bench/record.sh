#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Record the instruction counts of a benchmark run as results/KVER-ARCH.tsv, with the
# kernel and the date. The README and the documentation take their figures from there.
#
# Usage: record.sh [--kver KVER] [--arch ARCH] [ROWS]
#
#   --kver KVER   kernel of the run (default: $KVER or 6.1)
#   --arch ARCH   x86_64 or arm64 (default: $ARCH or x86_64)
#   ROWS          what run.sh wrote (default: build/bench.tsv)
#
# Rows in nanoseconds are left out: they depend on the machine.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
me=$(basename "$0")

die() {
	echo "$me: $*" >&2
	exit 1
}

kver=${KVER:-6.1} arch=${ARCH:-x86_64} rows=$root/build/bench.tsv
while [ $# -gt 0 ]; do
	case $1 in
	--kver | --arch)
		[ $# -ge 2 ] || die "option $1 needs a value; see --help"
		printf -v "${1#--}" %s "$2"
		shift 2
		;;
	-h | --help) sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) die "no option '$1'; see --help" ;;
	*) rows=$1; shift ;;
	esac
done
[ -r "$rows" ] || die "cannot read $rows: run 'make bench' first"
image=$("$here/../vm/kernel.sh" image "$kver" "$arch")
version=$(basename "$(dirname "$image")")
mkdir -p "$here/results"

out=$here/results/$kver-$arch.tsv
{
	printf '# SPDX-%s\n' "License-Identifier: GPL-2.0-only" \
		"FileCopyrightText: 2026 The codearena authors"
	echo "# kernel: Debian $version, $arch"
	echo "# machine: QEMU with -icount: guest instructions, kernel and user space"
	echo "# date: $(date -u +%F)"
	awk -F '\t' '$2 == "insn"' "$rows"
} >"$out.new"
mv "$out.new" "$out"
echo "$me: $(grep -vc '^#' "$out") rows in ${out#"$root"/}"
