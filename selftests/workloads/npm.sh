#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Get packages of npm, unchanged, into the cache; none of their scripts runs.
#
# Usage: npm.sh PACKAGE@VERSION...
#
# Prints the path of a node_modules with these packages. If npm does not have a version
# any more, a later one that it calls compatible takes its place; if there is none
# either, the package is left out. Both are said.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
for package in "$@"; do
	[[ $package == ?*@[0-9]* ]] || die "'$package' names no version"
done

# install DIR PACKAGE: 1 if npm does not have it
install() {
	rm -rf "$1"
	mkdir -p "$1"
	npm install --prefix "$1" --ignore-scripts --no-audit --no-fund --no-save "$2" \
		>"$1/log" 2>&1 && return
	grep -qE 'code (E404|ETARGET|ENOVERSIONS)' "$1/log" && return 1
	cat "$1/log" >&2
	die "npm install $2 failed"
}

# fetch PACKAGE DIR
fetch() {
	[ ! -e "$2/complete" ] || return 0
	need npm wasm
	say "npm install $1"
	if ! install "$2" "$1"; then
		if ! install "$2" "${1%@*}@^${1##*@}"; then
			say "npm has no $1, and none that is compatible: left out"
			return 0
		fi
		say "npm has no $1 any more: a later version takes its place"
	fi
	touch "$2/complete"
}

# The scope of a package has a slash in its name.
names=$(IFS=_ && echo "$*")
key=$(cksum <<<"$names")
all=$cache_dir/npm/all-${key// /-}/node_modules

link_all() {
	local package name dir left_out=''
	[ ! -e "$all.complete" ] || return 0
	rm -rf "$all"
	mkdir -p "$all"
	for package; do
		name=${package%@*}
		dir=$cache_dir/npm/${package//\//+}
		fetch "$package" "$dir"
		if [ ! -e "$dir/complete" ]; then
			left_out=yes
			continue
		fi
		mkdir -p "$(dirname "$all/$name")"
		ln -s "$dir/node_modules/$name" "$all/$name"
	done
	[ -n "$left_out" ] || touch "$all.complete"
}

with_lock npm link_all "$@"
echo "$all"
