#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Stage a program of a Debian package, with all it needs to run in a test VM, without
# installing it.
#
# Usage: stage-program.sh PACKAGE PROGRAM ARCH
#
# Prints the directory, for run.sh --stage. ARCH is x86_64 or arm64. Downloads it
# once, into the cache.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"

suite=bookworm

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
package=$1 program=${2:?PROGRAM missing; see --help}
case ${3:?ARCH missing; see --help} in
x86_64) debian_arch=amd64 ;;
arm64) debian_arch=arm64 ;;
*) die "architecture $3 is not supported" ;;
esac
stage=$cache_dir/$program-$suite-$debian_arch

# closure PACKAGE: what apt would install for it where nothing is installed.
closure() {
	apt-get -s -o Debug::NoLocking=1 --no-install-recommends install "$1" |
		sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

# needed FILE: the libraries that it names, and its loader.
needed() {
	readelf -ld "$1" |
		sed -n -e 's/.*(NEEDED).*\[\(.*\)\]/\1/p' \
			-e 's,.*program interpreter: .*/\(.*\)\],\1,p'
}

# copy FROM TO FILE: FILE and, one after the other, all that it needs. Links keep
# their names, so that the loader finds what it looks for.
copy() {
	local from=$1 to=$2 names=("$3") name path
	local places='.*/\(bin\|lib[^/]*\|lib/[^/]*-linux-gnu\)/[^/]*'
	while [ ${#names[@]} -gt 0 ]; do
		name=${names[0]}
		names=("${names[@]:1}")
		path=$(cd "$from" &&
			find . ! -type d -name "$name" -regex "$places" | head -n 1)
		[ -n "$path" ] || die "nothing in the packages is called $name"
		[ ! -e "$to/$path" ] || continue
		mkdir -p "$to/${path%/*}"
		cp -L "$from/$path" "$to/$path"
		mapfile -t -O ${#names[@]} names < <(needed "$to/$path")
	done
	# The loader has its place, wherever its package has it.
	name=$(readelf -l "$to/usr/bin/$program" | sed -n 's,.*program interpreter: \(.*\)\],\1,p')
	[ -e "$to/$name" ] || install -D -m 755 "$(find "$to" -name "${name##*/}")" "$to/$name"
}

make_stage() {
	local packages tree=$stage.packages
	[ ! -e "$stage/usr/bin/$program" ] || return 0
	need readelf build
	debian_use "$suite" "$debian_arch"
	mapfile -t packages < <(closure "$package")
	[ ${#packages[@]} -gt 0 ] || die "apt finds no $package in $suite for $debian_arch"
	rm -rf "$tree" "$stage.new"
	debian_unpack "$tree" './*' "${packages[@]}"
	copy "$tree" "$stage.new" "$program"
	rm -rf "$tree" "$stage"
	mv "$stage.new" "$stage"
}

with_lock "$program-$debian_arch" make_stage >&2
echo "$stage"
