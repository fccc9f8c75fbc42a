# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Installing, and making packages. Included by the top Makefile.

PREFIX ?= /usr/local
INSTALL ?= install

version := $(shell sed -n '/^[0-9]/p' packaging/VERSION)
udev_dir := $(PREFIX)/lib/udev/rules.d
sysusers_dir := $(PREFIX)/lib/sysusers.d
modules_load_dir := $(PREFIX)/lib/modules-load.d
selinux_dir := $(PREFIX)/share/selinux/packages
# AppArmor looks nowhere else.
apparmor_dir := /etc/apparmor.d/abstractions
apparmor_files := codearena codearena-shared
examples_dir := $(PREFIX)/share/doc/codearena/examples
source_dir := /usr/src/codearena-$(version)

## install: the library, headers, codearenactl, udev rule, man pages (DESTDIR=, PREFIX=)
.PHONY: install
install: install-system
	$(build_userlib) install
	$(documentation) install-man

## install-uapi: the header of the device's interface alone (DESTDIR=, PREFIX=)
.PHONY: install-uapi
install-uapi:
	$(build_userlib) install-uapi

## install-system: the device's rule, group and policies, loading at boot (DESTDIR=, PREFIX=)
.PHONY: install-system
install-system:
	$(INSTALL) -D -m 644 packaging/udev/60-codearena.rules \
		$(DESTDIR)$(udev_dir)/60-codearena.rules
	$(INSTALL) -D -m 644 packaging/sysusers.d/codearena.conf \
		$(DESTDIR)$(sysusers_dir)/codearena.conf
	$(INSTALL) -D -m 644 packaging/modules-load.d/codearena.conf \
		$(DESTDIR)$(modules_load_dir)/codearena.conf
	$(INSTALL) -D -m 644 packaging/selinux/codearena.cil \
		$(DESTDIR)$(selinux_dir)/codearena.cil
	$(INSTALL) -d $(DESTDIR)$(apparmor_dir)
	$(INSTALL) -m 644 $(apparmor_files:%=packaging/apparmor/%) $(DESTDIR)$(apparmor_dir)/
	$(INSTALL) -D -m 644 packaging/systemd/codearena-example.service \
		$(DESTDIR)$(examples_dir)/codearena-example.service

## uninstall: remove what install has installed (DESTDIR=, PREFIX=)
.PHONY: uninstall
uninstall:
	$(userlib) uninstall
	$(documentation) uninstall-man
	rm -f $(DESTDIR)$(udev_dir)/60-codearena.rules \
		$(DESTDIR)$(sysusers_dir)/codearena.conf \
		$(DESTDIR)$(modules_load_dir)/codearena.conf \
		$(DESTDIR)$(selinux_dir)/codearena.cil \
		$(apparmor_files:%=$(DESTDIR)$(apparmor_dir)/%) \
		$(DESTDIR)$(examples_dir)/codearena-example.service
	-rmdir -p --ignore-fail-on-non-empty $(DESTDIR)$(examples_dir) 2>/dev/null

## dkms-source: what DKMS compiles, into /usr/src (DESTDIR=)
.PHONY: dkms-source
dkms-source:
	$(INSTALL) -d $(DESTDIR)$(source_dir)/kmod $(DESTDIR)$(source_dir)/uapi/linux \
		$(DESTDIR)$(source_dir)/packaging
	$(INSTALL) -m 644 Kbuild $(DESTDIR)$(source_dir)/
	$(INSTALL) -m 644 $(wildcard kmod/*.[ch]) $(DESTDIR)$(source_dir)/kmod/
	$(INSTALL) -m 644 uapi/linux/codearena.h $(DESTDIR)$(source_dir)/uapi/linux/
	$(INSTALL) -m 644 packaging/VERSION $(DESTDIR)$(source_dir)/packaging/
	sed 's/#MODULE_VERSION#/$(version)/' packaging/dkms.conf \
		>$(DESTDIR)$(source_dir)/dkms.conf
	chmod 644 $(DESTDIR)$(source_dir)/dkms.conf

## dkms-install: have DKMS build the module for this kernel and each new one, as root
.PHONY: dkms-install
dkms-install: dkms-source
	packaging/dkms.sh install $(version)

## dkms-uninstall: undo that
.PHONY: dkms-uninstall
dkms-uninstall:
	packaging/dkms.sh remove $(version)

## sign: sign the module for Secure Boot (KEY=, CERT=); see packaging/sign.sh --help
.PHONY: sign
sign:
	packaging/sign.sh --kdir $(KDIR) --key '$(KEY)' --cert '$(CERT)' \
		$(or $(KO),$(module_dir)/codearena.ko)

## deb: Debian packages, in build/deb
.PHONY: deb
deb: setup-packages
	packaging/deb.sh

## check-packages: build, install, use and remove the packages, in a chroot
.PHONY: check-packages
check-packages: setup-build setup-vm setup-source setup-packages
	@packaging/check-packages.sh
