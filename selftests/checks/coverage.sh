#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Lines of kmod/ that the kselftests, the KUnit suites and failure injection execute,
# on the debug kernel: a table with every file, and each line that was left out.
#
# Usage: coverage.sh [--again]
#
#   --again   from the data of the last run, without a VM
#
# COVERAGE_LEAST=N percent of the lines have to be executed (default 92), and every
# error return but those that selftests/checks/uncovered.txt gives a reason for.
# The table and the code are kept in build/coverage/.
# Ends with "coverage: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

least=${COVERAGE_LEAST:-92} again=''
checks_dir=$root_dir/selftests/checks
results=$root_dir/build/coverage
built=$root_dir/build/kmod/debug-x86_64-gcov
case ${1-} in
-h | --help) usage; exit 0 ;;
--again) again=yes ;;
'') ;;
*) die "no option '$1'; see --help" ;;
esac

run_tests() {
	local module
	# First: the messages of a long build are shown.
	"$vm_dir/kernel.sh" headers debug x86_64 >/dev/null
	say "building the module with gcov and with its suites"
	if ! module=$("$vm_dir/build-module.sh" --out "$built" debug x86_64 \
		CODEARENA_KUNIT=y GCOV_PROFILE=y 2>"$results/build.log"); then
		cat "$results/build.log" >&2
		die "the module does not build with gcov"
	fi
	"$vm_dir/check-vm.sh" --name coverage-tests --kselftests \
		--tests --run --tests --module --tests --run --tests "$module" \
		--last "$vm_dir/guest/guest-gcov.sh" debug x86_64
}

# Extract the archive that the guest printed, beside the objects.
unpack() {
	local out=$root_dir/build/vm/coverage-tests-debug-x86_64.out
	find "$built" -name '*.gcda' -delete
	tr -d '\r' <"$out" | sed -n '/^@@gcov$/,/^@@gcov$/{/^@@gcov$/d; p}' | base64 -d |
		tar -xzf - -C / --strip-components=0 --wildcards "./${built#/}/*.gcda" ||
		die "no coverage in $out"
}

report() {
	local options=(--root "$built" --object-directory "$built/kmod"
		--filter "$built/kmod/[^/]*\.[ch]$" --exclude-unreachable-branches)
	(cd "$built" && gcovr "${options[@]}" --json "$results/lines.json" \
		--html-details "$results/index.html" --txt "$results/table.txt" \
		--print-summary) >"$results/summary.txt" 2>"$results/gcovr.log" || {
		cat "$results/gcovr.log" >&2
		die "gcovr failed"
	}
	cat "$results/table.txt"
	"$checks_dir/uncovered.py" --least "$least" --reasons "$checks_dir/uncovered.txt" \
		--source "$built" "$results/lines.json"
}

need gcovr coverage
mkdir -p "$results"
passed=0 failed=0
if [ -z "$again" ]; then
	if run_tests; then passed=1; else failed=1; fi
fi
unpack
if report; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
echo "coverage: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
