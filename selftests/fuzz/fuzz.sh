#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fuzz the device in a VM, on the debug kernel unless another is named.
#
# Usage: fuzz.sh [OPTION]... [-- ARG...]
#
#   --kver KVER      kernel, see `kernel.sh list` (default: $KVER or debug)
#   --seconds N      how long (default 180)
#   --seed N         where the random numbers begin (default: the time)
#   --module FILE    fuzz this module instead of building the tree's
#   --replay FILE    do what a trace says instead, up to 20 times
#
# ARGs go to codearena_fuzz. The operations before a violation are printed, and
# kept in build/vm/fuzz-KVER-x86_64.trace.
# Ends with "fuzz: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

kver=${KVER:-debug} seconds=180 seed=$(date +%s) options=() replay=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=$2; shift 2 ;;
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
for number in "$seconds" "$seed"; do
	[[ $number =~ ^[0-9]+$ ]] || die "'$number' is not a number; see --help"
done

out=$root_dir/build/selftests/x86_64
say "building the fuzzer"
make -s -C "$root_dir/selftests" -j"$(nproc)" O="$out" "$out/codearena_fuzz" >&2
say "$seconds seconds with seed $seed"
code=0
"$vm_dir/run-tests.sh" --kver "$kver" --arch x86_64 --each $((seconds + 1800)) "${options[@]}" \
	fuzz -- "$out/codearena_fuzz --seconds $seconds --seed $seed ${replay[*]} $*" || code=$?
trace=$root_dir/build/vm/fuzz-$kver-x86_64
sed -n 's/\r$//; s/^#   //p' "$trace.out" >"$trace.trace"
if [ -s "$trace.trace" ]; then say "the trace is in $trace.trace"; else rm -f "$trace.trace"; fi
exit "$code"
