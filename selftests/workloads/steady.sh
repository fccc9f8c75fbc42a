#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Compare published WebAssembly modules with the same objects linked into a program
# that has wabt's own runtime, in guest instructions.
#
# Usage: steady.sh [--kver KVER] DIR
#
#   --kver KVER   kernel of the VM (default: $KVER or 6.1)
#
# DIR has a NAME.wasm, NAME.o and NAME.trace for each module, as run.sh makes them.
# Every module that works long enough to be compared does what its trace says four times,
# in a VM that counts instructions; the least of the last three counts, without what the
# host does, instantiation, the way into the module and out of it, first accesses to
# memory, and calls that trap:
#
#   native   linked, with wabt's handler of SIGSEGV
#   checked  the same, with checks of memory's bounds in the code
#   direct   published as one object
#   table    published function by function; calls go through the jump table
#
# direct and table may take 1.05 times as much as native. Then the time to load, for
# the last two: what the calls took that publish code, those that register its traps,
# and a memcpy() of as many bytes. To publish sql.js directly may take 3 times as much.
# Ends with "check-steady: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

kver=${KVER:-6.1}
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=${2:?--kver needs a value}; shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
dir=${1:?DIR missing; see --help}
userlib=$root_dir/build/userlib
runner=$userlib/wasm/codearena-wasm
out=$root_dir/build/workloads/steady
wrapped=(wasm_rt_allocate_memory wasm_rt_grow_memory wasm_rt_grow_funcref_table
	wasm_rt_grow_externref_table)

# add NAME OBJECT: the object as a part of the program, with one global name.
add() {
	local symbol
	symbol=glue_$(tr -c 'A-Za-z0-9\n' _ <<<"$1")
	objcopy --redefine-sym wasm_glue="$symbol" --keep-global-symbol="$symbol" \
		"$2" "$out/objects/$1.o"
	echo "extern const struct wasm_glue $symbol;" >>"$out/declarations"
	echo "	{ \"$1\", &$symbol }," >>"$out/entries"
}

link() {
	{
		cat "$out/declarations"
		echo "const struct { const char *name; const struct wasm_glue *glue; }"
		echo "native_modules[] = {"
		cat "$out/entries"
		echo "	{ 0 }"
		echo "};"
	} >"$out/table.c"
	gcc -O2 -static -o "$out/stage/steady/wasm-native" "$out/table.c" \
		"$out"/objects/*.o -Wl,--whole-archive "$userlib/wasm/native.a" \
		-Wl,--no-whole-archive "${wrapped[@]/#/-Wl,--wrap=}" -lwasm-rt-impl -lm
}

rm -rf "$out"
mkdir -p "$out/objects" "$out/stage/steady"
make -C "$root_dir/userlib" --no-print-directory -s O="$userlib" wasm wasm-native >&2
names=()
for trace in "$dir"/*.trace; do
	name=$(basename "$trace" .trace)
	# The others do too little to compare.
	case $name in
	hash-wasm-* | cjs-module-lexer-* | es-module-lexer-* | source-map-* | sql.js-*) ;;
	*) continue ;;
	esac
	names+=("$name")
	"$runner" --checks --compile "$out/checked.o" "$dir/$name.wasm"
	add "$name" "$dir/$name.o"
	add "$name+checked" "$out/checked.o"
	cp "$dir/$name.o" "$trace" "$out/stage/steady/"
done
[ ${#names[@]} -gt 0 ] || die "there are no traces in $dir"
link
cp "$runner" "$out/stage/steady/"

# The guest's shell expands it.
# shellcheck disable=SC2016
"$vm_dir/run.sh" --icount --kver "$kver" --arch x86_64 --name "steady-$kver" \
	--stage "$out/stage" -- sh -c 'cd /steady
	for t in *.trace; do
		n=${t%.trace}
		echo "@mode native"; ./wasm-native $n $t
		echo "@mode checked"; ./wasm-native $n+checked $t
		echo "@mode direct $n"; ./codearena-wasm --backend device --direct --meter --replay $t $n.o
		echo "@mode table $n"; ./codearena-wasm --backend device --eager --meter --replay $t $n.o
	done; true' 2> >(cat >&2) | tr -d '\r' >"$out/log"

awk '$1 == "@mode" { mode = $2; name = $3 }
	$1 == "@steady" { sub(/\.trace$/, "", $2); print $2, mode, $3 }
	$1 == "@load" { print name, "load", mode, $2, $3, $4, $5, $6 }' "$out/log" >"$out/figures"
failed=0
grep -q DIFFERENT "$out/log" && { say "a module did not do what its trace says"; failed=1; }
awk -v names="${names[*]}" -v failed="$failed" '
	$2 == "load" {
		publish[$1, $3] = $6; traps[$1, $3] = $7; copy[$1] = $8
		bytes[$1] = $5; functions[$1] = $4
		next
	}
	{ insns[$1, $2] = $3 }
	function judge(good) { if (good) passed++; else failed++; return good ? "ok" : "MISSED" }
	END {
		printf "%-28s %13s %8s %8s %8s  (limit 1.05)\n", "instructions", "native",
			"checked", "direct", "table"
		count = split(names, name, " ")
		for (i = 1; i <= count; i++) {
			n = name[i]; native = insns[n, "native"]
			if (!native || !insns[n, "checked"] || !insns[n, "direct"] || !insns[n, "table"]) {
				printf "%-28s no figures\n", n; failed++; continue
			}
			direct = insns[n, "direct"] / native; table = insns[n, "table"] / native
			printf "%-28s %13d %8.3f %8.3f %8.3f  %s\n", n, native,
				insns[n, "checked"] / native, direct, table,
				judge(direct <= 1.05 && table <= 1.05)
		}
		printf "\n%-28s %5s %8s %8s %8s %7s %8s %8s %8s  (limit 3)\n", "publish", "funcs",
			"bytes", "memcpy", "direct", "ratio", "traps", "table", "traps"
		for (i = 1; i <= count; i++) {
			n = name[i]
			if (!copy[n]) { printf "%-28s no figures\n", n; failed++; continue }
			direct = publish[n, "direct"]; table = publish[n, "table"]
			printf "%-28s %5d %8d %8d %8d %7.2f %8d %8d %8d  %s\n", n, functions[n],
				bytes[n], copy[n], direct, direct / copy[n], traps[n, "direct"],
				table, traps[n, "table"],
				n ~ /^sql/ ? judge(direct > 0 && direct / copy[n] <= 3) : ""
		}
		printf "check-steady: %d passed, %d failed, 0 skipped\n", passed, failed
		exit failed > 0
	}' "$out/figures" | tee "$out/table"
