#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build a kernel that no package has from Debian's source, once, into the cache: the debug
# kernels for x86-64, and one for arm64 with pages of 64 KiB.
#
# Usage: debug-kernel.sh build [KVER]   print the directory of the kernel; it holds
#                                       image/vmlinuz, image/config and build/, the
#                                       directory for `make -C DIR M=...`
#        debug-kernel.sh clean          remove all of these kernels from the cache
#
# KVER is "debug", of 6.1, "debug-rt", of 6.12 with PREEMPT_RT, or "64k", of 6.12. The key
# of the cache is the version of the source and the .config files beside this script.
# Takes 10 to 20 minutes on two processors, and 3 GB.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# What the kernel is built from, for and with.
kver=debug arch=x86_64 source=6.1 configs=("$vm_dir/debug.config") variables=()
image=arch/x86/boot/bzImage

select_kernel() {
	case $1 in
	debug) ;;
	debug-rt) source=6.12 configs+=("$vm_dir/debug-rt.config") ;;
	64k)
		source=6.12 arch=arm64 configs=("$vm_dir/64k.config") image=arch/arm64/boot/Image
		variables=(ARCH=arm64 "CROSS_COMPILE=$("$vm_dir/kernel.sh" cross-compile arm64)")
		;;
	*) die "no kernel '$1' to build; see $me --help" ;;
	esac
	kver=$1
}

# Say how far `make` is, by the object files that it has named so far.
show_progress() {
	local log=$1 seconds=0
	while sleep 30; do
		seconds=$((seconds + 30))
		say "building the $kver kernel, ${seconds}s, $(grep -c '^  CC' "$log") files"
	done
}

# The build directory names itself and the source by their paths, so it is made
# in its place; it is complete when the stamp is there.
build() {
	local dir=$1 archive=$2 log=$1/build.log progress code=0 make
	[ ! -e "$dir/stamp" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/image" "$dir/build" "$dir/source"
	say "unpacking the kernel's source"
	tar -xf "$archive" -C "$dir/source" --strip-components=1 --no-same-owner

	make=(make -C "$dir/source" O="$dir/build" "${variables[@]}")
	"${make[@]}" tinyconfig >"$log" 2>&1
	"$dir/source/scripts/kconfig/merge_config.sh" -m -O "$dir/build" \
		"$dir/build/.config" "${configs[@]}" >>"$log" 2>&1
	"${make[@]}" olddefconfig >>"$log" 2>&1
	show_progress "$log" &
	progress=$!
	nice "${make[@]}" -j"$(nproc)" "${image##*/}" modules >>"$log" 2>&1 || code=$?
	kill "$progress"
	if [ "$code" != 0 ]; then
		tail -n 30 "$log" >&2
		die "the $kver kernel does not build; all of the output is in $log"
	fi
	cp "$dir/build/$image" "$dir/image/vmlinuz"
	cp "$dir/build/.config" "$dir/image/config"
	touch "$dir/stamp"
}

case ${1:---help} in
-h | --help) usage ;;
clean) rm -rf "$cache_dir"/kernels/{debug,debug-rt}-x86_64 "$cache_dir/kernels/64k-arm64" ;;
build)
	select_kernel "${2:-debug}"
	kernels=$cache_dir/kernels/$kver-$arch
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
