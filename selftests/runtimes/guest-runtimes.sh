#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: each program of the rows as it is, as it is where W^X is
# enforced, and there with codearena-run. Prints TAP, and for each row a comment
# with its figures.
#
# Usage: guest-runtimes ROWS, a file of lines "NAME MODE MECHANISM COMMAND..."

export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 GUILE_AUTO_COMPILE=0
# As the alternatives would have it, which no package here has set up.
export LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/blas:/usr/lib/x86_64-linux-gnu/lapack
rows=${1:-rows}
here=$PWD
work=/tmp/runtimes
mkdir -p $work

# most NAME COLUMN: the largest number of mappings of a kind.
most() {
	"$here/sample-mappings.sh" --most "$work/$1.samples" | cut -d' ' -f"$2"
}

# run NAME COMMAND...: writes NAME.out, .err, .samples; sets status and time (ms).
run() {
	run_name=$1
	shift
	: >$work/go
	"$here/sample-mappings.sh" $work/go 0.02 >"$work/$run_name.samples" &
	sampler=$!
	start=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	"$@" >"$work/$run_name.out" 2>"$work/$run_name.err" </dev/null
	status=$?
	end=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	time=$(((end - start) * 10))
	rm $work/go
	wait $sampler
}

result() {
	number=$((number + 1))
	if [ -z "$1" ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2: $1"
		sed 's/^/# /' $work/codearena.err | head -n 20
		diff $work/plain.out $work/codearena.out | head -n 10 | sed 's/^/# /'
	fi
}

# Whether the last run of "mdwe" shows that the program needs what is refused there.
lost() {
	[ $plain_status != $mdwe_status ] || ! cmp -s $work/plain.out $work/mdwe.out ||
		[ "$(most mdwe 3)" -lt "$(most plain 3)" ]
}

row() {
	name=$1 mode=$2 mechanism=$3 runner=$4
	shift 4
	run plain "$@"
	plain_status=$status plain_time=$time
	run mdwe "$runner/codearena-run" --wx=off --mdwe "$@"
	mdwe_status=$status
	rm -f $work/report
	run codearena "$runner/codearena-run" --wx="$mode" --mdwe --report=$work/report "$@"
	both=$(most codearena 1)
	views=$(most codearena 2)
	why=
	[ $plain_status = 0 ] || why="the plain program fails: $plain_status"
	lost || why="the plain program keeps its JIT under MDWE: the row proves nothing"
	[ $status = $plain_status ] || why="exit status $status, plain $plain_status"
	cmp -s $work/plain.out $work/codearena.out || why="another output than the plain program"
	[ "$both" = 0 ] || why="$both mappings are writable and executable"
	# A program that ends by _exit() writes no report; one view is codearena-run's own.
	grep -qs 'bytes published: [1-9]' $work/report || [ "$views" -gt 1 ] ||
		why="no code was published"
	ratio=$(awk -v a="$time" -v b=$plain_time 'BEGIN { printf "%.2f", a / (b ? b : 1) }')
	if [ $mdwe_status = $plain_status ]; then end="no JIT"; else end="exit $mdwe_status"; fi
	echo "# $name	$mode	$mechanism	$end	$views	$both	$status	$plain_time	$time	$ratio"
}

number=0
echo "# runtime	mode	mechanism	plain, MDWE	views	W+X	exit	ms plain	ms codearena	ratio"
while read -r name mode mechanism command; do
	# Words of the row are arguments on purpose.
	# shellcheck disable=SC2086
	row "$name" "$mode" "$mechanism" "$here" $command
	result "$why" "$name, $mode"
	[ -z "$why" ] || sed 's/^/# /' $work/report
done <"$rows"

# The first row with a library that does nothing has to fail.
mkdir $work/control
cp codearena-run $work/control/
cp empty.so $work/control/libcodearena-preload.so
read -r name mode mechanism command <"$rows"
# shellcheck disable=SC2086
row "$name" "$mode" control $work/control $command
if [ -n "$why" ]; then why=; else why="passes with an empty library"; fi
result "$why" "control: $name fails with an empty preload library"
echo "1..$number"
