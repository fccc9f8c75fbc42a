#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Runs in the guest: the port of QEMU, where W^X is enforced, with nothing preloaded,
# against Debian's QEMU and programs that run without any. Prints TAP.

export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. ./guest-lib.sh
# shellcheck disable=SC2016 # the guest's variables
sums='i=0; while [ $i -lt 12 ]; do echo $i $(($i * 7)) | sha256sum | cut -c 1-8; i=$(($i + 1)); done'

# theirs COMMAND...: what it prints without the port, where all is allowed.
theirs() { "$@" >/tmp/ports.theirs 2>/dev/null </dev/null; }

# ours NAME COMMAND...: the port prints the same, and ends as it should.
ours() {
	name=$1 why=
	shift
	$mdwe "$@" >/tmp/ports.ours 2>/tmp/ports.err </dev/null || why="exit status $?"
	[ -s /tmp/ports.theirs ] && cmp -s /tmp/ports.ours /tmp/ports.theirs ||
		why="another output${why:+, $why}"
	[ -z "$why" ] || {
		sed 's/^/# /' /tmp/ports.err | head -n 20
		diff /tmp/ports.theirs /tmp/ports.ours | head -n 10 | sed 's/^/# /'
	}
	result "qemu, $name" "$why"
}

# said NAME PATTERN: standard error of the last run.
said() {
	grep -q "$2" /tmp/ports.err && why='' || why=$(head -n 3 /tmp/ports.err | tr '\n' ' ')
	result "qemu, $1" "$why"
}

work() {
	theirs ./qemu-guest
	cp /tmp/ports.theirs /tmp/ports.alone
	theirs qemu-x86_64 ./qemu-guest
	cmp -s /tmp/ports.alone /tmp/ports.theirs && why='' || why="they differ"
	result "qemu of Debian prints what the program does alone" "$why"
	: >/tmp/ports.go
	"$here/sample-mappings.sh" /tmp/ports.go 0.02 >/tmp/ports.samples &
	ours "threads, forks, code that changes" ./qemu-x86_64 ./qemu-guest
	rm /tmp/ports.go
	wait $!
	mappings "qemu, mappings while it runs"
	theirs qemu-x86_64 /bin/busybox sh -c "$sums"
	ours "a shell that forks" ./qemu-x86_64 /bin/busybox sh -c "$sums"
	theirs qemu-x86_64 /bin/busybox sha256sum /bin/busybox
	ours "busybox" ./qemu-x86_64 /bin/busybox sha256sum /bin/busybox
}

# A buffer of 1 MiB, and then also calls of the library that fail.
flushes_and_failures() {
	theirs ./qemu-guest
	ours "a full buffer" small/qemu-x86_64 ./qemu-guest
	said "it is flushed" 'flushes [1-9]'
	theirs ./qemu-guest 1000 1
	export CLONE_SECONDS=5
	ours "a child is late" small/qemu-x86_64 ./qemu-guest 1000 1
	unset CLONE_SECONDS
	theirs ./qemu-guest 100
	export FAIL_PERIOD=11
	ours "each call number 11 fails" small/qemu-x86_64 ./qemu-guest 100
	said "calls fail" 'failed [1-9]'
	# So does the third clone: the guest's fork() fails.
	theirs ./qemu-guest 20 2
	FAIL_PERIOD=3
	ours "each call number 3 fails" small/qemu-x86_64 ./qemu-guest 20
	said "calls fail" 'failed [1-9]'
	unset FAIL_PERIOD
}

# ends NAME TEXT [VARIABLE=VALUE] COMMAND...: with status 1, and this on standard error.
ends() {
	name=$1 text=$2 why=
	shift 2
	$mdwe env "$@" >/tmp/ports.ours 2>/tmp/ports.err </dev/null
	status=$?
	[ $status = 1 ] && grep -q "$text" /tmp/ports.err && [ ! -s /tmp/ports.ours ] ||
		why="exit status $status, $(head -n 3 /tmp/ports.err | tr '\n' ' ')"
	result "$name" "$why"
}

controls() {
	ends "qemu of Debian does not run here" 'jit buffer' qemu-x86_64 ./qemu-guest 10
	ends "qemu, no arena" 'no arena for generated code' FAIL_PERIOD=1 \
		small/qemu-x86_64 ./qemu-guest 10
	ends "qemu, no backend" 'no arena for generated code' CODEARENA_BACKEND=none \
		./qemu-x86_64 ./qemu-guest 10
	theirs ./qemu-guest 200
	export CODEARENA_BACKEND=memfd
	ours "on the fallback" ./qemu-x86_64 ./qemu-guest 200
	unset CODEARENA_BACKEND
}

cd ports || exit 1
if [ -e qemu-x86_64 ]; then
	work
	flushes_and_failures
	controls
else
	skip qemu
fi
echo "1..$number"
