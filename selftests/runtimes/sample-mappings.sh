#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in a guest: notes again and again what executable mappings processes have, while
# a file exists.
#
# Usage: sample-mappings GO SECONDS [PROCESSES] >SAMPLES
#        sample-mappings --most SAMPLES
#
#   GO         the file
#   SECONDS    between two samples
#   PROCESSES  a file that lists the processes (default: all)
#
# A sample is a line of three numbers of mappings: writable and executable, executable
# views of the device, executable and backed by no file. --most prints the largest of
# each.

if [ "$1" = --most ]; then
	exec awk '{ for (i = 1; i <= 3; i++) if ($i > most[i]) most[i] = $i }
		END { print most[1] + 0, most[2] + 0, most[3] + 0 }' "$2"
fi

# maps: of the processes, which may end meanwhile.
maps() {
	if [ -n "$1" ]; then
		sed 's|.*|/proc/&/maps|' "$1" | xargs cat
	else
		cat /proc/[1-9]*/maps
	fi
}

while [ -e "$1" ]; do
	maps "${3-}" 2>/dev/null | awk '
		$2 ~ /^.wx/ { both++ }
		$2 ~ /^..x/ && $6 ~ /^\/dev\/codearena/ { views++ }
		$2 ~ /^..x/ && NF == 5 { anonymous++ }
		END { print both + 0, views + 0, anonymous + 0 }'
	sleep "$2"
done
