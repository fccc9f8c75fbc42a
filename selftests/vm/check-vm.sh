#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the module, the kselftests and the library's tests for one kernel and run
# them in one VM.
#
# Usage: check-vm.sh [OPTION]... KVER ARCH
#
#   --name NAME      name of the check (default: check-vm)
#   --kselftests     without the library's tests
#   --last PROGRAM   run this one after all others
#   --kargs ARGS     more kernel arguments, which the names of the logs get too
#   --tests ARG      hand ARG to run-tests.sh; may be repeated
#
# Ends with "NAME: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

name=check-vm library=yes kargs='' last=() options=()
while :; do
	case ${1:---help} in
	-h | --help) usage; exit 0 ;;
	--name) name=$2; shift 2 ;;
	--kselftests) library=; shift ;;
	--last) last+=("$2"); shift 2 ;;
	--kargs) kargs=$2; shift 2 ;;
	--tests) options+=("$2"); shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
kver=$1 arch=${2:?ARCH missing; see --help}
if [ -n "$kargs" ]; then
	options+=(--run --append --run "$kargs")
	name+=-${kargs//[^A-Za-z0-9._-]/-}
fi

prefix=$("$vm_dir/kernel.sh" cross-compile "$arch")
programs=()

# list_programs DIR: add the programs of DIR/tests.list.
list_programs() {
	local found
	mapfile -t found < <(sed "/^$/d; s,^,$1/," "$1/tests.list")
	[ ${#found[@]} -gt 0 ] || die "$1/tests.list names no test"
	programs+=("${found[@]}")
}

kselftests() {
	local out=$root_dir/build/selftests/$arch
	say "building the kselftests for $arch"
	building selftests make -s -C "$root_dir/selftests" -j"$(nproc)" O="$out" CROSS_COMPILE="$prefix" >&2
	list_programs "$out"
}

library_tests() {
	local out=$root_dir/build/vm/library-$kver-$arch
	say "building the library's tests for the VM"
	building userlib copy_library_tests "$out"
	list_programs "$out"
	options+=(--env CODEARENA_BACKEND=device --env CMOCKA_MESSAGE_OUTPUT=TAP)
	[ ! -d "$out/beside" ] || options+=(--beside "$out/beside/.")
	[ ! -d "$out/root" ] || options+=(--run --stage --run "$out/root")
}

# A copy: other VMs may be built for meanwhile.
copy_library_tests() {
	local built=$root_dir/build/userlib${prefix:+-$arch} sysroot=
	[ -z "$prefix" ] || sysroot=$("$vm_dir/cross-tests.sh" "$arch")
	make -C "$root_dir/userlib" --no-print-directory -j"$(nproc)" O="$built" \
		CROSS_COMPILE="$prefix" TEST_SYSROOT="$sysroot" vm-tests >&2 &&
		rm -rf "$1" && mkdir -p "${1%/*}" && cp -a "$built/vm" "$1"
}

# One test runs a real debugger: Debian's gdb-minimal, which lacks Python only. It
# needs what ptrace() does not have on riscv64.
debugger() {
	[ "$arch" != riscv64 ] || return 0
	local stage
	stage=$("$vm_dir/stage-program.sh" gdb-minimal gdb "$arch")
	options+=(--run --stage --run "$stage")
}

# Memory pressure needs swap, and Debian's kernels have zram as a module.
swap() {
	local modules
	modules=$("$vm_dir/kernel.sh" swap-modules "$kver" "$arch")
	[ -z "$modules" ] || options+=(--run --file --run "$modules:/lib/swap-modules")
}

# QEMU reads an instruction of RISC-V in two halves, and another processor may change it
# in between, which no processor with Ziccif lets happen. So processors take turns there.
emulator() { [ "$arch" != riscv64 ] || options+=(--run --thread --run single); }

kselftests
debugger
emulator
swap
[ -z "$library" ] || [ ! -e "$root_dir/userlib/Makefile" ] || library_tests
exec "$vm_dir/run-tests.sh" --kver "$kver" --arch "$arch" "${options[@]}" "$name" -- \
	"${programs[@]}" "${last[@]}"
