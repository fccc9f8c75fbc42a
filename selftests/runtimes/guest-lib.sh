# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=sh
#
# Shared by the scripts that test ports in a guest (source it): results, and the
# executable mappings of what runs.

here=$PWD
# shellcheck disable=SC2034 # for the scripts that source this file
mdwe="$here/codearena-run --wx=off --mdwe"
number=0

# result NAME REASON: a test that passes if there is no reason why not.
result() {
	number=$((number + 1))
	if [ -z "$2" ]; then echo "ok $number - $1"; else echo "not ok $number - $1: $2"; fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP not built: Debian has no such source, or not for this architecture"
}

# mappings NAME: of what ran while samples were taken.
mappings() {
	why=
	"$here/sample-mappings.sh" --most /tmp/ports.samples >/tmp/ports.most
	read -r both views _ </tmp/ports.most
	[ "$both" = 0 ] || why="writable and executable"
	[ "$views" -gt 0 ] || why="no view of an arena"
	result "$1" "$why"
}
