#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Break a copy of the module, one defect at a time, and see that the tests notice.
#
# Usage: check-mutants.sh [NAME]...
#
# The defects are selftests/mutants/NAME.patch. The head of each names the kernel that
# the copy is built for, and the kselftests that must notice ("kunit": the KUnit suites,
# on the debug kernel): at least one fails, or the kernel complains. The same tests must
# pass with an unchanged copy. Prints what caught each defect.
# Ends with "check-mutants: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

mutants=$root_dir/selftests/mutants
work=$root_dir/build/mutants
tests=$root_dir/build/selftests/x86_64
passed=0 failed=0

# field NAME FILE: a field of the head of a patch.
field() { sed -n "s/^$1: //p; /^---/q" "$2"; }

# copy_module NAME [PATCH]: prints where the copy is.
copy_module() {
	local copy=$work/$1
	rm -rf "$copy/src"
	mkdir -p "$copy/src"
	(cd "$root_dir" && tar -cf - Kbuild kmod uapi packaging/VERSION) | tar -xf - -C "$copy/src"
	[ -z "${2-}" ] || patch -d "$copy/src" -p1 -s --no-backup-if-mismatch <"$2" >&2 || return 1
	echo "$copy"
}

# run_tests NAME KVER COPY TEST...: as run-tests.sh answers.
run_tests() {
	local name=$1 kver=$2 copy=$3 module programs=()
	shift 3
	if [ "$*" = kunit ]; then
		"$vm_dir/check-kunit.sh" --src "$copy/src" --out "$copy" module \
			>"$copy/out" 2>"$copy/err"
		return
	fi
	module=$("$vm_dir/build-module.sh" --src "$copy/src" --out "$copy/$kver" "$kver" x86_64 \
		2>"$copy/build.log") || { cat "$copy/build.log" >&2; return 99; }
	mapfile -t programs < <(printf "$tests/%s\n" "$@")
	"$vm_dir/run-tests.sh" --kver "$kver" --arch x86_64 \
		--run --module --run "$module" "mutant-$name" -- "${programs[@]}" \
		>"$copy/out" 2>"$copy/err"
}

# noticed NAME: print which checks failed and what the kernel said: "a, b and 3 more".
noticed() {
	local log=$work/$1/out cases='^not ok [0-9]+ '
	if [ -e "$work/$1/results/module.log" ]; then
		log=$work/$1/results/module.log
		cases='^(<[0-9]+>)?(\[ *[0-9.]+\] )?    not ok [0-9]+ (- )?'
	fi
	{
		sed -nE "/$cases/{ s/$cases//; s/[ \r].*//; p }" "$log"
		grep -aohE 'BUG: KASAN: [^ ]+ in [^ +]+|WARNING: [^/\r]*$' "$log" "$work/$1/err"
	} | awk '
		!seen[$0]++ && ++n <= 3 { text = text (n > 1 ? ", " : "") $0 }
		END { print n ? text (n > 3 ? " and " n - 3 " more" : "") : "nothing that has a name" }'
}

# verdict WANTED NAME TEXT: WANTED is "fail" or "pass"; code is what run_tests returned.
verdict() {
	local wanted=$1 name=$2 count
	shift 2
	count=$(tail -n 1 "$work/$name/out" 2>/dev/null || true)
	if [ "$code" -ne 99 ] && [ "$wanted" = "$([ "$code" -eq 0 ] && echo pass || echo fail)" ]; then
		passed=$((passed + 1))
		[ "$wanted" = pass ] || set -- "$* by $(noticed "$name")"
		echo "ok $* (${count#*: })"
	else
		failed=$((failed + 1))
		echo "not ok $* (${count#*: })"
		tail -n 20 "$work/$name/err" >&2 || true
	fi
}

if [ $# -gt 0 ]; then
	files=()
	for name in "$@"; do
		[ -e "$mutants/$name.patch" ] || die "no mutant '$name' in $mutants"
		files+=("$mutants/$name.patch")
	done
else
	files=("$mutants"/*.patch)
fi
say "building the kselftests"
make -s -C "$root_dir/selftests" -j"$(nproc)" O="$tests" >&2

# What passes when nothing is broken, by kernel.
declare -A wanted=()
for file in "${files[@]}"; do
	kver=$(field Kernel "$file")
	wanted[$kver]+=" $(field Tests "$file")"
done
for kver in "${!wanted[@]}"; do
	mapfile -t names < <(tr ' ' '\n' <<<"${wanted[$kver]}" | sed '/^$/d' | sort -u)
	copy=$(copy_module "whole-$kver")
	say "the module as it is, on $kver: ${names[*]}"
	code=0
	run_tests "whole-$kver" "$kver" "$copy" "${names[@]}" || code=$?
	verdict pass "whole-$kver" "nothing broken on $kver: the tests pass"
done

for file in "${files[@]}"; do
	name=$(basename "$file" .patch)
	kver=$(field Kernel "$file")
	read -ra names < <(field Tests "$file")
	say "$name, on $kver: ${names[*]}"
	code=0
	if copy=$(copy_module "$name" "$file"); then
		run_tests "$name" "$kver" "$copy" "${names[@]}" || code=$?
	else
		code=99
		say "$file does not apply any more"
	fi
	verdict fail "$name" "$name: caught"
done
echo "check-mutants: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
