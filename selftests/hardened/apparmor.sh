#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest with AppArmor, Debian's default: what the abstractions of
# packaging/apparmor permit, and what is refused without them. After each row its
# control: the same under profiles that differ in the rule that the row is about.
# Speaks TAP.
#
# Profiles are in apparmor/, see apparmor.variants. In place of "full"
# HARDENED_WITHOUT names another.

# shellcheck source-path=SCRIPTDIR source=rows.sh
. ./rows.sh

# rules NAME: load them.
rules() {
	[ "$1" != full ] || set -- "${HARDENED_WITHOUT:-full}"
	apparmor_parser --replace --skip-cache --base /etc/apparmor.d \
		--Include "apparmor/$1" "apparmor/$1/profiles" || echo "# no profiles $1"
}

mount -t securityfs securityfs /sys/kernel/security
runtime=profile=runtime
player=profile=player
stranger=profile=stranger
new='open reserve commit publish'

rules full
row "the profile is enforced" 'runtime (enforce)' grep runtime /sys/kernel/security/apparmor/profiles

check full "a confined JIT compiler" 'call: 42' $runtime "$new" map call
check no-generator "control: without the abstraction" 'open: EACCES' $runtime "$new" map call
check no-r "without r" 'open: EACCES' $runtime "$new" map call
check no-w "without w" 'open: EACCES' $runtime "$new" map call
check no-m "without m" 'map: EACCES' $runtime "$new" map call

# Another process, with the handle that SHARE made.
check full "a shared handle executes" 'call: 42' \
	$runtime "$new" share pass $player receive map call
check no-executor "control: without the abstraction" 'receive: EPERM' \
	$runtime "$new" share pass $player receive map call
check full "a handle that an executor shares" 'map: ok' \
	$runtime "$new" share pass $player receive share map
check no-m-shared "control: without m" 'map: EACCES' \
	$runtime "$new" share pass $player receive share map
check full "an executor cannot open the device for writing" 'open: EACCES' $player open
check writer "control: it can with w" 'open: ok' $player open
check full "an executor cannot receive the owner's handle" 'receive: EPERM' \
	$runtime "$new" pass $player receive
check writer "control: it can with w" 'receive: ok' $runtime "$new" pass $player receive

# A program without rights.
check full "a stranger cannot receive a handle" 'receive: EPERM' \
	$runtime "$new" share pass $stranger receive
check trusted "control: an executor can" 'receive: ok' \
	$runtime "$new" share pass $stranger receive
check full "a stranger that has a handle" 'map: EACCES' $runtime "$new" share $stranger map
check trusted "control: an executor" 'map: ok' $runtime "$new" share $stranger map

# What AppArmor does not judge.
check full "not judged: commands on a handle" 'stat: ok' $runtime "$new" share $stranger stat
check no-m-shared "not judged: m, on a handle of a program that has it" 'map: ok' \
	$runtime "$new" share pass $player receive map
check full "not judged: a handle of an unconfined program" 'map: ok' "$new" share pass $stranger receive map
check full "not judged: memory that was written and becomes code" 'execmem: ok' $stranger execmem
plan
