#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run WebAssembly modules that others made, and a suite of traps, in arenas: on
# this machine with the memfd backend, in a VM with the device.
#
# Usage: run.sh [OPTION]... [WORKLOAD]...
#
#   --kver KVER   kernel of the VM (default: $KVER or 6.1)
#   --host        only on this machine
#   --vm          only in VMs
#   --list        list the workloads
#
# What the modules have to do is recorded from Node's engine at run time, and for
# the traps confirmed by wabt's interpreter. A row for each module: functions, how
# many of them were loaded, bytes of their code, calls, comparisons, traps, signals,
# result. Every module runs with its functions loaded lazily, and eagerly; on this
# machine also as one object, whose calls go through no jump table; in the VM also in a
# locked process whose functions another process compiles (isolate), with the rows of
# lazy loading. Modules of up to 5,000 functions that all trap are generated
# (generated.sh). Then functions that asmjit generates, in several threads, in arenas
# and in asmjit's own runtime; and, unless WORKLOADs are named, speed (steady.sh),
# hardened services and programs with signal handlers of their own (hosts.sh), each in a
# VM of its own. LLVM's JITLink runs what Debian's clang makes of C, in an arena.
# Ends with "check-workloads: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

here=$root_dir/selftests/workloads
out=$root_dir/build/workloads
traces=$out/traces
runner=$root_dir/build/userlib/wasm/codearena-wasm
llvm=$root_dir/build/userlib/llvm
asmjit=$root_dir/build/userlib/asmjit/codearena-asmjit

# The packages of npm, by version.
packages=(hash-wasm@4.13.0 cjs-module-lexer@2.3.0 es-module-lexer@1.5.4
	source-map@0.8.0 sql.js@1.16.0
	lz4-wasm@0.9.2 xxhash-wasm@1.1.0 onigasm@2.2.5 vscode-oniguruma@2.0.1
	quickjs-emscripten@0.32.0 wasmoon@1.16.0 long@5.3.2 undici@8.12.4
	murmurhash-wasm@1.3.0 siphash24@1.3.1 sha512-wasm@2.3.4 blake2b-wasm@2.4.0
	xsalsa20@1.2.0 snappy-wasm@0.3.0 @cwasm/nsgif@0.1.2 @cwasm/lodepng@0.1.9
	@bokuweb/zstd-wasm@0.0.27 rabin-wasm@0.1.5 @echogarden/kissfft-wasm@0.2.0)
workloads=(traps generated hash-wasm cjs-module-lexer es-module-lexer source-map sql.js
	lz4-wasm xxhash-wasm onigasm vscode-oniguruma quickjs-emscripten wasmoon long undici
	murmurhash-wasm siphash24 sha512-wasm blake2b-wasm xsalsa20 snappy-wasm nsgif lodepng
	zstd-wasm rabin-wasm kissfft-wasm)

kver=${KVER:-6.1} host_only='' vm_only=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=${2:?--kver needs a value}; shift 2 ;;
	--host) host_only=yes; shift ;;
	--vm) vm_only=yes; shift ;;
	--list) printf '%s\n' "${workloads[@]}"; exit 0 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
chosen=${1:-}
if [ $# -gt 0 ]; then workloads=("$@"); fi

record_traps() {
	wast2json "$here/traps.wast" -o "$out/wast/traps.json"
	spectest-interp "$out/wast/traps.json" >"$out/wast/interpreter.log" || {
		cat "$out/wast/interpreter.log" >&2
		die "wabt's interpreter does not agree with traps.wast"
	}
	say "wabt's interpreter: $(tail -n 1 "$out/wast/interpreter.log")"
	node "$here/wast.mjs" "$out/wast/traps.json" "$traces"
}

record() {
	local name dir packaged=()
	rm -rf "$traces" "$out/wast"
	mkdir -p "$traces" "$out/wast"
	: >"$out/skipped"
	for name in "${workloads[@]}"; do
		case $name in
		traps) record_traps ;;
		generated) "$here/generated.sh" "$traces" ;;
		*) packaged+=("$name") ;;
		esac
	done
	[ ${#packaged[@]} -gt 0 ] || return 0
	need node workloads
	dir=$("$here/npm.sh" "${packages[@]}")
	say "recording ${packaged[*]} with node $(node --version)"
	CODEARENA_TRACES=$traces node "$here/workloads.mjs" "$dir" "${packaged[@]}" |
		tee "$out/skipped"
}

# Every trace's module, as an object beside it: the VM has no compiler. What it imports
# may need options.
compile_all() {
	local trace options
	for trace in "${all[@]}"; do
		options=()
		[ ! -e "${trace%.trace}.options" ] || mapfile -t options <"${trace%.trace}.options"
		"$runner" "${options[@]}" --compile "${trace%.trace}.o" "${trace%.trace}.wasm"
	done
}

heading() {
	printf '\n%s\n%-32s %5s %6s %8s %7s %8s %5s %7s  %s\n' "$1" module funcs loaded code \
		calls compared traps signals result
}

passed=0 failed=0

# count ROWS SIGNALS MODE: the rows that are well, against those that should be there.
count() {
	local good
	good=$(grep -cE "^[^ ]+( +[0-9]+){6} +$2  ok\$" "$1") || true
	passed=$((passed + good))
	failed=$((failed + ${#all[@]} - good))
	# Lazily: not all functions are compiled; else all of them are.
	if awk -v mode="$3" '/ ok$/ { functions += $2; loaded += $3 }
		END { all = loaded == functions
			exit !loaded || all == (mode ~ /lazy|isolate/) }' "$1"; then
		passed=$((passed + 1))
	else
		echo "not ok: functions loaded, $3"
		failed=$((failed + 1))
	fi
}

# same LAZY ISOLATE: the rows of one process, and of two
same() {
	if diff "$1" "$2"; then
		passed=$((passed + 1))
	else
		echo "not ok: rows of lazy and isolate differ"
		failed=$((failed + 1))
	fi
}

# count_asmjit ROWS: three, of the backend, in space used before, and asmjit's own.
count_asmjit() {
	local good
	good=$(grep -cE '^ *[a-z]+( +[0-9]+){7}  ok$' "$1") || true
	passed=$((passed + good))
	failed=$((failed + 3 - good))
}

# llvm BACKEND: what LLVM runs prints what the C compiler's program prints.
llvm() {
	local good=WRONG
	cd "$llvm"
	./codearena-lli --backend "$1" ./*.ll -- 2 >"$out/lli.text" && code=0 || code=$?
	if [ "$code" -eq 2 ] && cmp "$out/lli.text" "$out/llvm.text"; then good=ok; fi
	echo "llvm $1: $good"
}

count_llvm() {
	if grep -q "^llvm $2: ok\$" "$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

option_of() { [ "$1" = lazy ] || echo "--$1"; }

need wasm2c workloads
say "building codearena-wasm, codearena-asmjit and codearena-lli"
need llvm-config-19 workloads
make -C "$root_dir/userlib" --no-print-directory -s O="$root_dir/build/userlib" wasm asmjit llvm >&2
record
skipped=$(grep -c '^skipped ' "$out/skipped" || true)
all=("$traces"/*.trace)
[ -e "${all[0]}" ] || die "there are no traces"
compile_all

on_this_machine() {
	local mode trace
	for mode in lazy eager direct; do
		heading "On this machine, memfd backend, $mode:"
		for trace in "${all[@]}"; do
			# No option, or one.
			# shellcheck disable=SC2046
			"$runner" --backend memfd $(option_of "$mode") --replay "$trace" \
				"${trace%.trace}.o" || true
		done 2>&1 | tee "$out/host-$mode.rows"
		count "$out/host-$mode.rows" "[0-9]+" "$mode"
	done

	printf '\nOn this machine, functions by asmjit:\n'
	"$asmjit" --backend memfd 2>&1 | tee "$out/host-asmjit.rows" || true
	count_asmjit "$out/host-asmjit.rows"

	printf '\nOn this machine, LLVM:\n'
	(llvm memfd) 2>&1 | tee "$out/host-llvm.rows"
	count_llvm "$out/host-llvm.rows" memfd
}

"$llvm/work" 2 >"$out/llvm.text" || [ $? -eq 2 ]
[ -n "$vm_only" ] || on_this_machine

if [ -z "$host_only" ]; then
	mkdir -p "$out/stage"
	rm -rf "$out/stage/workloads"
	mkdir -p "$out/stage/workloads"
	mkdir -p "$out/stage/llvm"
	cp "$llvm/codearena-lli" "$llvm"/*.ll "$out/llvm.text" "$out/stage/llvm/"
	cp "$runner" "$asmjit" "$traces"/*.trace "$traces"/*.o "$out/stage/workloads/"
	# The guest's shell expands it.
	# shellcheck disable=SC2016
	"$vm_dir/run.sh" --kver "$kver" --arch x86_64 --name "workloads-$kver" \
		--stage "$out/stage" -- sh -c 'cd /workloads
		for o in "" --eager --isolate; do echo "@mode $o"; for t in *.trace; do
			./codearena-wasm --backend device $o --replay $t ${t%.trace}.o
		done; done; echo "@mode asmjit"; ./codearena-asmjit --backend device --functions 500
		cd /llvm; echo "@mode llvm"
		./codearena-lli --backend device *.ll -- 2 >/tmp/lli; [ $? -eq 2 ] &&
			cmp /tmp/lli llvm.text && echo "llvm device: ok"
		true' 2> >(cat >&2) | tr -d '\r' >"$out/vm.rows"
	for mode in lazy eager isolate; do
		heading "In a VM, kernel $kver, device, $mode:"
		awk -v mode="$(option_of "$mode")" '$1 == "@mode" { on = $2 == mode; next } on' \
			"$out/vm.rows" | tee "$out/vm-$mode.rows"
		count "$out/vm-$mode.rows" 0 "$mode"
	done
	same "$out/vm-lazy.rows" "$out/vm-isolate.rows"
	echo
	echo "In a VM, kernel $kver, functions by asmjit:"
	awk '$1 == "@mode" { on = $2 == "asmjit"; next } on' "$out/vm.rows" |
		tee "$out/vm-asmjit.rows"
	count_asmjit "$out/vm-asmjit.rows"
	echo
	echo "In a VM, kernel $kver, LLVM:"
	awk '$1 == "@mode" { on = $2 == "llvm"; next } on' "$out/vm.rows" | tee "$out/vm-llvm.rows"
	count_llvm "$out/vm-llvm.rows" device
fi

# also COMMAND...: a part of its own, whose last line counts here.
also() {
	local line counts
	"$@" | tee "$out/part" || true
	line=$(tail -n 1 "$out/part" | sed -n \
		's/^[a-z-]*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p')
	read -r -a counts <<<"${line:-0 1 0}"
	passed=$((passed + counts[0]))
	failed=$((failed + counts[1]))
	skipped=$((skipped + counts[2]))
}

if [ -z "$vm_only" ] && [ -z "$chosen" ]; then
	echo
	also "$here/messages.sh"
fi

# These choose from the modules themselves.
if [ -z "$host_only" ] && [ -z "$chosen" ]; then
	echo
	also "$here/steady.sh" --kver "$kver" "$traces"
	echo
	also "$here/hosts.sh" "$traces"
fi

echo "check-workloads: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
