#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Write the reference of the device from the kernel-doc comments of its header.
#
# Usage: uapi.sh HEADER
#
# By the script of the kernel itself, which comes from Debian's source package.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../selftests/vm/lib.sh
. "$(dirname "$0")/../../selftests/vm/lib.sh"

case ${1:---help} in
-h | --help) usage; exit 0 ;;
esac

tree=$("$root_dir/selftests/vm/source.sh" file scripts/kernel-doc)
# In pieces: these are not the lines of this script.
printf '.. SPDX-%s\n' "License-Identifier: GPL-2.0-only WITH Linux-syscall-note" \
	"FileCopyrightText: 2026 The codearena authors"
echo
# A name that ends in an underscore would be a link. Backquotes are RST's.
# shellcheck disable=SC2016
"$tree/scripts/kernel-doc" -rst -sphinx-version 5.3.0 "$1" |
	sed -E 's/(^|[^[:alnum:]_`])(out_|TRAP_\*|codearena_)([ ,;.)]|$)/\1``\2``\3/g'
