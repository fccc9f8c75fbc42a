#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# What codearena-run refuses and says, where it needs no device. Prints TAP.
#
# Usage: test_codearena_run.sh
#
# CODEARENA_RUN, RUN_STATIC: the program, and one that is linked statically; default:
# those beside the script

here=$(cd "$(dirname "$0")" && pwd)
run=${CODEARENA_RUN:-$here/codearena-run}
static=${RUN_STATIC:-$here/codearenactl_helper}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
bad=0

# check NAME CODE TEXT ARGUMENT...: its exit status, and a part of what it prints.
check() {
	name=$1 wanted=$2 text=$3
	shift 3
	"$run" "$@" >"$work/out" 2>&1 </dev/null
	code=$?
	n=$((n + 1))
	if [ "$code" -eq "$wanted" ] && grep -qF -e "$text" "$work/out"; then
		echo "ok $n $name"
		return
	fi
	bad=1
	echo "not ok $n $name: exit status $code"
	sed 's/^/# /' "$work/out"
}

echo "1..11"
check "--help" 0 "Usage: codearena-run" --help
check "no program" 125 "no program" --mdwe
check "an unknown option" 125 "--help" --wrong /bin/true
check "an unknown mode" 125 "--wx=both: must be strict, emulate or off" --wx=both /bin/true
check "a program that does not exist" 127 "no-such-program: not found" --wx=off no-such-program
check "a path that does not exist" 127 "No such file" /no/such/program
check "a program that is linked statically" 126 "linked statically" "$static"
: >"$work/setuid"
chmod 4755 "$work/setuid"
if [ "$(id -u)" -eq 0 ]; then
	echo "ok $((n = n + 1)) a program that gains privileges # SKIP root gains none"
else
	check "a program that gains privileges" 126 "gains privileges" "$work/setuid"
fi
check "the program's own status and output" 3 "it ran" --wx=off sh -c 'echo it ran; exit 3'
check "arguments after the program are its own" 0 "--wx=x" --wx=off echo --wx=x
if [ -c /dev/codearena ]; then
	echo "ok $((n = n + 1)) no device # SKIP there is one"
else
	check "no device" 125 "/dev/codearena: No such file or directory" sh -c 'echo it ran'
fi
exit $bad
