#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Build the Debian packages, install them in a chroot, use them there and on the
# device in a VM, remove them, and check that nothing is left. Then do the same for
# `make install` and `make dkms-install`.
#
# Usage: check-packages.sh [CHECK]...
#
#   --list   list the checks; each needs the ones before it
#
# Needs root, for the chroot. The logs are in build/packages/.
# Ends with "check-packages: N passed, N failed, N skipped".

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=lib.sh
. "$(dirname "$0")/../selftests/vm/lib.sh"

checks=(install uninstall install_uapi versions sign build lintian deb_install deb_use completion
	deb_device deb_remove dkms_install)
case ${1-} in
-h | --help) usage; exit 0 ;;
--list) printf '%s\n' "${checks[@]}"; exit 0 ;;
esac
if [ $# -gt 0 ]; then checks=("$@"); fi

[ "$(id -u)" -eq 0 ] || die "a chroot needs root: sudo make check-packages"
need lintian packages
version=$(sed -n '/^[0-9]/p' "$root_dir/packaging/VERSION")
release=$("$vm_dir/kernel.sh" release 6.1 x86_64)
headers=$("$vm_dir/kernel.sh" headers 6.1 x86_64)
pristine=$("$root_dir/packaging/chroot.sh")
logs=$root_dir/build/packages
work=$(mktemp -d "${TMPDIR:-/tmp}/codearena-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Not where programs in it could not run.
system=$work/system
module=/lib/modules/$release/updates/dkms/codearena.ko
names=(codearena-dkms libcodearena1 libcodearena-dev codearena-tools)
rm -rf "$logs"
mkdir -p "$logs"

# inside COMMAND...: in the system, with a /proc that goes with the command.
inside() {
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i HOME=/root \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"' "$system" "$@"
}

tree_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory -C "$root_dir" "$@"
}

# equal NAME WANTED FOUND
equal() {
	echo "$1: $3"
	[ "$2" = "$3" ] || { echo "$1 is not $2"; return 1; }
}

# The example of the README: what a user would copy.
readme_example() {
	awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$root_dir/README.md"
}

check_install() {
	local root=$work/root prefix=/opt/codearena pc
	tree_make install DESTDIR="$root" PREFIX="$prefix" || return
	pc=$root$prefix/lib/pkgconfig
	readme_example >"$work/example.c"
	export PKG_CONFIG_LIBDIR=$pc PKG_CONFIG_SYSROOT_DIR=$root
	equal pkg-config "$version" "$(pkg-config --modversion libcodearena)"
	equal libdir "$prefix/lib" "$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir libcodearena)"
	# As an archive that was unpacked elsewhere.
	equal moved "$root$prefix/lib" "$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --define-prefix \
		--variable=libdir libcodearena)"
	# shellcheck disable=SC2046
	gcc -Wall -Werror -o "$work/example" "$work/example.c" \
		$(pkg-config --cflags --libs libcodearena)
	equal example "memfd: 42" "$(CODEARENA_BACKEND=memfd LD_LIBRARY_PATH=$root$prefix/lib "$work/example")"
	# shellcheck disable=SC2046
	gcc -Wall -Werror -static -o "$work/example" "$work/example.c" \
		$(pkg-config --static --cflags --libs libcodearena)
	equal static "memfd: 42" "$(CODEARENA_BACKEND=memfd "$work/example")"
	equal tool "codearenactl $version (libcodearena $version)" \
		"$(LD_LIBRARY_PATH=$root$prefix/lib "$root$prefix/bin/codearenactl" --version)"
	for path in bin/codearenactl bin/codearena-run lib/codearena/libcodearena-preload.so \
		include/linux/codearena.h include/codearena.h \
		share/bash-completion/completions/codearena-run \
		lib/libcodearena.so.1 lib/udev/rules.d/60-codearena.rules lib/sysusers.d/codearena.conf \
		lib/modules-load.d/codearena.conf share/bash-completion/completions/codearenactl \
		share/selinux/packages/codearena.cil; do
		[ -f "$root$prefix/$path" ] || { echo "no $path"; return 1; }
	done
	[ -f "$root/etc/apparmor.d/abstractions/codearena" ] || { echo "no abstraction"; return 1; }
}

check_uninstall() {
	local root=$work/root
	tree_make uninstall DESTDIR="$root" PREFIX=/opt/codearena
	equal left "" "$(find "$root" ! -type d)"
}

check_install_uapi() {
	local root=$work/uapi
	tree_make install-uapi DESTDIR="$root" PREFIX=/usr
	equal files /usr/include/linux/codearena.h "$(cd "$root" && find . ! -type d | cut -c 2-)"
}

check_versions() {
	# shellcheck disable=SC2034 # the configuration is shell
	local kernelver=$release PACKAGE_VERSION='' BUILD_EXCLUSIVE_KERNEL=''
	equal soname "libcodearena.so.${version%%.*}" "$(readelf -d "$root_dir/build/userlib/libcodearena.so" |
		sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"
	tree_make dkms-source DESTDIR="$work/dkms"
	# shellcheck source=/dev/null
	. "$work/dkms/usr/src/codearena-$version/dkms.conf"
	equal dkms.conf "$version" "$PACKAGE_VERSION"
	local kernel
	for kernel in 6.1.0-56-amd64 6.12.95+deb12-amd64 6.6.1 7.3.4+deb14-amd64 7.0-rc1; do
		[[ $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || { echo "refuses $kernel"; return 1; }
	done
	for kernel in 5.10.0-30-amd64 6.0.12 7.4.0 70.1.0 4.19.0; do
		[[ ! $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || { echo "takes $kernel"; return 1; }
	done
}

check_sign() {
	local ko=$work/codearena.ko
	cp "$("$vm_dir/build-module.sh" 6.1 x86_64)" "$ko"
	equal version "$version" "$(modinfo -F version "$ko")"
	equal unsigned "" "$(modinfo -F signer "$ko")"
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=My modules/" \
		-keyout "$work/mok.key" -outform DER -out "$work/mok.der"
	! tree_make sign KDIR="$headers" KO="$ko" || return
	! tree_make sign KDIR="$headers" KEY=/nonexistent CERT="$work/mok.der" KO="$ko" || return
	equal "still unsigned" "" "$(modinfo -F signer "$ko")"
	tree_make sign KDIR="$headers" KEY="$work/mok.key" CERT="$work/mok.der" KO="$ko"
	equal signed "My modules" "$(modinfo -F signer "$ko")"
	! tree_make sign KDIR="$headers" KEY="$work/mok.key" CERT="$work/mok.der" KO="$ko"
}

check_build() { "$root_dir/packaging/deb.sh"; }

check_lintian() {
	# The manual pages are documentation, and may be missing where that is.
	local options=()
	[ -e "$root_dir/Documentation/man/codearenactl.8" ] ||
		options+=(--suppress-tags=no-manual-page)
	lintian --fail-on error,warning --tag-display-limit 0 --allow-root "${options[@]}" \
		--suppress-tags-from-file "$root_dir/packaging/lintian-allowed" \
		"$root_dir"/build/deb/*.deb
}

# What belongs to the system: not what packages leave on purpose, and not what
# dpkg, DKMS and depmod write for themselves.
files_of() {
	(cd "$system" && find . -xdev ! -type d ! -path './var/lib/dpkg/*' ! -path './var/log/*' \
		! -path './var/cache/*' ! -path './tmp/*' ! -path './proc/*' ! -path './dev/*' \
		! -path './etc/ld.so.cache' ! -path './etc/group*' ! -path './etc/gshadow*' \
		! -path './var/lib/dkms/mok.*' ! -path './lib/modules/*/modules.*' \
		! -path './usr/lib/modules/*/modules.*') | LC_ALL=C sort
}

make_system() {
	cp -a "$pristine" "$system"
	files_of >"$work/before"
}

check_deb_install() {
	local name debs=()
	for name in "${names[@]}"; do
		debs+=("/tmp/$(cd "$root_dir/build/deb" && echo "${name}_${version}"_*.deb)")
		cp "$root_dir/build/deb/${debs[-1]#/tmp/}" "$system/tmp/"
	done
	inside env DEBIAN_FRONTEND=noninteractive dpkg -i "${debs[@]}"
	equal group codearena "$(inside getent group codearena | cut -d : -f 1)"
	inside dkms install -m codearena -v "$version" -k "$release"
	equal module "$version" "$(inside modinfo -F version "$module")"
	equal tool "codearenactl $version (libcodearena $version)" "$(inside codearenactl --version)"
}

check_deb_use() {
	readme_example >"$system/tmp/example.c"
	# shellcheck disable=SC2016
	inside sh -c 'cd /tmp && cc -Wall -Werror -o example example.c $(pkg-config --cflags --libs libcodearena)'
	inside ldd /tmp/example | grep libcodearena.so.1
	equal example "memfd: 42" "$(inside env CODEARENA_BACKEND=memfd /tmp/example)"
}

check_completion() {
	# shellcheck disable=SC2016
	equal completion "list|show|disas|--json" "$(inside bash -c '
		. /usr/share/bash-completion/completions/codearenactl
		try() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _codearenactl; printf "%s" "${COMPREPLY[*]}"; }
		printf "%s|%s|%s|%s" "$(try codearenactl li)" "$(try codearenactl -r / sh)" \
			"$(try codearenactl --json d)" "$(try codearenactl list --j)"')"
}

# The program that was linked in there, the library, and the module that DKMS has
# built, in a VM.
check_deb_device() {
	local stage=$work/stage file
	mkdir -p "$stage/usr/bin"
	cp "$system/tmp/example" "$system/usr/bin/codearenactl" "$stage/usr/bin/"
	inside ldd /tmp/example /usr/bin/codearenactl | grep -o '/[^ ]*' | grep '\.so' | sort -u |
		while read -r file; do
			mkdir -p "$stage$(dirname "$file")"
			cp -L "$system$file" "$stage$file"
		done
	"$vm_dir/run.sh" --kver 6.1 --arch x86_64 --name check-packages --stage "$stage" \
		--module "$system$module" -- \
		sh -c 'codearenactl check && CODEARENA_BACKEND=device example' | tee "$work/device"
	grep -q '^good *module *loaded, version '"$version" "$work/device"
	equal example "device: 42" "$(tail -n 1 "$work/device" | tr -d '\r')"
}

check_deb_remove() {
	inside env DEBIAN_FRONTEND=noninteractive dpkg --purge "${names[@]}"
	files_of >"$work/after"
	# Only what was there before the example.
	diff -u "$work/before" "$work/after"
	equal source "" "$(ls -d "$system"/usr/src/codearena* 2>/dev/null)"
	equal dkms "" "$(inside dkms status -m codearena)"
}

check_dkms_install() {
	mkdir -p "$system/tmp/tree/packaging" "$system/tmp/tree/selftests/vm"
	cp "$root_dir/packaging/dkms.sh" "$system/tmp/tree/packaging/"
	cp "$vm_dir/lib.sh" "$system/tmp/tree/selftests/vm/"
	local twice
	# Again, as one does who changes the source.
	for twice in first again; do
		tree_make dkms-source DESTDIR="$system"
		inside env KERNEL="$release" /tmp/tree/packaging/dkms.sh install "$version"
		equal "$twice" "$version" "$(inside modinfo -F version "$module")"
	done
	inside /tmp/tree/packaging/dkms.sh remove "$version"
	files_of >"$work/after"
	diff -u "$work/before" "$work/after"
}

passed=0 failed=0 skipped=0
make_system
for check in "${checks[@]}"; do
	declare -F "check_$check" >/dev/null || die "no check '$check'; see --list"
	code=0 start=$SECONDS
	# A new shell: set -e does not work in a function that is part of a condition.
	(set -e; "check_$check") >"$logs/$check.log" 2>&1 &
	wait $! || code=$?
	if [ "$code" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok $check ($((SECONDS - start))s)"
	else
		failed=$((failed + 1))
		echo "not ok $check"
		tail -n 40 "$logs/$check.log" | sed 's/^/    /'
	fi
done
echo "check-packages: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
