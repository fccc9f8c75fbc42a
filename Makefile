# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Every user target; `make help` lists them. Everything built goes to build/.

# The running kernel's build directory, for `make` and `make modules_install`.
KDIR ?= /lib/modules/$(shell uname -r)/build
# The kernel and architecture of the VM: see selftests/vm/kernel.sh list.
KVER ?= 6.1
ARCH ?= $(patsubst aarch64,arm64,$(shell uname -m))
# Installs missing Debian packages; SETUP=true leaves the machine as it is.
SETUP ?= selftests/vm/setup.sh
DESTDIR ?=

vm := selftests/vm
build := $(CURDIR)/build
module_dir := $(build)/kmod/host
userlib = +$(MAKE) --no-print-directory -C userlib O=$(build)/userlib
submake = $(MAKE) --no-print-directory
arch_setup = $(if $(filter arm64,$(ARCH)),arm64)

.DEFAULT_GOAL := all

## all: the library, and the module when the running kernel's headers are there
.PHONY: all
all: lib $(if $(wildcard $(KDIR)/Makefile),modules,no-headers)

.PHONY: no-headers
no-headers: lib
	@echo "No headers of the running kernel in $(KDIR): built the library only."
	@echo "Install them (or set KDIR=) for the module, or see 'make demo', which needs none."

## lib: the library
.PHONY: lib
lib:
	$(userlib) all

## modules: the module for the running kernel (KDIR=...)
.PHONY: modules
modules:
	$(vm)/build-module.sh --kdir $(KDIR) --out $(module_dir)

## modules_install: install that module, as root
.PHONY: modules_install
modules_install: modules
	+$(MAKE) -C $(KDIR) M=$(module_dir) modules_install

## install: install the library, its header and its documents (DESTDIR=, PREFIX=)
.PHONY: install
install:
	$(userlib) install

## demo: boot Debian's kernel in QEMU, load the module, run real code in it (KVER=, ARCH=)
.PHONY: demo
demo: setup-build setup-vm
	@$(SETUP) $(or $(arch_setup),wasm)
	@$(vm)/demo.sh $(KVER) $(ARCH)

## check: every check that CI runs
.PHONY: check
check: setup-build
	@$(vm)/summary.sh \
		"$(submake) check-host" \
		"$(submake) check-vm KVER=6.1" \
		"$(submake) check-vm KVER=6.12" \
		"$(submake) check-static"

## check-host: the library's tests on this machine
.PHONY: check-host
check-host: setup-build setup-host
	$(userlib) check

## coverage: lines of the library that its tests on this machine execute
.PHONY: coverage
coverage: setup-build setup-host setup-coverage
	$(userlib) coverage

## check-vm: the kselftests in a VM (KVER=6.1 ARCH=x86_64)
.PHONY: check-vm
check-vm: setup-build setup-vm setup-source setup-host
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@$(vm)/check-vm.sh $(KVER) $(ARCH)

## check-kunit: the KUnit suites, on the debug kernel and in user-mode Linux
.PHONY: check-kunit
check-kunit: setup-build setup-vm setup-source setup-debug
	@$(vm)/check-kunit.sh

## check-debug: the kselftests on the debug kernel, with every access checked
.PHONY: check-debug
check-debug: setup-build setup-vm setup-source setup-debug
	@$(vm)/check-debug.sh

## check-mutants: that the tests notice when the module is broken
.PHONY: check-mutants
check-mutants: setup-build setup-vm setup-source setup-debug
	@$(vm)/check-mutants.sh

## check-matrix: the kselftests on every supported kernel and architecture
.PHONY: check-matrix
check-matrix: setup-build
	@$(vm)/summary.sh --name check-matrix $(shell $(vm)/kernel.sh list | \
		while read -r k archs; do for a in $$archs; do \
		printf "'%s' " "$(submake) check-vm KVER=$${k%:} ARCH=$$a"; done; done)

## check-static: warnings, sparse, checkpatch, kernel-doc, shellcheck, ...
.PHONY: check-static
check-static: setup-build setup-source setup-static setup-debug
	@$(vm)/static.sh

## bench: figures against peers, to build/bench.tsv
.PHONY: bench
bench: setup-build setup-vm setup-bench
	@selftests/bench/run.sh

## check-workloads: WebAssembly modules of npm, and traps, here and in a VM (KVER=)
.PHONY: check-workloads
check-workloads: setup-build setup-vm setup-source setup-workloads
	@KVER=$(KVER) selftests/workloads/run.sh

## vm-shell: a shell in a VM with everything loaded (KVER=, ARCH=)
.PHONY: vm-shell
vm-shell: setup-build setup-vm setup-source
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@$(vm)/shell.sh $(KVER) $(ARCH)

## setup-GROUP: install Debian packages, see selftests/vm/setup.sh --help
setups := $(patsubst %,setup-%,build vm source arm64 debug static host coverage bench \
	wasm workloads)
.PHONY: $(setups)
$(setups): setup-%:
	@$(SETUP) $*

## clean: remove build/
.PHONY: clean
clean:
	rm -rf build

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([^:]*\): /  \1\t/p' Makefile | expand -t 18
