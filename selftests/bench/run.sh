#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the benchmarks and write build/bench.tsv: name, unit, codearena, peer name,
# peer, ratio (peer / codearena). The module's run in a VM that counts instructions
# (unit insn), the library's on this machine (unit ns), where times are as exact
# as it is idle.
#
# Usage: run.sh [--kver KVER] [--arch ARCH] [--out FILE] [CASE]...
#
#   --kver KVER   kernel, see ../vm/kernel.sh list (default: $KVER or 6.1)
#   --arch ARCH   x86_64 or arm64 (default: $ARCH or x86_64)
#   --out FILE    the rows (default: build/bench.tsv)
#
# Fails if a row is missing, unless CASEs were named: then only those run. Those
# of the library are the programs pool, lookup and module. Fails as well, with
# the rows written, if one has a smaller ratio than it is to have.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
me=$(basename "$0")

# The rows that there have to be, as "name peer", and what the ratio has to be at
# least. A million regions may take 1.6 times as long as a thousand: 0.625.
required="
ioctl_empty native
publish_64 mprotect
publish_64 procmem
publish_64 memfd
publish_256x256 mprotect
publish_256x256 procmem
publish_256x256 memfd
replace_64 mprotect
replace_64 procmem
replace_64 memfd
replace_64_threads mprotect
replace_64_threads procmem
replace_64_threads memfd
write_bulk memfd
write_bulk pwrite
write_bulk procmem
patch_slot mprotect
patch_slot procmem
patch_slot memfd
patch_256 mprotect
patch_256 procmem
patch_256 memfd
patch_slot_sync mprotect
patch_slot_sync procmem
patch_slot_sync memfd
discard_64 mprotect
discard_64 procmem
publish_discard_64 mprotect
publish_discard_64 procmem
commit_page mmap
reserve_2g mmap
trap_memory signal
trap_divide signal
trap_undefined signal
trap_scale one_table
pool_100k std_set 20
pool_scale one_thousand 0.625
lookup_1m std_map 4
module_add asmjit 1
module_add asmjit_fill 1
"

# What rows may cost at most, in instructions on the kernel named below, where they
# are exactly reproducible. Replacing a function: 1.3 times publishing it, and what
# synchronising adds to a patch.
most_on="6.1 x86_64"
most="
publish_64 1050
publish_256x256 300
replace_64 1568
patch_slot 1000
discard_64 1400
"

die() {
	echo "$me: $*" >&2
	exit 1
}

kver=${KVER:-6.1} arch=${ARCH:-x86_64} out=$root/build/bench.tsv
cases=() host_cases=()
while [ $# -gt 0 ]; do
	case $1 in
	--kver | --arch | --out)
		[ $# -ge 2 ] || die "option $1 needs a value; see --help"
		printf -v "${1#--}" %s "$2"
		shift 2
		;;
	-h | --help) sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) die "no option '$1'; see --help" ;;
	pool | lookup | module) host_cases+=("$1"); shift ;;
	*) cases+=("$1"); shift ;;
	esac
done
all=
if [ $((${#cases[@]} + ${#host_cases[@]})) -eq 0 ]; then
	all=yes host_cases=(pool lookup module)
fi

cross=
[ "$arch" != arm64 ] || cross=aarch64-linux-gnu-
build=$root/build/bench/$arch
make -s -C "$here" O="$build" CROSS_COMPILE="$cross"

mkdir -p "$(dirname "$out")"
log=$(mktemp "${TMPDIR:-/tmp}/codearena-bench.XXXXXX")
rows=$(mktemp "$out.XXXXXX")
trap 'rm -f "$log" "$rows"' EXIT

in_vm() {
	local code=0
	"$here/../vm/run.sh" --icount --kver "$kver" --arch "$arch" \
		--name "bench-$kver-$arch" --timeout 1800 \
		--file "$build/bench:/bench" -- /bench "${cases[@]}" >"$log" || code=$?
	tr -d '\r' <"$log" | grep -v '^@row' || true
	tr -d '\r' <"$log" | sed -n 's/^@row\t//p' >>"$rows"
	[ "$code" -eq 0 ] || die "the benchmark failed with status $code"
}

# In a VM only instructions can be counted, and these are about caches as well.
on_host() {
	local program=$1
	echo "$me: $program, on this machine"
	make -s -C "$root/userlib" O="$root/build/userlib" "bench-$program"
	"$root/build/userlib/bench/$program" >"$log" || die "the benchmark $program failed"
	cat "$log"
	awk -F '\t' 'NF == 6' "$log" >>"$rows"
}

if [ -n "$all" ] || [ ${#cases[@]} -gt 0 ]; then in_vm; fi
for program in "${host_cases[@]}"; do on_host "$program"; done

missing=0
if [ -n "$all" ]; then
	while read -r name peer _; do
		[ -n "$name" ] || continue
		awk -F '\t' -v name="$name" -v peer="$peer" '
			NF == 6 && $1 == name && $4 == peer && $3 > 0 && $5 > 0 { found = 1 }
			END { exit !found }' "$rows" && continue
		echo "$me: no row for $name against $peer" >&2
		missing=$((missing + 1))
	done <<<"$required"
fi
[ "$missing" -eq 0 ] || die "$missing rows are missing"
mv "$rows" "$out"
chmod 644 "$out"

# Rows of cases that did not run are none to judge.
held=0 missed=0
while read -r name peer least; do
	[ -n "$least" ] || continue
	ratio=$(awk -F '\t' -v name="$name" -v peer="$peer" \
		'NF == 6 && $1 == name && $4 == peer { print $6; exit }' "$out")
	[ -n "$ratio" ] || continue
	if awk -v ratio="$ratio" -v least="$least" 'BEGIN { exit !(ratio >= least) }'; then
		verdict=held held=$((held + 1))
	else
		verdict=MISSED missed=$((missed + 1))
	fi
	echo "$me: $name against $peer: $ratio, at least $least: $verdict"
done <<<"$required"
while read -r name limit; do
	if [ -z "$name" ] || [ "$kver $arch" != "$most_on" ]; then continue; fi
	count=$(awk -F '\t' -v name="$name" '
		NF == 6 && $1 == name && $2 == "insn" { print $3; exit }' "$out")
	[ -n "$count" ] || continue
	if [ "$count" -le "$limit" ]; then
		verdict=held held=$((held + 1))
	else
		verdict=MISSED missed=$((missed + 1))
	fi
	echo "$me: $name: $count instructions, at most $limit: $verdict"
done <<<"$most"
echo "$me: $(wc -l <"$out") rows in ${out#"$root"/}, $held limits held, $missed missed"
[ "$missed" -eq 0 ]
