#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run fuzzers, one after the other.
#
# Usage: run.sh [--replay] [--seconds N] --out DIR NAME...
#
#   NAME         fuzzer DIR/fuzz_NAME, with inputs in corpus/NAME beside this file
#   --replay     first give it every input there is, and count that as a check
#   --seconds N  how long each one runs (300)
#   --out DIR    where the fuzzers are; gets new inputs, logs and findings
#
# What a fuzzer finds is kept in DIR/findings/NAME, and the command that shows it
# again is printed. Ends with "fuzz: N passed, N failed, N skipped".

set -euo pipefail

usage() {
	sed -n '6,/^$/s/^# \{0,1\}//p' "$0"
}

replay='' seconds=300 out=''
while [ $# -gt 0 ]; do
	case $1 in
	--replay) replay=1 ;;
	--seconds)
		seconds=${2?}
		shift
		;;
	--out)
		out=$(realpath "${2?}")
		shift
		;;
	--help | -h)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 2
		;;
	*) break ;;
	esac
	shift
done
if [ -z "$out" ] || [ $# -eq 0 ] || ! [[ $seconds =~ ^[1-9][0-9]*$ ]]; then
	usage >&2
	exit 2
fi

here=$(realpath "$(dirname "$0")")
export ASAN_OPTIONS="detect_leaks=1:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
passed=0 failed=0

# done_so_far LOG: in a line
done_so_far() {
	local last
	last=$(grep '^#[0-9]' "$1" | tail -n 1 | tr -s '\t ' ' ')
	echo "${last:-$(grep -c '^Executed' "$1") inputs}"
}

# result NAME WHAT STATUS LOG: count it, and say where the input is that failed.
result() {
	local name=$1 what=$2 status=$3 log=$4 input
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		echo "fuzz_$name: $what: passed, $(done_so_far "$log")"
		return
	fi
	failed=$((failed + 1))
	echo "fuzz_$name: $what: FAILED (exit status $status), log $log"
	tail -n 40 "$log" | sed 's/^/    /'
	input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	[ -z "$input" ] || echo "Replay: $out/fuzz_$name $input"
}

# run NAME WHAT ARGUMENT...: the fuzzer, telling every half minute how far it is
run() {
	local name=$1 what=$2 log status=0 pid began=$SECONDS reported=$SECONDS
	shift 2
	log=$out/findings/$name/$what.log
	"$out/fuzz_$name" -artifact_prefix="$out/findings/$name/" -timeout=600 \
		-rss_limit_mb=4096 "$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 0.2
		[ $((SECONDS - reported)) -ge 30 ] || continue
		reported=$SECONDS
		echo "fuzz_$name: $((SECONDS - began)) s: $(done_so_far "$log")"
	done
	wait $pid || status=$?
	result "$name" "$what" $status "$log"
}

for name; do
	inputs=$out/inputs/$name
	mkdir -p "$inputs" "$out/findings/$name"
	seeds=()
	for seed in "$here/corpus/$name"/*; do
		case $seed in
		*.license | *'/*') ;;
		*) seeds+=("$seed") ;;
		esac
	done
	if [ ${#seeds[@]} -gt 0 ]; then
		cp "${seeds[@]}" "$inputs/"
		# Each file once, by name: a fuzzer skips those of a directory that
		# show it nothing new.
		[ -z "$replay" ] || run "$name" replay "${seeds[@]}"
	fi
	run "$name" run -max_total_time="$seconds" -print_final_stats=1 "$inputs"
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
