#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Put Debian packages, with all that they depend on, into a directory that a VM can
# have as its root, without installing them.
#
# Usage: stage.sh [--arch ARCH] PACKAGE...
#
# ARCH is one of Debian's (default: amd64). Prints the directory. Downloads it once, into
# the cache.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source-path=SCRIPTDIR source=../vm/debian.sh
. "$vm_dir/debian.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
arch=amd64
if [ "$1" = --arch ]; then
	arch=${2:?--arch needs a value}
	shift 2
fi
names=$*
stage=$cache_dir/runtimes/${names// /+}
[ "$arch" = amd64 ] || stage+=-$arch

closure() {
	apt-get -s -o Debug::NoLocking=1 --no-install-recommends install "$@" |
		sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

# What no program needs to run.
prune() {
	rm -rf "$1"/usr/share/{doc,man,locale,info,lintian,i18n,bash-completion} \
		"$1"/usr/share/zoneinfo \
		"$1"/usr/lib/locale
	# Packages of JIT compilers depend on compilers, which only tcc needs something of.
	[[ " $names " == *" libc6-dev "* ]] ||
		rm -rf "$1"/usr/include "$1"/usr/lib/gcc "$1"/usr/lib/llvm-* \
			"$1"/usr/lib/x86_64-linux-gnu/*.a
}

make_stage() {
	local packages
	[ ! -d "$stage" ] || return 0
	debian_use bookworm "$arch"
	mapfile -t packages < <(closure "$@")
	[ ${#packages[@]} -gt 0 ] || die "apt finds no $* in bookworm"
	rm -rf "$stage.new"
	debian_unpack "$stage.new" './*' "${packages[@]}"
	prune "$stage.new"
	mv "$stage.new" "$stage"
}

with_lock "runtimes" make_stage "$@" >&2
echo "$stage"
