# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# Which kernels are supported, which version of each is in use, and their folders in
# the cache (source it after lib.sh and debian.sh).
# shellcheck disable=SC2154 # lib.sh sets cache_dir and me

# KVER, its other name, the Debian suites that carry it, the architectures, and the package
# that depends on the newest image.
supported='
6.1         stable        bookworm,bookworm-security  x86_64,arm64  linux-image-ARCH
6.12        backports     bookworm-backports          x86_64,arm64  linux-image-ARCH
6.12-deb13  deb13         trixie,trixie-security      x86_64        linux-image-ARCH
newest      7.2           trixie-backports            x86_64        linux-image-ARCH
newest      testing       forky                       riscv64       linux-image-ARCH
rt          6.1-rt        bookworm,bookworm-security  x86_64        linux-image-rt-ARCH
rt-deb13    6.12-rt       trixie,trixie-security      x86_64,arm64  linux-image-rt-ARCH
16k         6.12-16k      trixie,trixie-security      arm64         linux-image-ARCH-16k
6.12-deb13  deb13         trixie                      riscv64       linux-image-ARCH
'
# There are also "debug" and "debug-rt" for x86_64, and "64k" for arm64: see debug-kernel.sh.

list_kernels() {
	local k suites arches
	while read -r k _ suites arches _; do
		[ -z "$k" ] || echo "$k: ${arches//,/ }"
	done <<<"$supported"
}

# select_kernel KVER ARCH: set the globals that describe this kernel.
select_kernel() {
	kver=${1:?KVER missing; see --help} arch=${2:?ARCH missing; see --help}
	local k other s a package
	suites=
	deb_arch=$(deb_arch_of "$arch")
	while read -r k other s a package; do
		if [[ $kver == "$k" || $kver == "$other" ]] && [[ ",$a," == *",$arch,"* ]]; then
			kver=$k suites=${s//,/ } newest_image=${package/ARCH/$deb_arch}
		fi
	done <<<"$supported"
	[ -n "$suites" ] || die "kernel $kver on $arch is not supported; see: kernel.sh list"
	what="kernel $kver for $arch" kernel_dir=$cache_dir/kernels/$kver-$arch offered=offered_kernel
}

deb_arch_of() {
	case $1 in
	x86_64) echo amd64 ;;
	arm64 | riscv64) echo "$1" ;;
	*) die "architecture $1 is not supported" ;;
	esac
}

# Print the release and the version of the newest kernel of the suites.
offered_kernel() {
	local image
	image=$(debian_field "$newest_image" Depends | grep -oE 'linux-image-[^ ]+' | head -n 1)
	[ -z "$image" ] || echo "${image#linux-image-} $(debian_field "$image" Version)"
}

# The version is chosen once and kept, so that image and headers agree.
# Sets release, version and version_dir.
resolve() {
	[ -e "$kernel_dir/version" ] || with_lock "version-${kernel_dir##*/}" choose_version || exit 1
	read -r release version <"$kernel_dir/version"
	version_dir=$kernel_dir/$version
}

# choose_version [GONE]: keep the newest version on offer, unless one other than GONE
# has been kept already.
choose_version() {
	local offer kept=${1-}
	[ ! -e "$kernel_dir/version" ] || read -r _ kept <"$kernel_dir/version"
	[ "$kept" = "${1-}" ] || return 0
	debian_use "$suites" "$deb_arch"
	offer=$("$offered")
	[ -n "$offer" ] || die "no $what in $suites"
	mkdir -p "$kernel_dir"
	echo "$offer" >"$kernel_dir/version.new"
	mv "$kernel_dir/version.new" "$kernel_dir/version"
}

# renew: take the version on offer instead of the one kept. Fails when they are the same.
renew() {
	local gone=$version
	debian_use "$suites" "$deb_arch"
	debian_update
	with_lock "version-${kernel_dir##*/}" choose_version "$gone" || exit 1
	resolve
	[ "$version" != "$gone" ]
}

# part NAME FUNCTION: make $version_dir/NAME by FUNCTION unless it is there. A version
# that has gone from the suite is replaced by the one on offer.
part() {
	resolve
	! cached "$version_dir/$1" "$2" || return 0
	renew || die "cannot fetch the $1 of $what, $version"
	say "$what is now $release ($version)"
	cached "$version_dir/$1" "$2" || die "cannot fetch the $1 of $what, $version"
}

# cached DIR FUNCTION: make DIR by FUNCTION TMPDIR unless it is there.
cached() {
	[ ! -d "$1" ] || return 0
	with_lock "fetch-$(basename "$(dirname "$(dirname "$1")")")-$(basename "$1")" fill "$@"
}

# The folder appears whole or not at all.
fill() {
	local dir=$1 tmp=$1.tmp.$$
	[ ! -d "$dir" ] || return 0
	rm -rf "$dir".tmp.*
	mkdir -p "$tmp"
	if ! "$2" "$tmp"; then
		rm -rf "$tmp"
		return 1
	fi
	mv "$tmp" "$dir"
}
