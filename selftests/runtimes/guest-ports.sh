#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: the ports, where W^X is enforced, with nothing preloaded. Prints
# TAP.

export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. ./guest-lib.sh

# PCRE2's own tests, which match each pattern twice when they are asked for JIT.
pcre2_tests() {
	cp testdata/testbtables .
	for test in 1 2 4 5; do
		why=
		$mdwe ./pcre2test -q -8 -jit testdata/testinput$test /tmp/ports.out ||
			why="exit status $?"
		# Texts of errors belong to the second.
		[ $test != 2 ] ||
			./pcre2test -q -error -70,-62,-2,-1,0,100,101,191,200 >>/tmp/ports.out
		cmp -s testdata/testoutput$test /tmp/ports.out || why="another output"
		[ -z "$why" ] ||
			diff testdata/testoutput$test /tmp/ports.out | head -n 10 | sed 's/^/# /'
		result "pcre2test, test $test" "$why"
	done
}

# The patterns were compiled; what Debian has cannot compile them here.
jit() { $mdwe "$1" -8 /tmp/ports.in | grep -c '(JIT)'; }
pcre2_compiles() {
	printf '/a(b+)c/jitverify\n    xabbbc\n' >/tmp/ports.in
	[ "$(jit ./pcre2test)" = 1 ] && why='' || why="it interprets"
	result "pcre2test compiles" "$why"
	[ "$(jit pcre2test)" = 0 ] && why='' ||
		why="it compiles, so the other tests prove nothing"
	result "pcre2test of Debian does not" "$why"
}

pcre2grep_test() {
	pattern='(?i)(s\w+)[^;]{1,60}?(\w+)\s*\(\1?'
	$mdwe ./pcre2grep -c -M -r "$pattern" /usr/include >/tmp/ports.ours
	pcre2grep -c -M -r "$pattern" /usr/include >/tmp/ports.theirs
	[ -s /tmp/ports.ours ] && cmp -s /tmp/ports.ours /tmp/ports.theirs && why='' ||
		why="another output than Debian's"
	result "pcre2grep" "$why"
}

# lua NAME PROGRAM ARG...: the port prints what Debian's interpreter does where all is allowed.
lua() {
	name=$1 program=$2 why=
	shift 2
	luajit -joff "$@" >/tmp/ports.theirs 2>/dev/null
	$mdwe "$program" "$@" >/tmp/ports.ours 2>/tmp/ports.err || why="exit status $?"
	[ -s /tmp/ports.theirs ] && cmp -s /tmp/ports.ours /tmp/ports.theirs ||
		why="another output than the interpreter's${why:+, $why}"
	[ -z "$why" ] || {
		sed 's/^/# /' /tmp/ports.err
		diff /tmp/ports.theirs /tmp/ports.ours | head -n 10 | sed 's/^/# /'
	}
	result "luajit, $name" "$why"
}

preprocess() {
	lua "$1" luajit/luajit luajit/dynasm/dynasm.lua -LN -D ENDIAN_LE -D P64 -D JIT -D FFI -D FPU -D VER= \
		luajit/vm_x64.dasc
}

luajit_tests() {
	: >/tmp/ports.go
	"$here/sample-mappings.sh" /tmp/ports.go 0.02 >/tmp/ports.samples &
	lua "many traces, flushes, forks" luajit/luajit "$here/programs/luajit-port.lua"
	rm /tmp/ports.go
	wait $!
	grep -q 'traces [1-9]' /tmp/ports.err && why='' || why="there are none"
	result "luajit, traces" "$why"
	[ "$(grep -c 'patched true' /tmp/ports.err)" = 2 ] && why='' || why="some are not"
	result "luajit, exits are patched in the same arena and in another" "$why"
	mappings "luajit, mappings while it runs"
	preprocess "a preprocessor"
}

# Each third call of a function of the library fails, then each seventh.
luajit_failures() {
	for FAIL_PERIOD in 3 7; do
		export FAIL_PERIOD
		lua "each call number $FAIL_PERIOD fails" luajit/fail/luajit \
			"$here/programs/luajit-port.lua"
		grep -q 'failed [1-9]' /tmp/ports.err && why='' || why="none does"
		result "luajit, calls fail" "$why"
	done
}

# What would prove nothing, and what has to go on without executable memory.
luajit_controls() {
	why=
	! $mdwe luajit "$here/programs/luajit-port.lua" >/tmp/ports.ours 2>/dev/null ||
		why="it runs, so the other tests prove nothing"
	result "luajit of Debian ends with an error" "$why"
	export CODEARENA_BACKEND=none
	preprocess "a preprocessor without arenas"
	$mdwe luajit/luajit -e 'local s = 0 for i = 1, 1e5 do s = s + i end
		print(s, require("jit.util").traceinfo(1))
		print(pcall(require("ffi").cast, "int (*)(void)", function() end))' \
		>/tmp/ports.ours 2>&1 || echo "exit status $?" >>/tmp/ports.ours
	printf '5000050000\nfalse\ttoo many callbacks\n' | cmp -s - /tmp/ports.ours &&
		why='' || why=$(cat /tmp/ports.ours)
	result "luajit, no traces and an error for callbacks without arenas" "$why"
	unset CODEARENA_BACKEND
}

cd ports || exit 1
if [ -e pcre2test ]; then
	pcre2_tests
	pcre2_compiles
	pcre2grep_test
else
	skip pcre2
fi
if [ -e luajit/luajit ]; then
	luajit_tests
	luajit_failures
	luajit_controls
else
	skip luajit
fi
echo "1..$number"
