#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the KUnit suites: all of them in the module on the debug kernel, and those of
# the pure files in user-mode Linux, by the kernel's kunit.py.
#
# Usage: check-kunit.sh [--src DIR] [--out DIR] [module|uml]...
#
#   --src DIR  take the module from there (default: this tree)
#   --out DIR  build it and keep the results there instead of in build/
#
# Without module or uml runs both. KUNIT_SEED=N repeats the random numbers of a run that
# printed kunit_seed=N.
# The results are kept in build/kunit/. Ends with
# "check-kunit: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

results=$root_dir/build/kunit
module_src=$root_dir module_out=$root_dir/build/kmod/debug-x86_64-kunit
seed=${KUNIT_SEED:-0}
passed=0 failed=0 skipped=0

# count WHERE FILE SOURCE...: add up the cases of a log in KTAP. Each suite of the
# sources must be there and whole; or that counts as a failure.
count() {
	local where=$1 file=$2 p f s suites
	shift 2
	suites=$(sed -n 's/^\tTEST_SUITE("\([^"]*\)".*/\1/p; s/^TEST_SUITE("\([^"]*\)".*/\1/p
		s/^\t\.name = "\(codearena_[^"]*\)",$/\1/p' "$@")
	[ -n "$suites" ] || die "no suite in $*"
	read -r p f s < <(awk -v me="$me: $where" -v suites="$suites" '
	function bad(why) { failed++; print me ": " why > "/dev/stderr" }
	{ sub(/\r$/, ""); sub(/^(<[0-9]+>)?\[ *[0-9.]+\] /, "") }
	/^ +# Subtest: / { suite = $3; plan[suite] = seen[suite] = 0; next }
	/^    1\.\.[0-9]+$/ { plan[suite] = substr($1, 4) + 0; next }
	/^    (not )?ok [0-9]+ / {
		seen[suite]++
		if ($0 ~ /# *SKIP/) skipped++
		else if ($1 == "ok") passed++
		else { failed++; print me ": " suite ": " $0 > "/dev/stderr" }
		next
	}
	/^(not )?ok [0-9]+ / { ended[$NF] = 1; next }
	/^ +#.*(EXPECTATION|ASSERTION) FAILED/ { show = 6 }
	show-- > 0 { print me ": " $0 > "/dev/stderr" }
	END {
		n = split(suites, name, "\n")
		for (i = 1; i <= n; i++) {
			if (!(name[i] in plan)) bad("suite " name[i] " did not run")
			else if (!plan[name[i]] || seen[name[i]] != plan[name[i]])
				bad("suite " name[i] ": " seen[name[i]] " results of " plan[name[i]])
			else if (!(name[i] in ended)) bad("suite " name[i] " did not end")
		}
		print passed + 0, failed + 0, skipped + 0
	}' "$file")
	echo "# $where: $p passed, $f failed, $s skipped"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

on_debug_kernel() {
	local module code=0 log=$root_dir/build/vm/check-kunit.log
	# First: the messages of a long build are shown.
	"$vm_dir/kernel.sh" headers debug x86_64 >/dev/null
	say "building the module with its suites"
	if ! module=$("$vm_dir/build-module.sh" --src "$module_src" --out "$module_out" \
		debug x86_64 CODEARENA_KUNIT=y 2>"$results/build.log"); then
		cat "$results/build.log" >&2
		die "the module with its suites does not build"
	fi
	"$vm_dir/run.sh" --kver debug --arch x86_64 --no-module --name check-kunit \
		--file "$module:/root/codearena.ko" -- \
		sh -c "insmod /root/codearena.ko kunit_seed=$seed && rmmod codearena" || code=$?
	cp "$log" "$results/module.log"
	count "debug kernel" "$results/module.log" "$root_dir"/kmod/tests/*_kunit.c
	if [ "$code" -ne 0 ]; then
		failed=$((failed + 1))
		say "the VM's exit status is $code; see $log"
	fi
}

# unpack_source DIR: the source for user-mode Linux, with a folder for the suites.
unpack_source() {
	local dir=$1
	[ ! -e "$dir/stamp" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir/source"
	say "unpacking the kernel's source"
	tar -xf "$archive" -C "$dir/source" --strip-components=1 --no-same-owner ||
		die "cannot unpack $archive"
	# shellcheck disable=SC2016 # make's variable
	echo 'obj-$(CONFIG_KUNIT) += codearena/' >>"$dir/source/lib/Makefile"
	sed -i 's,^source "lib/kunit/Kconfig"$,&\n\nsource "lib/codearena/Kconfig",' \
		"$dir/source/lib/Kconfig.debug"
	grep -q lib/codearena/Kconfig "$dir/source/lib/Kconfig.debug" ||
		die "no place for Kconfig in this kernel"
	touch "$dir/stamp"
}

# Copy only what changed, so that make rebuilds only that.
copy_in() {
	local from=$root_dir/$1 to=$2
	cmp -s "$from" "$to" && return
	mkdir -p "$(dirname "$to")"
	cp "$from" "$to"
}

run_uml() {
	local dir=$1 tree=$1/source file code=0
	unpack_source "$dir"
	for file in Kconfig .kunitconfig range.h trap_table.{c,h} \
		tests/{range,trap_table}_kunit.c tests/seed.{c,h}; do
		copy_in "kmod/$file" "$tree/lib/codearena/$file"
	done
	copy_in kmod/tests/uml/arch.h "$tree/lib/codearena/arch.h"
	copy_in kmod/tests/uml/Makefile "$tree/lib/codearena/Makefile"
	copy_in uapi/linux/codearena.h "$tree/include/uapi/linux/codearena.h"
	say "running the pure parts in user-mode Linux (the first build takes minutes)"
	(cd "$tree" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u ARCH -u CROSS_COMPILE -u O \
		nice ./tools/testing/kunit/kunit.py run --build_dir "$dir/build" \
		--kunitconfig lib/codearena/.kunitconfig --jobs "$(nproc)" --raw_output=kunit \
		--kernel_args "codearena_kunit.kunit_seed=$seed") >"$results/uml.log" 2>&1 || code=$?
	if [ "$code" -ne 0 ]; then
		tail -n 30 "$results/uml.log" >&2
		say "kunit.py's exit status is $code"
	fi
	return "$code"
}

in_uml() {
	local archive dir version
	for tool in flex bison python3; do need "$tool" debug; done
	archive=$("$vm_dir/source.sh" archive)
	version=$(basename "$(dirname "$(dirname "$archive")")")
	dir=$cache_dir/kunit-uml/${version#linux-source-}-$(sha256sum "$root_dir/kmod/.kunitconfig" |
		cut -c 1-12)
	: >"$results/uml.log"
	with_lock kunit-uml run_uml "$dir" || failed=$((failed + 1))
	count "user-mode Linux" "$results/uml.log" \
		"$root_dir"/kmod/tests/{range,trap_table}_kunit.c
}

while :; do
	case ${1-} in
	-h | --help) usage; exit 0 ;;
	--src) module_src=$2; shift 2 ;;
	--out) results=$2/results module_out=$2/kunit; shift 2 ;;
	*) break ;;
	esac
done
mkdir -p "$results"
[ $# -gt 0 ] || set -- module uml
for where in "$@"; do
	case $where in
	module) on_debug_kernel ;;
	uml) in_uml ;;
	*) die "no part '$where'; see --help" ;;
	esac
done
echo "check-kunit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
