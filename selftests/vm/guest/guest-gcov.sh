#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest, after the tests: print which lines of the module were executed,
# as an archive of the kernel's .gcda files, in base64 between two marks.

gcov=/sys/kernel/debug/gcov

result() {
	if [ "$1" -eq 0 ]; then shift; else shift; printf 'not '; fi
	echo "ok $*"
}

# These files have size 0 until they are read, which misleads tar.
collect() {
	cd $gcov || return 1
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}" && cat "$file" >"/tmp/gcov/$file" || exit 1
	done
	[ -d /tmp/gcov ]
}

# Unload it first: its exit counts too, and the kernel keeps the counters.
echo "1..1"
rmmod codearena && collect
code=$?
echo "@@gcov"
tar -C /tmp/gcov -czf - . | base64
echo "@@gcov"
result $code 1 - "the kernel's gcov has been read"
