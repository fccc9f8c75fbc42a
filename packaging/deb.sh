#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the Debian packages, from a copy of the tree, into build/deb.
#
# Usage: deb.sh
#
# Prints their paths. The compiler's output is in build/deb/build.log.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=lib.sh
. "$(dirname "$0")/../selftests/vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

need dpkg-buildpackage packages
need dh_dkms packages
version=$(sed -n '/^[0-9]/p' "$root_dir/packaging/VERSION")
out=$root_dir/build/deb
tree=$out/codearena-$version

rm -rf "$out"
mkdir -p "$tree"
(cd "$root_dir" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$tree"
cp -r "$tree/packaging/debian" "$tree/debian"
# The changes are in the documentation; dpkg needs the version only.
if date=$(git -C "$root_dir" log -1 --format=%cD -- packaging/VERSION 2>/dev/null) && [ -n "$date" ]; then
	:
else
	date=$(date -R -r "$root_dir/packaging/VERSION")
fi
sed -e "s/@VERSION@/$version/; s/@DATE@/$date/; /^#/d" "$tree/debian/changelog.in" \
	>"$tree/debian/changelog"
rm "$tree/debian/changelog.in"

say "building the packages"
if ! (cd "$tree" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u PREFIX -u DESTDIR \
	dpkg-buildpackage -b -us -uc -j2) >"$out/build.log" 2>&1; then
	tail -n 40 "$out/build.log" >&2
	die "the packages do not build; see ${out#"$root_dir"/}/build.log"
fi
rm -rf "$tree"
ls "$out"/*.deb
