# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# The demo: $(O)/demo/ holds a static program, the object files that it loads,
# and a text that one of them reads. Included by the library's Makefile.

demo_dir := $(O)/demo
demo_src := examples/demo
demo_payload := sha256 sort merge parse
demo_parts := main objects work slot report

# Position independent, functions apart; without entry marks for indirect
# branches, which the slot would jump over anyway.
demo_flags_payload := -O2 -fPIC -ffunction-sections -fno-stack-protector
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
demo_flags_payload += -fcf-protection=none
endif

# The program counts its calls of these.
demo_wrapped := ioctl codearena_arena_commit codearena_arena_publish \
	codearena_arena_patch codearena_arena_discard
comma := ,

demo_cflags := -std=gnu11 $(warnings) $(ca_cppflags) -I$(demo_src) -MMD -MP
demo_objects := $(demo_payload:%=$(demo_dir)/%.o)
# The same sources, as parts of the program, to compare with.
demo_reference := $(demo_payload:%=$(O)/demo-parts/reference-%.o)
demo_program := $(demo_parts:%=$(O)/demo-parts/%.o)

.PHONY: demo
demo: $(demo_dir)/demo $(demo_objects) $(demo_dir)/sample.json

$(demo_dir)/demo: $(demo_program) $(demo_reference) $(static)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -static -pthread \
		$(demo_wrapped:%=-Wl$(comma)--wrap=%) $^ -o $@

$(demo_dir)/sample.json: $(demo_src)/sample.json
	@mkdir -p $(@D)
	cp $< $@

# The program's own flags do not apply to what it loads.
$(demo_objects): $(demo_dir)/%.o: $(demo_src)/%.c $(demo_src)/payload.h $(O)/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(warnings) $(demo_flags_payload) -c $< -o $@

$(demo_reference): $(O)/demo-parts/reference-%.o: $(demo_src)/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_cflags) $(CPPFLAGS) $(CFLAGS) -DDEMO_REFERENCE -c $< -o $@

$(demo_program): $(O)/demo-parts/%.o: $(demo_src)/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(demo_cflags) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

-include $(wildcard $(O)/demo-parts/*.d)
