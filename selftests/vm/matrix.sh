#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The matrix of kernels and architectures: run a row, record the results.
#
# Usage: matrix.sh rows                  print KVER ARCH of each row
#        matrix.sh run KVER ARCH         run the check of this row, and list its skips
#        matrix.sh skips KVER ARCH       list the skips of its last run
#        matrix.sh record [KVER ARCH]    put the results of all rows, or of one, that ran
#                                        in this tree into matrix.tsv beside this script
#
# A row is the result of check-vm or check-debug on this kernel, whoever ran it: what it
# left in build/vm/ is recorded when it is whole and green and says why it skipped what.
# The README's table is made from matrix.tsv: Documentation/tools/matrix.py.
#
# "run" ends with "matrix KVER ARCH: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

recorded=$vm_dir/matrix.tsv

# KVER, architecture, and what it is.
rows='
6.1         x86_64   Debian 12
6.12        x86_64   Debian 12 backports, without protection keys
newest      x86_64   Debian 13 backports
rt          x86_64   Debian 12, PREEMPT_RT
rt-deb13    x86_64   Debian 13, PREEMPT_RT
debug       x86_64   Debian 12, with KASAN and lockdep
debug-rt    x86_64   Debian 12 backports, PREEMPT_RT, with lockdep
6.1         arm64    Debian 12
6.12        arm64    Debian 12 backports
16k         arm64    Debian 13, pages of 16 KiB
64k         arm64    Debian 12 backports, built with pages of 64 KiB
rt-deb13    arm64    Debian 13, PREEMPT_RT
6.12-deb13  riscv64  Debian 13
newest      riscv64  Debian testing
'

each_row() {
	local kver arch words
	while read -r kver arch words; do
		[ -z "$kver" ] || "$@" "$kver" "$arch" "$words"
	done <<<"$rows"
}

show_row() { echo "$1 $2"; }

# select_row KVER ARCH: set check, the command of this row, and result, the path of what
# it leaves without the suffix. Debug kernels are slow: the library's tests run on the
# others.
select_row() {
	local name=check-vm
	case $1-$2 in
	debug-x86_64) check=(check-debug.sh) name=check-debug ;;
	debug-rt-x86_64) check=(check-debug.sh debug-rt) name=check-debug ;;
	6.12-x86_64) check=(check-vm.sh --kargs nopku "$1" "$2") name=check-vm-nopku ;;
	*) check=(check-vm.sh "$1" "$2") ;;
	esac
	result=$root_dir/build/vm/$name-$1-$2
}

# skips KVER ARCH: program, number and reason of each skipped test, with tabs between.
# kselftests give the reason in the result, or in the plan that skips the program; the
# library's tests on the line before the result.
skips() {
	select_row "$@"
	tr -d '\r' <"$result.out" | awk -v OFS='\t' '
		function show(number, why) { sub(/: No such file or directory$/, "", why); print program, number, why }
		/^@@begin / { program = $2; why = plan = ""; next }
		/^1\.\.0 *# *SKIP/ { plan = $0; sub(/.*# *SKIP */, "", plan) }
		/^@@end / && $3 == 4 { show("all", plan) }
		/^(not )?ok [0-9]+.*# *SKIP/ {
			number = $1 == "ok" ? $2 : $3
			sub(/.*# *SKIP */, "")
			show(number, /^[A-Za-z0-9_]+$/ ? why : $0)	# of cmocka, it is the name
			why = ""
			next
		}
		{ why = $0 ~ /^(not )?ok |^@@|^1\.\.|^#/ ? "" : $0 }'
}

list_skips() { skips "$@" | sed 's/\t/: /g; s/^/  /'; }

run_row() {
	local kver=$1 arch=$2 code=0 last
	select_row "$kver" "$arch"
	last=$("$vm_dir/${check[0]}" "${check[@]:1}" | tee /dev/stderr | tail -n 1) || code=$?
	[[ $last == *' passed, '*' failed, '*' skipped' ]] || die "$kver $arch: no result"
	say "skipped on $kver $arch:"
	list_skips "$kver" "$arch" >&2
	echo "matrix $kver $arch: ${last#*: }"
	return "$code"
}

# row_of_run KVER ARCH WORDS: the row that the last run makes, on one line.
row_of_run() {
	local release passed failed skipped date reasons
	IFS=$'\t' read -r release passed failed skipped date <"$result.result"
	[ "$failed" = 0 ] || die "$1 $2 has failures: ${result#"$root_dir"/}.out"
	! skips "$1" "$2" | grep -P '\t$' >&2 || die "$1 $2: skipped without a reason"
	reasons=$(skips "$1" "$2" | cut -f 3 | LC_ALL=C sort | uniq -c | sort -rns |
		sed 's/^ *\([0-9]*\) /\1 /' | paste -sd ';' | sed 's/;/; /g')
	printf '%s\t' "$1" "$2" "$release" "$3" "$passed" "$skipped" "$date"
	printf '%s\n' "$reasons"
}

# record_row KVER ARCH WORDS: the new row, else the recorded one.
record_row() {
	select_row "$1" "$2"
	if [ -e "$result.result" ] && [[ "$only" == "$1 $2" || -z "$only" ]]; then
		row_of_run "$@"
	else
		grep -P "^\Q$1\E\t$2\t" "$recorded" || true
	fi
}

# record [KVER ARCH]
record() {
	local only="$*"
	touch "$recorded"
	trap 'rm -f "$recorded.new"' EXIT
	{
		printf '# SPDX-%s\n' "License-Identifier: GPL-2.0-only" \
			"FileCopyrightText: 2026 The codearena authors"
		echo "# KVER, architecture, release, kernel, passed, skipped, date, why skipped"
		each_row record_row
	} >"$recorded.new"
	mv "$recorded.new" "$recorded"
	say "$(grep -vc '^#' "$recorded") rows in ${recorded#"$root_dir"/}"
}

command=${1:---help}
[ $# -eq 0 ] || shift
case $command in
-h | --help) usage ;;
rows) each_row show_row ;;
run) run_row "${1:?KVER missing; see --help}" "${2:?ARCH missing; see --help}" ;;
skips) list_skips "${1:?KVER missing; see --help}" "${2:?ARCH missing; see --help}" ;;
record) record "$@" ;;
*) die "no command '$command'; see $me --help" ;;
esac
