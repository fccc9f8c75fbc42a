#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: the ports, where W^X is enforced, with nothing preloaded. Prints
# TAP.

export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8
here=$PWD
mdwe="$here/codearena-run --wx=off --mdwe"
number=0
[ -e ports/pcre2test ] || {
	printf '1..1\nok 1 - pcre2 # SKIP Debian has no source of this version\n'
	exit 0
}
cd ports || exit 1

# result NAME REASON: a test that passes if there is no reason why not.
result() {
	number=$((number + 1))
	if [ -z "$2" ]; then echo "ok $number - $1"; else echo "not ok $number - $1: $2"; fi
}

# PCRE2's own tests, which match each pattern twice when they are asked for JIT.
cp testdata/testbtables .
for test in 1 2 4 5; do
	why=
	$mdwe ./pcre2test -q -8 -jit testdata/testinput$test /tmp/ports.out ||
		why="exit status $?"
	# Texts of errors belong to the second.
	[ $test != 2 ] || ./pcre2test -q -error -70,-62,-2,-1,0,100,101,191,200 >>/tmp/ports.out
	cmp -s testdata/testoutput$test /tmp/ports.out || why="another output"
	[ -z "$why" ] || diff testdata/testoutput$test /tmp/ports.out | head -n 10 | sed 's/^/# /'
	result "pcre2test, test $test" "$why"
done

# The patterns were compiled; what Debian has cannot compile them here.
printf '/a(b+)c/jitverify\n    xabbbc\n' >/tmp/ports.in
jit() { $mdwe "$1" -8 /tmp/ports.in | grep -c '(JIT)'; }
[ "$(jit ./pcre2test)" = 1 ] && why='' || why="it interprets"
result "pcre2test compiles" "$why"
[ "$(jit pcre2test)" = 0 ] && why='' || why="it compiles, so the other tests prove nothing"
result "pcre2test of Debian does not" "$why"

pattern='(?i)(s\w+)[^;]{1,60}?(\w+)\s*\(\1?'
$mdwe ./pcre2grep -c -M -r "$pattern" /usr/include >/tmp/ports.ours
pcre2grep -c -M -r "$pattern" /usr/include >/tmp/ports.theirs
[ -s /tmp/ports.ours ] && cmp -s /tmp/ports.ours /tmp/ports.theirs && why='' ||
	why="another output than Debian's"
result "pcre2grep" "$why"

echo "1..$number"
