#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the module for one kernel, beside the others, and print codearena.ko's path.
#
# Usage: build-module.sh [OPTION]... KVER ARCH [MAKE-VARIABLE=VALUE]...
#        build-module.sh --kdir DIR --out DIR [MAKE-VARIABLE=VALUE]...
#
#   --kdir DIR  build for the kernel that this build directory belongs to
#   --out DIR   build there instead of build/kmod/KVER-ARCH
#   --src DIR   take Kbuild, kmod/, uapi/ and packaging/VERSION from there
#               (default: this tree)
#
# Variables such as W=1, C=2 and CF=... go to the kernel's build system, from
# the command line or from the environment. The compiler's output is on stderr.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

out='' src=$root_dir headers=''
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kdir) headers=$2; shift 2 ;;
	--out) out=$2; shift 2 ;;
	--src) src=$2; shift 2 ;;
	*) break ;;
	esac
done
if [ -z "$headers" ]; then
	[ $# -ge 2 ] || die "KVER and ARCH missing; see --help"
	kver=$1 arch=$2
	shift 2
	out=${out:-$root_dir/build/kmod/$kver-$arch}
fi
[ -n "$out" ] || die "--kdir needs --out; see --help"

# Copy what changed, so that make rebuilds only that; drop what is gone.
sync_sources() {
	local path
	mkdir -p "$out"
	(cd "$src" && find Kbuild kmod uapi packaging/VERSION -type f ! -name '.*.sw?' ! -name '*~') |
		while read -r path; do
			cmp -s "$src/$path" "$out/$path" && continue
			mkdir -p "$out/$(dirname "$path")"
			cp "$src/$path" "$out/$path"
		done
	(cd "$out" && find kmod uapi -type f -name '*.[chS]' ! -name '*.mod.c') |
		while read -r path; do
			[ -e "$src/$path" ] || rm -f "$out/$path"
		done
}

build() {
	local variables=() name
	sync_sources
	if [ -z "$headers" ]; then
		headers=$("$vm_dir/kernel.sh" headers "$kver" "$arch")
		mapfile -t variables < <("$vm_dir/kernel.sh" make-vars "$kver" "$arch")
	elif ! command -v pahole >/dev/null; then
		# Type information can only be made with pahole.
		variables=(CONFIG_DEBUG_INFO_BTF_MODULES=)
	fi
	for name in W C CF; do
		[ -z "${!name-}" ] || variables+=("$name=${!name}")
	done
	# Kbuild options of an outer make must not leak in.
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u ARCH -u CROSS_COMPILE -u O -u KVER \
		make -C "$headers" M="$out" -j"$(nproc)" "${variables[@]}" "$@" modules >&2
}

need make build
need gcc build
[ -e "$src/Kbuild" ] || die "no Kbuild in $src"
mkdir -p "$out"
exec 8>"$out/.lock"
flock 8
build "$@"
echo "$out/codearena.ko"
