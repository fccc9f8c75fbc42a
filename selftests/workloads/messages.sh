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
# Also when it was compiled before.
says 0 'the imported global env.base is 0' "$work/global.wasm" f
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

# expect NUMBER WHAT IS: what there has to be, and what there is
expect() {
	if [ "$1" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $2: $3, not $1"
	fi
}

# Wraps the C compiler and logs its arguments.
cat >"$work/cc" <<EOF
#!/bin/sh
echo "\$*" >>"$work/compiled"
exec ${CC:-cc} "\$@"
EOF
chmod +x "$work/cc"
compiled() { grep -c -e "$1" "$work/compiled" || true; }

# Functions that call each other, a table and a segment, too long for one part.
large() {
	local k idle
	idle=$(printf '(drop (i32.mul (local.get 0) (i32.const %d)))' {1..9})
	cat <<'EOF'
(module (table 1 funcref) (elem (i32.const 0) 2) (memory 1) (data $later "abcd")
(func $f0 (param i32) (result i32) (local.get 0))
EOF
	for ((k = 1; k <= 3000; k++)); do
		echo "(func \$f$k (param i32) (result i32) $idle"
		echo "(i32.add (i32.const $k) (call \$f$((k - 1)) (local.get 0))))"
	done
	cat <<'EOF'
	(func (export "sum") (param i32) (result i32) (call $f3000 (local.get 0)))
	(func (export "indirect") (param i32) (result i32)
		(call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
	(func (export "later") (result i32)
		(memory.init $later (i32.const 8) (i32.const 0) (i32.const 4))
		(i32.load (i32.const 8)))
	(func (export "divide") (param i32) (result i32)
		(i32.div_u (i32.const 1) (local.get 0))))
EOF
}
module large "$(large)"
for mode in '' --eager --direct; do
	# No option, or one.
	# shellcheck disable=SC2086
	set -- --opt 0 --cc "$work/cc" $mode "$work/large.wasm"
	says 0 'sum = 4501507' "$@" sum 7
	says 0 'indirect = 10' "$@" indirect 7
	says 0 'later = 1684234849' "$@" later
	says 3 'integer divide by zero' "$@" divide 0
done
expect 1 'parts are joined so often' "$(compiled '^-r ')"
expect 1 'the first part is compiled so often' "$(compiled '-DWASM_PART=0')"
expect 1 'the second part is compiled so often' "$(compiled '-DWASM_PART=1')"

# Whoever needs what another one compiles waits for it.
rm "$work/compiled"
module both '(module (func (export "f") (result i32) (i32.const 4)))'
"$runner" -b memfd -q -C "$work/cache" --cc "$work/cc" "$work/both.wasm" f >"$work/other" &
says 0 'f = 4' --cc "$work/cc" "$work/both.wasm" f
wait $!
expect 'f = 4' 'the other one prints' "$(cat "$work/other")"
expect 1 'the module is compiled so often' "$(compiled '-DWASM_PART=0')"

# The cache keeps what was used last: of three modules and a fourth one that does not fit,
# the one whose use is the longest ago goes.
aged() { touch -d "2001-01-0$2" "$work/lru/$(cat "$work/$1.key")/module.o"; }
for name in a b c d; do
	module $name "(module (memory 9) (data (i32.const 0) \"$(printf '%0300000d' 0)\")
		(func (export \"$name\") (result i32) (i32.const 1)))"
done
for name in a b c; do
	says 0 "$name = 1" -C "$work/lru" --opt 0 "$work/$name.wasm" $name
	for entry in "$work"/lru/*; do
		grep -qsxF "${entry##*/}" "$work"/?.key || echo "${entry##*/}" >"$work/$name.key"
	done
done
aged a 1; aged b 2; aged c 3
says 0 'a = 1' -C "$work/lru" --opt 0 "$work/a.wasm" a
says 0 'd = 1' -C "$work/lru" --opt 0 --cache-limit 1 "$work/d.wasm" d
kept=''
for name in a b c; do
	[ ! -e "$work/lru/$(cat "$work/$name.key")" ] || kept+=$name
done
expect ac 'modules that the cache keeps' "$kept"
says 2 "'-1' is not a number of MiB" --cache-limit -1 "$work/a.wasm"
says 2 "'5x' is not a number of MiB" --cache-limit 5x "$work/a.wasm"

# --help has every option.
while read -r option; do
	says 0 "--$option" --help
done < <(sed -n 's/^\t{ "\([a-z-]*\)", \(required\|no\)_argument.*/\1/p' \
	"$root_dir/userlib/examples/wasm/main.c")

module numbers '(module
	(func (export "i") (param i32) (result i32) (local.get 0))
	(func (export "d") (param f64) (result f64) (local.get 0)))'
says 1 "'4294967297' is out of range" "$work/numbers.wasm" i 4294967297
says 1 "'99999999999999999999' is out of range" "$work/numbers.wasm" i 99999999999999999999
says 0 'i = ' "$work/numbers.wasm" i -2147483648
says 1 "'-2147483649' is out of range" "$work/numbers.wasm" i -2147483649
says 0 'd = ' "$work/numbers.wasm" d 1e-320
says 1 "'1e400' is out of range" "$work/numbers.wasm" d 1e400
says 1 'takes 1 arguments (i), and 2 are given' "$work/numbers.wasm" i 1 2

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

# V8 has one message for two reasons, so that traces have one of them. Only that one
# stands for both.
mismatch='indirect call type mismatch' uninitialized='uninitialized element'
module reasons '(module (table 2 funcref) (elem (i32.const 1) 0) (func)
	(func (export "f") (param i32) (result i32)
		(call_indirect (result i32) (local.get 0))))'
# traps CODE TEXT INDEX REASON: as says, for a trace that calls the entry
traps() {
	printf 'instantiate\nreturn\ncall f r:%d\ntrap %s\n' "$3" "$4" >"$work/reasons.trace"
	says "$1" "$2" --replay "$work/reasons.trace" "$work/reasons.wasm"
}
traps 0 '1  ok' 0 "$uninitialized"
traps 0 '1  ok' 0 "$mismatch"
traps 0 '1  ok' 1 "$mismatch"
traps 1 "not '$uninitialized'" 1 "$uninitialized"
traps 1 "not 'undefined element'" 0 'undefined element'

module checks '(module (memory 1)
	(func (export "f") (param i32) (result i32) (i32.load (local.get 0))))'
says 3 'out of bounds memory access' --checks "$work/checks.wasm" f 65536
says 3 'out of bounds memory access' "$work/checks.wasm" f 65536

echo "messages: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
