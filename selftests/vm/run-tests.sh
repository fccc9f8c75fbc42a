#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run TAP test programs in a VM and count their results.
#
# Usage: run-tests.sh [OPTION]... NAME -- PROGRAM...
#
#   --kver KVER, --arch ARCH   as for run.sh (default: $KVER or 6.1, $ARCH or x86_64)
#   --each SECONDS             time limit of one program (default: $TEST_TIMEOUT or
#                              what selftests/settings says)
#   --env NAME=VALUE           set in the programs' environment; may be repeated
#   --beside FILE              copy FILE beside the programs; may be repeated
#   --run ARG                  hand ARG to run.sh; may be repeated
#
# A PROGRAM may be a quoted string with arguments after the path. A program that
# dies, runs out of time, has no plan or prints fewer results than its plan
# counts as failed, and so does a kernel that complains.
# Ends with "NAME: N passed, N failed, N skipped", which build/vm/NAME-KVER-ARCH.result
# keeps with the kernel's release and the date.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

kver=${KVER:-6.1} arch=${ARCH:-x86_64} each=${TEST_TIMEOUT:-} run_args=() env=() beside=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=$2; shift 2 ;;
	--arch) arch=$2; shift 2 ;;
	--each) each=$2; shift 2 ;;
	--env) env+=("$2"); shift 2 ;;
	--beside) beside+=("$2"); shift 2 ;;
	--run) run_args+=("$2"); shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
each=${each:-$(sed -n 's/^timeout=//p' "$root_dir/selftests/settings")}
if [ $# -lt 3 ] || [ "$2" != -- ]; then die "need NAME -- PROGRAM...; see --help"; fi
name=$1
shift 2

stage=$(mktemp -d "${TMPDIR:-/tmp}/codearena-tests.XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/tests"
for program in "$@"; do
	path=${program%% *}
	[ -x "$path" ] || die "$path is not a program; was it built for $arch?"
	[ ! -e "$stage/tests/${path##*/}" ] || cmp -s "$path" "$stage/tests/${path##*/}" ||
		die "two programs are named ${path##*/}"
	cp "$path" "$stage/tests/"
	arguments=${program#"$path"}
	echo "${path##*/}$arguments" >>"$stage/tests/list"
done
[ ${#beside[@]} -eq 0 ] || cp -r "${beside[@]}" "$stage/tests/"
for setting in "${env[@]}"; do
	printf "export %s='%s'\n" "${setting%%=*}" "${setting#*=}"
done >"$stage/tests/environment"

log_name=$name-$kver-$arch
log=$root_dir/build/vm/$log_name.log
out=${log%.log}.out
result=${log%.log}.result
mkdir -p "${out%/*}"
rm -f "$result"

# run_vm [OPTION]...: sets code.
run_vm() {
	code=0
	: >"$out" # nothing of an earlier run
	"$vm_dir/run.sh" --kver "$kver" --arch "$arch" --name "$log_name" --stage "$stage" \
		--timeout $((120 + each * programs)) --stall $((each + 60)) \
		"${run_args[@]}" "$@" -- guest-tests "$each" |
		sed -u '/^@@end/d; s/^@@begin/#/' || code=$?
}

programs=$# code=0
run_vm
# The kernel patches itself by breakpoints, and the emulator may execute one that has
# been removed; the module has none. See Documentation/decisions.rst.
if [ "$code" -ne 0 ] && grep -aq 'int3: 0000 \[#1\]' "$log"; then
	cp "$log" "${log%.log}.stale.log"
	say "the emulator executed a breakpoint of the kernel's that was gone; all of it again," \
		"with processors that take turns (log: ${log%.log}.stale.log)"
	run_vm --thread single
fi

# Count what arrived. One line per program that has no counted failure of its own
# but ended badly.
read -r passed failed skipped < <(
	tr -d '\r' <"$out" | awk -v me="$me" -v expected=$# '
	function bad(why) { failed++; print me ": " program ": " why > "/dev/stderr" }
	/^@@begin / { program = $2; plan = -1; seen = 0; own = failed; open = 1; next }
	/^1\.\.[0-9]+/ { plan = (plan < 0 ? 0 : plan) + substr($1, 4) }
	/^(not )?ok( |$)/ {
		seen++
		if ($0 ~ /# *(SKIP|skip)/) skipped++
		else if ($1 == "ok") passed++
		else failed++
	}
	/^@@end / {
		open = 0; ended++
		if ($3 == 4 && plan < 0) { skipped++; next }	# kselftest: skipped as a whole
		if (plan < 0) bad("no plan (exit status " $3 ")")
		else if (seen < plan) bad(seen " results of " plan " (exit status " $3 ")")
		else if ($3 != 0 && $3 != 4 && failed == own) bad("exit status " $3)
	}
	END {
		if (open) bad("did not end")
		if (ended + open < expected) {
			program = "runner"; bad(expected - ended - open " programs did not run")
		}
		print passed + 0, failed + 0, skipped + 0
	}')
say "longest:$(tr -d '\r' <"$out" | sed -n 's/^@@end //p' | sort -k 3,3nr |
	awk 'NR <= 8 { printf " %s %ds", $1, $3 }')"
if [ "$code" -ne 0 ]; then
	failed=$((failed + 1))
	say "the VM's exit status is $code; see build/vm/$log_name.log"
fi
printf '%s\t%s\t%s\t%s\t%s\n' "$("$vm_dir/kernel.sh" release "$kver" "$arch")" \
	"$passed" "$failed" "$skipped" "$(date -u +%F)" >"$result"
echo "$name: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
