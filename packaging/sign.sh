#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Sign a module for kernels that load signed ones only: Secure Boot, lockdown, sig_enforce.
#
# Usage: sign.sh [--kdir DIR] --key FILE --cert FILE MODULE.ko
#
#   --kdir DIR   build directory of the kernel, which has scripts/sign-file
#                (default: the running kernel's)
#   --key FILE   private key, PEM
#   --cert FILE  its certificate, DER or PEM
#
# DKMS signs modules itself, with the key in /var/lib/dkms; this is for modules
# built without it. To create a key and enroll it at the next boot:
#
#   openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=My modules/" \
#           -keyout mok.key -outform DER -out mok.der
#   mokutil --import mok.der
#   make sign KEY=mok.key CERT=mok.der

set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../selftests/vm source=lib.sh
. "$(dirname "$0")/../selftests/vm/lib.sh"

kdir=/lib/modules/$(uname -r)/build key='' cert=''
while :; do
	case ${1:---help} in
	-h | --help) usage; exit 0 ;;
	--kdir) kdir=$2; shift 2 ;;
	--key) key=$2; shift 2 ;;
	--cert) cert=$2; shift 2 ;;
	-*) die "no option '$1'; see --help" ;;
	*) break ;;
	esac
done
module=$1
if [ -z "$key" ] || [ -z "$cert" ]; then
	die "KEY= or CERT= is missing; see packaging/sign.sh --help"
fi
[ -r "$key" ] || die "cannot read the key $key"
[ -r "$cert" ] || die "cannot read the certificate $cert"
[ -w "$module" ] || die "cannot write to $module; build it first"

if command -v kmodsign >/dev/null; then
	tool=kmodsign
else
	tool=$kdir/scripts/sign-file
	[ -x "$tool" ] || die "neither kmodsign nor $tool is there; set KDIR="
fi
# Signatures add up: the last one counts, the others are dead weight.
[ -z "$(modinfo -F signer "$module")" ] ||
	die "$module is signed already, by $(modinfo -F signer "$module")"
"$tool" sha512 "$key" "$cert" "$module"
say "$module is signed by $(modinfo -F signer "$module")"
