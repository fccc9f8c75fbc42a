#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Make kernel headers of a newer Debian release usable on this one.
#
# Usage: adapt-headers.sh ROOT FINAL
#
# ROOT is where the header packages were unpacked, FINAL where the folder will
# stand later. Two things may be too new for this machine:
#
#   1. the C library that the kernel's build tools want: the C library of Debian
#      13 is put beside them and the tools are pointed there;
#   2. the compiler's features that the configuration counts on: those that the
#      installed compiler lacks are taken out of the configuration.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$vm_dir/debian.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
root=$1 final=${2:?FINAL missing; see --help}

# The loader complains when a tool wants a newer C library.
tools_too_new() {
	local libraries
	libraries=$(find "$root"/usr/lib/linux-kbuild-* -type f -perm -u+x -exec ldd {} + 2>&1 ||
		true)
	[[ $libraries == *GLIBC_*not\ found* ]]
}

adapt_tools() {
	need patchelf build
	local multiarch libraries loader tool
	multiarch=$(gcc -print-multiarch)
	libraries=$final/libraries/usr/lib/$multiarch
	debian_use trixie "$(dpkg --print-architecture)"
	debian_unpack "$root/libraries" "./usr/lib/$multiarch/*" \
		libc6 libelf1t64 zlib1g libzstd1 libssl3t64
	loader=$(basename "$(echo "$root/libraries/usr/lib/$multiarch"/ld-linux*.so.*)")
	find "$root"/usr/lib/linux-kbuild-* -type f -perm -u+x |
		while read -r tool; do
			# Scripts and tools for other formats have no interpreter.
			patchelf --print-interpreter "$tool" >/dev/null 2>&1 || continue
			patchelf --set-interpreter "$libraries/$loader" \
				--set-rpath "$libraries" "$tool"
		done
}

# The compiler that made the kernel, as its major version.
kernel_gcc() {
	local version
	version=$(sed -n 's/^CONFIG_GCC_VERSION=//p' "$1/include/config/auto.conf")
	echo $((version / 10000))
}

adapt_configuration() {
	local headers=$1 option
	for option in CC_HAS_MIN_FUNCTION_ALIGNMENT CC_HAS_COUNTED_BY CC_HAS_COUNTED_BY_PTR \
		RISCV_ISA_ZABHA RISCV_ISA_ZACAS TOOLCHAIN_HAS_ZABHA TOOLCHAIN_HAS_ZACAS; do
		sed -i "/^CONFIG_$option=/d" "$headers/include/config/auto.conf"
		sed -i "/#define CONFIG_$option 1/d" "$headers/include/generated/autoconf.h"
	done
}

if tools_too_new; then
	say "adapting the kernel's build tools to this machine"
	adapt_tools
fi
for headers in "$root"/usr/src/linux-headers-*; do
	[ -e "$headers/include/config/auto.conf" ] || continue
	if [ "$(gcc -dumpversion)" -lt "$(kernel_gcc "$headers")" ]; then
		adapt_configuration "$headers"
	fi
done
