#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The gate of the documentation: is it complete, and does what it says work?
#
# Usage: check-docs.sh [PART]...
#
#   build     Sphinx builds it without a warning
#   gate      everything public is documented: gate.py
#   gate-test the gate fails on what is undocumented: gate_test.py
#   programs  commands and programs of the README and the guide: programs.sh
#
# Ends with "check-docs: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

docs_dir=$root_dir/selftests/docs
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(build gate gate-test programs)

commands=()
for part in "${parts[@]}"; do
	case $part in
	build)
		commands+=("make -s -C '$root_dir' docs SETUP=true && echo 'docs-build: 1 passed, 0 failed, 0 skipped'")
		;;
	gate) commands+=("'$docs_dir/gate.py'") ;;
	gate-test) commands+=("'$docs_dir/gate_test.py'") ;;
	programs) commands+=("'$docs_dir/programs.sh'") ;;
	*) die "no part '$part'; see --help" ;;
	esac
done
exec "$root_dir/selftests/checks/summary.sh" --name check-docs "${commands[@]}"
