#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Install the library as the documentation says, and use it as the documentation says.
#
# Usage: programs.sh
#
# Commands and programs come out of the README and the guide. The tree is installed
# below build/docs-programs, and removed again; programs run on the memfd backend.
# Ends with "docs-programs: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

work=$root_dir/build/docs-programs
tree=$work/root
passed=0 failed=0 skipped=0
skip_code=77

# check NAME COMMAND...: count and report.
check() {
	local name=$1 log=$work/log code=0
	shift
	# A new shell: set -e does not work in a function that is part of a condition.
	(set -e; "$@") >"$log" 2>&1 &
	wait $! || code=$?
	case $code in
	0) passed=$((passed + 1)); echo "ok $name" ;;
	"$skip_code")
		skipped=$((skipped + 1))
		echo "ok $name # SKIP $(tail -n 1 "$log")"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $name"
		tail -n 30 "$log" | sed 's/^/    /'
		;;
	esac
}

# run_as_said DIRECTORY COMMAND-FILE: in a shell, with the tree as its system.
run_as_said() {
	cd "$1"
	PKG_CONFIG_SYSROOT_DIR=$tree PKG_CONFIG_LIBDIR=$tree/usr/local/lib/pkgconfig \
		bash -eux "$2"
}

installed() {
	cd "$root_dir"
	DESTDIR=$tree bash -eux "$work/$1/install"
	[ -e "$tree/usr/local/lib/libcodearena.so" ]
	[ -e "$tree/usr/local/include/linux/codearena.h" ]
	[ -e "$tree/usr/local/share/man/man3/codearena_arena_new.3" ]
	[ -e "$tree/usr/local/share/man/man7/libcodearena.7" ]
}

# runs EXPECTED PROGRAM: a file, or text.
runs() {
	local version
	version=$(PKG_CONFIG_LIBDIR=$tree/usr/local/lib/pkgconfig pkg-config --modversion libcodearena)
	LD_LIBRARY_PATH=$tree/usr/local/lib CODEARENA_BACKEND=memfd "$2" >"$2.printed"
	sed "s/VERSION/$version/" "$1" | diff - "$2.printed"
}

readme_program() {
	run_as_said "$work/readme" "$work/readme/build"
	echo "memfd: 42" >"$work/readme/expected"
	runs "$work/readme/expected" "$work/readme/a.out"
}

# guide_program NAME
guide_program() {
	local to=$work/guide/$1.dir
	mkdir -p "$to"
	cp "$work/guide/$1.c" "$to/program.c"
	run_as_said "$to" "$work/guide/build"
	runs "$work/guide/$1.out" "$to/program"
}

# guide_backtrace NAME: the functions that gdb shows where a signal stops the program.
guide_backtrace() {
	local program=$work/guide/$1.dir/program
	cd "$work"
	LD_LIBRARY_PATH=$tree/usr/local/lib CODEARENA_BACKEND=memfd timeout 600 \
		gdb -nx -batch -ex 'set debuginfod enabled off' -ex run -ex bt "$program" >"$program.gdb" 2>&1
	if grep -q 'ptrace: Operation not permitted' "$program.gdb"; then
		echo "ptrace is not permitted here"
		return "$skip_code"
	fi
	sed -nE 's/^(#[0-9]+) +(0x[0-9a-f]+ in )?([a-z_A-Z0-9.]+) .*/\1  \3/p' "$program.gdb" |
		diff "$work/guide/$1.bt" - || { cat "$program.gdb"; return 1; }
}

in_cxx() {
	cd "$work/guide"
	printf '#include <%s>\n' "${headers[@]}" >all.cc
	echo 'int main() { return codearena_version() == nullptr; }' >>all.cc
	# shellcheck disable=SC2046 # arguments
	g++ -std=c++11 -pedantic -Wall -Wextra -Werror $(pkg all.cc) -o all
	LD_LIBRARY_PATH=$tree/usr/local/lib ./all
}

# pkg SOURCE [OPTION]: the arguments for a compiler.
pkg() {
	local flags
	flags=$(PKG_CONFIG_SYSROOT_DIR=$tree PKG_CONFIG_LIBDIR=$tree/usr/local/lib/pkgconfig \
		pkg-config "${@:2}" --cflags --libs libcodearena)
	echo "$1 $flags"
}

# header_alone NAME: in strict C99.
header_alone() {
	printf '#include <%s>\nextern int unused;\n' "$1" >"$work/alone.c"
	# shellcheck disable=SC2046 # arguments
	gcc -std=c99 -pedantic -Wall -Wextra -Wstrict-prototypes -Werror -c \
		-o "$work/alone.o" $(pkg "$work/alone.c" | sed 's/ -l[^ ]*//g; s/ -L[^ ]*//g')
}

static_program() {
	cd "$work/readme"
	# shellcheck disable=SC2046 # arguments
	gcc -static -o static $(pkg example.c --static)
	CODEARENA_BACKEND=memfd ./static | grep -qx 'memfd: 42'
}

# consumer TOOL COMMAND...: the program of the guide, built by another build system.
consumer() {
	local to=$work/$1
	mkdir -p "$to/build"
	cp "$work/guide/CMakeLists.txt" "$work/guide/meson.build" "$to/"
	cp "$work/guide/replace.c" "$to/program.c"
	echo "${*:2}" >"$to/commands"
	run_as_said "$to" "$to/commands"
	runs "$work/guide/replace.out" "$to/build/program"
}

# example SOURCE COMPILER...: it must end well; what it prints is its own business. One that says
# that 2 means no device is skipped then.
example() {
	local source=$root_dir/userlib/examples/$1 to=$work/examples/${1%.*} code=0
	mkdir -p "${to%/*}"
	# shellcheck disable=SC2046 # arguments
	"${@:2}" -Wall -Wextra -Werror -o "$to" $(pkg "$source") -pthread
	LD_LIBRARY_PATH=$tree/usr/local/lib CODEARENA_BACKEND=memfd "$to" || code=$?
	if [ $code -eq 2 ] && grep -q '2: no device' "$source"; then
		echo "built; it needs the device"
		return "$skip_code"
	fi
	return $code
}

uninstalled() {
	cd "$root_dir"
	make -s uninstall DESTDIR="$tree" PREFIX=/usr/local
	find "$tree" ! -type d | tee "$work/left"
	[ ! -s "$work/left" ]
}

rm -rf "$work"
mkdir -p "$work"
"$root_dir/selftests/docs/extract.py" "$root_dir/README.md" \
	"$root_dir/Documentation/library-guide.rst" "$work" ||
	die "cannot copy the programs out of the documentation"

check "install, as the README says" installed readme
check "install, as the guide says" installed guide
mapfile -t headers < <(cd "$root_dir/userlib/include" && printf '%s\n' *.h codearena/*.h)
for header in "${headers[@]}" linux/codearena.h; do
	check "$header in strict C99" header_alone "$header"
done
check "all headers in C++11" in_cxx
check "the program of the README" readme_program
check "the program of the README, linked statically" static_program
for program in "$work"/guide/*.c; do
	name=$(basename "$program" .c)
	check "guide: $name" guide_program "$name"
	[ ! -e "$work/guide/$name.bt" ] || check "guide: $name in gdb" guide_backtrace "$name"
done
check "CMake" consumer cmake "cmake -S . -B build && cmake --build build"
check "meson" consumer meson "meson setup build && meson compile -C build"
for source in "$root_dir"/userlib/examples/*.c; do
	name=$(basename "$source")
	check "example: $name" example "$name" gcc
done
check "example: cpp.cc" example cpp.cc g++ -std=c++17 -pedantic
check "uninstall leaves nothing" uninstalled
echo "docs-programs: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
