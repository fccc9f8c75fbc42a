#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest: services of systemd with the settings that confine devices, users and
# memory. After each row its control, which differs in the setting that the row is
# about. Speaks TAP.
#
# HARDENED_WITHOUT names a setting that all units lack.

units=/run/systemd/system
jit='/tests/jit open reserve commit publish map call'

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

if [ "${1-}" != --rows ]; then
	exec ./system.sh /tests/boot.sh /tests/units.sh --rows
fi
# shellcheck source-path=SCRIPTDIR source=rows.sh
. /tests/rows.sh
# shellcheck source-path=SCRIPTDIR source=units.rows
. /tests/units.rows
plan
