#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Make modules of trapping functions, from one function to more than fit in a
# code space, with traces that call each of them; and a module that imports globals,
# with a trace, and the options that say what they are.
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

# A global decides where in memory it reads and which entry of a table it calls.
cat >"$out/globals.wat" <<'EOF'
(module (import "env" "base" (global $base i32)) (import "env" "factor" (global $factor f64))
	(import "env" "stack" (global $stack (mut i64)))
	(memory 1) (table (export "table") 4 funcref) (elem (global.get $base) $load $push)
	(func $load (export "load") (param i32) (result i32)
		(i32.load (i32.add (local.get 0) (i32.shl (global.get $base) (i32.const 15)))))
	(func $push (export "push") (param i64) (result i64)
		(global.set $stack (i64.div_s (global.get $stack) (local.get 0))) (global.get $stack))
	(func (export "scale") (param f64) (result f64) (f64.mul (local.get 0) (global.get $factor))))
EOF
wat2wasm "$out/globals.wat" -o "$out/globals.wasm"
rm "$out/globals.wat"
printf '%s\n' --global=env.base=2 --global env.factor=0.25 --global env.stack=100 \
	>"$out/globals.options"
cat >"$out/globals.trace" <<'EOF'
instantiate
return
call load r:0
trap out of bounds memory access
call load r:fffffffc
return r:0
call push b:7
return b:e
table table 3 b:2
return b:7
table table 3 b:0
trap integer divide by zero
table table 2 r:0
trap out of bounds memory access
call scale n:4024000000000000
return n:4004000000000000
EOF
