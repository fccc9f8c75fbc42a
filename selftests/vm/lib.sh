# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# Shared by the VM scripts (source it): messages, paths, the cache and its locks.

me=${0##*/}
vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
root_dir=$(cd "$vm_dir/../.." && pwd)
# shellcheck disable=SC2034
cache_dir=${CODEARENA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/codearena}

say() { printf '%s: %s\n' "$me" "$*" >&2; }

die() {
	printf '%s: error: %s\n' "$me" "$*" >&2
	exit 1
}

# Print the "Usage:" part of the calling script's head comment.
usage() { sed -n '/^# Usage:/,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# need COMMAND GROUP: stop with the remedy when COMMAND is not installed.
need() {
	command -v "$1" >/dev/null ||
		die "'$1' is not installed; run: selftests/vm/setup.sh $2"
}

# with_lock NAME COMMAND...: run COMMAND while no one else holds lock NAME of the cache.
with_lock() { lock_and_run "$cache_dir/locks/$1" "$@"; }

# building NAME COMMAND...: run COMMAND while no one else builds NAME in this tree.
building() { lock_and_run "$root_dir/build/.$1.lock" "$@"; }

# The lock is on a descriptor of a subshell: it ends with the command however that ends.
lock_and_run() {
	local file=$1 name=$2
	shift 2
	mkdir -p "${file%/*}"
	(
		if ! flock -n 9; then
			say "waiting for another run to finish with $name"
			flock 9
		fi
		"$@" 9>&-
	) 9>"$file"
}
