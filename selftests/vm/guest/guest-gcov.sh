#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest, behind the tests: print which lines of the module were executed,
# the .gcda files of the kernel's gcov as an archive in base64 between two marks.

gcov=/sys/kernel/debug/gcov

result() {
	if [ "$1" -eq 0 ]; then shift; else shift; printf 'not '; fi
	echo "ok $*"
}

# These files have no size before they are read, which archivers go by.
collect() {
	cd $gcov || return 1
	find . -name '*.gcda' | while read -r file; do
		mkdir -p "/tmp/gcov/${file%/*}" && cat "$file" >"/tmp/gcov/$file" || exit 1
	done
	[ -d /tmp/gcov ]
}

# Its last lines are those that unload it. The kernel keeps what is known of it.
echo "1..1"
rmmod codearena && collect
code=$?
echo "@@gcov"
tar -C /tmp/gcov -czf - . | base64
echo "@@gcov"
result $code 1 - "the kernel's gcov has been read"
