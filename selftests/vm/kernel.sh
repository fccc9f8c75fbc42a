#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fetch a Debian kernel and its build directory into the cache.
#
# Usage: kernel.sh image KVER ARCH        print a directory that holds vmlinuz and config
#        kernel.sh headers KVER ARCH      print a directory for `make -C DIR M=...`
#        kernel.sh make-vars KVER ARCH    print the variables that such a make needs
#        kernel.sh cross-compile ARCH     print the prefix of the compiler for ARCH
#        kernel.sh busybox ARCH           print the path of a static busybox
#        kernel.sh swap-modules KVER ARCH print a directory with the modules for swap on
#                                         a zram disk and "order", their names in the
#                                         order to load them; nothing where the kernel
#                                         needs none
#        kernel.sh release KVER ARCH      print the kernel's release, as uname -r would
#        kernel.sh refresh KVER ARCH      look for a newer version of this kernel
#        kernel.sh list                   list the supported KVER and ARCH
#
# KVER names a Debian suite, not a version: 6.1 or "stable" is bookworm's kernel, 6.12
# or "backports" that of bookworm-backports, "newest" or 7.2 that of trixie-backports,
# whose version grows (for riscv64 that of testing); "deb13" is trixie's. "rt" and "rt-deb13" are
# those of bookworm and trixie with PREEMPT_RT, "16k" is trixie's with pages of 16 KiB.
# "debug", "debug-rt" and "64k" are the kernels that debug-kernel.sh builds.
#
# The version is chosen at the first use and kept; when it is needed again and has gone
# from the suite, the one on offer replaces it.
#
# The cache is $CODEARENA_CACHE, else $XDG_CACHE_HOME/codearena, else
# ~/.cache/codearena. Nothing is installed into the system.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"
# shellcheck source-path=SCRIPTDIR source=kernels.sh
. "$vm_dir/kernels.sh"

is_built() { [[ $1 == debug || $1 == debug-rt || $1 == 64k ]]; }

# Some kernels are built, not fetched: built_kernel KVER ARCH PART prints the path of
# PART if one of them is meant.
built_kernel() {
	local dir only=x86_64
	is_built "${1-}" || return 1
	[ "$1" != 64k ] || only=arm64
	[ "${2-}" = "$only" ] || die "the $1 kernel is for $only only"
	dir=$("$vm_dir/debug-kernel.sh" build "$1") || exit 1
	echo "$dir/$3"
}

fetch_image() {
	local tmp=$1 unpacked=$1/deb
	debian_use "$suites" "$deb_arch"
	if [ -n "$(debian_field "linux-binary-$release" Version)" ]; then
		# Since 7.0 image and configuration are packages of their own.
		debian_unpack "$unpacked" './usr/lib/modules/*' \
			"linux-binary-$release=$version" "linux-base-$release=$version"
	else
		debian_unpack "$unpacked" "./boot/* $swap_members" "linux-image-$release=$version" &&
			keep_swap_modules "$unpacked"
	fi || return 1
	# riscv64's image is named after the uncompressed kernel.
	find "$unpacked" -name 'vmlinu[xz]*' -exec mv {} "$tmp/vmlinuz" \; &&
		find "$unpacked" \( -name config -o -name 'config-*' \) -exec mv {} "$tmp/config" \; &&
		rm -rf "$unpacked" && [ -s "$tmp/vmlinuz" ] && [ -s "$tmp/config" ]
}

# The modules that zram may need; their names all have a z.
swap_members='./*lib/modules/*/kernel/*z*.ko*'

# module_order DIR NAME: print the files of a module and of those it needs, in order.
module_order() {
	local file need
	file=$(find "$1" -name "$2.ko*" | head -n 1)
	[ -n "$file" ] || return 1
	for need in $(modinfo -F depends "$file" | tr , ' '); do
		module_order "$1" "${need//_/?}" || return 1
	done
	echo "$file"
}

# swap_modules_of DIR TO: put zram and what it needs, from DIR, into TO.
swap_modules_of() {
	local file name
	: >"$2/order"
	module_order "$1" zram >"$2/files" || return 1
	while read -r file; do
		name=${file##*/}
		cp "$file" "$2/" || return 1
		case $name in
		*.xz) xz -d "$2/$name" && name=${name%.xz} || return 1 ;;
		esac
		grep -qxF "$name" "$2/order" || echo "$name" >>"$2/order"
	done <"$2/files"
	rm "$2/files"
}

# Where the image's package has the modules too, it is not fetched twice.
keep_swap_modules() {
	local dir=$version_dir/swap-modules
	[ ! -d "$dir" ] || return 0
	mkdir -p "$dir.tmp" && swap_modules_of "$1" "$dir.tmp" && mv "$dir.tmp" "$dir"
}

fetch_swap_modules() {
	local tmp=$1 unpacked=$1/deb package=linux-image-$release
	debian_use "$suites" "$deb_arch"
	[ -z "$(debian_field "linux-modules-$release" Version)" ] || package=linux-modules-$release
	debian_unpack "$unpacked" "$swap_members" "$package=$version" &&
		swap_modules_of "$unpacked" "$tmp" && rm -rf "$unpacked"
}

swap_modules() {
	! is_built "${1-}" || return 0
	select_kernel "$@"
	image_and_headers
	part swap-modules fetch_swap_modules
	echo "$version_dir/swap-modules"
}

image() {
	! built_kernel "${1-}" "${2-}" image || return 0
	select_kernel "$@"
	image_and_headers
	echo "$version_dir/image"
}

fetch_headers() {
	local tmp=$1 final=$version_dir/headers headers=linux-headers-$release depends
	debian_use "$suites" "$deb_arch"
	depends=$(debian_field "$headers" Depends)
	debian_unpack "$tmp" './*' "$headers=$version" \
		"$(grep -oE 'linux-headers-[^ ,]+' <<<"$depends" | head -n 1)=$version" || return 1
	# Programs that run here, whatever the kernel's architecture.
	debian_use "$suites" "$(dpkg --print-architecture)"
	debian_unpack "$tmp" './*' \
		"$(grep -oE 'linux-kbuild-[^ ,]+' <<<"$depends" | head -n 1)=$version" || return 1
	# Debian's headers name /usr/src and /usr/lib absolutely.
	find "$tmp/usr/src" -maxdepth 2 \( -name Makefile -o -name .kernelvariables \) -type f \
		-exec sed -i "s,/usr/src/linux-headers,$final/usr/src/linux-headers,g" {} + &&
		"$vm_dir/adapt-headers.sh" "$tmp" "$final"
}

# Fetched together, so that a module is never built for another version than it is
# loaded into.
image_and_headers() {
	local first
	part image fetch_image
	first=$version
	part headers fetch_headers
	[ "$version" = "$first" ] || part image fetch_image
}

headers() {
	! built_kernel "${1-}" "${2-}" build || return 0
	select_kernel "$@"
	image_and_headers
	echo "$version_dir/headers/usr/src/linux-headers-$release"
}

release() {
	local build
	if build=$(built_kernel "${1-}" "${2-}" build); then
		cat "$build/include/config/kernel.release"
		return
	fi
	select_kernel "$@"
	resolve
	echo "$release"
}

# One variable per line.
make_vars() {
	local headers prefix compiler
	prefix=$(cross_compile "${2-}")
	if ! is_built "${1-}"; then
		headers=$(headers "$@")
		select_kernel "$@"
		# The compiler that made the kernel, if it is here.
		compiler=$prefix$(grep -oE 'gcc-[0-9]+' "$headers/.kernelvariables" | head -n 1)
		command -v "$compiler" >/dev/null || echo "CC=${prefix}gcc"
		# No type information: it would need pahole and the uncompressed kernel.
		echo CONFIG_DEBUG_INFO_BTF_MODULES=
	fi
	case $2 in
	arm64) printf '%s\n' ARCH=arm64 "CROSS_COMPILE=$prefix" ;;
	riscv64) printf '%s\n' ARCH=riscv "CROSS_COMPILE=$prefix" ;;
	esac
}

cross_compile() {
	case ${1:?ARCH missing; see --help} in
	"$(uname -m)") echo ;;
	arm64) [ "$(uname -m)" = aarch64 ] && echo || echo aarch64-linux-gnu- ;;
	x86_64) echo x86_64-linux-gnu- ;;
	riscv64) echo riscv64-linux-gnu- ;;
	*) die "architecture $1 is not supported" ;;
	esac
}

fetch_busybox() {
	local suite=bookworm path=bin top=bin
	# Debian 13 is the first with riscv64, and has no /bin of its own.
	[ "$deb_arch" != riscv64 ] || suite=trixie path=usr/bin top=usr
	debian_use "$suite" "$deb_arch"
	debian_unpack "$1" "./$path/busybox" busybox-static &&
		mv "$1/$path/busybox" "$1/busybox" && rm -r "$1/${top:?}"
}

busybox() {
	deb_arch=$(deb_arch_of "${1:?ARCH missing; see --help}")
	cached "$cache_dir/busybox/$deb_arch" fetch_busybox ||
		die "cannot fetch busybox-static for $deb_arch"
	echo "$cache_dir/busybox/$deb_arch/busybox"
}

refresh() {
	select_kernel "$@"
	resolve
	renew || true
	say "$what is $release ($version)"
}

command=${1:---help}
[ $# -eq 0 ] || shift
case $command in
-h | --help) usage ;;
list) list_kernels ;;
image | headers | release | busybox | refresh) "$command" "$@" ;;
make-vars) make_vars "$@" ;;
swap-modules) swap_modules "$@" ;;
cross-compile) cross_compile "$@" ;;
*) die "no command '$command'; see $me --help" ;;
esac
