#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Fetch a Debian kernel, its build directory or its source files into the cache.
#
# Usage: kernel.sh image KVER ARCH        print a directory that holds vmlinuz and config
#        kernel.sh headers KVER ARCH      print a directory for `make -C DIR M=...`
#        kernel.sh make-vars KVER ARCH    print the variables that such a make needs
#        kernel.sh cross-compile ARCH     print the prefix of the compiler for ARCH
#        kernel.sh busybox ARCH           print the path of a static busybox
#        kernel.sh swap-modules KVER ARCH print a directory with the modules that swap
#                                         on a zram disk needs, and "order", their
#                                         names as they are to be loaded; nothing where
#                                         the kernel needs none
#        kernel.sh release KVER ARCH      print the kernel's release, as uname -r would
#        kernel.sh source-file FILE...    print a directory that holds these files of
#                                         the 6.1 source tree
#        kernel.sh source-archive         print the path of the whole 6.1 source, a .tar.xz
#        kernel.sh refresh KVER ARCH      look for a newer version of this kernel
#        kernel.sh list                   list the supported KVER and ARCH
#
# KVER "debug" is the kernel that debug-kernel.sh builds.
#
# The cache is $CODEARENA_CACHE, else $XDG_CACHE_HOME/codearena, else
# ~/.cache/codearena. Nothing is installed into the system.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"

# KVER, the Debian suites that carry it, and the architectures.
supported='
6.1         bookworm,bookworm-security  x86_64,arm64
6.12        bookworm-backports          x86_64,arm64
6.12-deb13  trixie,trixie-security      x86_64
7.2         trixie-backports            x86_64
'
# Beside these there is "debug", for x86_64: see debug-kernel.sh.

list() {
	local kver suites arches
	while read -r kver suites arches; do
		[ -z "$kver" ] || echo "$kver: ${arches//,/ }"
	done <<<"$supported"
}

# The debug kernel is built, not fetched: debug_kernel KVER ARCH PART prints
# the path of PART if that is the one meant.
debug_kernel() {
	[ "${1-}" = debug ] || return 1
	[ "${2-}" = x86_64 ] || die "the debug kernel is for x86_64 only"
	local dir
	dir=$("$vm_dir/debug-kernel.sh" build) || exit 1
	echo "$dir/$3"
}

# Set the globals that describe kernel $1 on architecture $2.
select_kernel() {
	kver=${1:?KVER missing; see --help} arch=${2:?ARCH missing; see --help}
	local k s a
	suites=
	while read -r k s a; do
		if [ "$k" = "$kver" ] && [[ ",$a," == *",$arch,"* ]]; then
			suites=${s//,/ }
		fi
	done <<<"$supported"
	[ -n "$suites" ] || die "kernel $kver on $arch is not supported; see: $me list"
	deb_arch=$(deb_arch_of "$arch")
	kernel_dir=$cache_dir/kernels/$kver-$arch
}

deb_arch_of() {
	case $1 in
	x86_64) echo amd64 ;;
	arm64) echo arm64 ;;
	*) die "architecture $1 is not supported" ;;
	esac
}

# The version is chosen once and kept, so that image and headers agree.
# Sets release and version.
resolve() {
	if [ ! -e "$kernel_dir/version" ]; then
		with_lock "kernel-$kver-$arch" choose_version
	fi
	read -r release version <"$kernel_dir/version"
	version_dir=$kernel_dir/$version
}

choose_version() {
	[ ! -e "$kernel_dir/version" ] || return 0
	debian_use "$suites" "$deb_arch"
	local image
	image=$(debian_field "linux-image-$deb_arch" Depends | grep -oE 'linux-image-[^ ]+' | head -n 1)
	[ -n "$image" ] || die "no linux-image-$deb_arch in $suites; try: $me refresh $kver $arch"
	mkdir -p "$kernel_dir"
	echo "${image#linux-image-} $(debian_field "$image" Version)" >"$kernel_dir/version.new"
	mv "$kernel_dir/version.new" "$kernel_dir/version"
}

# cached DIR FUNCTION...: make DIR by FUNCTION TMPDIR unless it is there.
cached() {
	local dir=$1
	shift
	[ ! -d "$dir" ] || return 0
	with_lock "fetch-$(basename "$(dirname "$(dirname "$dir")")")-$(basename "$dir")" cached_locked "$dir" "$@"
}

cached_locked() {
	local dir=$1 tmp
	shift
	[ ! -d "$dir" ] || return 0
	mkdir -p "$(dirname "$dir")"
	tmp=$dir.tmp.$$
	rm -rf "$dir".tmp.*
	mkdir "$tmp"
	"$@" "$tmp" || die "could not fetch $dir; when the mirror has moved on, run: $me refresh ${kver-} ${arch-}"
	mv "$tmp" "$dir"
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
	find "$unpacked" -name 'vmlinuz*' -exec mv {} "$tmp/vmlinuz" \; &&
		find "$unpacked" \( -name config -o -name 'config-*' \) -exec mv {} "$tmp/config" \; &&
		rm -rf "$unpacked" && [ -s "$tmp/vmlinuz" ] && [ -s "$tmp/config" ]
}

# The modules that swap-modules may want; their names all have a z.
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
	[ "${1-}" != debug ] || return 0
	select_kernel "$@"
	resolve
	cached "$version_dir/swap-modules" fetch_swap_modules
	echo "$version_dir/swap-modules"
}

image() {
	! debug_kernel "${1-}" "${2-}" image || return 0
	select_kernel "$@"
	resolve
	cached "$version_dir/image" fetch_image
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

headers() {
	! debug_kernel "${1-}" "${2-}" build || return 0
	select_kernel "$@"
	resolve
	cached "$version_dir/headers" fetch_headers
	echo "$version_dir/headers/usr/src/linux-headers-$release"
}

release() {
	local build
	if build=$(debug_kernel "${1-}" "${2-}" build); then
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
	[ "${1-}" != debug ] || return 0
	headers=$(headers "$@")
	select_kernel "$@"
	prefix=$(cross_compile "$arch")
	# The compiler that made the kernel, if it is here.
	compiler=$prefix$(grep -oE 'gcc-[0-9]+' "$headers/.kernelvariables" | head -n 1)
	command -v "$compiler" >/dev/null || echo "CC=${prefix}gcc"
	# No type information: it would need pahole and the uncompressed kernel.
	echo CONFIG_DEBUG_INFO_BTF_MODULES=
	case $arch in
	arm64) printf '%s\n' ARCH=arm64 "CROSS_COMPILE=$prefix" ;;
	esac
}

cross_compile() {
	case ${1:?ARCH missing; see --help} in
	"$(uname -m)") echo ;;
	arm64) [ "$(uname -m)" = aarch64 ] && echo || echo aarch64-linux-gnu- ;;
	x86_64) echo x86_64-linux-gnu- ;;
	*) die "architecture $1 is not supported" ;;
	esac
}

fetch_busybox() {
	debian_use bookworm "$deb_arch"
	debian_unpack "$1" './bin/busybox' busybox-static &&
		mv "$1/bin/busybox" "$1/busybox" && rmdir "$1/bin"
}

busybox() {
	deb_arch=$(deb_arch_of "${1:?ARCH missing; see --help}")
	cached "$cache_dir/busybox/$deb_arch" fetch_busybox
	echo "$cache_dir/busybox/$deb_arch/busybox"
}

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

fetch_source_archive() {
	debian_use "$suites" "$deb_arch"
	debian_unpack "$1" './usr/src/linux-source-6.1.tar.xz' "linux-source-6.1=$version" &&
		mv "$1"/usr/src/linux-source-6.1.tar.xz "$1/linux.tar.xz" &&
		rm -r "${1:?}/usr"
}

source_archive() {
	select_kernel 6.1 x86_64
	resolve
	cached "$cache_dir/linux-source-$version/archive" fetch_source_archive
	echo "$cache_dir/linux-source-$version/archive/linux.tar.xz"
}

# extract_source FILE...: add these files to the extracted ones.
extract_source() {
	local tree=$1 archive tmp file missing
	shift
	mapfile -t missing < <(for file in "$@"; do [ -e "$tree/$file" ] || echo "$file"; done)
	[ ${#missing[@]} -gt 0 ] || return 0
	archive=$(source_archive) || return 1
	tmp=$tree.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp" "$tree"
	say "reading the kernel's source archive (takes half a minute)"
	tar -xf "$archive" -C "$tmp" --strip-components=1 --no-same-owner --wildcards \
		"${missing[@]/#/linux-source-6.1/}" ||
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
	select_kernel 6.1 x86_64
	resolve
	local tree=$cache_dir/linux-source-$version/tree members
	if ! have_all "$tree" "$@"; then
		mapfile -t members < <(sed '/^$/d' <<<"$source_members")
		with_lock linux-source extract_source "$tree" "${members[@]}"
		with_lock linux-source extract_source "$tree" "$@"
	fi
	echo "$tree"
}

refresh() {
	select_kernel "$@"
	debian_use "$suites" "$deb_arch"
	debian_update
	rm -f "$kernel_dir/version"
	resolve
	say "kernel $kver on $arch is now $release ($version)"
}

command=${1:---help}
[ $# -eq 0 ] || shift
case $command in
-h | --help) usage ;;
list | image | headers | release | busybox | refresh) "$command" "$@" ;;
source-file) source_file "$@" ;;
source-archive) source_archive ;;
make-vars) make_vars "$@" ;;
swap-modules) swap_modules "$@" ;;
cross-compile) cross_compile "$@" ;;
*) die "no command '$command'; see $me --help" ;;
esac
