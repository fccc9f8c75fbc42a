#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Boot a VM with the module loaded and an interactive shell; the kselftests that
# are built are in /tests, the demo in /demo.
#
# Usage: shell.sh KVER ARCH [OPTION-OF-RUN.SH]...

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac
kver=$1 arch=${2:?ARCH missing; see --help}
shift 2

options=()
tests=$root_dir/build/selftests/$arch
if [ -e "$tests/tests.list" ]; then
	while read -r name; do
		options+=(--file "$tests/$name:/tests/$name")
	done <"$tests/tests.list"
fi
exec "$vm_dir/run.sh" --kver "$kver" --arch "$arch" --shell "${options[@]}" "$@"
