#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Make a Debian chroot, without PACKAGEs one like the system of a user of our packages:
# a compiler, DKMS, kernel headers, and nothing of this project.
#
# Usage: chroot.sh [PACKAGE]...
#
# Prints the directory, which is in the cache and made once. Needs root. Copy it
# instead of changing it.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=lib.sh
. "$(dirname "$0")/../selftests/vm/lib.sh"
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=debian.sh
. "$vm_dir/debian.sh"

case ${1-} in
-h | --help) usage; exit 0 ;;
esac

suite=bookworm
# What the packages depend on, so that installing them needs no network; then what
# a user of the library has. The headers are those of the kernel that VMs boot.
headers=''
packages=("$@")
if [ $# -eq 0 ]; then
	headers=linux-headers-$("$vm_dir/kernel.sh" release 6.1 x86_64)
	packages=(dkms gcc libc6-dev make pkg-config systemd-standalone-sysusers libcapstone4
		bash-completion "$headers")
fi
# A new name when the list changes.
chroot=$cache_dir/chroot-$suite-$(printf '%s ' "${packages[@]}" | sha256sum | cut -c 1-8)
gone=$chroot.gone

make_chroot() {
	local options uri
	[ ! -e "$chroot" ] || return 0
	need debootstrap packages
	[ "$(id -u)" -eq 0 ] || die "a chroot needs root"
	uri=$(debian_uri main)
	[ -n "$uri" ] || die "no Debian mirror in apt's configuration"
	rm -rf "$chroot.new"
	say "making a chroot of $suite, once"
	debootstrap --variant=minbase \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		"$suite" "$chroot.new" "$uri" >&2
	uri=$(debian_uri security)
	[ -z "$uri" ] || echo "deb $uri $suite-security main" >>"$chroot.new/etc/apt/sources.list"
	# Proxies and time-outs of this system.
	apt-config dump | grep -E '^Acquire::(http|https|Check-)' \
		>"$chroot.new/etc/apt/apt.conf.d/90codearena" || true
	printf 'path-exclude=/usr/share/%s/*\n' doc man locale \
		>"$chroot.new/etc/dpkg/dpkg.cfg.d/90codearena"
	# Packages of services are installed, not started.
	printf '#!/bin/sh\nexit 101\n' >"$chroot.new/usr/sbin/policy-rc.d"
	chmod 755 "$chroot.new/usr/sbin/policy-rc.d"
	options='-q -y -o Dpkg::Use-Pty=0'
	export DEBIAN_FRONTEND=noninteractive
	# The options are words.
	# shellcheck disable=SC2086
	chroot "$chroot.new" apt-get $options update >&2
	if [ -n "$headers" ] &&
		! chroot "$chroot.new" apt-cache show "$headers" >/dev/null 2>&1; then
		touch "$gone"
		return 0
	fi
	# shellcheck disable=SC2086
	chroot "$chroot.new" apt-get $options \
		install --no-install-recommends "${packages[@]}" >&2
	chroot "$chroot.new" apt-get clean
	rm "$chroot.new/etc/dpkg/dpkg.cfg.d/90codearena"
	mv "$chroot.new" "$chroot"
}

with_lock chroot make_chroot
# The VMs boot a kernel that is kept in the cache, and the suite has a newer one by now.
if [ -e "$gone" ]; then
	rm "$gone"
	[ -z "${CODEARENA_REFRESHED-}" ] || die "$suite has no $headers"
	say "$suite has no $headers any more: taking its newer kernel"
	"$vm_dir/kernel.sh" refresh 6.1 x86_64 >&2
	CODEARENA_REFRESHED=yes exec "$0" "$@"
fi
echo "$chroot"
