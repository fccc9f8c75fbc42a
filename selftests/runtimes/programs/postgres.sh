#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Work for PostgreSQL's JIT: queries that LLVM compiles, in a server with parallel
# workers. The server does not run as root.

here=$PWD
data=/tmp/postgres/data
export PATH=/usr/lib/postgresql/15/bin:"$PATH"

if [ "$(id -u)" = 0 ]; then
	chmod 666 /dev/codearena
	[ -z "${CODEARENA_PRELOAD-}" ] || chmod 666 "${CODEARENA_PRELOAD#*report=}"
	mkdir -p /tmp/postgres
	chown nobody /tmp/postgres
	exec su -s /bin/sh nobody "$here/programs/postgres.sh"
fi

cd /tmp/postgres || exit 1
# The first run makes the database.
[ -d $data ] || initdb -D $data --no-locale --no-sync >/tmp/postgres/initdb.log || exit 1
cat >$data/postgresql.conf <<-'END'
	listen_addresses = ''
	unix_socket_directories = '/tmp/postgres'
	fsync = off
	jit = on
	jit_above_cost = 0
	jit_inline_above_cost = 0
	jit_optimize_above_cost = 0
	parallel_setup_cost = 0
	parallel_tuple_cost = 0
	min_parallel_table_scan_size = 0
	max_parallel_workers_per_gather = 2
END
pg_ctl -s -w -t 600 -D $data -l /tmp/postgres/log start || {
	cat /tmp/postgres/log
	exit 1
}
psql -X -q -At -h /tmp/postgres -v ON_ERROR_STOP=1 -f "$here/programs/postgres.sql" postgres
status=$?
pg_ctl -s -w -t 600 -D $data stop
exit $status
