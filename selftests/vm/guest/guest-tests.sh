#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: each test program of /tests/list under a time limit, with a
# frame around its output that run-tests.sh counts.
#
# Usage: guest-tests SECONDS

limit=$1
cd /tests || exit 1
# shellcheck source=/dev/null
. ./environment
while read -r program arguments; do
	echo "@@begin $program"
	start=$(date +%s)
	echo "codearena-vm: test $program" >/dev/kmsg
	# Words of the list are arguments on purpose.
	# shellcheck disable=SC2086
	timeout -s KILL "$limit" "./$program" $arguments 2>&1
	echo "@@end $program $? $(($(date +%s) - start))"
done <list
