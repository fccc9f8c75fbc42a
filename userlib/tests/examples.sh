#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the examples and look at what they print. Speaks TAP.
#
# Usage: EXAMPLES=DIRECTORY examples.sh

directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT
count=0 status=0

# check NAME COMMAND LINE...: it succeeds and prints these lines, in this order
check() {
	name=$1
	shift
	count=$((count + 1))
	# Offsets of instructions are those of the machine.
	if sh -c "$1" >"$directory/raw" 2>&1 &&
		sed 's/get+[0-9]*/get/' "$directory/raw" >"$directory/out" &&
		shift && printf '%s\n' "$@" >"$directory/wanted" &&
		awk 'NR == FNR { want[++n] = $0; next }
			$0 == want[at + 1] { at++ }
			END { exit at != n }' "$directory/wanted" "$directory/out"
	then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$directory/raw"
		status=1
	fi
}

check trap "$EXAMPLES/trap 7 5000" \
	'array[7] = 49' \
	'array[5000]: out of bounds: the instruction at get touched byte 20000'
check fibers "$EXAMPLES/fibers" \
	'fiber 0 calls' \
	'fiber 1 calls' \
	'fiber 0 trapped at byte 100' \
	'fiber 1 trapped at byte 200'
check module "$EXAMPLES/module $directory" \
	'    compiling function 1' \
	'    compiling function 0' \
	'    result 36' \
	'    result 49' \
	'    trapped in get, accessing byte 16000000000' \
	'    result 81' \
	'    4 code objects, 3 of them current' \
	'    3 code objects, 3 of them current'
check module-log "sed 's/.* //' $directory/perf-*.map" next square get square
check module-help "$EXAMPLES/module --help" \
	'Usage: module [--help] [LOG_DIRECTORY]'
check prefork "$EXAMPLES/prefork 3 | sort" \
	'parent: next(9) = 100, 0 workers failed' \
	'worker 1: next(1) = 4, then 4' \
	'worker 2: next(2) = 9, then 6' \
	'worker 3: next(3) = 16, then 16'
check cpp "$EXAMPLES/cpp" \
	'version 1' \
	'version 2' \
	'no such function' \
	'version 3' \
	'released, 1 allocator' \
	'codearena: invalid argument: misaligned, empty, out of range or contradictory'
# The costs are as the machine is; test_unwind counts the instructions of a throw.
check unwind "$EXAMPLES/unwind | sed 's/[0-9]* ns/N ns/g'" \
	'caught: thrown in C++' \
	'caught: thrown in C++' \
	'a throw costs N ns with 10 functions, N ns with 100000'
# After a patch or a replacement valgrind must not run what it translated before.
if command -v valgrind >/dev/null; then
	check valgrind "CODEARENA_BACKEND=memfd valgrind -q --undef-value-errors=no $EXAMPLES/cpp" \
		'version 1' \
		'version 2' \
		'version 3' \
		'released, 1 allocator'
else
	count=$((count + 1))
	echo "ok $count # SKIP valgrind is not installed"
fi
echo "1..$count"
exit $status
