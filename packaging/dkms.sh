#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Add the installed source of the module to DKMS, or remove it.
#
# Usage: dkms.sh install VERSION
#        dkms.sh remove VERSION
#
# Needs root. The source is in /usr/src/codearena-VERSION, where
# `make dkms-install` puts it; remove deletes it. With KERNEL=RELEASE in the
# environment install builds for that kernel instead of the running one.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=lib.sh
. "$(dirname "$0")/../selftests/vm/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
install | remove) ;;
*) die "no command '$1'; see --help" ;;
esac
action=$1 version=${2:?VERSION missing; see --help}
source=/usr/src/codearena-$version

command -v dkms >/dev/null || die "dkms is not installed; on Debian: apt-get install dkms"
[ "$(id -u)" -eq 0 ] || die "DKMS needs root"

if [ -n "$(dkms status -m codearena -v "$version")" ]; then
	dkms remove -m codearena -v "$version" --all
fi
case $action in
install)
	[ -e "$source/dkms.conf" ] || die "no source in $source; run make dkms-install"
	dkms add -m codearena -v "$version"
	dkms install -m codearena -v "$version" ${KERNEL:+-k "$KERNEL"}
	;;
remove) rm -rf "$source" ;;
esac
