#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=dash
#
# Runs in a guest with SELinux enforcing: what the policy of packaging/selinux permits
# and refuses. After each row its control: the same under a policy that differs in the
# rule that the row is about. Speaks TAP.
#
# Policies are in selinux/, see selinux.variants. In place of "full" HARDENED_WITHOUT
# names another.

# shellcheck source-path=SCRIPTDIR source=rows.sh
. ./rows.sh

# rules NAME: load it, in one write as the kernel demands.
rules() {
	[ "$1" != full ] || set -- "${HARDENED_WITHOUT:-full}"
	dd if="selinux/$1" of=/sys/fs/selinux/load bs=1M 2>/dev/null || echo "# no policy $1"
}

# domain NAME: its context.
domain() {
	echo "system_u:system_r:$1_t:s0"
}

mount -t selinuxfs selinuxfs /sys/fs/selinux
rules full
# Made anew by the kernel, the node gets the type that the policy names.
rmmod codearena && insmod /codearena.ko

runtime=domain=$(domain runtime)
player=domain=$(domain player)
stranger=domain=$(domain stranger)
new='open reserve commit publish'

row "SELinux is enforcing" 1 cat /sys/fs/selinux/enforce

check full "a JIT compiler without execmem" 'call: 42' "$runtime" "$new" map call
check no-generator "control: not a generator" 'open: EACCES' "$runtime" "$new" map call
while read -r permission wanted; do
	check "no-$permission" "without $permission" "$wanted: EACCES" "$runtime" "$new" map call
done <<END
open open
read open
write open
ioctl reserve
map map
execute map
END

# What it has no use for any more.
for way in execmem execmod execstack; do
	check full "without $way" "$way: EACCES" "$runtime" $way
	check $way "control: with $way" "$way: ok" "$runtime" $way
done

# Another process, with the handle that SHARE made.
check full "a shared handle executes" 'call: 42' "$runtime" "$new" share pass "$player" receive map call
check no-executor "control: no executor" 'receive: EPERM' \
	"$runtime" "$new" share pass "$player" receive map call
check no-fd "control: not allowed to use its descriptors" 'receive: EPERM' \
	"$runtime" "$new" share pass "$player" receive map call
check no-open-shared "control: SHARE opens the node once more" 'share: EACCES' \
	"$runtime" "$new" share pass "$player" receive share
for command in query share stat; do
	check full "an executor has $command" "$command: ok" \
		"$runtime" "$new" share pass "$player" receive $command
	check no-$command "control: not without its number" "$command: EACCES" \
		"$runtime" "$new" share pass "$player" receive $command
done
check full "an executor cannot open the device for writing" 'open: EACCES' "$player" open
check writer "control: it can with write" 'open: ok' "$player" open
check full "an executor cannot receive the owner's handle" 'receive: EPERM' \
	"$runtime" "$new" pass "$player" receive
check writer "control: it can with write" 'receive: ok' \
	"$runtime" "$new" pass "$player" receive

# Even the owner's handle in the owner's process publishes nothing.
check full "an executor cannot publish" 'publish: EACCES' \
	"$runtime" open reserve commit "$player" publish
check no-commands "control: without the list of commands" 'publish: ok' \
	"$runtime" open reserve commit "$player" publish

# A domain without rights.
check full "a stranger cannot receive a handle" 'receive: EPERM' \
	"$runtime" "$new" share pass "$stranger" receive
check trusted "control: an executor can" 'receive: ok' \
	"$runtime" "$new" share pass "$stranger" receive
check full "after exec the kernel has taken it" 'stat: E*' \
	"$runtime" "$new" share "exec=$(domain stranger)" inherit stat
check trusted "control: an executor keeps it" 'stat: ok' \
	"$runtime" "$new" share "exec=$(domain stranger)" inherit stat
for step in stat map; do
	check full "a stranger that has a handle" "$step: EACCES" \
		"$runtime" "$new" share "$stranger" $step
	check trusted "control: an executor" "$step: ok" \
		"$runtime" "$new" share "$stranger" $step
done
check full "what was mapped before stays mapped" 'call: 42' "$runtime" "$new" map "$stranger" call
plan
