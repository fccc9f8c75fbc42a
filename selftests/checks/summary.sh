#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run groups of checks, all of them, and add up their results.
#
# Usage: summary.sh [--name NAME] [--jobs N] COMMAND...
#
#   --name NAME  what the sums are named
#   --jobs N     run N groups at a time; the output of each is shown when it ends
#
# Each COMMAND is a shell command line whose output holds a last line
# "NAME: N passed, N failed, N skipped". A command that fails without counting
# a failure, or that has no such line, counts as one failed check. Shows where
# the time went, which commands failed, and what they said of it. Ends with the
# sums on a line of its own, after "NAME: " when a name is given.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

name='' jobs=1
while :; do
	case ${1:---help} in
	-h | --help) usage; exit 0 ;;
	--name) name="$2: "; shift 2 ;;
	--jobs) jobs=$2; shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pattern='^([^ ].*: )?([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'
passed=0 failed=0 skipped=0 failures=()

# run NUMBER COMMAND: leaves its output, exit status and time in files.
run() {
	local code=0 start=$SECONDS
	if [ "$jobs" -eq 1 ]; then
		say "running: $2"
		bash -o pipefail -c "$2" | tee "$work/$1.out" || code=$?
	else
		say "running: $2 (output: $work/$1.out)"
		bash -o pipefail -c "$2" >"$work/$1.out" 2>&1 || code=$?
		# One at a time: what is shown stays together.
		(
			flock 9
			cat "$work/$1.out"
			say "ended after $((SECONDS - start))s: $2"
		) 9>"$work/lock"
	fi
	echo "$code $((SECONDS - start))" >"$work/$1.end"
}

# count NUMBER COMMAND: add its results to the sums, and print a line about it.
count() {
	local last code seconds p=0 f=1 s=0
	read -r code seconds <"$work/$1.end"
	last=$(grep -aE "$pattern" "$work/$1.out" | tail -n 1 || true)
	if [[ $last =~ $pattern ]]; then
		p=${BASH_REMATCH[2]} f=${BASH_REMATCH[3]} s=${BASH_REMATCH[4]}
		[ "$code" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	else
		say "no result from: $2"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" -eq 0 ] || failures+=("$1 $2")
	printf '  %5ds  %5d passed %3d failed %4d skipped  %s\n' "$seconds" "$p" "$f" "$s" "$2"
}

# reasons NUMBER: failed tests, and the last that scripts said, for those who have only the
# end of the output.
reasons() {
	grep -aE '^ *(not ok |[a-z-]+\.(sh|py): |make.*Error)' "$work/$1.out" |
		grep -avE '# SKIP|summary\.sh: (running|ended)' | tail -n 20 | sed 's/^ */    /' || true
}

number=0
for command in "$@"; do
	[ "$(jobs -pr | wc -l)" -lt "$jobs" ] || wait -n || true
	number=$((number + 1))
	if [ "$jobs" -eq 1 ]; then run $number "$command"; else run $number "$command" & fi
done
wait

echo
number=0
for command in "$@"; do
	number=$((number + 1))
	count $number "$command"
done
echo "  ${SECONDS}s in all"
for failure in "${failures[@]}"; do
	echo "failed; alone: ${failure#* }"
	reasons "${failure%% *}"
done
echo "$name$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
