#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: the lines of one-liners while arenas are at work. Speaks TAP.
#
# Usage: guest.sh

cd /trace || exit 1
PATH=/trace:$PATH
./codearenactl_helper hold >/tmp/held &
# Traps, and calls that fail.
while :; do ./trap 5000 >/dev/null; ./failing; sleep 0.2; done 2>/dev/null &
until [ -s /tmp/held ]; do sleep 0.1; done
read -r PID _ </tmp/held
export PID
# Names of tasks are recorded by code of the scheduler, which is patched for it.
echo 0 >/sys/kernel/tracing/options/record-cmd

n=0 bad=0 pattern='' comment=''
while IFS= read -r line; do
	case $line in
	'#> '*) pattern=${line#'#> '} ;;
	'#'*) comment=${line#'#'} ;;
	'') ;;
	*)
		n=$((n + 1))
		echo >/sys/kernel/tracing/trace
		sh -c "$line" >/tmp/out 2>&1
		if grep -Eq -e "$pattern" /tmp/out; then
			echo "ok $n$comment"
		else
			bad=1
			echo "not ok $n$comment"
			tail -n 20 /tmp/out | sed 's/^/# /'
		fi
		;;
	esac
done <one-liners
echo "1..$n"
exit $bad
