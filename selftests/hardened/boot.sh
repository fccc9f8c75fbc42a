#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest, in the system of system.sh: systemd as the first process of a PID
# namespace, with a script as its service. Prints what the script prints.
#
# Usage: boot.sh SCRIPT [ARG]...

units=/run/systemd/system
mkdir -p $units
cat >$units/rows.service <<END
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
Environment=HARDENED_WITHOUT=$HARDENED_WITHOUT
ExecStart=$*
StandardOutput=truncate:/tests/units.tap
StandardError=inherit
END
echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/system
echo $$ >/sys/fs/cgroup/system/cgroup.procs
# shellcheck disable=SC2016
unshare -pfmC --mount-proc sh -c 'umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
	exec env container=codearena /usr/lib/systemd/systemd --unit=rows.service' \
	>/tests/units.log 2>&1 </dev/null
cat /tests/units.tap || tail -n 50 /tests/units.log | sed 's/^/# /'
