#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the runtimes that are ported to the library, from Debian's sources.
#
# Usage: ports.sh OUT LIBRARY
#
#   OUT      gets programs and their test data
#   LIBRARY  libcodearena.a
#
# The sources are kept in the cache. Prints the ports that were built; a source that
# Debian no longer has is said, and is none of them.

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

need patch ports
need dpkg-source ports
debian_use bookworm amd64 deb-src
rm -rf "$out"
mkdir -p "$out"
pcre2
