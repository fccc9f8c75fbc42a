#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the library, examples and codearenactl with musl, and run them: static, linked
# with the shared library, and in plugins that a program loads; on this machine with the
# memfd backend, in a VM with the device.
#
# Usage: check-musl.sh [KVER]
#
# Ends with "check-musl: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../vm source=lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac
kver=${1:-6.1}
here=$root_dir/selftests/musl
out=$root_dir/build/musl
stage=$out/stage/musl
log=$out/build.log
loader=/lib/ld-musl-x86_64.so.1
# Headers of the kernel: musl-tools has none.
kernel=(-idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)")

need musl-gcc musl
rm -rf "$stage"
mkdir -p "$stage/static" "$stage/linked" "$out/stage/lib"

compile() {
	musl-gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$root_dir/uapi" \
		-I"$root_dir/userlib/include" "${kernel[@]}" -pthread "$@"
}

build() {
	# musl has no functions for the fibers of that example.
	local example plugin=$root_dir/userlib/tests/trap/test_trap_plugin.c
	local lib=$out/userlib
	make -C "$root_dir/userlib" --no-print-directory O="$lib" CC=musl-gcc CFLAGS=-O2 \
		CPPFLAGS="${kernel[*]}" -j"$(nproc)" all tools-static
	cp "$lib/static-tools/codearenactl" "$lib/libcodearena.so.1" "$stage/"
	for example in trap module prefork; do
		compile "$root_dir/userlib/examples/$example.c" -static -o "$stage/static/$example" \
			"$lib/libcodearena.a"
		compile "$root_dir/userlib/examples/$example.c" -o "$stage/linked/$example" \
			-L"$lib" -lcodearena -Wl,-rpath,"\$ORIGIN/.."
	done
	for example in first second; do
		compile -DTRAP_PLUGIN -fPIC -shared "$plugin" -o "$stage/$example.so" \
			-fvisibility=hidden "$lib/libcodearena.a"
	done
	compile -DTRAP_PLUGIN -fPIC -shared "$plugin" -o "$stage/shared.so" -L"$lib" \
		-lcodearena -Wl,-rpath,"\$ORIGIN"
	compile "$here/load.c" -o "$stage/load"
}

say "building with musl"
build >"$log" 2>&1 || {
	tail -n 30 "$log" >&2
	die "the library does not build with musl"
}
cp "$here/run.sh" "$stage/"
cp -L "$loader" "$out/stage/lib/"

"$stage/run.sh" memfd | tee "$out/host.tap" || true
"$vm_dir/run.sh" --kver "$kver" --arch x86_64 --name "check-musl-$kver" --stage "$out/stage" \
	-- sh /musl/run.sh device 2> >(cat >&2) | tr -d '\r' | tee "$out/vm.tap" || true

failed=0
for tap in "$out/host.tap" "$out/vm.tap"; do
	plan=$(sed -n 's/^1\.\.//p' "$tap")
	[ "$(grep -cE '^(not )?ok ' "$tap")" = "${plan:-none}" ] || {
		say "$tap ends before its plan"
		failed=$((failed + 1))
	}
done
passed=$(cat "$out"/*.tap | grep -c '^ok ' || true)
failed=$((failed + $(cat "$out"/*.tap | grep -c '^not ok ' || true)))
echo "check-musl: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
