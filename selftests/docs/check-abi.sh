#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Compare the library's ABI with the one that is committed.
#
# Usage: check-abi.sh [--write]
#
#   --write   write the committed dump anew, from the library as it is now
#
# The dump is userlib/abi/MACHINE.abi, made by abidw (abigail-tools) from the library
# in build/userlib; types that the public headers do not declare are not in it. Any
# difference fails: one that only adds is taken over with --write, which a reviewer
# sees. Then the library is built from copies with a member more in a structure, and
# with a symbol less, and the comparison has to see both.
# Ends with "check-abi: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

machine=$(uname -m)
dump=$root_dir/userlib/abi/$machine.abi
work=$root_dir/build/abi
options=(--headers-dir "$root_dir/userlib/include" --headers-dir "$root_dir/uapi/linux"
	--drop-private-types)

# library DIRECTORY: the shared library that was built there.
library() { realpath "$1/libcodearena.so"; }

write_dump() {
	abidw "${options[@]}" --no-corpus-path --no-comp-dir-path --no-show-locs \
		--out-file "$1" "$(library "$root_dir/build/userlib")"
}

# compare LIBRARY: show what differs. 0: nothing; 1: something. Members of structures
# that the dump only declares do not count.
compare() {
	local code=0
	abidiff --no-show-locs "$dump" "$1" || code=$?
	# Bits: 1 and 2 are errors of abidiff itself, 4 a change, 8 an incompatible one.
	[ $((code & ~12)) -eq 0 ] || die "abidiff failed, exit status $code"
	[ $code -eq 0 ]
}

# mutant NAME FILE SCRIPT: the comparison fails for a library built with FILE edited.
mutant() {
	local copy=$work/$1
	mkdir -p "$copy"
	cp -r "$root_dir/userlib" "$root_dir/uapi" "$root_dir/packaging" "$copy/"
	sed -i "$3" "$copy/$2"
	! cmp -s "$copy/$2" "$root_dir/$2" || die "$1: nothing was changed"
	make -s -C "$copy/userlib" O="$copy/build" CFLAGS="-O1 -g -w" all
	if compare "$(library "$copy/build")"; then
		echo "the library with $1 is said to be the same"
		return 1
	fi
}

passed=0 failed=0

check() {
	local log=$work/log
	(set -e; "${@:2}") >"$log" 2>&1 &
	if wait $!; then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "not ok $1"
		tail -n 40 "$log" | sed 's/^/    /'
	fi
}

same_as_committed() {
	compare "$(library "$root_dir/build/userlib")" || {
		echo "If only additions are shown, and they are meant: make abi-dump"
		return 1
	}
}

need abidw docs
rm -rf "$work"
mkdir -p "$work"
case ${1-} in
-h | --help) usage; exit 0 ;;
--write)
	mkdir -p "${dump%/*}"
	write_dump "$dump"
	say "wrote ${dump#"$root_dir/"}"
	exit 0
	;;
esac
if [ ! -e "$dump" ]; then
	echo "no dump for $machine"
	echo "check-abi: 0 passed, 0 failed, 1 skipped"
	exit 0
fi

check "symbols and map" make -s -C "$root_dir/userlib" O="$root_dir/build/userlib" check-abi
check "the ABI is the committed one" same_as_committed
check "a member more is seen" mutant a-member-more userlib/include/codearena/module.h \
	's/^	uint64_t size;$/&\n	uint64_t more;/'
check "a symbol less is seen" mutant a-symbol-less userlib/libcodearena.map \
	'/	codearena_version;/d'
echo "check-abi: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
