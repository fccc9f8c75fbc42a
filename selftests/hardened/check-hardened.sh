#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run code in arenas where a system is hardened, each kind of hardening in a VM of its
# own: what works, what is refused, and for each the control that it is due to the rule
# in question.
#
# Usage: check-hardened.sh [OPTION]... [KIND]...
#
#   --kver KVER      kernel of the VMs (default: $KVER or 6.12)
#   --without RULE   take a rule away, by its name in KIND.variants: the check has to
#                    fail
#   --list           list the kinds
#
# KIND.sh runs in the guest and speaks TAP; prepare.sh has what it needs there.
# Ends with "check-hardened: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
here=$root_dir/selftests/hardened
# shellcheck source-path=SCRIPTDIR source=prepare.sh
. "$here/prepare.sh"

kver=${KVER:-6.12} name=check-hardened without='' kinds=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--kver) kver=${2:?--kver needs a value}; shift 2 ;;
	--without) without=${2:?--without needs a value}; shift 2 ;;
	--list) sed -n 's/^prepare_\([a-z]*\)() {$/\1/p' "$here/prepare.sh"; exit 0 ;;
	-*) die "no option '$1'; see --help" ;;
	*) kinds+=("$1"); shift ;;
	esac
done
[ ${#kinds[@]} -gt 0 ] || mapfile -t kinds < <("$0" --list)

failed=0 passed=0 skipped=0
for kind in "${kinds[@]}"; do
	[ -e "$here/$kind.sh" ] || die "no kind '$kind'; see --list"
	out=$root_dir/build/hardened/$kind options=()
	rm -rf "$out"
	mkdir -p "$out"
	"prepare_$kind" "$out"
	"$vm_dir/run-tests.sh" --kver "$kver" --arch x86_64 --each 1800 \
		--env HARDENED_WITHOUT="$without" --beside "$here/rows.sh" \
		"${options[@]}" "$name-$kind" -- "$here/$kind.sh" | tee "$out/tap" || true
	read -r p f s < <(sed -n 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
		"$out/tap" | tail -n 1) || { p=0 f=1 s=0; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$name: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
