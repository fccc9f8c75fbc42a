#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fetch Debian's source of a kernel and extract files of 6.1's into the cache.
#
# Usage: source.sh file FILE...      print a directory that holds these files of 6.1
#        source.sh archive [6.12]    print the path of the whole source, a .tar.xz
#
# The version is chosen once and kept, and replaced as kernel.sh says, but by itself: what
# debug-kernel.sh builds from it need not be built anew when Debian's kernel is.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"
# shellcheck source-path=SCRIPTDIR source=kernels.sh
. "$vm_dir/kernels.sh"

# What the checks, tests and documents of this project read of the kernel's
# source: taken out in one pass, since each pass reads the whole archive.
source_members='
.clang-format
.cocciconfig
COPYING
LICENSES
Documentation/userspace-api/ioctl
Documentation/sphinx
include/uapi/linux
scripts/checkpatch.pl
scripts/coccinelle
scripts/const_structs.checkpatch
scripts/kernel-doc
scripts/spdxcheck.py
scripts/spelling.txt
tools/include
tools/testing/kunit
tools/testing/selftests/kselftest
tools/testing/selftests/kselftest.h
tools/testing/selftests/kselftest_harness.h
tools/testing/selftests/lib.mk
'

offered_source() {
	local offer
	offer=$(debian_field "linux-source-$kver" Version)
	[ -z "$offer" ] || echo "$kver $offer"
}

select_source() {
	select_kernel "${1:-6.1}" x86_64
	what="source of kernel $kver" kernel_dir=$cache_dir/linux-source offered=offered_source
	[ "$kver" = 6.1 ] || kernel_dir+=-$kver
}

fetch_archive() {
	debian_use "$suites" "$deb_arch"
	local name=linux-source-$kver
	debian_unpack "$1" "./usr/src/$name.tar.xz" "$name=$version" &&
		mv "$1/usr/src/$name.tar.xz" "$1/linux.tar.xz" &&
		rm -r "${1:?}/usr"
}

source_archive() {
	select_source "$@"
	part archive fetch_archive
	echo "$version_dir/archive/linux.tar.xz"
}

# extract_source FILE...: add these files to the extracted ones.
extract_source() {
	local tree=$version_dir/tree tmp file missing
	mapfile -t missing < <(for file in "$@"; do [ -e "$tree/$file" ] || echo "$file"; done)
	[ ${#missing[@]} -gt 0 ] || return 0
	tmp=$tree.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp" "$tree"
	say "reading the kernel's source archive (takes half a minute)"
	tar -xf "$version_dir/archive/linux.tar.xz" -C "$tmp" --strip-components=1 \
		--no-same-owner --wildcards "${missing[@]/#/linux-source-6.1/}" ||
		die "not all of these are in the 6.1 source tree: ${missing[*]}"
	# Renames: a reader sees a file or folder whole or not at all.
	for file in "${missing[@]}"; do
		mkdir -p "$tree/$(dirname "$file")"
		mv "$tmp/$file" "$tree/$file"
	done
	rm -rf "$tmp"
}

have_all() {
	local dir=$1 file
	shift
	for file in "$@"; do [ -e "$dir/$file" ] || return 1; done
}

source_file() {
	[ $# -gt 0 ] || die "no file; see --help"
	select_source
	resolve
	local members
	if ! have_all "$version_dir/tree" "$@"; then
		part archive fetch_archive
		mapfile -t members < <(sed '/^$/d' <<<"$source_members")
		with_lock linux-source extract_source "${members[@]}"
		with_lock linux-source extract_source "$@"
	fi
	echo "$version_dir/tree"
}

command=${1:---help}
[ $# -eq 0 ] || shift
case $command in
-h | --help) usage ;;
file) source_file "$@" ;;
archive) source_archive "$@" ;;
*) die "no command '$command'; see $me --help" ;;
esac
