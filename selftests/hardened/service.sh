#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# Runs in a guest: Debian's nginx with its Lua module as a service of systemd, which
# answers requests while reloads replace its workers: as it is, and under
# MemoryDenyWriteExecute=yes without and with codearena-run. Speaks TAP.
#
# HARDENED_WITHOUT names the beginning of a setting that all units lack.

if [ "${1-}" != --rows ]; then
	exec ./system.sh /tests/boot.sh /bin/bash /tests/service.sh --rows # the guest has none
fi
# shellcheck source-path=SCRIPTDIR source=rows.sh
. /tests/rows.sh

settings=/run/systemd/system/nginx.service.d
clients=4 numbers=64 reloads=6

# ask N: a request; prints the status and the answer.
ask() {
	local answer=()
	if exec 5<>/dev/tcp/127.0.0.1/8080; then
		printf 'GET /?n=%d HTTP/1.0\r\n\r\n' "$1" >&5
		mapfile -t -u 5 answer
		exec 5>&-
	fi
	echo "$1: ${answer[0]//$'\r'/}: ${answer[-1]-}"
}

# client: asks for all numbers, again and again until the reloads are done.
client() {
	local n
	while :; do
		for ((n = 0; n < numbers; n++)); do ask $n; done
		[ ! -e /run/reloaded ] || break
	done 2>/dev/null
}

processes=/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs

# workers: those that take new connections.
workers() {
	local pid
	for pid in $(<$processes); do
		grep -lzx 'nginx: worker process' "/proc/$pid/cmdline"
	done | sort
}

# Each reload ends when all workers are others.
reload() {
	local i old
	for ((i = 0; i < reloads; i++)); do
		old=$(workers)
		systemctl reload nginx || break
		while [ -e /run/nginx.pid ] && [ -n "$(comm -12 <(echo "$old") <(workers))" ]; do
			sleep 0.1
		done
		echo reloaded
	done
	touch /run/reloaded
}

# serve NAME: keeps the answers that differ as NAME; prints what happened on one line.
serve() {
	local i pids=() samples reloaded
	rm -f /run/reloaded
	touch /run/serving
	/tests/sample-mappings.sh /run/serving 0.2 $processes >/run/samples &
	samples=$!
	for ((i = 0; i < clients; i++)); do
		client >"/run/client.$i" &
		pids+=($!)
	done
	reloaded=$(reload 2>/dev/null | wc -l)
	wait "${pids[@]}"
	rm /run/serving
	wait $samples
	sort -u /run/client.? >"/run/$1"
	echo "$(cat /run/client.? | wc -l) asked," \
		"$(cat /run/client.? | grep -vc ': HTTP/1.1 200 OK: [0-9]') lost, $reloaded reloads;" \
		"$(/tests/sample-mappings.sh --most /run/samples |
			sed 's/ / W+X, /; s/ \([0-9]*\)$/ views, \1 anonymous/')"
}

# service NAME [SETTING...]: serve() with settings, or those of service/codearena.conf.
service() {
	local name=$1 result
	shift
	mkdir -p $settings
	if [ $# -gt 0 ]; then
		printf '%s\n' '[Service]' "$@"
	else
		cat /tests/service/codearena.conf
	fi | grep -v "^${HARDENED_WITHOUT:-no setting}" >$settings/codearena.conf
	systemctl daemon-reload
	: >/run/nginx.errors
	if systemctl start nginx; then
		result=$(serve "$name")
	else
		journalctl -u nginx -n 20 --no-pager
		result="does not start"
	fi
	systemctl stop nginx
	grep -vE '\[(notice|info)\]' /run/nginx.errors | head -n 20
	echo "$result"
}

same() {
	diff /run/plain "/run/$1" && [ "$(wc -l <"/run/$1")" = $numbers ] && echo same
}

chgrp codearena /dev/codearena
chmod 660 /dev/codearena
usermod -aG codearena www-data
cp /tests/service/nginx.conf /etc/nginx/nginx.conf

row "nginx as it is" "[1-9]* asked, 0 lost, $reloads reloads; * W+X, 0 views, [1-9]* anonymous" \
	service plain MemoryDenyWriteExecute=no
row "control: MemoryDenyWriteExecute=yes alone" "does not start" service rule MemoryDenyWriteExecute=yes
row "with codearena-run" "[1-9]* asked, 0 lost, $reloads reloads; 0 W+X, [1-9]* views, 0 anonymous" \
	service codearena
row "its answers are those of nginx as it is" same same codearena
plan
