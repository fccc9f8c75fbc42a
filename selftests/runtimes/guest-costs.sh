#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in a guest that counts instructions, where they are the clock: each program of
# the rows as it is, and with codearena-run where W^X is enforced. Prints TAP, and for
# each row a comment with its figures. With the mode "port" the second program is the
# one in ports/ of the same name, with nothing preloaded.
#
# Usage: guest-costs ROWS, a file of lines "NAME LIMIT MODE COMMAND..."

export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8
rows=${1:-rows}
work=/tmp/costs
mkdir -p $work

# now: what the clock says, in milliseconds: 10^6 instructions.
now() {
	sed -n '/^ktime/ { s/.*: *//; s/\..*//; p; q }' /sys/kernel/debug/sched/debug
}

# count NAME COMMAND...: writes NAME.out; sets status and millions (of instructions).
count() {
	count_name=$1
	shift
	start=$(now)
	"$@" >"$work/$count_name.out" 2>"$work/$count_name.err" </dev/null
	status=$?
	end=$(now)
	millions=$((end - start))
}

# row LIMIT MODE COMMAND...: sets why, which is empty if all is as it has to be.
row() {
	limit=$1 mode=$2
	shift 2
	count plain "$@"
	plain=$millions plain_status=$status
	rm -f $work/report
	if [ "$mode" = port ]; then
		count codearena env PATH="$PWD/ports/luajit:$PWD/ports:$PATH" \
			./codearena-run --wx=off --mdwe "$@"
	else
		count codearena ./codearena-run --wx="$mode" --mdwe --report=$work/report "$@"
	fi
	ratio=$(awk -v a="$millions" -v b="$plain" 'BEGIN { printf "%.2f", a / (b ? b : 1) }')
	why=
	[ "$(echo "$ratio $limit" | awk '{ print $1 <= $2 }')" = 1 ] || why="more than $limit times"
	cmp -s $work/plain.out $work/codearena.out || why="another output than the plain program"
	[ $status = 0 ] && [ $plain_status = 0 ] || why="exit status $status, plain $plain_status"
}

# events: what the cost is due to, in all processes: pages made executable, faults.
events() {
	awk '/pages made executable/ { pages += $4 } /faults:/ { faults += $2 }
		END { print pages + 0 "	" faults + 0 }' $work/report 2>/dev/null
}

# Just after boot other tasks share the processor, and the first program that asks for
# random numbers spins in the kernel until there are some.
sleep 5
head -c 1 /dev/random >/dev/null
number=0
echo "# program	mode	limit	plain (10^6 instructions)	codearena	ratio	pages	faults"
while read -r name limit mode command; do
	if [ "$mode" = port ] && [ ! -e "ports/${command%% *}" ]; then
		number=$((number + 1))
		echo "ok $number - $name # SKIP Debian has no source of this version"
		continue
	fi
	# Words of the row are arguments on purpose.
	# shellcheck disable=SC2086
	row "$limit" "$mode" $command
	number=$((number + 1))
	echo "# $name	$mode	$limit	$plain	$millions	$ratio	$(events)"
	if [ -z "$why" ]; then echo "ok $number - $name: $ratio"; else echo "not ok $number - $name: $why"; fi
done <"$rows"
echo "1..$number"
