#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run test programs, which speak TAP, and count their results. A program that
# dies, hangs, has no plan or prints fewer results than planned has failed.
#
# Usage: run.sh [--name NAME] PROGRAM...
#
# TEST_TIMEOUT=SECONDS   time limit of one program (default 1800)
# VERBOSE=1              show all output, not only that of failures
#
# Ends with "check-host: N passed, N failed, N skipped", or NAME in its place.

export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"
export TSAN_OPTIONS="halt_on_error=1:die_after_fork=0:${TSAN_OPTIONS-}"

total=check-host
if [ "$1" = --name ]; then
	total=$2
	shift 2
fi

cd "$(dirname "$0")" || exit 1
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
passed=0 failed=0 skipped=0

for program; do
	name=$(basename "$(dirname "$program")")/$(basename "$program")
	timeout -k 5 "${TEST_TIMEOUT:-1800}" "$program" >"$output" 2>&1
	status=$?
	# shellcheck disable=SC2046 # three numbers and a reason
	set -- $(awk -v status=$status '
		BEGIN { plan = -1 }
		/^[0-9]+\.\.[0-9]+/ { split($1, part, /\.\./); plan = part[2] + 0 }
		/^(not )?ok( |$)/ {
			seen++
			if ($0 ~ /# *[Ss][Kk][Ii][Pp]/) skipped++
			else if ($1 == "ok") passed++
			else failed++
		}
		END {
			why = "ok"
			if (plan < 0) why = "no-plan"
			else if (seen != plan) why = seen + 0 "-results-of-" plan
			else if (status && !failed) why = "died"
			if (why != "ok") failed++
			print passed + 0, failed + 0, skipped + 0, why
		}' "$output")
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	echo "$name: $1 passed, $2 failed, $3 skipped"
	[ "$4" = ok ] || echo "$name: $4 (exit status $status)"
	if [ "$2" -ne 0 ] || [ -n "${VERBOSE-}" ]; then
		sed 's/^/    /' "$output"
	fi
done

echo "$total: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
