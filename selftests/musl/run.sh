#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run what check-musl.sh built, on this machine or in the guest. Speaks TAP.
#
# Usage: run.sh BACKEND

cd "$(dirname "$0")" || exit 1
export CODEARENA_BACKEND="$1"
n=0 status=0

# check NAME PATTERN COMMAND...: it succeeds and prints a line that matches
check() {
	name=$1 line=$2
	shift 2
	n=$((n + 1))
	if "$@" >out 2>&1 && grep -qxE -e "$line" out; then
		echo "ok $n - $CODEARENA_BACKEND, $name"
	else
		status=1
		echo "not ok $n - $CODEARENA_BACKEND, $name"
		sed 's/^/# /' out
	fi
}

for way in static linked; do
	check "$way trap" 'array.5000.: out of bounds: .* touched byte 20000' "./$way/trap" 5000
	check "$way module" "backend: $CODEARENA_BACKEND" "./$way/module"
	check "$way prefork" 'parent: next.9. = 100, 0 workers failed' "./$way/prefork" 3
done
check 'plugin with the static library' './first.so: trapped' ./load ./first.so ./second.so
check 'plugin with the shared library' './shared.so: trapped' ./load ./shared.so
check 'both' './shared.so: trapped' ./load ./first.so ./shared.so
check 'static codearenactl' ' *PID .* NAME' ./codearenactl list
echo "1..$n"
exit $status
