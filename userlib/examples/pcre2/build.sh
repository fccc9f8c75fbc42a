#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build pcre2test and pcre2grep of PCRE2 10.42, with its JIT compiler on codearena.
#
# Usage: build.sh SOURCE LIBRARY OUT
#
#   SOURCE   the unpacked source of PCRE2; it is changed
#   LIBRARY  libcodearena.a; its headers are beside this script's folder
#   OUT      where the programs go
#
# CC and CFLAGS are used as make does.

set -euo pipefail

case ${1:---help} in
-h | --help) sed -n '/^# Usage/,/^# CC/s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$1" && pwd) library=$(realpath "$2") out=$3
mkdir -p "$out"
out=$(cd "$out" && pwd)

cd "$source"
[ -e src/sljit/sljitCodearenaAllocator.c ] || patch -p1 --forward --fuzz=0 <"$here/sljit.patch"
cp "$here/sljitCodearenaAllocator.c" src/sljit/
cp src/config.h.generic src/config.h
cp src/pcre2.h.generic src/pcre2.h
cp src/pcre2_chartables.c.dist src/pcre2_chartables.c

flags=(-DHAVE_CONFIG_H -DPCRE2_STATIC -DSUPPORT_PCRE2_8
	-DSUPPORT_UNICODE -DSUPPORT_JIT -DSUPPORT_PCRE2GREP_JIT -DSLJIT_PROT_EXECUTABLE_ALLOCATOR=1
	-DHAVE_DIRENT_H -DHAVE_SYS_STAT_H -DHAVE_SYS_TYPES_H -DHAVE_UNISTD_H
	-DHAVE_MEMMOVE -DHAVE_STRERROR -DHAVE_STDINT_H -DHAVE_INTTYPES_H -DHAVE_LIMITS_H
	-Isrc -I"$here/../../include" -I"$here/../../../uapi")
read -ra more <<<"${CFLAGS:--O2}"
parts=()
for file in src/pcre2_*.c src/pcre2posix.c; do
	case $file in
	*dftables.c | *fuzzsupport.c | *jit_match.c | *jit_misc.c | *jit_test.c | *printint.c | \
		*ucptables.c) continue ;;
	esac
	parts+=("$file")
done
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
# shellcheck disable=SC2016 # the inner shell's variables
printf '%s\n' "${parts[@]}" src/pcre2grep.c src/pcre2test.c | xargs -P "$(nproc)" -I{} sh -c '
	file=$1 objects=$2 && shift 2
	# The test program has the names of all widths.
	[ $file = src/pcre2test.c ] || set -- "$@" -DPCRE2_CODE_UNIT_WIDTH=8
	exec "$@" -c -o $objects/$(basename $file .c).o $file' sh {} "$objects" \
	"${CC:-cc}" "${more[@]}" "${flags[@]}"
for program in pcre2test pcre2grep; do
	mv "$objects/$program.o" "$out/"
done
for program in pcre2test pcre2grep; do
	"${CC:-cc}" -static -o "$out/$program" "$out/$program.o" "$objects"/*.o "$library" -lpthread
	rm "$out/$program.o"
done
