#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest: WebAssembly modules whose compiler is another process (codearena-wasm
# --isolate), with the results that they have in one process; then what an attacker in
# the locked process tries, each way after its control. Prints what it costs, which
# nothing judges. Speaks TAP.

# shellcheck source-path=SCRIPTDIR source=rows.sh
. ./rows.sh

cd isolated || exit 1

# replay NAME [OPTION]...: the row of a trace.
replay() {
	name=$1
	shift
	./codearena-wasm --backend device "$@" --replay "$name.trace" "$name.o"
}

# same NAME: is its row that of one process?
same() {
	here=$(replay "$1" 2>&1)
	there=$(replay "$1" --isolate 2>&1)
	printf '%s\n%s\n' "$here" "$there"
	[ "$here" != "$there" ] || echo "the same: ${here##* }"
}

for trace in *.trace; do
	row "${trace%.trace}: compiled in another process" 'the same: ok' same "${trace%.trace}"
done

row "without the device it is refused" '*--isolate needs the device*' \
	./codearena-wasm --backend memfd --isolate --replay traps-0.trace traps-0.o
row "control: in one process it works there" '* ok' \
	./codearena-wasm --backend memfd --replay traps-0.trace traps-0.o

# cost NAME [OPTION]: ticks for each first call, and of the calls when all is loaded.
cost() {
	replay "$@" --meter | awk '$1 == "@steady" { steady = $3 }
		$1 == "@lazy" { print int($4 / $3), steady }'
}

echo "# 1,000 functions: in one process $(cost generated-1000)," \
	"in two $(cost generated-1000 --isolate)" \
	"(ticks for each first call, ticks of all calls after that)"

# Each prints its own plan.
CMOCKA_MESSAGE_OUTPUT=TAP
CODEARENA_BACKEND=device
export CMOCKA_MESSAGE_OUTPUT CODEARENA_BACKEND
for test in test_remote_hostile test_remote_death test_remote_lock test_remote \
	test_techniques; do
	echo "# $test"
	"./$test"
done

plan
