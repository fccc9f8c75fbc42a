#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run fuzzers one after another: first the inputs of their corpora, then new ones.
#
# Usage: run.sh [--name NAME] [--seconds N] PROGRAM...
#
# What is found on the way is kept beside the programs, in corpus-NAME/, and used by
# the next run. An input that breaks something is kept in findings/; the program is
# repeated with it by giving it as an argument.
# Ends with "fuzz: N passed, N failed, N skipped", or NAME in its place.

total=fuzz seconds=300
while :; do
	case ${1---help} in
	-h | --help) sed -n '5,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	--name) total=$2; shift 2 ;;
	--seconds) seconds=$2; shift 2 ;;
	*) break ;;
	esac
done

cd "$(dirname "$0")" || exit 1
passed=0 failed=0

for program; do
	name=$(basename "$program")
	place=$(dirname "$program")
	mkdir -p "$place/corpus-$name" "$place/findings" "corpus/$name" || exit 1
	log=$place/$name.log
	echo "fuzz_$name: $(find "corpus/$name" -type f ! -name '*.license' | wc -l) inputs, then ${seconds} s"
	"$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 \
		-print_final_stats=1 -artifact_prefix="$place/findings/$name-" \
		"$place/corpus-$name" "corpus/$name" >"$log" 2>&1
	status=$?
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
		sed -n 's/^stat::number_of_executed_units: */    runs: /p' "$log"
	else
		failed=$((failed + 1))
		tail -n 60 "$log" | sed 's/^/    /'
		echo "fuzz_$name: failed (exit status $status); repeat it with"
		sed -n "s,^.*Test unit written to \(.*\)$,    $program \1,p" "$log"
	fi
done
echo "$total: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
