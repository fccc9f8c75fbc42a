#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fetch what the library's tests need of another architecture, once, into the cache.
#
# Usage: cross-tests.sh ARCH
#
# Prints a directory: usr/include and lib/ have cmocka and capstone to compile and link
# with, and root/ the libraries to run with, for run.sh --stage. Nothing is installed.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
# Debian 13 is the first with riscv64.
riscv64) suite=trixie triplet=riscv64-linux-gnu capstone=libcapstone5 ;;
arm64) suite=bookworm triplet=aarch64-linux-gnu capstone=libcapstone4 ;;
*) die "architecture $1 is not supported" ;;
esac
arch=$1 tests=$cache_dir/cross-tests-$suite-$1

make_tests() {
	local tree=$tests.packages new=$tests.new loader
	[ ! -d "$tests" ] || return 0
	debian_use "$suite" "$arch"
	rm -rf "$tree" "$new"
	debian_unpack "$tree" './*' libcmocka0 libcmocka-dev "$capstone" libcapstone-dev \
		libc6 libgcc-s1 libstdc++6 libatomic1
	mkdir -p "$new/usr" "$new/lib" "$new/root/lib/$triplet"
	cp -r "$tree/usr/include" "$new/usr/"
	# By name: the development packages' links are absolute where /lib was moved.
	find "$tree" -path "*/$triplet/*.so*" ! -path '*/gconv/*' ! -path '*/audit/*' \
		-exec cp -L {} "$new/root/lib/$triplet/" \;
	cp -P "$new/root/lib/$triplet"/lib{cmocka,capstone}.so* "$new/lib/"
	# The loader is found by the name that programs have it under.
	loader=$(find "$tree" -name 'ld-linux-*.so.1' | head -n 1)
	cp -L "$loader" "$new/root/lib/"
	mv "$new" "$tests"
	rm -rf "$tree"
}

with_lock "cross-tests-$arch" make_tests >&2
echo "$tests"
