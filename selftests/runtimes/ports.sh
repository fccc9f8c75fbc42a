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
#   PORT     pcre2, luajit, or qemu, which takes some minutes
#
# For another architecture CC is its compiler, and HOST_CC that of this one.
# The sources are kept in the cache, and so are the objects of LuaJIT and QEMU, by what
# they are made from. Prints the ports that were built; a source that Debian no longer has
# is said, and is none of them.

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
	key=$({ cat "$port"/*.[ch] "$port"/*.{patch,sh} "$root_dir"/userlib/include/codearena.h \
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

# object NAME: compile NAME.c; prints what it became.
object() {
	"${CC:-cc}" -O2 -Wall -c -I"$root_dir/userlib/include" -I"$root_dir/uapi" \
		-o "$out/$1.o" "$(dirname "$0")/$1.c"
	echo "$out/$1.o"
}

wrap_of() { printf -- '-Wl,--wrap=%s ' "$@"; }

# What links in the calls of fail.c, in one line.
failing() {
	printf '%s ' "$(object fail)"
	wrap_of codearena_arena_{new,commit,decommit,publish,patch,clone}
}

luajit() {
	local version=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1
	local build=$root_dir/userlib/examples/luajit/build.sh
	fetch luajit $version || { say "Debian has no source of luajit $version"; return 0; }
	built luajit
	with_lock runtimes-luajit "$build" "$built" "$library" "$out/luajit" >&2
	# The same with calls of the library that can be made to fail.
	LINKFLAGS=$(failing) with_lock runtimes-luajit "$build" "$built" "$library" \
		"$out/luajit/fail" >&2
	# What it comes with in Lua: a program that reads its interpreter's assembly.
	cp -a "$built/dynasm" "$out/luajit/"
	cp "$built/src/vm_x64.dasc" "$out/luajit/"
	echo luajit
}

qemu() {
	local version=1:7.2+dfsg-7+deb12u18 build=$root_dir/userlib/examples/qemu/build.sh
	fetch qemu $version || { say "Debian has no source of qemu $version"; return 0; }
	built qemu
	with_lock runtimes-qemu "$build" "$built" "$library" "$out" >&2
	# The same with a small buffer, and calls that can be made to fail.
	LINKFLAGS="$(failing) $(object flush) $(wrap_of preexit_cleanup \
		qemu_get_host_physmem tcg_codearena_flush)" \
		with_lock runtimes-qemu "$build" "$built" "$library" "$out/small" >&2
	"${CC:-cc}" -O1 -static -pthread -o "$out/qemu-guest" \
		"$(dirname "$0")/programs/qemu-guest.c"
	echo qemu
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
