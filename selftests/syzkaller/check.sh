#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Compare the description for syzkaller with the header.
#
# Usage: check.sh [--update]
#
#   --update   write codearena.txt.const anew, from the header
#
# Commands and the structures they take, members and their sizes, structures and
# their sizes, flags, and the values of all constants have to be the same. Prints
# what differs, "<" as the header has it and ">" as the description does, and
# exits 1 then.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$here/../vm/lib.sh"

update=
case ${1-} in
-h | --help) usage; exit 0 ;;
--update) update=yes ;;
?*) die "no option '$1'; see --help" ;;
esac

header=$root_dir/uapi/linux/codearena.h
description=$here/codearena.txt
consts=$description.const
need gcc build
work=$(mktemp -d "${TMPDIR:-/tmp}/codearena-syzkaller.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

# compare WHAT HEADER DESCRIPTION: two sorted lists.
compare() {
	[ -s "$2" ] || die "the header has no $1"
	if ! diff "$2" "$3" >"$work/diff"; then
		failed=1
		echo "$1 differ:"
		sed -n '/^[<>]/p' "$work/diff"
	fi
}

# Lines "struct number member size", in order.
header_members() {
	awk '
	/^struct [a-z_]+ \{$/ { name = $2; number = 0; next }
	/^\};$/ { name = ""; next }
	name == "" { next }
	{
		if ($1 == "__u32" || $1 == "__s32") size = 4
		else if ($1 == "__aligned_u64") size = 8
		else if ($1 == "__u8") size = 1
		else { size = "unknown-type-" $1 }
		member = $2; sub(/;$/, "", member)
		if (match(member, /\[.*\]$/)) {
			size = size "*" substr(member, RSTART + 1, RLENGTH - 2)
			member = substr(member, 1, RSTART - 1)
		}
		print name, number++, member, size
	}' "$header"
}

# The same of the description, whose types name their size.
description_members() {
	awk '
	BEGIN { size["vma64"] = 8; size["fd"] = 4 }
	function size_of(type, base, parts, n) {
		base = type; sub(/\[.*/, "", base)
		if (type in size) return size[type]
		if (base ~ /^int(8|16|32|64)$/) return substr(base, 4) / 8
		if (base == "ptr64") return 8
		n = split(type, parts, /, */)
		sub(/\]$/, "", parts[n])
		if (base ~ /^(len|bytesize|const|flags)$/) return size_of(parts[n])
		if (base == "array") {
			sub(/^array\[/, "", parts[1])
			return size_of(parts[1]) "*" parts[n]
		}
		return "unknown-type-" type
	}
	/^resource / {
		name = $2; base = $2
		sub(/\[.*/, "", name); sub(/^[^[]*\[/, "", base); sub(/\].*/, "", base)
		size[name] = size_of(base); name = ""; next
	}
	/^type / { alias = $2; $1 = $2 = ""; sub(/^ +/, ""); size[alias] = size_of($0); next }
	/^[a-z_]+ \{$/ { name = $1; number = 0; next }
	/^\}$/ { name = ""; next }
	name != "" && NF {
		member = $1
		sub(/^[ \t]*[a-z_]+[ \t]+/, "")
		sub(/[ \t]+\((in|out|inout)\)$/, "")
		print name, number++, member, size_of($0)
	}' "$description"
}

# Every command with the structure it takes: its name in small letters.
header_commands() {
	tr '\n' ' ' <"$header" | sed 's/\\ / /g' |
		grep -oE '#define CODEARENA_[A-Z_]+\s+_IO\(CODEARENA_IOC_TYPE, CODEARENA_CMD_[A-Z_]+\)' |
		sed -E 's/#define (\S+)\s+_IO\(.*_CMD_([A-Z_]+)\)/\1 \L\2/' |
		sed 's/ / codearena_/' | LC_ALL=C sort
}

description_commands() {
	# The $ is one of the description.
	# shellcheck disable=SC2016
	sed -nE 's/^ioctl\$([A-Z_]+)\(fd fd_codearena, cmd const\[\1\], arg ptr\[(in|inout), ([a-z_]+)\]\)$/\1 \3/p' \
		"$description" | LC_ALL=C sort
}

header_flags() { grep -oE '^#define CODEARENA_[A-Z_]+_F_[A-Z_]+' "$header" | sed 's/.* //' | LC_ALL=C sort; }

description_flags() { grep -oE '\bCODEARENA_[A-Z_]+_F_[A-Z_]+' "$description" | LC_ALL=C sort -u; }

# All constants that the description names.
constants() {
	sed 's/#.*//' "$description" |
		grep -oE '\b(CODEARENA|AT|O|PROT|MAP)_[A-Z_0-9]+' | LC_ALL=C sort -u
}

# A program that says what the constants are, and what sizes and places structures
# and members have in fact.
write_program() {
	local name member size
	echo '#define _GNU_SOURCE'
	printf '#include <%s>\n' fcntl.h stddef.h stdio.h sys/mman.h linux/codearena.h
	echo 'int main(void) {'
	while read -r name; do
		printf 'printf("%s = %%llu\\n", (unsigned long long)%s);\n' "$name" "$name"
	done < <(constants)
	local last='' sum=''
	while read -r name _ member size; do
		if [ "$name" != "$last" ]; then
			[ -z "$last" ] || echo "_Static_assert(sizeof(struct $last) == $sum, \"$last\");"
			sum=0
		fi
		echo "_Static_assert(offsetof(struct $name, $member) == $sum, \"$name.$member\");"
		sum="$sum + $size" last=$name
	done <"$work/members.description"
	echo "_Static_assert(sizeof(struct $last) == $sum, \"$last\");"
	echo 'return 0; }'
}

header_members >"$work/members.header"
description_members >"$work/members.description"
compare members "$work/members.header" "$work/members.description"
header_commands >"$work/commands.header"
description_commands >"$work/commands.description"
compare commands "$work/commands.header" "$work/commands.description"
header_flags >"$work/flags.header"
description_flags >"$work/flags.description"
compare flags "$work/flags.header" "$work/flags.description"

write_program >"$work/program.c"
if gcc -I"$root_dir/uapi" -o "$work/program" "$work/program.c" 2>"$work/errors"; then
	{
		echo '# SPDX-License-Identifier: GPL-2.0-only'
		echo '# SPDX-FileCopyrightText: 2026 The codearena authors'
		echo '#'
		echo '# Written by check.sh --update.'
		echo 'arches = amd64, arm64'
		"$work/program"
	} >"$work/consts"
	if [ -n "$update" ]; then cp "$work/consts" "$consts"; fi
	compare constants "$work/consts" "$consts"
else
	failed=1
	echo "sizes or constants differ:"
	sed -n 's/.*error: //p' "$work/errors"
fi
[ "$failed" -ne 0 ] || echo "the description is as the header: $(wc -l <"$work/commands.header") commands," \
	"$(cut -d' ' -f1 "$work/members.header" | uniq | wc -l) structures," \
	"$(wc -l <"$work/members.header") members"
exit "$failed"
