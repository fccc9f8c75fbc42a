#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the demo, boot a kernel, load the module and run the demo there, then a WebAssembly
# module of npm, which hashes a file; on x86_64 also Debian's LuaJIT with codearena-run.
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

build() {
	make -C "$root_dir/userlib" --no-print-directory O="$out" CROSS_COMPILE="$prefix" \
		"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		die "the demo does not build"
	}
}

# The compiler of modules runs here, and calls that of the guest's architecture.
compile_wasm() {
	local here=$root_dir/build/userlib
	[ -z "$prefix" ] || make -C "$root_dir/userlib" -s --no-print-directory O="$here" wasm >&2
	"$here/wasm/codearena-wasm" --cc "${prefix}gcc" --compile "$@"
}

# The expected result comes from Node's engine here, through the package's own
hash_package=hash-wasm@4.13.0
prepare_wasm() {
	local modules=$root_dir/selftests/workloads
	wasm=$root_dir/build/vm/demo-wasm
	rm -rf "$wasm"
	mkdir -p "$wasm"
	need node wasm
	need wasm2c wasm
	packages=$("$modules/npm.sh" "$hash_package")
	digest=$(CODEARENA_TRACES=$wasm node "$modules/hash.mjs" "$packages" \
		"$out/wasm/codearena-wasm")
	say "$hash_package in node $(node --version): $digest"
	compile_wasm "$wasm/sha256.o" "$wasm/sha256-0.wasm"
}

# Debian's LuaJIT, as it is: first alone, then with codearena-run.
prepare_luajit() {
	luajit=$("$root_dir/selftests/runtimes/stage.sh" luajit)
	vm+=(--stage "$luajit" --file "$out/preload:/luajit"
		--file "$root_dir/selftests/runtimes/programs/luajit.lua:/luajit/luajit.lua")
	command+=" || exit; echo; echo 'LuaJIT where W^X is enforced, alone:'
		cd /luajit && ! ./codearena-run --wx=off --mdwe luajit luajit.lua || exit
		echo; echo 'the same with codearena-run:'
		./codearena-run --mdwe --report luajit luajit.lua"
}

say "building the library and the demo for $arch"
targets=(demo wasm)
[ "$arch" != x86_64 ] || targets+=(preload)
build "${targets[@]}"
vm=(--kver "$kver" --arch "$arch" --name "demo-$kver-$arch" --file "$out/demo:/demo")
# The guest's shell expands "$@".
# shellcheck disable=SC2016
command='cd /demo && ./demo "$@" || exit'
prepare_wasm
vm+=(--file "$out/wasm/codearena-wasm:/wasm/codearena-wasm"
	--file "$wasm/sha256.o:/wasm/sha256.o")
command+="; echo; echo 'WebAssembly from npm: $hash_package, SHA-256, by wasm2c'
	cd /wasm && ./codearena-wasm --backend device --hash codearena-wasm \
	sha256.o $digest"
[ "$arch" != x86_64 ] || prepare_luajit
code=0
"$vm_dir/run.sh" "${vm[@]}" -- sh -c "$command" demo "$@" || code=$?
if [ "$code" -eq 0 ]; then
	say "the demo succeeded on $kver $arch"
else
	say "the demo failed (exit status $code)"
fi
exit "$code"
