# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearena-run and libcodearena-preload.so, in $(O)/preload. Included by the
# library's Makefile. Neither uses the library: a replaced mmap() may not call what
# allocates, so the preload library talks to the device itself.

preload_dir := $(O)/preload
preload_library := $(preload_dir)/libcodearena-preload.so
preload_program := $(preload_dir)/codearena-run
preload_sources := $(filter-out preload/run.c,$(sort $(wildcard preload/*.c)))
preload_objects := $(preload_sources:preload/%.c=$(preload_dir)/%.o)
PRELOADDIR ?= $(LIBDIR)/codearena

# Tail calls are part of how it works: see dlopen() in process.c.
preload_cflags := -std=gnu11 -D_GNU_SOURCE $(warnings) -I../uapi -fvisibility=hidden -pthread \
	-DPRELOAD_DIR='"$(PRELOADDIR)"'

$(preload_dir)/%.o: preload/%.c $(O)/flags preload/preload.mk
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(preload_cflags) $(CPPFLAGS) $(CFLAGS) -fPIC \
		-foptimize-sibling-calls -MMD -MP -c $< -o $@

$(preload_library): $(preload_objects)
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) -shared -pthread \
		-Wl,-soname,$(@F) -Wl,-z,defs -Wl,-z,relro,-z,now,-z,nodelete $^ -ldl -o $@

$(preload_program): $(preload_dir)/run.o
	$(call quiet,LD)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

-include $(wildcard $(preload_dir)/*.d)

.PHONY: preload
preload: $(preload_library) $(preload_program)

# The tests run under codearena-run, which finds the library beside itself; in fail/
# one whose system calls can be made to fail.
preload_tests := $(patsubst preload/tests/%.c,$(preload_dir)/tests/%,$(wildcard preload/tests/*.c))

$(preload_tests): $(preload_dir)/tests/%: preload/tests/%.c preload/tests/tap.h $(O)/flags preload/preload.mk
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) -std=gnu11 -D_GNU_SOURCE $(warnings) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) \
		-pthread $< -o $@

$(preload_dir)/fail/libcodearena-preload.so: $(preload_sources) $(preload_library)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(preload_cflags) -DPRELOAD_FAIL $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) \
		-fPIC -foptimize-sibling-calls -shared -Wl,-z,defs $(preload_sources) -o $@

$(preload_dir)/fail/codearena-run: $(preload_program)
	@mkdir -p $(@D)
	cp $< $@

# TSan and preloading exclude each other: the runtime's own start calls functions that
# are replaced, and dies in their instrumented code. So these tests are linked with the
# library, and call its functions by other names; the runtime, which has those of libc,
# is beside them.
preload_tsan := $(patsubst %,$(preload_dir)/tsan/preload_%,strict emulate)

$(preload_dir)/tsan/names: $(preload_library)
	@mkdir -p $(@D)
	nm -D --defined-only $< | awk '{ print $$3, "preload_" $$3 }' >$@
	cp -L $(shell $(CC) -print-file-name=libtsan.so.2) $(@D)/

$(preload_tsan): $(preload_dir)/tsan/%: preload/tests/%.c preload/tests/tap.h \
		$(preload_sources) $(preload_dir)/tsan/names
	$(call quiet,CC)$(CC) $(preload_cflags) $(CPPFLAGS) $(CFLAGS) $(flags_tsan) \
		-foptimize-sibling-calls -r $(preload_sources) $< -o $@.o
	objcopy --redefine-syms=$(@D)/names $@.o
	$(call quiet,LD)$(CC) $(CFLAGS) $(flags_tsan) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN' \
		$@.o -ldl -o $@

# For a VM: tests/root/ has what lies over the guest's root.
.PHONY: preload-tests
preload-tests: preload $(preload_tests) $(preload_tsan) $(preload_dir)/fail/codearena-run \
		$(preload_dir)/fail/libcodearena-preload.so
	@rm -rf $(preload_dir)/root
	@tests/stage.sh $(preload_dir)/root $(preload_tests) $(preload_program)

# Beside them codearenactl_helper, a program that is linked statically.
$(preload_dir)/test_codearena_run.sh: preload/tests/test_codearena_run.sh $(preload_program) \
		$(O)/tools/codearenactl_helper
	cp $(O)/tools/codearenactl_helper $(@D)/
	cp $< $@
