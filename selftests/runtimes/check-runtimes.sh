#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the JIT compilers of Debian's packages, unmodified, in a VM where W^X is
# enforced: as they are, which has to fail or to lose the JIT, and with codearena-run.
#
# Usage: check-runtimes.sh [OPTION]... [GROUP]...
#
#   --kver KVER   kernel of the VM, 6.12 or later (default: $KVER or 6.12)
#   --row NAME    only this runtime; may be repeated
#   --costs       count instructions, of the programs of costs/
#   --arch arm64  only the port of LuaJIT, which is built for arm64
#   --empty       with an empty preload library: all rows have to fail
#   --list        list the groups
#
# A GROUP is a file of rows/, one VM; without one all of them. The first line of a
# file names packages, each other one a runtime: name, mode, how it makes code
# executable, command. Programs are in programs/. The group "small" begins with the
# tests of the preload library itself and those of the ports (ports.sh), "qemu" with those
# of QEMU's port, which takes some minutes to build.
#
# With --costs a group is a file of costs/, with the packages of that in rows/. Its lines
# are programs: name, the multiple of the instructions of the plain program that it may
# take, mode, command; the mode "port" is the port of that name. The figures are the
# same in each run.
# Ends with "NAME: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

here=$root_dir/selftests/runtimes
out=$root_dir/build/runtimes
preload=$out/preload # a copy: others may build meanwhile
kver=${KVER:-6.12} arch=x86_64 name=check-runtimes rows=rows empty='' only=()
groups=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=${2:?--kver needs a value}; shift 2 ;;
	--arch) arch=${2:?--arch needs a value}; shift 2 ;;
	--row) only+=("${2:?--row needs a value}"); shift 2 ;;
	--costs) rows=costs name=$name-costs; shift ;;
	--empty) empty=yes; shift ;;
	--list) ls "$here/$rows"; exit 0 ;;
	-*) die "no option '$1'; see --help" ;;
	*) groups+=("$1"); shift ;;
	esac
done
[ ${#groups[@]} -gt 0 ] || mapfile -t groups < <(ls "$here/$rows")

build() {
	make -s -C "$root_dir/userlib" --no-print-directory \
		O="$root_dir/build/userlib" preload-tests all >&2
	rm -rf "$preload"
	cp "$root_dir/build/userlib/libcodearena.a" "$out/"
	cp -a "$root_dir/build/userlib/preload" "$preload"
	echo 'int codearena_preload_is_empty;' |
		gcc -shared -fPIC -x c - -o "$out/empty.so"
	[ -z "$empty" ] || cp "$out/empty.so" "$preload/libcodearena-preload.so"
}

# lines_of FILE: without comments.
lines_of() { grep -v '^#' "$here/$1"; }

# rows_of GROUP: its rows, or those of them that were asked for.
rows_of() {
	local line
	lines_of "$rows/$1" | if [ $rows = rows ]; then tail -n +2; else cat; fi |
		while read -r line; do
			[ ${#only[@]} -gt 0 ] && [[ " ${only[*]} " != *" ${line%% *} "* ]] || echo "$line"
		done
}

# run_group GROUP: prints its TAP and figures.
run_group() {
	local group=$1 packages stage guest=$here/guest-runtimes.sh kind=()
	rows_of "$group" >"$out/rows"
	[ -s "$out/rows" ] || return 0
	packages=$(lines_of "rows/$group" | head -n 1)
	# shellcheck disable=SC2086 # words
	stage=$("$here/stage.sh" $packages)
	if [ $rows = costs ]; then
		guest=$here/guest-costs.sh kind=(--run --icount)
		! grep -q ' port ' "$out/rows" || build_ports "$group"
	elif [ ${#only[@]} -eq 0 ]; then
		own_tests "$group"
	fi
	"$vm_dir/run-tests.sh" --kver "$kver" --arch x86_64 --each 3600 \
		--beside "$preload/codearena-run" --beside "$preload/libcodearena-preload.so" \
		--beside "$preload/tests" --beside "$preload/fail" --beside "$preload/tsan" \
		--beside "$out/empty.so" --beside "$out/rows" --beside "$here/programs" \
		--beside "$here/sample-mappings.sh" \
		--run --stage --run "$stage" --run --mem --run 4G "${kind[@]}" \
		"${beside[@]}" "$name-$group" -- "${own[@]}" "$guest" || true
	own=() beside=()
}

# own_tests GROUP: what it begins with. All but the ports run under codearena-run: with a
# library whose calls can fail, and with one that is linked into the tests for TSan, not
# preloaded.
own=() beside=()
own_tests() {
	local run=$preload/codearena-run
	local tsan="$run --wx=off --mdwe env TSAN_OPTIONS=handle_segv=0"
	case $1 in
	small)
		own=("$run --mdwe --wx=strict ./tests/preload_strict"
			"$run --mdwe --wx=emulate ./tests/preload_emulate"
			"$run --wx=off fail/codearena-run --mdwe --wx=strict ./tests/preload_fail"
			"$tsan ./tsan/preload_strict"
			"$tsan CODEARENA_PRELOAD=emulate ./tsan/preload_emulate"
			"$here/guest-ports.sh")
		;;
	qemu) own=("$here/guest-qemu.sh") ;;
	*) return 0 ;;
	esac
	build_ports "$1"
}

# build_ports GROUP: those that its tests or costs need.
build_ports() {
	local ports=(pcre2 luajit)
	[ "$1" != qemu ] || ports=(qemu)
	"$here/ports.sh" "$out/ports" "$out/libcodearena.a" "${ports[@]}" >&2
	beside=(--beside "$out/ports" --beside "$here/guest-lib.sh")
}

# There Debian's luajit fails under MDWE, too.
arm64_port() {
	local userlib=$root_dir/build/userlib-arm64 stage
	need aarch64-linux-gnu-gcc arm64
	export CC=aarch64-linux-gnu-gcc HOST_CC=gcc
	make -s -C "$root_dir/userlib" --no-print-directory O="$userlib" preload \
		"$userlib/libcodearena.a" >&2
	"$here/ports.sh" "$out/arm64/ports" "$userlib/libcodearena.a" luajit >&2
	stage=$("$here/stage.sh" --arch arm64 luajit)
	"$vm_dir/run-tests.sh" --kver "$kver" --arch arm64 --each 3600 \
		--beside "$userlib/preload/codearena-run" \
		--beside "$userlib/preload/libcodearena-preload.so" \
		--beside "$out/arm64/ports" --beside "$here/guest-lib.sh" \
		--beside "$here/programs" --beside "$here/sample-mappings.sh" \
		--run --stage --run "$stage" \
		check-runtimes-arm64 -- "$here/guest-ports.sh"
}

case $arch in
x86_64) ;;
arm64)
	mkdir -p "$out"
	building userlib-arm64 arm64_port
	exit
	;;
*) die "architecture $arch is not supported" ;;
esac

say "building the preload library and its tests"
mkdir -p "$out"
building userlib build
failed=0 passed=0 skipped=0
for group in "${groups[@]}"; do
	[ -e "$here/$rows/$group" ] || die "no group '$group'; see --list"
	run_group "$group" | tee "$out/$group.out"
	read -r p f s < <(sed -n 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
		"$out/$group.out" | tail -n 1) || { p=0 f=0 s=0; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$name: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
