#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest: containers of podman, of root and of a user, with the device and
# without; and what a user may commit in all of his user namespaces. After each row its
# control, which differs in the option that the row is about. Speaks TAP.
#
# HARDENED_WITHOUT names the beginning of an option that all containers lack.

if [ "${1-}" != --rows ]; then
	exec ./system.sh /tests/containers.sh --rows
fi
# shellcheck source-path=SCRIPTDIR source=rows.sh
. /tests/rows.sh
jit='/jit open reserve commit publish map call'
check='/usr/bin/codearenactl check'
program=$jit

# A root for the containers of a user: podman writes there.
make_root() {
	mkdir -p "$1/dev" "$1/proc" "$1/sys" "$1/etc" "$1/tmp" "$1/run" "$1/usr"
	ln -s usr/lib usr/lib64 "$1/"
	cp /tests/jit "$1/"
	chown -R "$2" "$1"
}

prepare() {
	systemd-sysusers 2>/dev/null
	chgrp codearena /dev/codearena
	chmod 660 /dev/codearena
	useradd -m -G codearena member
	useradd -m -G codearena second
	make_root /srv/root root
	make_root /srv/member member
	mkdir -p /run/user/1000
	chown member /run/user/1000
}

# options OPTION...: those that are not taken away, in "kept".
options() {
	kept='--rm --network=none --volume=/usr:/usr:ro'
	for option in "$@"; do
		case $option in
		"${HARDENED_WITHOUT:-no}"*) ;;
		*) kept="$kept $option" ;;
		esac
	done
}

# rootful OPTION...: what the program prints in a container of root's.
rootful() {
	options "$@"
	# shellcheck disable=SC2086 # words
	podman --storage-driver=vfs --cgroup-manager=cgroupfs run $kept --rootfs /srv/root $program
}

# as NAME COMMAND...: with the groups of a user.
as() {
	as_name=$1
	shift
	setpriv --reuid "$as_name" --regid "$as_name" --init-groups \
		env HOME="/home/$as_name" XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

# rootless OPTION...: in a container of a member of the group.
rootless() {
	options "$@"
	# shellcheck disable=SC2086 # words
	as member podman --storage-driver=vfs --cgroup-manager=cgroupfs run --cgroups=disabled \
		$kept --rootfs /srv/member $program
}

# advice CONTAINER OPTION...: what codearenactl finds in it, on one line.
advice() {
	program=$check
	"$@" | tr '\n' ' '
	program=$jit
}

# commit COMMAND...: most of what a user may have.
commit() {
	"$@" /tests/jit open reserve commit=1536
}

prepare
cd /
device=--device=/dev/codearena
volume=--volume=/dev/codearena:/dev/codearena
group=--group-add=$(stat -c %g /dev/codearena)
row "root's container with --device and a bind mount" 'call: 42' rootful $device $volume
row "control: without the bind mount /dev is noexec" 'map: EPERM' rootful $device
row "codearenactl check in it" '*bind-mount the node*' advice rootful $device
row "control: without --device" 'open: EPERM' rootful $volume
row "codearenactl check in it" '*device rules*--device*' advice rootful $volume
row "control: without both" 'open: ENOENT' rootful
row "a user in it" 'call: 42' rootful $device $volume --user=1000 "$group"
row "control: without the group" 'open: EACCES' rootful $device $volume --user=1000

keep=--group-add=keep-groups
row "a user's container with a bind mount" 'call: 42' rootless $volume $keep
row "control: without keep-groups" 'open: EACCES' rootless $volume
row "control: --device mounts it noexec" 'map: EPERM' rootless $device $keep
row "codearenactl check in it" '*bind-mount the node*' advice rootless $device $keep
row "control: without the device" 'open: ENOENT' rootless $keep
row "codearenactl check in it" '*pass the device through*' advice rootless $keep

# What a user may have, 2 MiB, is counted for the user outside of the namespaces.
echo 4 >/sys/module/codearena/parameters/commit_limit_mb
echo 50 >/sys/module/codearena/parameters/user_share
as member /tests/jit open reserve commit=1536 hold >/tmp/holder &
until grep -qsE 'hold|E[A-Z]+$' /tmp/holder; do sleep 0.1; done
row "the same user as root of a namespace" 'commit: ENOMEM' commit as member unshare -Ur
row "control: another user" 'commit: ok' commit as second unshare -Ur
row "not counted for the user: his subordinate ids" 'commit: ok' \
	commit as member unshare -U --map-root-user --map-auto setpriv --reuid 1
kill "$(pidof jit)"
wait
row "control: after the first process" 'commit: ok' commit as member unshare -Ur
plan
