#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build a debug kernel from Debian's source, once, into the cache.
#
# Usage: debug-kernel.sh build [debug-rt]   print the directory of the kernel; it holds
#                                           image/vmlinuz, image/config and build/, the
#                                           directory for `make -C DIR M=...`
#        debug-kernel.sh clean              remove all debug kernels from the cache
#
# debug-rt is 6.12 with PREEMPT_RT, the other 6.1. The key of the cache is the version
# of the source and the .config files beside this script. Takes 10 to 20 minutes on two
# processors, and 3 GB.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

configs=("$vm_dir/debug.config")

# Say how far `make` is, by the object files that it has named so far.
show_progress() {
	local log=$1 seconds=0
	while sleep 30; do
		seconds=$((seconds + 30))
		say "building the debug kernel, ${seconds}s, $(grep -c '^  CC' "$log") files"
	done
}

# The build directory names itself and the source by their paths, so it is made
# in its place; it is complete when the stamp is there.
build() {
	local dir=$1 archive=$2 log=$1/build.log progress code=0
	[ ! -e "$dir/stamp" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/image" "$dir/build" "$dir/source"
	say "unpacking the kernel's source"
	tar -xf "$archive" -C "$dir/source" --strip-components=1 --no-same-owner

	make -C "$dir/source" O="$dir/build" tinyconfig >"$log" 2>&1
	"$dir/source/scripts/kconfig/merge_config.sh" -m -O "$dir/build" \
		"$dir/build/.config" "${configs[@]}" >>"$log" 2>&1
	make -C "$dir/source" O="$dir/build" olddefconfig >>"$log" 2>&1
	show_progress "$log" &
	progress=$!
	nice make -C "$dir/source" O="$dir/build" -j"$(nproc)" bzImage modules >>"$log" 2>&1 ||
		code=$?
	kill "$progress"
	if [ "$code" != 0 ]; then
		tail -n 30 "$log" >&2
		die "the debug kernel does not build; all of the output is in $log"
	fi
	cp "$dir/build/arch/x86/boot/bzImage" "$dir/image/vmlinuz"
	cp "$dir/build/.config" "$dir/image/config"
	touch "$dir/stamp"
}

case ${1:---help} in
-h | --help) usage ;;
clean) rm -rf "$cache_dir"/kernels/debug{,-rt}-x86_64 ;;
build)
	kver=${2:-debug} source=6.1
	case $kver in
	debug) ;;
	debug-rt) source=6.12 configs+=("$vm_dir/debug-rt.config") ;;
	*) die "no debug kernel '$kver'; see $me --help" ;;
	esac
	kernels=$cache_dir/kernels/$kver-x86_64
	for tool in flex bison bc; do need "$tool" debug; done
	archive=$("$vm_dir/source.sh" archive "$source")
	version=$(basename "$(dirname "$(dirname "$archive")")")
	dir=$kernels/${version#linux-source-}-$(cat "${configs[@]}" | sha256sum | cut -c 1-12)
	mkdir -p "$kernels"
	with_lock "$kver-kernel" build "$dir" "$archive"
	echo "$dir"
	;;
*) die "no command '$1'; see $me --help" ;;
esac
