# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# codearena-wasm: $(O)/wasm/codearena-wasm, static so that it runs in a VM as it
# is. Included by the library's Makefile.

wasm_dir := $(O)/wasm
wasm_src := examples/wasm
wasm_objects := $(patsubst $(wasm_src)/%,$(wasm_dir)/%.o,\
	$(wildcard $(wasm_src)/*.c $(wasm_src)/*.S))

wasm_cflags := -std=gnu11 $(warnings) $(ca_cppflags) -I$(wasm_src) -pthread \
	-MMD -MP -DWASM_CACHE='"$(wasm_dir)/cache"' \
	-DWASM_GLUE_DIGEST='"$(shell cat $(wasm_src)/glue.c $(wasm_src)/source.c | cksum)"'

# meter.c looks at these.
wasm_wrap := $(foreach f,codearena_arena_publish codearena_trap_table_register,\
	-Wl,--wrap=$(f))

.PHONY: wasm
wasm: $(wasm_dir)/codearena-wasm

$(wasm_dir)/codearena-wasm: $(wasm_objects) $(static)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -pthread $(wasm_wrap) $^ -lm -o $@

# Programs that own the signals of their process: host-c and host-go.
wasm_library := $(filter-out $(wasm_dir)/main.c.o,$(wasm_objects)) \
	$(wasm_dir)/hosts/replay.c.o

.PHONY: wasm-hosts
wasm-hosts: $(wasm_dir)/host-c $(wasm_dir)/host-go

$(wasm_dir)/host-c: $(wasm_dir)/hosts/host.c.o $(wasm_library) $(static)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -pthread $(wasm_wrap) $^ -lm -o $@

$(wasm_dir)/hosts.a: $(wasm_library)
	rm -f $@
	$(AR) rcs $@ $^

# Go compiles C by itself, and would take the other .c files of the directory too.
$(wasm_dir)/host-go: $(wasm_src)/hosts/host.go $(wasm_src)/hosts/replay.h \
		$(wasm_dir)/hosts.a $(static)
	@mkdir -p $(wasm_dir)/go
	cp $(wasm_src)/hosts/host.go $(wasm_src)/hosts/replay.h $(wasm_dir)/go/
	cd $(wasm_dir)/go && GO111MODULE=off GOFLAGS= GOCACHE=$(wasm_dir)/go-cache \
		CC="$(CC)" CGO_LDFLAGS="$(wasm_dir)/hosts.a $(static) -lm" \
		go build -p 2 -ldflags '-linkmode external -extldflags "-static -pthread $(wasm_wrap)"' \
		-o $@ host.go

# The half of wasm-native, which is there to compare speed with, that is not made
# from modules: selftests/workloads/steady.sh links the rest to it.
.PHONY: wasm-native
wasm-native: $(wasm_dir)/native.a

$(wasm_dir)/native.a: $(wasm_dir)/native/native.c.o $(wasm_dir)/call.c.o \
		$(wasm_dir)/replay.c.o $(wasm_dir)/util.c.o
	rm -f $@
	$(AR) rcs $@ $^

$(wasm_dir)/%.c.o: $(wasm_src)/%.c $(wasm_src)/glue.c $(wasm_src)/source.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(wasm_cflags) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(wasm_dir)/%.S.o: $(wasm_src)/%.S $(wildcard $(wasm_src)/rt/*.h)
	@mkdir -p $(@D)
	$(CC) -I$(wasm_src)/rt -Wa,-I$(wasm_src)/rt $(CPPFLAGS) $(CFLAGS) -c $< -o $@

-include $(wildcard $(wasm_dir)/*.d $(wasm_dir)/native/*.d \
	$(wasm_dir)/hosts/*.d)
