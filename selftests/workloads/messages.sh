#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# What the WebAssembly runner says about modules and arguments that it refuses, and
# that it accepts what it should.
#
# Usage: messages.sh
#
# Ends with "messages: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

runner=${RUNNER:-$root_dir/build/userlib/wasm/codearena-wasm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# module NAME TEXT: translate it
module() {
	echo "$2" >"$work/$1.wat"
	wat2wasm --enable-all "$work/$1.wat" -o "$work/$1.wasm"
}

# says CODE TEXT ARGUMENT...: the runner exits with CODE, and its output has TEXT
says() {
	local code=$1 text=$2 got=0
	shift 2
	"$runner" --backend memfd -q -C "$work/cache" "$@" >"$work/out" 2>&1 || got=$?
	if [ "$got" -eq "$code" ] && grep -qF -e "$text" "$work/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $* exits with $got, not $code and '$text':"
		sed 's/^/    /' "$work/out"
	fi
}

module simd '(module (func (export "f") (result v128) (v128.const i32x4 0 0 0 0)))'
says 1 'killed by signal 6' "$work/simd.wasm"

module references '(module (import "a" "b" (func (param externref))))'
says 1 'the imported function a.b takes or returns references' "$work/references.wasm"

module global '(module (import "env" "base" (global i32))
	(func (export "f") (result i32) (global.get 0)))'
says 0 'the imported global env.base is 0' "$work/global.wasm" f

says 0 'f = 77' --global env.base=77 "$work/global.wasm" f
says 0 'f = -1' -g env.base=0xffffffff "$work/global.wasm" f
says 1 "'x' is not a number" --global env.base=x "$work/global.wasm" f
says 1 'imports no global as in --global env.other=1' --global env.other=1 "$work/global.wasm" f
module real '(module (import "env" "x" (global f64))
	(func (export "f") (result f64) (global.get 0)))'
says 0 'f = 0.25' --global env.x=0.25 "$work/real.wasm" f

# The name that wasm2c has for the module must not be one of an import.
module clash '(module (import "wasm" "f" (func (param i32)))
	(func (export "f") (param i32) (call 0 (local.get 0))))'
says 0 'f =' "$work/clash.wasm" f 3
module nul '(module (func (export "a\00b")))'
says 1 'contains a NUL' "$work/nul.wasm"

# A section for linkers that wasm2c fails on; 9 is no version that it knows.
printf '\0\x09\x07linking\x09' | cat "$work/global.wasm" - >"$work/linking.wasm"
says 0 'f = 5' --global env.base=5 "$work/linking.wasm" f

says 0 'f = 6' --opt 0 --global env.base=6 "$work/global.wasm" f
says 2 'no optimisation 7' --opt 7 "$work/global.wasm" f
# What is kept is what is used again.
kept=0
for made in "$work"/cache/*/module.o; do
	[ ! -e "${made%.o}.c" ] || kept=$((kept + 1))
done
if [ "$kept" -eq 0 ]; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	echo "not ok: the cache keeps C files of $kept modules that were compiled"
fi

module numbers '(module
	(func (export "i") (param i32) (result i32) (local.get 0))
	(func (export "d") (param f64) (result f64) (local.get 0)))'
says 1 "'4294967297' is out of range" "$work/numbers.wasm" i 4294967297
says 1 "'99999999999999999999' is out of range" "$work/numbers.wasm" i 99999999999999999999
says 0 'i = ' "$work/numbers.wasm" i -2147483648
says 1 "'-2147483649' is out of range" "$work/numbers.wasm" i -2147483649
says 0 'd = ' "$work/numbers.wasm" d 1e-320
says 1 "'1e400' is out of range" "$work/numbers.wasm" d 1e400
says 1 'takes 1 arguments, not 2' "$work/numbers.wasm" i 1 2

# 5,000 types, and one of 300 parameters. Each has the digits of its number.
types() {
	awk 'BEGIN {
		for (number = 1; number <= 5000; number++) {
			line = ""
			for (rest = number; rest; rest = int(rest / 2))
				line = line (rest % 2 ? " i64" : " i32")
			print "(type (func (param" line ")))"
		}
		line = ""
		for (number = 0; number < 300; number++)
			line = line " i32"
		print "(type (func (param" line ")))"
	}'
}
module types "(module $(types) (table 1 funcref)
	(func (export \"f\") (result i32) (i32.const 8)))"
says 0 'f = 8' --opt 0 "$work/types.wasm" f

module checks '(module (memory 1)
	(func (export "f") (param i32) (result i32) (i32.load (local.get 0))))'
says 3 'out of bounds memory access' --checks "$work/checks.wasm" f 65536
says 3 'out of bounds memory access' "$work/checks.wasm" f 65536

echo "messages: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
