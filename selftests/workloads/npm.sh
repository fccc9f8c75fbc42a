#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Get packages of npm, unchanged, into the cache; none of their scripts runs.
#
# Usage: npm.sh PACKAGE@VERSION...
#
# Prints the path of their node_modules.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
for package in "$@"; do
	[[ $package == ?*@[0-9]* ]] || die "'$package' names no version"
done

# The scope of a package has a slash in its name.
names=$(IFS=_ && echo "$*")
dir=$cache_dir/npm/${names//\//+}

fetch() {
	[ ! -e "$dir/complete" ] || return 0
	need npm wasm
	say "npm install $*"
	rm -rf "$dir"
	mkdir -p "$dir"
	npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --no-save "$@" >&2
	touch "$dir/complete"
}

with_lock npm fetch "$@"
echo "$dir/node_modules"
