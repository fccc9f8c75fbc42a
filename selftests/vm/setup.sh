#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Install the Debian packages that a group of make targets needs.
#
# Usage: setup.sh GROUP...
#
#   build     compile the module and the library
#   vm        boot x86_64 kernels
#   source    read files out of the kernel's source package
#   arm64     build for arm64 and boot arm64 kernels
#   riscv64   the same for riscv64
#   debug     build kernels from source, and user-mode Linux for KUnit
#   static    static checks
#   host      host tests of the library
#   coverage  the table of the lines that host tests execute
#   docs      the documentation, its gate, and the comparison of ABIs
#   ports     build runtimes on the library
#   qemu      the same for QEMU, with ports
#   fuzz      fuzz the library
#   bench     benchmarks and the peers they compare with
#   musl      build with musl
#   packages  Debian packages, and the system in a directory to try them in
#   hardened  systems with security modules, systemd and containers
#   wasm      third-party WebAssembly modules; node and npm only where there are none
#   workloads the same, asmjit, LLVM, and hosts in other languages
#
# Does nothing, quickly, when nothing is missing.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

packages_of() {
	case $1 in
	build)
		echo gcc ccache libc6-dev make libelf-dev bc kmod cpio xz-utils gzip python3 \
			patchelf pkg-config debian-archive-keyring util-linux
		;;
	vm) echo qemu-system-x86 busybox-static cpio ;;
	source) echo xz-utils tar debian-archive-keyring util-linux ;;
	arm64)
		echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
			qemu-system-arm cpio
		;;
	riscv64)
		echo gcc-riscv64-linux-gnu libc6-dev-riscv64-cross \
			qemu-system-misc opensbi cpio
		;;
	debug) echo gcc make flex bison bc libelf-dev python3 ;;
	static)
		echo sparse shellcheck codespell clang-format mandoc reuse \
			coccinelle perl python3 g++ git clang lld universal-ctags
		;;
	host)
		echo gcc g++ clang libc6-dev make libcmocka-dev libcapstone-dev \
			pkg-config binutils gdb linux-perf
		;;
	coverage) echo gcovr ;;
	docs)
		echo python3 python3-sphinx mandoc gcc g++ make libc6-dev pkg-config cmake meson \
			ninja-build abigail-tools perl gdb
		;;
	ports) echo gcc libc6-dev make patch dpkg-dev debian-archive-keyring util-linux ;;
	qemu) echo gcc libc6-dev meson ninja-build pkg-config python3 libglib2.0-dev zlib1g-dev ;;
	fuzz) echo clang libclang-rt-14-dev llvm make ;;
	bench) echo gcc g++ make pkg-config libasmjit-dev libbenchmark-dev ;;
	musl) echo musl-tools gcc make linux-libc-dev ;;
	packages)
		echo debhelper dh-dkms dpkg-dev lintian debootstrap pkg-config \
			libcapstone-dev openssl python3
		;;
	hardened) echo gcc libc6-dev make pkg-config libcapstone-dev secilc debootstrap ;;
	workloads)
		echo g++ binutils libasmjit-dev golang-go llvm-19-dev clang-19 \
			libzstd-dev zlib1g-dev libncurses-dev
		packages_of wasm
		;;
	wasm)
		echo wabt gcc libc6-dev make
		command -v node >/dev/null || echo nodejs
		command -v npm >/dev/null || echo npm
		;;
	*) return 1 ;;
	esac
}

missing_of() {
	local all
	# Packages that dpkg has never heard of make dpkg-query fail: expected.
	all=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
	local name
	for name in "$@"; do
		[[ $'\n'$all$'\n' == *$'\n'"installed $name"$'\n'* ]] || echo "$name"
	done
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		DEBIAN_FRONTEND=noninteractive "$@"
	elif command -v sudo >/dev/null; then
		sudo DEBIAN_FRONTEND=noninteractive "$@"
	else
		die "need root to install packages and there is no sudo; as root run: apt-get install $*"
	fi
}

have_lists() {
	local LISTS=/var/lib/apt/lists
	eval "$(apt-config shell LISTS Dir::State::lists/d)"
	compgen -G "$LISTS/*_Packages*" >/dev/null
}

update_lists() {
	say "apt-get update"
	as_root apt-get -q -o DPkg::Lock::Timeout=600 update >&2
}

install() {
	as_root apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" >&2
}

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac

wanted=()
for group in "$@"; do
	list=$(packages_of "$group") || die "no group '$group'; see $me --help"
	read -rd '' -a names <<<"$list" || true
	wanted+=("${names[@]}")
done

command -v dpkg-query >/dev/null ||
	die "this is not a Debian system; install the equivalents of: ${wanted[*]}"

mapfile -t missing < <(missing_of "${wanted[@]}" | sort -u)
[ ${#missing[@]} -gt 0 ] || exit 0

say "installing: ${missing[*]}"
have_lists || update_lists || die "apt-get update failed; check the network and the apt sources"
if ! install "${missing[@]}"; then
	say "the install failed; trying again with fresh package lists"
	update_lists || say "apt-get update reported an error; going on"
	install "${missing[@]}" || die "could not install: ${missing[*]}"
fi
say "installed ${#missing[@]} packages"
