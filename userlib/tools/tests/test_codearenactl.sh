#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearenactl, on mock systems and on a process that has an arena: in a memfd on
# this machine, on the device in a VM. Prints TAP.
#
# Usage: test_codearenactl.sh
#
# CODEARENACTL, CTL_HELPER: the programs; default: those beside the script

here=$(cd "$(dirname "$0")" && pwd)
ctl=${CODEARENACTL:-$here/codearenactl}
helper=${CTL_HELPER:-$here/codearenactl_helper}
work=$(mktemp -d) || exit 1
holder=
trap '[ -z "$holder" ] || kill "$holder" 2>/dev/null; rm -rf "$work"' EXIT
n=0
bad=0

# report NAME: print the result of the last command.
report() {
	code=$?
	n=$((n + 1))
	if [ "$code" -eq 0 ]; then
		echo "ok $n $1"
	else
		bad=1
		echo "not ok $n $1"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

# ctl CODE ARGUMENT...: run codearenactl, check its exit code. Output in out and err.
ctl() {
	wanted=$1
	shift
	"$ctl" "$@" >"$work/out" 2>"$work/err"
	got=$?
	[ "$got" -eq "$wanted" ] && return
	echo "exit code $got, not $wanted: $*" >>"$work/err"
	return 1
}

out() { grep -q -e "$1" "$work/out"; }
err() { grep -q -e "$1" "$work/err"; }
is_json() { "$helper" json <"$work/out" >>"$work/err"; }

# A system of three processes: 7 has two handles of one arena and one of another; 8
# has a malicious name and the first arena read-only; 9 has none.
root=$work/root
handle() {
	mkdir -p "$root/proc/$1/fdinfo" "$root/proc/$1/fd"
	cat >"$root/proc/$1/fdinfo/$2" <<END
pos:	0
flags:	02100002
mnt_id:	22
ino:	4
codearena-id:	$3
codearena-owner:	7
codearena-access:	$4
codearena-name:	$5
codearena-flags:	0x2
codearena-length:	2097152
codearena-commit-limit:	1048576
codearena-committed:	12288
codearena-sealed:	640
codearena-traps:	12
codearena-traps-memory:	12
codearena-all-commit-limit:	4194304
codearena-all-committed:	12288
codearena-from-the-future:	yes
codearena-patched:	4 billion
END
}
mkdir -p "$root/proc/9/fdinfo" "$root/sys/module/codearena/parameters" "$root/dev"
handle 7 3 18446744073709551615 read-only "one"
handle 7 4 18446744073709551615 read-write "one"
handle 7 12 2 read-write 'two "and" \a half'
handle 8 0 18446744073709551615 read-only "one"
echo jit >"$root/proc/7/comm"
printf 'e\033[2Jvil\377\042\n' >"$root/proc/8/comm"
echo none >"$root/proc/9/comm"
printf 'pos:\t0\nflags:\t02\n' >"$root/proc/9/fdinfo/0"
: >"$root/proc/8/maps"
: >"$root/proc/9/maps"
cat >"$root/proc/7/maps" <<'END'
00400000-00401000 r-xp 00000000 08:01 12                                 /usr/bin/codearena
7f0000000000-7f0000200000 r-xs 00000000 00:05 4                          /dev/codearena
7f1000000000-7f1200000000 rw-s 10000000000 00:05 4                       /dev/codearena
7f2000000000-7f2000001000 r-xs 00001000 00:01 9                          /memfd:codearena:x (deleted)
7f3000000000-7f3000001000 rw-p 00000000 00:00 0
garbage
END
echo 1.0.0 >"$root/sys/module/codearena/version"
echo 0 >"$root/sys/module/codearena/parameters/commit_limit_mb"

mock_list() {
	ctl 0 --root "$root" list && [ "$(wc -l <"$work/out")" -eq 4 ] &&
		out '^ *7 jit .*18446744073709551615 device *2.0M *12K *640 *12  one$' &&
		out ' two "and" \\a half$' && out '^ *8 e?\[2Jvil?" ' &&
		[ ! -s "$work/err" ]
}
mock_list
report "list of a mock system"

mock_json() {
	ctl 0 --root "$root" --json list && is_json && [ "$(wc -l <"$work/out")" -eq 1 ] &&
		out '"pid":7,"command":"jit","fd":3,"backend":"device","name":"one","access":"read-write","id":18446744073709551615,"owner":7,"flags":2,"length":2097152,' &&
		out '"name":"two \\"and\\" \\\\a half"' && out '"command":"e\\u001b\[2Jvil\\ufffd\\""' &&
		out '"patched":null' && out '"syncs":null' && out '"unreadable":0}$'
}
mock_json
report "the same as JSON"

mock_show() {
	ctl 0 --root "$root" show 7 && [ "$(grep -c '^arena' "$work/out")" -eq 2 ] &&
		out '^arena "one", backend device, fd 3, read-write$' && out '^  traps-memory  *12$' &&
		out '^  length  *2.0M$' && out '^  sealed  *640$' && out '^  flags  *2$' &&
		[ "$(grep -c '^all processes: 12K committed, of 4.0M$' "$work/out")" -eq 1 ] &&
		out '^code   view 0x7f0000000000-0x7f0000200000 offset 0x0 (device)$' &&
		out '^guard  view 0x7f1000000000-0x7f1200000000 (device)$' &&
		out '^code   view 0x7f2000000000-0x7f2000001000 offset 0x1000 (memfd)$' &&
		[ "$(grep -c ' view ' "$work/out")" -eq 3 ] &&
		ctl 0 -r "$root" -j show 7 && is_json &&
		out '"kind":"guard","backend":"device","start":139706696204288' && out '"fd":null'
}
mock_show
report "show of a mock process"

mock_none() {
	ctl 4 --root "$root" show 9 && out 'has no arena' &&
		ctl 4 --root "$root" --json show 9 && is_json && out '"arenas":\[\],"views":\[\]'
}
mock_none
report "show of a process without arenas"

mock_stat() {
	ctl 0 --root "$root" stat && out '^3 arenas, 36K committed, 1.9K sealed; the module: 12K of 4.0M$' &&
		ctl 0 --root "$root" --json stat 7 && is_json && out '"rates":{"published":null,"patched":null,"traps":0.000'
}
mock_stat
report "stat of a mock system"

mock_check() {
	ctl 3 --root "$root" check && out '^good *module *loaded, version 1.0.0$' &&
		out '^bad *device ' && out '^note *limit .*there is no limit$' && out '-> load the module' &&
		ctl 3 --root "$root" --json check && is_json && out '"good":false}$' &&
		echo 0.9.0 >"$root/sys/module/codearena/version" &&
		ctl 3 --root "$root" check && out '^note *module *loaded, version 0.9.0;' &&
		echo 'integrity [confidentiality] none' >"$root/lockdown" &&
		mkdir -p "$root/sys/kernel/security" &&
		mv "$root/lockdown" "$root/sys/kernel/security/lockdown" &&
		ctl 3 --root "$root" check && out '^note *lockdown *only signed' &&
		rm -r "$root/sys/module/codearena" &&
		ctl 3 --root "$root" check && out '^bad *module '
}
mock_check
report "check of a mock system"

# The node's own mount counts, as when a container binds it.
mock_noexec() {
	mkdir -p "$root/dev" && : >"$root/dev/codearena" &&
		mkdir -p "$root/proc/self" "$root/proc/sys/kernel" &&
		printf 'Name:\tx\nSeccomp:\t2\n' >"$root/proc/self/status" &&
		echo '0 1000 1' >"$root/proc/self/uid_map" &&
		echo 3 >"$root/proc/sys/kernel/perf_event_paranoid" &&
		echo 00000001 >"$root/proc/self/coredump_filter" &&
		ctl 3 --root "$root" check && out '^good *noexec *.*/dev/codearena is not mounted noexec' &&
		out '^note *seccomp *a seccomp filter' && out '^note *namespace *in a user namespace' &&
		out '^note *perf *.*perf_event_paranoid is 3' && out '^note *core .*0x1$' || return
	unshare -rm true 2>/dev/null || return 0
	# The inner shell expands it.
	# shellcheck disable=SC2016
	unshare -rm sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,noexec "$1" &&
		exec "$2" --root "$3" check' sh "$root/dev/codearena" "$ctl" "$root" >"$work/out" 2>"$work/err"
	out '^bad *noexec *.*/dev/codearena is mounted noexec'
}
mock_noexec
report "check of a container"

mock_watch() {
	ctl 0 --root "$root" stat -c 2 -w 0.02 && [ "$(grep -c '^3 arenas' "$work/out")" -eq 2 ] &&
		ctl 0 --root "$root" stat 7 -w -c 1 && ctl 0 --root "$root" -w 0.02 -c 1 stat
}
mock_watch
report "the interval of stat as a word of its own"

nothing_there() {
	ctl 1 --root "$work/nowhere" list && err 'cannot read .*nowhere/proc' &&
		ctl 1 --root "$root" show 4711 && err 'no such process' &&
		ctl 1 --root "$root" stat 4711
}
nothing_there
report "missing processes and systems"

wrong_usage() {
	for arguments in "" nonsense show "show x" "show 0" "show -1" "show 1 2" "list 1" "disas 1" \
		"disas 1 x" "disas 1 0x1 2" "--count=0 stat" "--watch=x stat" "--length=0 disas 1 1" \
		"--nonsense list" "show 99999999999" "--watch=0 stat"; do
		# Words are arguments on purpose.
		# shellcheck disable=SC2086
		ctl 2 $arguments || return
		[ -s "$work/err" ] && [ ! -s "$work/out" ] || return
	done
}
wrong_usage
report "wrong usage"

help_and_version() {
	ctl 0 --help && out '^Usage: codearenactl' && out '^  disas PID ADDR' &&
		ctl 0 --version && out '^codearenactl [0-9.]* (libcodearena [0-9.]*)$'
}
help_and_version
report "help and version"

full_disk() {
	: >"$work/out"
	[ ! -e /dev/full ] || ! "$ctl" --root "$root" list >/dev/full 2>"$work/err"
}
full_disk
report "an error while writing is an error"

# The rest is on a real process.
"$helper" hold >"$work/held" 2>"$work/err" &
holder=$!
tries=0
until [ -s "$work/held" ] || [ $tries -ge 50 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
read -r pid address <"$work/held"
case ${CODEARENA_BACKEND-} in
device) keeper=device ;;
*) keeper=memfd ;;
esac
# As in the helper, and how sizes are printed.
size=$((64 * $(sed -n 's/^KernelPageSize: *\([0-9]*\) kB$/\1/p' /proc/self/smaps | head -n 1)))
[ $size -lt 1024 ] && size=${size}K || size=$((size / 1024)).0M
# The processors' spellings of what is in its code.
loads_42='\(movz*\|li\|addi\) .*\(0x2a\|42\)' traps='int3\|brk\|ebreak'

real_list() {
	ctl 0 list && grep "^ *$pid h" "$work/out" >"$work/line" &&
		grep -q "$keeper .* a \"b\\\\c\" d\$" "$work/line" &&
		[ "$(wc -l <"$work/line")" -eq 1 ] &&
		ctl 0 --json list && is_json && out "\"pid\":$pid,"
}
real_list
report "list has a real process"

real_show() {
	ctl 0 show "$pid" && out "^arena \"a \"b.c\" d\", backend $keeper," &&
		out "^  length  *$size\$" &&
		{ [ "$keeper" = memfd ] || out '^  sealed  *[1-9]'; } && out '^  committed  *[1-9]' &&
		out "^code   view $address-.* of fd [0-9]* \"a \"b.c\" d\"\$" &&
		[ "$(grep -c 'committed, of' "$work/out")" -le 1 ] && ctl 0 -j show "$pid" && is_json
}
real_show
report "show of a real process"

real_disas() {
	ctl 0 --length 6 disas "$pid" "$address" &&
		if out '(.*disassembler'; then return; fi &&
		out "^$address +0x0  [0-9a-f ]* $loads_42" &&
		ctl 0 disas "$pid" "$address" && out '  ret$' && ! out "$traps\|mapped" &&
		[ "$(wc -l <"$work/out")" -eq 2 ] &&
		ctl 0 -l 64 disas "$pid" "$address" && out "$traps" &&
		ctl 0 -j disas "$pid" "${address#0x}" && is_json &&
		out "\"bytes\":\"[0-9a-f ]*\",\"text\":\"$loads_42\"" &&
		ctl 1 disas "$pid" 0x10 && err 'nothing is mapped there' && [ ! -s "$work/out" ]
}
real_disas
report "disas of a real process"

real_stat() {
	ctl 0 --watch=0.3 --count 3 stat "$pid" && [ "$(grep -c '^$' "$work/out")" -eq 2 ] &&
		[ "$(grep -c '^1 arena,' "$work/out")" -eq 3 ] && ! grep -q "$(printf '\033')" "$work/out" &&
		if [ "$keeper" = memfd ]; then
			# It has no such counters.
			out " $size  *-  *-  *-  *-  a " && out "^1 arena, $size committed, - sealed"
		else
			tail -n 1 "$work/out" | awk '{ exit !($5 > 1 && $5 < 200) }'
		fi &&
		ctl 0 -j -w0.1 -c2 stat "$pid" && is_json && [ "$(wc -l <"$work/out")" -eq 2 ] &&
		{ [ "$keeper" != memfd ] || out '"rates":{"published":null,'; }
}
real_stat
report "stat --watch of a real process, with rates"

interrupted() {
	"$ctl" --watch=30 stat >"$work/out" 2>"$work/err" &
	watcher=$!
	sleep 0.5
	# Some shells start it with SIGINT ignored; else it may end before SIGTERM.
	kill -INT "$watcher" && { kill -TERM "$watcher" 2>/dev/null || true; } && wait "$watcher"
}
interrupted
report "stat --watch ends by a signal"

# In place of perf: prints its arguments, makes the output file and runs the program.
fake_perf() {
	cat >"$work/perf" <<'END'
#!/bin/sh
echo "perf $*"
verb=$1
while [ $# -gt 0 ]; do
	case $1 in
	-o) : >"$2"; shift ;;
	--) shift; "$@"; exit ;;
	esac
	shift
done
[ "$verb" != "$PERF_FAILS" ]
END
	chmod +x "$work/perf"
}

# perf_of CODE ARGUMENT...: codearenactl perf in a directory of its own
perf_of() {
	(cd "$work" && PERF=$work/perf ctl "$@")
}

profiled() {
	fake_perf
	# The shell that is recorded expands it.
	# shellcheck disable=SC2016
	perf_of 0 perf -- sh -c 'echo "$CODEARENA_LOG"; : >"$CODEARENA_LOG_DIR/jit-1.dump"; exit 5' &&
		out '^perf record -k mono -o /.*/codearena-perf-[^/]*/recorded -- sh -c' &&
		out '^jitdump$' && out '^perf inject --jit -i /.*/recorded -o /.*/injected$' &&
		out '^perf report -i /.*/injected --stdio$' && err '^Again: perf report -i /' &&
		! err 'dumped no code'
}
profiled
report "perf: record, inject and report, whatever the program returns"

perf_of 0 perf true && err '^codearenactl: true dumped no code: .*CODEARENA_LOGGER_F_ENVIRONMENT'
report "perf: a program without a logger"

perf_fails() {
	PERF_FAILS=inject perf_of 1 perf -- true && err 'could not add the code to /.*/recorded' &&
		PERF_FAILS=report perf_of 1 perf -- true &&
		(cd "$work" && PERF=$work/nothing ctl 1 perf -- true) && err 'is linux-perf installed' &&
		err 'perf recorded nothing' && ctl 2 perf && err "argument missing after 'perf'"
}
export PERF_FAILS=
perf_fails
report "perf: failures"

real_check() {
	if [ "$keeper" = device ]; then
		ctl 0 check && out '^good *module *loaded, version' && out '^good *device *.*mode 0660' &&
			out '^good *backend ' && ctl 0 -j check && is_json && out '"good":true'
	elif [ -e /dev/codearena ]; then
		"$ctl" check >"$work/out" && out '^good *fallback'
	else
		ctl 3 check && out '^bad *module ' && out '^bad *backend ' && out '^good *fallback' &&
			ctl 3 -j check && is_json
	fi
}
real_check
report "check of this system"

echo "1..$n"
exit $bad
