#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest: services of systemd with the settings that confine devices, users and
# memory. After each row its control, which differs in the setting that the row is
# about. Speaks TAP.
#
# Boots systemd as the first process of a PID namespace. It runs this script once more.
# HARDENED_WITHOUT names a setting that all units lack.

units=/run/systemd/system
jit='/tests/jit open reserve commit publish map call'

boot_systemd() {
	mkdir -p $units
	cat >$units/rows.service <<-END
		[Unit]
		SuccessAction=exit-force
		FailureAction=exit-force
		[Service]
		Type=oneshot
		Environment=HARDENED_WITHOUT=$HARDENED_WITHOUT
		ExecStart=/tests/units.sh --rows
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
}

# unit SETTING...: run the program as a service, print what it prints or why it is not run.
# A setting "run=COMMAND" names another program.
unit() {
	command=$jit
	{
		printf '[Service]\nType=oneshot\nStandardOutput=truncate:/run/unit.out\n'
		for setting in "$@"; do
			case $setting in
			run=*) command=${setting#run=} ;;
			"${HARDENED_WITHOUT:-no}"*) ;;
			*) echo "$setting" ;;
			esac
		done
		echo "ExecStart=$command"
	} >$units/unit.service
	: >/run/unit.out
	systemctl daemon-reload
	systemctl start unit.service 2>/dev/null
	cat /run/unit.out
	[ -s /run/unit.out ] || systemctl show -P ExecMainStatus unit.service
}

rows() {
	# shellcheck source-path=SCRIPTDIR source=rows.sh
	. /tests/rows.sh
	# shellcheck source-path=SCRIPTDIR source=units.rows
	. /tests/units.rows
	plan
}

case ${1-} in
--rows) rows ;;
--boot) boot_systemd ;;
*) exec ./system.sh /tests/units.sh --boot ;;
esac
