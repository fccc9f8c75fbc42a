#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest, as the last test: unloads the module and looks for leaks.
#
# Usage: guest-unload TIMES

times=$1
kmemleak=/sys/kernel/debug/kmemleak

result() {
	code=$1
	shift
	if [ "$code" -eq 0 ]; then echo "ok $*"; else echo "not ok $*"; fi
}

scan() {
	# kmemleak looks at objects that are 5 seconds old, and reports those that two
	# scans found lost.
	sleep 6
	echo scan >$kmemleak && sleep 6 && echo scan >$kmemleak
}

leaks() {
	if [ ! -w $kmemleak ]; then
		echo "ok $* # SKIP this kernel has no kmemleak"
		return
	fi
	if ! scan; then
		echo "not ok $*: kmemleak does not scan"
		return
	fi
	cat $kmemleak >/tmp/leaks
	sed 's/^/# /' /tmp/leaks
	[ ! -s /tmp/leaks ]
	result $? "$*"
}

reload() {
	i=0
	while [ $i -lt "$times" ]; do
		insmod /codearena.ko && [ -c /dev/codearena ] && rmmod codearena || return 1
		i=$((i + 1))
	done
}

echo "1..4"
# While it is there, the functions of a leak still have names.
leaks 1 - "nothing is lost while the module is loaded"
rmmod codearena
result $? 2 - "the module is unloaded"
reload
result $? 3 - "it is loaded and unloaded $times times"
leaks 4 - "nothing is lost when it is unloaded"
