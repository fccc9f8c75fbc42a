#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Make the initramfs of a test VM: busybox, the guest's init, the module, files.
#
# Usage: mkinitramfs.sh [OPTION]... OUTPUT
#
#   --arch ARCH       x86_64 (default), arm64 or riscv64
#   --module FILE     the module that init loads
#   --stage DIR       copy DIR's contents over the guest's root; may be repeated
#   --file SRC:DEST   copy one file or directory to the guest path DEST; may be repeated

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

arch=x86_64 module='' stages=() files=()
while [ $# -gt 1 ]; do
	case $1 in
	--arch) arch=$2 ;;
	--module) module=$2 ;;
	--stage) stages+=("$2") ;;
	--file) files+=("$2") ;;
	*) die "no option '$1'; see --help" ;;
	esac
	shift 2
done
case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
output=$1

need cpio vm
tree=$(mktemp -d "${TMPDIR:-/tmp}/codearena-initramfs.XXXXXX")
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,sbin,dev,etc,lib,proc,root,run,sys,tmp,usr/bin,usr/sbin,mnt,home/nobody}
chmod 1777 "$tree/tmp"
chown 65534:65534 "$tree/home/nobody" 2>/dev/null || true

busybox=$("$vm_dir/kernel.sh" busybox "$arch")
cp "$busybox" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"
cp "$vm_dir/guest/init" "$tree/init"
cp "$vm_dir/guest/guest-tests.sh" "$tree/bin/guest-tests"
chmod 755 "$tree/init" "$tree/bin/guest-tests"
cat >"$tree/etc/passwd" <<'END'
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/home/nobody:/bin/sh
END
cat >"$tree/etc/group" <<'END'
root:x:0:
nogroup:x:65534:
END
[ -z "$module" ] || cp "$module" "$tree/codearena.ko"

for dir in "${stages[@]}"; do
	[ -d "$dir" ] || die "--stage $dir: no such directory"
	cp -a "$dir/." "$tree/"
done
for pair in "${files[@]}"; do
	[ -e "${pair%%:*}" ] || die "--file $pair: ${pair%%:*} does not exist"
	dest=$tree/${pair#*:}
	mkdir -p "$(dirname "$dest")"
	cp -aL "${pair%%:*}" "$dest"
done

# The same contents give the same file, to the byte: counts under -icount repeat.
find "$tree" -exec touch -h -d @1767225600 {} +

# Not compressed: unpacking under emulation costs more than loading.
(cd "$tree" && find . -mindepth 1 | LC_ALL=C sort |
	cpio --quiet -o -H newc -R 0:0 --reproducible) >"$output"
