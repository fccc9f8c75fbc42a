#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the demo, boot a kernel, load the module and run the demo there.
#
# Usage: demo.sh KVER ARCH [ARGUMENT-OF-THE-DEMO]...

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
kver=$1 arch=${2:?ARCH missing; see --help}
shift 2

prefix=$("$vm_dir/kernel.sh" cross-compile "$arch")
out=$root_dir/build/userlib${prefix:+-$arch}
log=$root_dir/build/vm/demo-$kver-$arch.make
mkdir -p "$root_dir/build/vm"

say "building the library and the demo for $arch"
make -C "$root_dir/userlib" --no-print-directory O="$out" CROSS_COMPILE="$prefix" \
	demo >"$log" 2>&1 || {
	cat "$log" >&2
	die "the demo does not build"
}
code=0
# The guest's shell expands "$@".
# shellcheck disable=SC2016
"$vm_dir/run.sh" --kver "$kver" --arch "$arch" --name "demo-$kver-$arch" \
	--file "$out/demo:/demo" -- sh -c 'cd /demo && exec ./demo "$@"' demo "$@" || code=$?
if [ "$code" -eq 0 ]; then
	say "the demo succeeded on $kver $arch"
else
	say "the demo failed (exit status $code)"
fi
exit "$code"
