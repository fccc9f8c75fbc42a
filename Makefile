# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Every user target; `make help` lists them. Everything built goes to build/.

# The running kernel's build directory, for `make` and `make modules_install`.
KDIR ?= /lib/modules/$(shell uname -r)/build
# The kernel and architecture of the VM: see selftests/vm/kernel.sh list.
# Debian 13 is the first with riscv64.
ARCH ?= $(patsubst aarch64,arm64,$(shell uname -m))
KVER ?= $(if $(filter riscv64,$(ARCH)),6.12-deb13,6.1)
# Parts of `make check` and `make check-all` that run at a time.
JOBS ?= 2
# The builds of the library that `make check-host` tests.
FLAVOURS ?= plain asan tsan
# Installs missing Debian packages; SETUP=true leaves the machine as it is.
SETUP ?= selftests/vm/setup.sh
DESTDIR ?=

checks := selftests/checks
vm := selftests/vm
build := $(CURDIR)/build
module_dir := $(build)/kmod/host
MAKEFLAGS += --no-print-directory
userlib = +$(MAKE) -C userlib O=$(build)/userlib
# Parts that run at a time build one after the other.
locked = +@mkdir -p $(build) && flock $(build)/.$(1).lock $(MAKE) -C $(2) O=$(build)/$(3)
build_userlib = $(call locked,userlib,userlib,userlib)
documentation = $(call locked,docs,Documentation,docs)
arch_setup = $(filter arm64 riscv64,$(ARCH))

# Checks compile what they have compiled before, here or in another clone, from ccache.
# Programs for users are compiled: their debug information names this folder.
ifneq ($(filter demo fuzz check%,$(filter-out check-packages,$(MAKECMDGOALS))),)
export PATH := /usr/lib/ccache:$(PATH)
export CCACHE_DIR ?= $(or $(CODEARENA_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/codearena)/ccache
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := true
endif

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
	$(build_userlib) all

## modules: the module for the running kernel (KDIR=...)
.PHONY: modules
modules:
	$(vm)/build-module.sh --kdir $(KDIR) --out $(module_dir)

## modules_install: install that module, as root
.PHONY: modules_install
modules_install: modules
	+$(MAKE) -C $(KDIR) M=$(module_dir) modules_install

include packaging/packaging.mk

## demo: boot Debian's kernel in QEMU, load the module, run real code in it (KVER=, ARCH=)
.PHONY: demo
demo: setup-build setup-vm
	@$(SETUP) wasm $(arch_setup)
	@$(vm)/demo.sh $(KVER) $(ARCH)

## check: library, kselftests on a stock kernel, static checks, documented programs
.PHONY: check
check: setup-build setup-vm setup-source setup-host setup-static setup-docs
	@$(checks)/summary.sh --jobs $(JOBS) \
		"$(MAKE) check-vm KVER=6.1" \
		"$(MAKE) check-host FLAVOURS='plain asan'" \
		"$(MAKE) check-static" \
		"$(MAKE) check-docs PARTS=programs"

## check-all: what check leaves out: TSan, other kernels, debug kernel, runtimes, fuzzers, ABI
.PHONY: check-all
check-all: setup-build setup-vm setup-source setup-host setup-debug setup-fuzz setup-docs \
		setup-static setup-ports
	@$(checks)/summary.sh --jobs $(JOBS) \
		"$(MAKE) debug-kernel" \
		"$(MAKE) check-vm KVER=newest" \
		"$(MAKE) check-debug" \
		"$(MAKE) check-vm KVER=6.12 KARGS=nopku" \
		"$(MAKE) check-runtimes KVER=6.12 GROUPS=small" \
		"$(MAKE) check-static-long" \
		"$(MAKE) check-host FLAVOURS=tsan TOOL_TESTS=" \
		"$(MAKE) check-fuzz" \
		"$(MAKE) check-docs PARTS='build gate gate-test'" \
		"$(MAKE) check-abi" \
		"$(MAKE) check-kunit"

## check-quick: the library and the static checks that build nothing, without a VM
.PHONY: check-quick
check-quick: setup-build setup-source setup-host setup-static
	@$(checks)/summary.sh --jobs $(JOBS) \
		"$(MAKE) check-host FLAVOURS=plain TOOL_TESTS=" \
		"$(checks)/static.sh --quick"

## check-host: the library's tests on this machine (FLAVOURS="plain asan tsan")
.PHONY: check-host
check-host: setup-build setup-host $(FLAVOURS:%=build-userlib-%)
	$(build_userlib) -j$(shell nproc) all examples tools $(build)/userlib/tools/test_codearenactl.sh
	$(userlib) check FLAVOURS="$(FLAVOURS)"

# Each by itself: between two of them others may build the library's tests for a VM.
.PHONY: $(FLAVOURS:%=build-userlib-%)
$(FLAVOURS:%=build-userlib-%): build-userlib-%: setup-build setup-host
	$(build_userlib) -j$(shell nproc) check-$*

## coverage: lines of the library and of the module that their tests execute
.PHONY: coverage coverage-userlib coverage-kmod
coverage: setup-build
	@$(checks)/summary.sh --name coverage \
		"$(MAKE) coverage-userlib" \
		"$(MAKE) coverage-kmod"
coverage-userlib: setup-build setup-host setup-coverage
	$(userlib) coverage
coverage-kmod: setup-build setup-vm setup-source setup-debug setup-coverage
	@$(checks)/coverage.sh

## check-fuzz: the corpora of the library's fuzzers, and ten seconds of each
.PHONY: check-fuzz
check-fuzz: setup-build setup-fuzz
	$(build_userlib) -j$(shell nproc) fuzz-build
	$(userlib) fuzz-smoke

## check-vm: the kselftests in a VM (KVER=6.1 ARCH=x86_64 KARGS="kernel arguments")
.PHONY: check-vm
check-vm: setup-build setup-vm setup-source setup-host $(if $(filter 64k,$(KVER)),setup-debug)
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@$(vm)/check-vm.sh $(if $(KARGS),--kargs '$(KARGS)') $(KVER) $(ARCH)

## debug-kernel: build the debug kernel, which other checks do when they need it
.PHONY: debug-kernel
debug-kernel: setup-build setup-source setup-debug
	@$(vm)/debug-kernel.sh build >/dev/null
	@echo "debug-kernel: 1 passed, 0 failed, 0 skipped"

## check-kunit: the KUnit suites, on the debug kernel and in user-mode Linux
.PHONY: check-kunit
check-kunit: setup-build setup-vm setup-source setup-debug
	@$(vm)/check-kunit.sh

## check-debug: the kselftests on the debug kernel, with every access checked (KVER=debug-rt)
.PHONY: check-debug
check-debug: setup-build setup-vm setup-source setup-debug
	@$(vm)/check-debug.sh $(filter debug%,$(KVER))

## fuzz: random operations on the device, with a model (SECONDS=180 SEED= KVER=debug ARCH=)
.PHONY: fuzz
fuzz: setup-build setup-vm setup-source setup-debug
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@selftests/fuzz/fuzz.sh --arch $(ARCH) $(if $(filter command environment,$(firstword $(origin KVER))),--kver $(KVER)) \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

## check-mutants: that the tests notice when the module is broken
.PHONY: check-mutants
check-mutants: setup-build setup-vm setup-source setup-debug
	@selftests/mutants/check-mutants.sh

## check-matrix: check-vm or check-debug on every supported kernel and architecture
.PHONY: check-matrix
check-matrix: setup-build
	@$(checks)/summary.sh --name check-matrix $(shell $(vm)/matrix.sh rows | \
		while read -r k a; do printf "'%s' " "$(MAKE) check-row KVER=$$k ARCH=$$a"; done)

## check-row: one row of the matrix, and its skips (KVER= ARCH=)
.PHONY: check-row
check-row: setup-build setup-vm setup-source setup-host $(if $(filter debug% 64k,$(KVER)),setup-debug)
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@$(vm)/matrix.sh run $(KVER) $(ARCH)

## check-trace: the examples of perf and bpftrace, in a VM (KVER=)
.PHONY: check-trace
check-trace: setup-build setup-vm setup-source setup-host
	@selftests/trace/check-trace.sh $(KVER)

## check-musl: the library and codearenactl built with musl, here and in a VM (KVER=)
.PHONY: check-musl
check-musl: setup-build setup-vm setup-source setup-musl
	@selftests/musl/check-musl.sh $(KVER)

## check-static: warnings, sparse, checkpatch, kernel-doc, shellcheck, ...
.PHONY: check-static
check-static: setup-build setup-source setup-static
	@$(checks)/static.sh

## check-static-long: the same for newer kernels and the KUnit suites, and coccinelle
.PHONY: check-static-long
check-static-long: setup-build setup-source setup-static setup-debug
	@$(checks)/static.sh --long

## check-docs: the documentation is complete, and what it says works (PARTS=)
.PHONY: check-docs
check-docs: setup-build setup-source setup-docs
	@selftests/docs/check-docs.sh $(PARTS)

## check-abi: the library's ABI against the committed dump
.PHONY: check-abi
check-abi: setup-build setup-docs lib
	@selftests/docs/check-abi.sh

## abi-dump: write that dump anew, for a release that adds to the ABI
.PHONY: abi-dump
abi-dump: setup-build setup-docs lib
	@selftests/docs/check-abi.sh --write

## docs: this documentation as HTML, and the man pages, in build/docs
.PHONY: docs
docs: setup-build setup-source setup-docs
	$(documentation) all

## man: the man pages, in build/docs/man
.PHONY: man
man:
	$(documentation) man

## bench: figures against peers, to build/bench.tsv (ROWS="publish_64 pool" KVER=)
.PHONY: bench
bench: setup-build setup-vm setup-bench
	@selftests/bench/run.sh --kver $(KVER) $(ROWS)

## fuzz-lib: fuzz the library, each part for FUZZ_SECONDS (300)
.PHONY: fuzz-lib
fuzz-lib: setup-build setup-fuzz
	$(userlib) fuzz

## check-workloads: WebAssembly modules of npm, and traps, here and in a VM (KVER=)
.PHONY: check-workloads
check-workloads: setup-build setup-vm setup-source setup-workloads
	@KVER=$(KVER) selftests/workloads/run.sh

## check-runtimes: JIT compilers of Debian with codearena-run, in a VM (KVER=6.12 GROUPS= COSTS=yes ARCH=)
.PHONY: check-runtimes
check-runtimes: setup-build setup-vm setup-source setup-ports
	@$(if $(filter qemu,$(or $(GROUPS),$(if $(arch_setup),,qemu))),$(SETUP) qemu)
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@selftests/runtimes/check-runtimes.sh $(if $(arch_setup),--arch $(arch_setup)) \
		$(if $(COSTS),--costs) $(GROUPS) \
		$(if $(filter command environment,$(firstword $(origin KVER))),--kver $(KVER))

## check-hardened: arenas under SELinux, AppArmor and the like, in VMs (KVER=6.12 KINDS=)
.PHONY: check-hardened
check-hardened: setup-build setup-vm setup-source setup-hardened setup-workloads
	@selftests/hardened/check-hardened.sh $(KINDS) \
		$(if $(filter command environment,$(firstword $(origin KVER))),--kver $(KVER))

## vm-shell: a shell in a VM with everything loaded (KVER=, ARCH=)
.PHONY: vm-shell
vm-shell: setup-build setup-vm setup-source
	@$(if $(arch_setup),$(SETUP) $(arch_setup))
	@$(vm)/shell.sh $(KVER) $(ARCH)

## setup-GROUP: install Debian packages, see selftests/vm/setup.sh --help
setups := $(patsubst %,setup-%,build vm source ports arm64 riscv64 debug static host coverage \
	bench docs fuzz musl packages hardened wasm workloads)
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
	@sed -n 's/^## \([^:]*\): /  \1\t/p' Makefile packaging/packaging.mk | expand -t 22
