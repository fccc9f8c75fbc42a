#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Record a benchmark run: the instruction counts as results/KVER-ARCH.tsv, with the
# release of the kernel, the version of QEMU and the date; and the times of the
# library, if the run has them, as results/host-ARCH.tsv, with the processor. The
# README and the documentation take their figures from there.
#
# Usage: record.sh [--kver KVER] [--arch ARCH] [ROWS]
#
#   --kver KVER   kernel of the run (default: $KVER or 6.1)
#   --arch ARCH   x86_64, arm64 or riscv64 (default: $ARCH or x86_64)
#   ROWS          what run.sh wrote (default: build/bench.tsv)
#
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

# write FILE TEST KERNEL MACHINE: the rows that the awk expression selects
write() {
	local file=$here/results/$1
	{
		printf '# SPDX-%s\n' "License-Identifier: GPL-2.0-only" \
			"FileCopyrightText: 2026 The codearena authors"
		echo "# kernel: $3"
		echo "# machine: $4"
		echo "# date: $(date -u +%F)"
		awk -F '\t' "$2" "$rows"
	} >"$file.new"
	mv "$file.new" "$file"
	echo "$me: $(grep -vc '^#' "$file") rows in ${file#"$root"/}"
}

case $arch in
arm64) emulator="qemu-system-aarch64" ;;
*) emulator="qemu-system-$arch" ;;
esac
qemu=$("$emulator" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
write "$kver-$arch.tsv" "\$2 == \"insn\"" "Debian $version, $arch" \
	"QEMU $qemu with -icount: guest instructions, kernel and user space"
if awk -F '\t' '$2 != "insn" { found = 1 } END { exit !found }' "$rows"; then
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	write "host-$arch.tsv" "\$2 != \"insn\"" "Linux, $arch" \
		"${cpu:-unknown processor}, $(nproc) processors"
fi
