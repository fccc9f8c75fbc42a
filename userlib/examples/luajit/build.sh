#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build luajit of LuaJIT 2.1, with its machine code on codearena.
#
# Usage: build.sh SOURCE LIBRARY OUT
#
#   SOURCE   the unpacked source of LuaJIT; it is changed, and keeps the objects
#   LIBRARY  libcodearena.a; its headers are beside this script's folder
#   OUT      where the program goes
#
# CC and CFLAGS are used as make does, HOST_CC for what runs while it builds, LINKFLAGS
# when the program is linked.

set -euo pipefail

case ${1:---help} in
-h | --help) sed -n '/^# Usage/,/^# when/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd) library=$(realpath "$2") out=$3
mkdir -p "$out"
out=$(cd "$out" && pwd)

cd "$source"
if [ ! -e src/lj_mcode_codearena.c ]; then
	patch -p1 --forward --fuzz=0 <"$here/luajit.patch"
	cp "$here/lj_mcode_codearena.c" src/
fi
make -s -C src -j"$(nproc)" BUILDMODE=static CC="${CC:-cc}" \
	HOST_CC="${HOST_CC:-${CC:-cc}}" ${CFLAGS:+CFLAGS="$CFLAGS"} \
	XCFLAGS="-DLUAJIT_USE_CODEARENA -I$here/../../include -I$here/../../../uapi" \
	libluajit.a luajit.o
# Symbols are exported for modules in C.
read -ra more <<<"${LINKFLAGS:-}"
"${CC:-cc}" -Wl,-E -s -o "$out/luajit" src/luajit.o src/libluajit.a "${more[@]}" "$library" \
	-lm -ldl -lpthread
