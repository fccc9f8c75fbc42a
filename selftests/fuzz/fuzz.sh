#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fuzz the device in a VM, on the debug kernel unless another is named; arm64 and
# riscv64 have none, and take the kernel with pages of 16 KiB and Debian 13's.
#
# Usage: fuzz.sh [OPTION]... [-- ARG...]
#
#   --kver KVER      kernel, see `kernel.sh list` (default: $KVER, else as above)
#   --arch ARCH      x86_64 (default), arm64 or riscv64
#   --seconds N      how long (default 180)
#   --seed N         where the random numbers begin (default: the time)
#   --module FILE    fuzz this module instead of building the tree's
#   --replay FILE    do what a trace says instead, up to 20 times
#
# ARGs go to codearena_fuzz. The operations before a violation are printed, and
# kept in build/vm/fuzz-KVER-ARCH.trace.
# Ends with "fuzz: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

kver=${KVER:-} arch=x86_64 seconds=180 seed=$(date +%s) options=() replay=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=$2; shift 2 ;;
	--arch) arch=$2; shift 2 ;;
	--seconds) seconds=$2; shift 2 ;;
	--seed) seed=$2; shift 2 ;;
	--module) options+=(--run --module --run "$2"); shift 2 ;;
	--replay)
		[ -r "$2" ] || die "$2 cannot be read"
		options+=(--run --file --run "$2:/tests/replay.trace")
		replay=(--replay replay.trace)
		shift 2
		;;
	--) shift; break ;;
	*) die "no option '$1'; see --help" ;;
	esac
done
if [ -z "$kver" ]; then
	case $arch in
	arm64) kver=16k ;;
	riscv64) kver=6.12-deb13 ;;
	*) kver=debug ;;
	esac
fi
for number in "$seconds" "$seed"; do
	[[ $number =~ ^[0-9]+$ ]] || die "'$number' is not a number; see --help"
done

out=$root_dir/build/selftests/$arch
say "building the fuzzer"
make -s -C "$root_dir/selftests" -j"$(nproc)" O="$out" \
	CROSS_COMPILE="$("$vm_dir/kernel.sh" cross-compile "$arch")" "$out/codearena_fuzz" >&2
say "$seconds seconds with seed $seed"
code=0
"$vm_dir/run-tests.sh" --kver "$kver" --arch "$arch" --each $((seconds + 1800)) "${options[@]}" \
	fuzz -- "$out/codearena_fuzz --seconds $seconds --seed $seed ${replay[*]} $*" || code=$?
trace=$root_dir/build/vm/fuzz-$kver-$arch
sed -n 's/\r$//; s/^#   //p' "$trace.out" >"$trace.trace"
if [ -s "$trace.trace" ]; then say "the trace is in $trace.trace"; else rm -f "$trace.trace"; fi
exit "$code"
