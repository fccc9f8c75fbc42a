# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# What the guests of check-hardened.sh need (source it there): prepare_KIND DIR makes
# files in DIR and adds to "options", which run-tests.sh gets.
# shellcheck disable=SC2154,SC2034 # check-hardened.sh has here, root_dir and options

# The program that takes the steps of a runtime.
build_jit() {
	"${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Wshadow -Werror -static -I"$root_dir/uapi" \
		-o "$1/jit" "$here/jit.c"
	options+=(--beside "$1/jit")
}

# Policy version 33 is that of Linux 6.1.
prepare_selinux() {
	local variant edit
	need secilc hardened
	build_jit "$1"
	mkdir "$1/selinux"
	while read -r variant edit; do
		sed "$edit" "$here/selinux.cil" "$root_dir/packaging/selinux/codearena.cil" \
			>"$1/$variant.cil"
		secilc -c 33 -o "$1/selinux/$variant" -f "$1/contexts" "$1/$variant.cil"
	done < <(grep -v '^#' "$here/selinux.variants")
	options+=(--beside "$1/selinux" --run --append --run 'security=selinux enforcing=1')
}

prepare_apparmor() {
	local variant edit stage name
	build_jit "$1"
	while read -r variant edit; do
		mkdir -p "$1/apparmor/$variant/abstractions"
		sed "$edit" "$here/apparmor.profiles" >"$1/apparmor/$variant/profiles"
		for name in codearena codearena-shared; do
			sed "$edit" "$root_dir/packaging/apparmor/$name" \
				>"$1/apparmor/$variant/abstractions/$name"
		done
	done < <(grep -v '^#' "$here/apparmor.variants")
	stage=$("$root_dir/selftests/runtimes/stage.sh" apparmor)
	options+=(--beside "$1/apparmor" --run --stage --run "$stage")
}

# Traces of generated modules and of traps, without the packages that Node needs. The
# one with imported globals needs options.
isolated_traces() {
	"$root_dir/selftests/workloads/generated.sh" "$1" 1 225 1000
	wast2json "$root_dir/selftests/workloads/traps.wast" -o "$1/traps.json"
	node "$root_dir/selftests/workloads/wast.mjs" "$1/traps.json" "$1"
	rm -f "$1"/globals.*
}

prepare_isolated() {
	local userlib=$root_dir/build/userlib tests trace
	tests=(test_remote{,_death,_hostile,_lock} test_techniques)
	need node workloads
	building userlib make -C "$root_dir/userlib" --no-print-directory -s O="$userlib" \
		TESTS="${tests[*]}" wasm "${tests[@]/#/$userlib/plain/}" >&2
	mkdir -p "$1/traces" "$1/isolated"
	isolated_traces "$1/traces"
	for trace in "$1"/traces/*.trace; do
		"$userlib/wasm/codearena-wasm" -q --compile "$1/isolated/$(basename "${trace%.trace}").o" \
			"${trace%.trace}.wasm"
	done
	cp "$1"/traces/*.trace "${tests[@]/#/$userlib/plain/}" "$userlib/wasm/codearena-wasm" \
		"$1/isolated/"
	"$root_dir/userlib/tests/stage.sh" "$1/root" "${tests[@]/#/$userlib/plain/}"
	options+=(--beside "$1/isolated" --run --stage --run "$1/root")
}

# stage_system DIR PACKAGE...: a Debian system in /system of the guest, with our programs.
# Making it needs root.
stage_system() {
	local chroot system=$1/stage/system
	chroot=$("$root_dir/packaging/chroot.sh" "${@:2}" libcapstone4)
	mkdir -p "$system"
	tar -C "$chroot" --exclude=./usr/share/{doc,man,locale} --exclude=./var/{cache,lib/apt} \
		--exclude=./usr/lib/x86_64-linux-gnu/perl* -c . | tar -x -C "$system"
	building userlib make -s -j2 -C "$root_dir/userlib" --no-print-directory \
		O="$root_dir/build/hardened/userlib" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu \
		DESTDIR="$system" install-lib install-tools >&2
	cp "$root_dir/packaging/sysusers.d/codearena.conf" "$system/usr/lib/sysusers.d/"
	options+=(--beside "$here/system.sh" --beside "$here/boot.sh" --run --stage --run "$1/stage"
		--run --mem --run 3G)
}

containers='systemd podman crun uidmap apparmor'

prepare_units() {
	build_jit "$1"
	# The system of the containers, which is made once.
	# shellcheck disable=SC2086 # words
	stage_system "$1" $containers
	options+=(--beside "$here/units.rows" --beside "$root_dir/packaging/systemd/codearena-example.service")
}

prepare_service() {
	stage_system "$1" systemd nginx libnginx-mod-http-lua
	options+=(--beside "$here/service"
		--beside "$root_dir/selftests/runtimes/sample-mappings.sh")
}

prepare_containers() {
	build_jit "$1"
	# shellcheck disable=SC2086 # words
	stage_system "$1" $containers
}
