#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The symbols that the shared library exports, that the version script names,
# and that the sources mark as public must be the same.
#
# Usage: abi.sh NM LIBRARY MAP SOURCE...

nm=$1 library=$2 map=$3
shift 3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

"$nm" -D --defined-only "$library" | awk '$2 ~ /^[TVW]$/ { sub(/@.*/, "", $3); print $3 }' |
	sort >"$work/exported"
grep -oE '(codearena_|__jit_debug_)[a-z0-9_]*;' "$map" | tr -d ';' | sort >"$work/map"
# The name follows the mark, on the same line or on a later one. The debugger's
# interface has names of its own, one of them a variable.
cat "$@" | awk 'BEGIN { name = "(codearena_|__jit_debug_)[a-z0-9_]*( =|\\()" }
	/^CODEARENA_API/ { join = $0; while (join !~ name) {
		if ((getline more) <= 0) break; join = join " " more }
	match(join, name)
	found = substr(join, RSTART, RLENGTH)
	sub(/( =|\()$/, "", found)
	print found }' | sort >"$work/public"

status=0
for other in map public; do
	if ! diff -u "$work/$other" "$work/exported"; then
		echo "check-abi: the library's symbols differ from: $other" >&2
		status=1
	fi
done
exit $status
