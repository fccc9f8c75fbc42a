#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Run the static checks; each counts as one.
#
# Usage: static.sh [OPTION] [CHECK]...
#
#   --list   list the checks
#   --quick  run those that build nothing
#   --long   run those that take minutes or need other kernels than the stock one
#
# Without arguments runs all but the long ones. The output of CHECK is kept in
# build/static/CHECK.log and shown when it fails.
# Ends with "check-static: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

logs=$root_dir/build/static
skip_code=77

# checkpatch types that do not apply to the UAPI header.
checkpatch_ignore_uapi=(
	BIT_MACRO # user space has no BIT()
)

# checkpatch types that do not apply to the module.
checkpatch_ignore_kmod=(
	MACRO_ARG_REUSE # a loop macro names its variable more than once
)

# checkpatch types that do not apply to trace.h.
checkpatch_ignore_trace=(
	OPEN_ENDED_LINE # the usual layout of TP_STRUCT__entry() and the like
	PARENTHESIS_ALIGNMENT
)

# checkpatch types that do not apply to compat.h.
checkpatch_ignore_compat=(
	CONSTANT_COMPARISON # takes LINUX_VERSION_CODE for a constant
	LINUX_VERSION_CODE # its one place; the check 'versions' keeps it out of the rest
)

# checkpatch types that do not apply to the tests: they are user-space programs.
checkpatch_ignore_tests=(
	ARRAY_SIZE # the kernel's macro
	BIT_MACRO # the kernel's macro
	BRACES # an EXPECT or ASSERT is two statements
	CAMELCASE # _Static_assert is C11's
	COMPLEX_MACRO # assertion macros are statements for the harness to expand
	EMBEDDED_FUNCTION_NAME # tests are functions, and /proc has files of their names
	ENOSYS # what a kernel without the system call under test says
	MACRO_ARG_REUSE # and take variables only
	MACRO_WITH_FLOW_CONTROL # and end the test with the harness's SKIP(return)
	PREFER_DEFINED_ATTRIBUTE_MACRO # the kernel's macros
	PREFER_KERNEL_TYPES # stdint.h is what user space has
	STATIC_CONST_CHAR_ARRAY # the arguments of execve() are not
	VOLATILE # variables shared with signal handlers
)

# Names in the sources that codespell takes for mistakes.
codespell_ignore=(
	fo # a macro of mdoc
	hart # a RISC-V hardware thread
	inout # a direction in descriptions for syzkaller
	iput # releases an inode
	nd # a macro of mdoc
	nin # n, after an escaped new line
)

# Print a reason and leave with the code that counts as skipped.
skip() {
	echo "$*"
	return "$skip_code"
}

# List the project's files, one per line: those that git tracks or would add; in a
# tree without git, all outside of build/.
all_files() {
	if [ -e .git ]; then
		git ls-files --cached --others --exclude-standard
	else
		find . -path ./build -prune -o -type f -printf '%P\n'
	fi | LC_ALL=C sort -u
}

# project_files PATTERN... [:!PATTERN]...: list the files that match one of the
# patterns (* matches / too), without those that match an excluded one.
project_files() {
	local file pattern taken
	while IFS= read -r file; do
		[ -e "$file" ] || continue
		taken=
		for pattern in "$@"; do
			# The patterns are patterns.
			# shellcheck disable=SC2053
			case $pattern in
			:!*) [[ $file != ${pattern#:!} ]] || continue 2 ;;
			*) [[ $file != $pattern ]] || taken=yes ;;
			esac
		done
		[ -z "$taken" ] || echo "$file"
	done < <(all_files)
}

# As project_files, into the array files; there must be some.
take_files() {
	mapfile -t files < <(project_files "$@")
	[ ${#files[@]} -gt 0 ] || die "no files match $*"
}

# Join the arguments with commas.
list_of() { (IFS=, && echo "$*"); }

kernel_sources=('kmod/*.c' 'kmod/*.h' 'uapi/*.h')

check_scripts() {
	local file scripts=()
	while IFS= read -r file; do
		case $file in
		*.sh) scripts+=("$file") ;;
		*) [ ! -f "$file" ] || ! head -c 20 "$file" | grep -aqE '^#!.*[/ ](ba|da)?sh' ||
			scripts+=("$file") ;;
		esac
	done < <(all_files)
	need shellcheck static
	shellcheck -x "${scripts[@]}"
}

# build_w1 KVER: a W=1 build prints no warning. It starts anew, for objects that are
# up to date print none.
build_w1() {
	rm -rf "$logs/kmod-$1"
	"$vm_dir/build-module.sh" --out "$logs/kmod-$1" "$1" x86_64 W=1 2>&1 |
		tee "$logs/w1-$1.out"
	! grep -E 'warning:|WARNING:|error:' "$logs/w1-$1.out"
}

# sparse_clean KVER: sparse reports nothing in this project's files.
sparse_clean() {
	need sparse static
	"$vm_dir/build-module.sh" --out "$logs/kmod-$1" "$1" x86_64 W=1 \
		C=2 CF="-D__CHECK_ENDIAN__" >"$logs/sparse-$1.out" 2>&1
	! grep -E '(^|/)(kmod|uapi/linux)/[^ ]*:[0-9]+:' "$logs/sparse-$1.out"
}

check_w1_6_1() { build_w1 6.1; }
check_w1_6_12() { build_w1 6.12; }
check_sparse_6_1() { sparse_clean 6.1; }
check_sparse_6_12() { sparse_clean 6.12; }

# The kernels are built with gcc, so their configuration names gcc's options. These
# replace the ones that clang does not know.
clang_variables=(CC=clang LD=ld.lld CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_GCC_VERSION=0
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough
	CONFIG_INIT_STACK_ALL_ZERO= # clang 14 hides the option
	CONFIG_RETHUNK= CONFIG_MITIGATION_RETHUNK= CONFIG_SLS= CONFIG_MITIGATION_SLS=
	CONFIG_FTRACE_MCOUNT_USE_CC= CONFIG_FTRACE_MCOUNT_USE_OBJTOOL=y)

# clang_clean KVER: it builds, and clang warns about none of this project's files. It
# does warn about headers of newer kernels, which are written for gcc.
clang_clean() {
	need clang static
	need ld.lld static
	rm -rf "$logs/kmod-clang-$1"
	"$vm_dir/build-module.sh" --out "$logs/kmod-clang-$1" "$1" x86_64 W=1 \
		"${clang_variables[@]}" >"$logs/clang-$1.out" 2>&1 ||
		{ grep -E 'error:|\*\*\*' "$logs/clang-$1.out"; return 1; }
	! grep -E '(^|/)(kmod|uapi/linux)/[^ ]*:[0-9]+: warning:|objtool: |modpost: ' \
		"$logs/clang-$1.out"
}

check_clang_6_1() { clang_clean 6.1; }
check_clang_6_12() { clang_clean 6.12; }

# gcc's analyzer, at the optimisation level of the library: at others it finds other
# things and has more false positives.
check_analyzer() {
	find userlib/src -name '*.c' -print0 | LC_ALL=C sort -z |
		xargs -0 -n 1 -P "$(nproc)" gcc -std=gnu11 -O2 -fanalyzer -Wall -Wextra -Werror \
			-pthread -Iuserlib/include -Iuapi -Iuserlib/src \
			-c -o /dev/null
}

# Who may include whom in the library, and names that are unique there.
check_layers() { selftests/checks/source_rules.py layers; }
check_names() {
	need ctags static
	selftests/checks/source_rules.py names
}
check_rules_fail() {
	need ctags static
	selftests/checks/source_rules_test.py
}

# The KUnit suites need a kernel that has KUnit. Compiler and sparse at once; sparse finds
# errors in the kernel's headers, too, and the compiler's end the build.
check_kunit() {
	need sparse static
	rm -rf "$logs/kmod-kunit"
	"$vm_dir/build-module.sh" --out "$logs/kmod-kunit" debug x86_64 W=1 C=2 \
		CF="-D__CHECK_ENDIAN__" CODEARENA_KUNIT=y 2>&1 | tee "$logs/kunit.out"
	! grep -E '(^|/)(kmod|uapi/linux)/[^ ]*:[0-9]+:|warning:|WARNING:' "$logs/kunit.out"
}

# checkpatch IGNORED FILE...: errors, warnings and checks all count.
checkpatch() {
	local tree ignored=$1 code=0
	shift
	tree=$("$vm_dir/source.sh" file scripts/checkpatch.pl scripts/spelling.txt \
		scripts/const_structs.checkpatch)
	"$tree/scripts/checkpatch.pl" --no-tree --strict --terse --show-types \
		${ignored:+--ignore "$ignored"} -f "$@" || code=$?
	rm -f .checkpatch-camelcase.* # its notes
	return "$code"
}

check_checkpatch() {
	local files
	take_files 'kmod/*.[ch]' ':!kmod/compat.h' ':!kmod/trace.h'
	local code=0
	checkpatch "$(list_of "${checkpatch_ignore_kmod[@]}")" "${files[@]}" || code=1
	checkpatch "$(list_of "${checkpatch_ignore_compat[@]}")" kmod/compat.h || code=1
	[ ! -e kmod/trace.h ] ||
		checkpatch "$(list_of "${checkpatch_ignore_trace[@]}")" kmod/trace.h || code=1
	checkpatch "$(list_of "${checkpatch_ignore_uapi[@]}")" uapi/linux/*.h || code=1
	return "$code"
}

check_checkpatch_tests() {
	local files
	take_files 'selftests/codearena_*.c' 'selftests/lib/*.[ch]' 'selftests/fuzz/*.[ch]'
	checkpatch "$(list_of "${checkpatch_ignore_tests[@]}")" "${files[@]}"
}

check_kernel_doc() {
	local tree files
	tree=$("$vm_dir/source.sh" file scripts/kernel-doc)
	take_files "${kernel_sources[@]}"
	"$tree/scripts/kernel-doc" -none -Werror "${files[@]}"
}

# compile_uapi COMPILER FLAG...: the header must stand alone.
compile_uapi() {
	echo "$*"
	echo '#include <linux/codearena.h>' |
		"$@" -Wall -Wextra -pedantic -Wpadded -Werror -Iuapi -S -o /dev/null -
}

check_uapi_c() { compile_uapi gcc -x c -std=c90; }

# Types only, so that no 32-bit C library is needed.
check_uapi_c_32() { compile_uapi gcc -x c -std=c90 -m32 -I"/usr/include/$(gcc -print-multiarch)"; }
check_uapi_cxx() { compile_uapi g++ -x c++ -std=c++11; }

# The description for syzkaller matches the header.
check_syzkaller() { selftests/syzkaller/check.sh; }

check_versions() {
	local files
	take_files "${kernel_sources[@]}"
	! grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' "${files[@]}" | grep -v '^kmod/compat\.h:'
}

# Line breaks are left to the author, see format.py; trace.h consists of macros.
check_clang_format() {
	local files
	need clang-format static
	take_files "${kernel_sources[@]}" 'userlib/include/*.h' ':!kmod/trace.h' ':!kmod/tests/*'
	selftests/checks/format.py "${files[@]}"
	echo "${#files[@]} files"
}

# The kernel's own rules, run as its coccicheck does, but without those in OCaml, at
# which that stops.
check_coccinelle() {
	local tree rule options found=0
	need spatch static
	tree=$("$vm_dir/source.sh" file scripts/coccinelle)
	while IFS= read -r rule; do
		options=$(sed -n 's,^// Options:,,p' "$rule" | head -n 1)
		echo "$rule"
		# The options are words.
		# shellcheck disable=SC2086
		spatch --very-quiet --cocci-file "$rule" -D report --include-headers \
			$options --dir kmod --jobs "$(nproc)" >"$logs/coccinelle.out"
		[ ! -s "$logs/coccinelle.out" ] || found=1
		cat "$logs/coccinelle.out"
	done < <(grep -rL 'script:ocaml' --include '*.cocci' "$tree/scripts/coccinelle" |
		LC_ALL=C sort)
	return "$found"
}

check_codespell() {
	need codespell static
	local files
	take_files '*' ':!LICENSES/*'
	codespell --quiet-level 3 \
		--ignore-words-list "$(list_of "${codespell_ignore[@]}")" "${files[@]}"
}

check_reuse() {
	need reuse static
	reuse lint --quiet || { reuse lint; return 1; }
}

# In one directory, where mandoc finds the pages that refer to each other. Of the
# system's own pages it can only report that they have no index.
check_man() {
	local pages=$logs/man messages
	need mandoc static
	rm -rf "$pages"
	mkdir -p "$pages"
	building docs make -s -C Documentation O="$root_dir/build/docs" man
	find build/docs/man -name '*.[1-9]' -exec cp -t "$pages" {} +
	messages=$(cd "$pages" && grep -L '^\.so ' ./*.[1-9] | xargs mandoc -T lint 2>&1) || true
	messages=$(grep -v 'mandoc\.db lacks' <<<"$messages" || true)
	[ -z "$messages" ] || { echo "$messages"; return 1; }
	find "$pages" -name '*.[1-9]' | wc -l
}

quick=(layers names rules_fail checkpatch kernel_doc uapi_c uapi_c_32 uapi_cxx syzkaller versions
	clang_format codespell reuse)
checks=("${quick[@]}" w1_6_1 sparse_6_1 clang_6_1 analyzer checkpatch_tests scripts man)
long=(w1_6_12 sparse_6_12 clang_6_12 coccinelle kunit)

case ${1-} in
-h | --help) usage; exit 0 ;;
--list) printf '%s\n' "${checks[@]}" "${long[@]}"; exit 0 ;;
--quick) checks=("${quick[@]}") ;;
--long) checks=("${long[@]}") ;;
?*) checks=("$@") ;;
esac

cd "$root_dir"
mkdir -p "$logs"
passed=0 failed=0 skipped=0
for check in "${checks[@]}"; do
	declare -F "check_$check" >/dev/null || die "no check '$check'; see --list"
	code=0 start=$SECONDS
	# A new shell: set -e does not work in a function that is part of a condition.
	(set -e; "check_$check") >"$logs/$check.log" 2>&1 &
	wait $! || code=$?
	case $code in
	0) passed=$((passed + 1)); echo "ok $check ($((SECONDS - start))s)" ;;
	"$skip_code")
		skipped=$((skipped + 1))
		echo "ok $check # SKIP $(tail -n 1 "$logs/$check.log")"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $check; alone: selftests/checks/static.sh $check"
		tail -n 60 "$logs/$check.log" | sed 's/^/    /'
		;;
	esac
done
echo "check-static: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
