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
# Every module does what its trace says twice, in a VM that counts instructions; the
# second time counts, without what the host does, and without calls that trap:
#
#   native   linked, with wabt's handler of SIGSEGV
#   checked  the same, with checks of memory's bounds in the code
#   direct   published as one object
#   table    published function by function; calls go through the jump table
#
# direct and table may take 1.05 times as much as native. Then the time to load:
# to publish all functions of sql.js may take 3 times as much as a memcpy() of
# their bytes. Ends with "check-steady: N passed, N failed, N skipped".

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
	[[ $name != traps-* ]] || continue
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
	--timeout 1500 --stage "$out/stage" -- sh -c 'cd /steady
	for t in *.trace; do
		n=${t%.trace}
		echo "@mode native"; ./wasm-native $n $t
		echo "@mode checked"; ./wasm-native $n+checked $t
		echo "@mode direct"; ./codearena-wasm --backend device --direct --meter --replay $t $n.o
		echo "@mode table"; ./codearena-wasm --backend device --eager --meter --replay $t $n.o
	done; true' 2> >(cat >&2) | tr -d '\r' >"$out/log"

awk '$1 == "@mode" { mode = $2 }
	$1 == "@steady" { sub(/\.trace$/, "", $2); print $2, mode, $3 }
	$1 == "@load" { last = $0; at = NR }
	$1 == "@steady" && mode == "table" { print $2, "load", last }' "$out/log" >"$out/figures"
failed=0
grep -q DIFFERENT "$out/log" && { say "a module did not do what its trace says"; failed=1; }
awk -v names="${names[*]}" -v failed="$failed" '
	$2 == "load" { publish[$1] = $6; copy[$1] = $7; bytes[$1] = $5; functions[$1] = $4; next }
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
		printf "\n%-28s %6s %9s %10s %10s %6s  (limit 3 for sql.js)\n", "publish", "funcs",
			"bytes", "publish", "memcpy", "ratio"
		for (i = 1; i <= count; i++) {
			n = name[i]
			if (!copy[n]) continue
			ratio = publish[n] / copy[n]
			printf "%-28s %6d %9d %10d %10d %6.2f  %s\n", n, functions[n], bytes[n],
				publish[n], copy[n], ratio, n ~ /^sql/ ? judge(ratio <= 3) : ""
		}
		printf "check-steady: %d passed, %d failed, 0 skipped\n", passed, failed
		exit failed > 0
	}' "$out/figures" | tee "$out/table"
