# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# For scripts that run in a guest (source it): rows as TAP.

number=0

# row NAME WANTED COMMAND...: the command's last line matches WANTED, a shell pattern.
row() {
	row_name=$1 wanted=$2
	shift 2
	number=$((number + 1))
	output=$("$@" 2>&1)
	last=$(printf '%s\n' "$output" | tail -n 1)
	shown=$(printf %.60s "$last")
	# shellcheck disable=SC2254 # a pattern
	case $last in
	$wanted)
		echo "ok $number - $row_name: $shown"
		;;
	*)
		echo "not ok $number - $row_name: '$shown', not '$wanted'"
		printf '%s\n' "$output" | sed 's/^/# /'
		;;
	esac
}

# check RULES NAME WANTED STEP...: the row of jit's STEPs under RULES. The script that
# sources this has rules(), which loads them by name.
check() {
	rules "$1"
	check_name=$2 check_wanted=$3
	shift 3
	# shellcheck disable=SC2048,SC2086 # words
	row "$check_name" "$check_wanted" ./jit $*
}

# skip NAME REASON
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

plan() {
	echo "1..$number"
}
