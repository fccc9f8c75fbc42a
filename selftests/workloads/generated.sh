#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Make modules of trapping functions, from one function to more than fit in a
# code space, with traces that call each of them.
#
# Usage: generated.sh DIRECTORY [COUNT]...

set -euo pipefail

out=${1:?Usage: generated.sh DIRECTORY [COUNT]...}
shift
[ $# -gt 0 ] || set -- 1 2 63 100 110 160 225 700 2000 5000

# module COUNT: function K divides K by its argument.
module() {
	local k
	echo "(module"
	for ((k = 0; k < $1; k++)); do
		echo "(func (export \"f$k\") (param i32) (result i32)" \
			"(i32.div_u (i32.const $k) (local.get 0)))"
	done
	echo ")"
}

# trace COUNT: every function divides by 1, then by 0, the last function first.
trace() {
	local k
	printf 'instantiate\nreturn\n'
	for ((k = $1 - 1; k >= 0; k--)); do
		printf 'call f%d n:3ff0000000000000\nreturn r:%x\n' "$k" "$k"
		printf 'call f%d n:0\ntrap integer divide by zero\n' "$k"
	done
}

for count; do
	name=$(printf 'generated-%04d' "$count")
	module "$count" >"$out/$name.wat"
	wat2wasm "$out/$name.wat" -o "$out/$name.wasm"
	rm "$out/$name.wat"
	trace "$count" >"$out/$name.trace"
done
