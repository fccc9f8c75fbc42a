#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build qemu-x86_64 of QEMU 7.2, user mode, with its generated code on codearena.
#
# Usage: build.sh SOURCE LIBRARY OUT
#
#   SOURCE   the unpacked source of QEMU; it is changed, and keeps the objects
#   LIBRARY  libcodearena.a; its headers are beside this script's folder
#   OUT      where the program goes
#
# CC and CFLAGS are used as make does, LINKFLAGS when the program is linked.

set -euo pipefail

case ${1:---help} in
-h | --help) sed -n '/^# Usage/,/^# CC/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd) library=$(realpath "$2") out=$3
mkdir -p "$out"
out=$(cd "$out" && pwd)
build=$source/build-codearena

cd "$source"
if [ ! -e tcg/tcg-codearena.c ]; then
	patch -p1 --forward --fuzz=0 <"$here/qemu.patch"
	cp "$here/tcg-codearena.h" include/tcg/
	cp "$here/tcg-codearena.c" tcg/
fi
mkdir -p "$build/codearena"
cd "$build"
cmp -s "$library" codearena/libcodearena.a || cp "$library" codearena/
# A copy: the objects may be kept longer than this tree.
cp -r "$here"/../../include/. "$here"/../../../uapi/linux codearena/
if [ ! -e build.ninja ]; then
	# What dependency('libcodearena') of the patch finds.
	cat >codearena/libcodearena.pc <<-PC
		Name: libcodearena
		Description: Executable memory for JIT compilers
		Version: 1.0.0
		Libs: -L$build/codearena -lcodearena -pthread
		Cflags: -I$build/codearena
	PC
	PKG_CONFIG_PATH=$build/codearena ../configure --cc="${CC:-cc}" \
		--extra-cflags="${CFLAGS:-}" --target-list=x86_64-linux-user \
		--without-default-features --disable-system --disable-tools --disable-docs \
		--disable-debug-info --disable-werror >log || { tail -n 30 log >&2; exit 1; }
fi
ninja qemu-x86_64 >log || { tail -n 30 log >&2; exit 1; }
# As it was linked, with what the caller adds.
link=$(ninja -t commands qemu-x86_64 | tail -n 1)
eval "${link/-o qemu-x86_64 /-o \"\$out/qemu-x86_64\" } ${LINKFLAGS:-}"
strip "$out/qemu-x86_64"
