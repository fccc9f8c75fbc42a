#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run WebAssembly modules in foreign surroundings, in a VM: under the restrictions
# of a hardened service, and in programs that own the signals of their process.
#
# Usage: hosts.sh [--kver KVER] DIR
#
#   --kver KVER   kernel of the VM (default: 6.12; older ones do not know PR_SET_MDWE)
#
# DIR has the objects and traces that run.sh makes. Prints the table of hardened
# (userlib/examples/hardened.c), in which the other ways to have code fail or are
# weaker, then a line for each host program and trace.
# Ends with "check-hosts: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

kver=6.12
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=${2:?--kver needs a value}; shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
dir=${1:?DIR missing; see --help}
userlib=$root_dir/build/userlib
out=$root_dir/build/workloads/hosts
# One that traps in many ways, one that works long and traps once.
modules=(traps-0 hash-wasm-sha256-0)

need go workloads
make -C "$root_dir/userlib" --no-print-directory -s O="$userlib" wasm wasm-hosts \
	"$userlib/examples/hardened" >&2
rm -rf "$out"
mkdir -p "$out/stage/hosts"
for module in "${modules[@]}"; do
	cp "$dir/$module.o" "$dir/$module.trace" "$out/stage/hosts/"
done
cp "$userlib/wasm/codearena-wasm" "$userlib/wasm/host-c" "$userlib/wasm/host-go" \
	"$userlib/examples/hardened" "$out/stage/hosts/"
chmod -R a+rX "$out/stage"

# The guest's shell expands it.
# shellcheck disable=SC2016
"$vm_dir/run.sh" --kver "$kver" --arch x86_64 --name "hosts-$kver" \
	--stage "$out/stage" -- sh -c 'chmod 666 /dev/codearena; cd /hosts
	./hardened ./codearena-wasm --replay hash-wasm-sha256-0.trace hash-wasm-sha256-0.o
	for p in host-c host-go; do for b in device memfd; do for t in *.trace; do
		./$p $b ${t%.trace}.o $t >/tmp/out 2>&1 && grep $p /tmp/out && continue
		echo "$p $b $t: FAILED"; cat /tmp/out
	done; done; done; true' 2> >(cat >&2) | tr -d '\r' | tee "$out/log"

read -r passed failed skipped < <(sed -n \
	's/^hardened: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
	"$out/log" | grep . || echo "0 1 0")
good=$(grep -cE '^host-(c|go) (device|memfd): ok: ' "$out/log") || true
all=$((2 * 2 * ${#modules[@]}))
passed=$((passed + good)) failed=$((failed + all - good))
echo "check-hosts: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
