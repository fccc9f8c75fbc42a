#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest: a command with the Debian system of /system as its root. Unlike a
# chroot this is a root from which user namespaces and containers can start.
#
# Usage: system.sh COMMAND [ARG]...

if [ "${1-}" != --inside ]; then
	exec unshare -m "$0" --inside "$@"
fi
shift
mount --bind /system /system
for dir in /proc /sys /dev /tests; do
	mkdir -p "/system$dir"
	mount --rbind $dir "/system$dir"
done
mount -t tmpfs tmpfs /system/run
mount -t tmpfs -o mode=1777 tmpfs /system/tmp
cd /system || exit 1
mount --move . /
exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root \
	HARDENED_WITHOUT="$HARDENED_WITHOUT" "$@"
