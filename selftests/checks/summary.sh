#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run groups of checks one after another, all of them, and add up their results.
#
# Usage: summary.sh [--name NAME] COMMAND...
#
# Each COMMAND is a shell command line whose output holds a last line
# "NAME: N passed, N failed, N skipped". A command that fails without counting
# a failure, or that has no such line, counts as one failed check. Ends with
# the sums on a line of its own, after "NAME: " when a name is given.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

name=
case ${1:---help} in
-h | --help) usage; exit 0 ;;
--name) name="$2: "; shift 2 ;;
esac

passed=0 failed=0 skipped=0 reports=()
results=$(mktemp)
trap 'rm -f "$results"' EXIT
pattern='^([^ ].*: )?([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

for command in "$@"; do
	start=$SECONDS code=0
	say "running: $command"
	bash -o pipefail -c "$command" | tee "$results" || code=$?
	last=$(grep -aE "$pattern" "$results" | tail -n 1 || true)
	if [[ $last =~ $pattern ]]; then
		p=${BASH_REMATCH[2]} f=${BASH_REMATCH[3]} s=${BASH_REMATCH[4]}
		[ "$code" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	else
		p=0 f=1 s=0
		say "no result from: $command"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	reports+=("$p passed, $f failed, $s skipped, exit status $code, $((SECONDS - start))s: $command")
done

echo
printf '  %s\n' "${reports[@]}"
echo "$name$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
