#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the runtimes that are ported to the library, from Debian's sources.
#
# Usage: ports.sh OUT LIBRARY PORT...
#
#   OUT      gets programs and their test data
#   LIBRARY  libcodearena.a
#   PORT     pcre2 or luajit
#
# For another architecture CC is its compiler, and HOST_CC that of this one.
# The sources are kept in the cache, and so are LuaJIT's objects, by what they are made
# from. Prints the ports that were built; a source that Debian no longer has is said,
# and is none of them.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source-path=SCRIPTDIR source=../vm/debian.sh
. "$vm_dir/debian.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
out=$1 library=${2:?LIBRARY missing; see --help}

# fetch PACKAGE VERSION: its source, unpacked in $source.
fetch() {
	source=$cache_dir/runtimes/source/$1-$2
	with_lock runtimes fetch_once "$1" "$2"
}

fetch_once() {
	[ ! -d "$source" ] || return 0
	mkdir -p "$source.new"
	# Another version would need another patch.
	(cd "$source.new" && apt-get -qq source --download-only "$1=$2" >&2 &&
		dpkg-source -q --no-check -x ./*.dsc unpacked >&2) || {
		rm -rf "$source.new"
		return 1
	}
	mv "$source.new/unpacked" "$source"
	rm -rf "$source.new"
}

pcre2() {
	local copy
	fetch pcre2 10.42-1 || { say "Debian has no source of pcre2 10.42-1"; return 0; }
	copy=$out/source
	rm -rf "$copy"
	cp -a "$source" "$copy"
	"$root_dir/userlib/examples/pcre2/build.sh" "$copy" "$library" "$out" >&2
	cp -a "$copy/testdata" "$out/testdata"
	rm -rf "$copy"
	echo pcre2
}

# built PACKAGE: a copy of $source in $built for what the port's objects depend on.
built() {
	local port=$root_dir/userlib/examples/$1 key
	key=$({ cat "$port"/*.{c,patch,sh} "$root_dir"/userlib/include/codearena.h \
		"$root_dir"/uapi/linux/codearena.h; "${CC:-cc}" --version; } | sha256sum)
	built=$cache_dir/runtimes/built/$1-${key:0:16}
	with_lock "runtimes-$1" built_once
}

built_once() {
	[ ! -d "$built" ] || return 0
	mkdir -p "${built%/*}"
	rm -rf "$built.new"
	cp -a "$source" "$built.new"
	mv "$built.new" "$built"
}

luajit() {
	local version=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1 fail wrap
	local build=$root_dir/userlib/examples/luajit/build.sh
	fetch luajit $version || { say "Debian has no source of luajit $version"; return 0; }
	built luajit
	with_lock runtimes-luajit "$build" "$built" "$library" "$out/luajit" >&2
	# The same with calls of the library that can be made to fail.
	fail=$out/fail.o
	"${CC:-cc}" -O2 -Wall -c -I"$root_dir/userlib/include" -I"$root_dir/uapi" \
		-o "$fail" "$(dirname "$0")/fail.c"
	wrap=$(printf -- '-Wl,--wrap=codearena_arena_%s ' new commit publish patch clone)
	LINKFLAGS="$fail $wrap" with_lock runtimes-luajit "$build" "$built" "$library" \
		"$out/luajit/fail" >&2
	# What it comes with in Lua: a program that reads its interpreter's assembly.
	cp -a "$built/dynasm" "$out/luajit/"
	cp "$built/src/vm_x64.dasc" "$out/luajit/"
	echo luajit
}

need patch ports
need dpkg-source ports
debian_use bookworm amd64 deb-src
rm -rf "$out"
mkdir -p "$out"
shift 2
for port in "$@"; do
	"$port"
done
