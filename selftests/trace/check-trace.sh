#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the lines of one-liners in a VM, with perf and bpftrace from Debian's packages.
#
# Usage: check-trace.sh [KVER]
#
# Ends with "check-trace: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../vm source=lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac
kver=${1:-6.1}
here=$root_dir/selftests/trace
out=$root_dir/build/trace
userlib=$root_dir/build/userlib

mkdir -p "$out/stage/trace"
make -C "$root_dir/userlib" --no-print-directory O="$userlib" examples \
	"$userlib/tools/codearenactl_helper" tools >"$out/build.log" 2>&1 || {
	tail "$out/build.log" >&2
	die "the programs do not build"
}
"${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -static -I"$root_dir/uapi" \
	-o "$out/stage/trace/failing" "$here/failing.c"
"${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -I"$root_dir/uapi" \
	-I"$root_dir/userlib/include" -o "$out/stage/trace/spin" "$here/spin.c" \
	"$userlib/libcodearena.a" 2>>"$out/build.log"
cp "$userlib/tools/codearenactl" "$userlib/tools/codearenactl_helper" "$userlib/examples/trap" "$here/one-liners" \
	"$here/guest.sh" "$out/stage/trace/"
perf=$("$vm_dir/stage-program.sh" linux-perf perf x86_64)
bpftrace=$("$vm_dir/stage-program.sh" bpftrace bpftrace x86_64)

# perf switches the scheduler's hooks on and off by breakpoints, which the emulator may
# execute after they were removed (see Documentation/decisions.rst), unless processors
# take turns.
code=0
"$vm_dir/run.sh" --kver "$kver" --arch x86_64 --name "check-trace-$kver" --thread single \
	--mem 2G --stage "$out/stage" --stage "$perf" --stage "$bpftrace" -- \
	sh /trace/guest.sh >"$out/tap" || code=$?
tr -d '\r' <"$out/tap"
passed=$(grep -c '^ok' "$out/tap" || true)
failed=$(grep -c '^not ok' "$out/tap" || true)
plan=$(tr -d '\r' <"$out/tap" | sed -n 's/^1\.\.//p')
if [ "$((passed + failed))" != "${plan:-none}" ] || { [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
	say "the VM ended with status $code, and ${plan:-no} results were planned"
	failed=$((failed + 1))
fi
echo "check-trace: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
