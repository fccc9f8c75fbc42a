#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Copy what programs need to be loaded to the same paths under a directory.
#
# Usage: stage.sh DIRECTORY PROGRAM...

set -e
root=$1
shift
mkdir -p "$root"
ldd "$@" | grep -o '/[^ ]*' | grep '\.so' | sort -u | while read -r file; do
	mkdir -p "$root$(dirname "$file")"
	cp -L "$file" "$root$file"
done
