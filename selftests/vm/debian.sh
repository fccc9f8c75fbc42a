# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# Fetch packages of any Debian suite and architecture without touching the
# system (source it after lib.sh). apt runs with directories of its own in the
# cache; the mirror comes from the system's own apt configuration.
# shellcheck disable=SC2154 # lib.sh sets cache_dir

debian_releases='buster bullseye bookworm trixie forky sid stable oldstable oldoldstable testing unstable'

# Print "URI" of the configured Debian mirror (debian_uri main) or of the
# security archive (debian_uri security; nothing when none is configured).
debian_uri() {
	local want=$1 uri release component
	# $(...) are apt's own variables.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' |
		while read -r uri release component; do
			[ "$component" = main ] || continue
			case $want/$release in
			security/*-security) echo "$uri"; break ;;
			main/*)
				[[ " $debian_releases " == *" $release "* ]] || continue
				echo "$uri"
				break
				;;
			esac
		done
}

# debian_use "SUITE..." ARCH [deb-src]: point APT_CONFIG at a configuration for these
# suites and this Debian architecture, or for sources; fetch the package lists on
# first use.
debian_use() {
	local suites=$1 arch=$2 type=${3:-deb}
	need apt-get source
	debian_dir=$cache_dir/apt/${suites// /+}-$arch${3:+-$3}
	export APT_CONFIG=$debian_dir/apt.conf
	[ -e "$debian_dir/ready" ] ||
		with_lock "apt-${debian_dir##*/}" debian_configure "$suites" "$arch" "$type" ||
		exit 1
}

debian_configure() {
	local suites=$1 arch=$2 type=$3 suite uri
	[ ! -e "$debian_dir/ready" ] || return 0
	mkdir -p "$debian_dir"/{lists/partial,cache/archives/partial,state}
	: >"$debian_dir/status"

	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$keyring" ] || die "no Debian keyring; run: selftests/vm/setup.sh source"
	# The configuration of the system, not of an earlier debian_use.
	unset APT_CONFIG
	: >"$debian_dir/sources.list"
	for suite in $suites; do
		case $suite in
		*-security) uri=$(debian_uri security) ;;
		*) uri=$(debian_uri main) ;;
		esac
		[ -n "$uri" ] || case $suite in
		*-security) continue ;;
		*) die "no Debian mirror in apt's configuration; add one to /etc/apt/sources.list" ;;
		esac
		echo "$type [signed-by=$keyring] $uri $suite main" >>"$debian_dir/sources.list"
	done
	{
		# Proxies and time-outs of the system stay in force.
		apt-config dump | grep -E '^Acquire::(http|https|Check-)' || true
		cat <<-CONF
			Acquire::Languages "none";
			Acquire::Retries "3";
			APT::Architecture "$arch";
			APT::Architectures { "$arch"; };
			APT::Sandbox::User "root";
			Dir::Etc::Main "/dev/null";
			Dir::Etc::Parts "/dev/null";
			Dir::Etc::Preferences "/dev/null";
			Dir::Etc::PreferencesParts "/dev/null";
			Dir::Etc::SourceList "$debian_dir/sources.list";
			Dir::Etc::SourceParts "/dev/null";
			Dir::State "$debian_dir/state";
			Dir::State::Lists "$debian_dir/lists";
			Dir::State::Status "$debian_dir/status";
			Dir::Cache "$debian_dir/cache";
		CONF
	} >"$debian_dir/apt.conf"
	export APT_CONFIG=$debian_dir/apt.conf
	fetch_lists
	touch "$debian_dir/ready"
}

debian_update() { with_lock "apt-${debian_dir##*/}" fetch_lists || exit 1; }

fetch_lists() {
	say "fetching the package lists of ${debian_dir##*/}"
	apt-get -qq update >&2 || die "apt-get update failed; check the network and the apt sources"
}

# debian_field PACKAGE FIELD: print a field of the newest version on offer.
debian_field() {
	apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n "s/^$2: //p" | head -n 1
}

# debian_download DIR PACKAGE[=VERSION]...
debian_download() { (cd "$1" && apt-get -qq download "${@:2}" >&2); }

# debian_unpack DIR MEMBERS PACKAGE[=VERSION]...: download packages and unpack
# their files that match MEMBERS, tar patterns (e.g. './boot/*') with a space
# between, into DIR. What the lists name and the mirror no longer has is looked up in
# fresh lists.
debian_unpack() {
	local dir=$1 members deb
	read -ra members <<<"$2"
	shift 2
	local debs
	debs=$(mktemp -d "$debian_dir/debs.XXXXXX")
	say "downloading $*"
	if ! debian_download "$debs" "$@" && ! { debian_update && debian_download "$debs" "$@"; }; then
		rm -rf "$debs"
		return 1
	fi
	mkdir -p "$dir"
	for deb in "$debs"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$dir" --no-same-owner --wildcards "${members[@]}" || {
			rm -rf "$debs"
			return 1
		}
	done
	rm -rf "$debs"
}
