// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * ELF objects for debuggers, their unwind information, and the list of them.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/log.h"
#include "log/gdbjit_prologue.h"
#include "lib/helpers.h"

#define THREADS	4
#define ROUNDS	500
#define FORKS	200

static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5,
				0x90, 0x5d, 0xc3 };

static const struct codearena_log_line lines[] = {
	{ .offset = 0, .line = 70, .column = 4, .file = "one.jit" },
	{ .offset = 5, .line = 60, .file = "one.jit" },
	{ .offset = 8, .line = 5000, .file = "two.jit" },
};

static struct codearena_log_entry entry_of(const char *name, uint64_t address)
{
	return (struct codearena_log_entry) {
		.sz = sizeof(struct codearena_log_entry),
		.name = name,
		.bytes = code,
		.address = address,
		.size = sizeof(code),
	};
}

/* The output of a tool like readelf about an object; false if it is missing. */
static bool examined(const void *object, size_t size, const char *command,
		     char *output, size_t room)
{
	char name[] = "/tmp/codearena-test-XXXXXX", line[256];
	int fd = mkstemp(name);
	size_t got;
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, object, size), size);
	close(fd);
	snprintf(line, sizeof(line), "%s %s 2>&1", command, name);
	pipe = popen(line, "r");
	got = fread(output, 1, room - 1, pipe);
	output[got] = 0;
	unlink(name);
	return !pclose(pipe);
}

static void expect(const char *output, const char *text)
{
	if (!strstr(output, text))
		fail_msg("\"%s\" is not in:\n%s", text, output);
}

static void *object_of(uint32_t machine, size_t *size)
{
	struct codearena_log_entry entries[3] = {
		entry_of("first", 0x7f0000001000ULL),
		entry_of("second\n", 0x7f0000002000ULL),
		entry_of("third", 0x7f0000003000ULL),
	};
	void *object;

	entries[1].lines = lines;
	entries[1].line_count = 3;
	entries[2].frame = CODEARENA_FRAME_LEAF;
	assert_int_equal(ca__gdbjit_build(machine, entries, 3, &object,
						size), 0);
	return object;
}

static void readelf_accepts(void **state)
{
	static const uint32_t machines[] = {
		EM_X86_64, EM_AARCH64, EM_RISCV
	};
	static char output[1 << 18];
	size_t size;
	void *object;
	unsigned int i;

	(void)state;
	if (system("command -v readelf >/dev/null"))
		skip_because("no readelf here");
	for (i = 0; i < 3; i++) {
		object = object_of(machines[i], &size);
		assert_true(examined(object, size, "readelf -aW", output,
				     sizeof(output)));
		assert_null(strstr(output, "arning"));
		assert_null(strstr(output, "rror"));
		expect(output, "REL (Relocatable file)");
		expect(output, ".text.2           NOBITS          00007f0000003000");
		expect(output, "11 FUNC    GLOBAL DEFAULT    1 first\n");
		expect(output, "11 FUNC    GLOBAL DEFAULT    2 second\\x0a\n");
		free(object);
	}
}

static void readelf_reads_lines_and_frames(void **state)
{
	static char output[1 << 18];
	size_t size;
	void *object;

	(void)state;
	if (system("command -v readelf >/dev/null"))
		skip_because("no readelf here");
	object = object_of(EM_X86_64, &size);
	assert_true(examined(object, size,
			     "readelf -W --debug-dump=frames-interp,info,rawline",
			     output, sizeof(output)));
	assert_null(strstr(output, "arning"));
	expect(output, "7f0000001000..00007f000000100b");
	/* Before the push, after it, and after the move. */
	expect(output, "00007f0000001000 rsp+8    u     c-8");
	expect(output, "00007f0000001005 rsp+16   c-16  c-8");
	expect(output, "00007f0000001008 rbp+16   c-16  c-8");
	expect(output, "second\\x0a\n");
	expect(output, "set Address to 0x7f0000002000");
	expect(output, "Advance Line by 69 to 70");
	expect(output, "Advance Line by -10 to 60");
	expect(output, "Advance Line by 4940 to 5000");
	expect(output, "Set File Name to entry 2 in the File Name Table");
	expect(output, "Advance PC by 3 to 0x7f000000200b");
	free(object);
}

/* The caller's entries are longer than this library's. */
static void entries_have_a_stride(void **state)
{
	struct {
		struct codearena_log_entry entry;
		uint64_t newer;
	} longer[2] = {
		{ .entry = entry_of("a", 0x1000) },
		{ .entry = entry_of("b", 0x2000) },
	};
	struct codearena_log_entry plain[2] = {
		longer[0].entry, longer[1].entry,
	};
	size_t size, plain_size;
	void *object, *other;

	(void)state;
	longer[0].entry.sz = sizeof(*longer);
	longer[1].entry.sz = sizeof(*longer);
	assert_int_equal(ca__gdbjit_build(EM_X86_64, &longer[0].entry, 2,
					  &object, &size), 0);
	assert_int_equal(ca__gdbjit_build(EM_X86_64, plain, 2, &other,
					  &plain_size), 0);
	assert_int_equal(size, plain_size);
	assert_memory_equal(object, other, size);
	free(object);
	free(other);
	longer[1].newer = 1;
	assert_int_equal(ca__gdbjit_build(EM_X86_64, &longer[0].entry, 2,
					  &object, &size), -E2BIG);
	longer[1].newer = 0;
	longer[1].entry.sz = sizeof(struct codearena_log_entry);
	assert_int_equal(ca__gdbjit_build(EM_X86_64, &longer[0].entry, 2,
					  &object, &size), -EINVAL);
}

static void bad_arguments(void **state)
{
	struct codearena_log_entry entries[2] = {
		entry_of("a", 0x1000), entry_of("b", 0x2000),
	};
	struct codearena_gdbjit *registered = (void *)1;
	void *object = (void *)1;
	size_t size = 1;

	(void)state;
	assert_int_equal(ca__gdbjit_build(EM_386, entries, 2, &object, &size),
			 -EOPNOTSUPP);
	assert_null(object);
	assert_int_equal(size, 0);
#define BAD(error, from, count) \
	assert_int_equal(ca__gdbjit_build(EM_X86_64, from, count, &object,	\
					  &size), -(error))
	BAD(EINVAL, NULL, 1);
	BAD(EINVAL, entries, 0);
	BAD(EOVERFLOW, entries, CODEARENA_GDBJIT_MAX + 1);
	assert_int_equal(ca__gdbjit_build(EM_X86_64, entries, 2, NULL, &size),
			 -EINVAL);
	entries[1].size = 0;
	BAD(EINVAL, entries, 2);
	assert_int_equal(codearena_gdbjit_register(entries, 2, &registered),
			 -EINVAL);
	assert_null(registered);
	assert_int_equal(codearena_gdbjit_register(entries, 1, NULL), -EINVAL);
	codearena_gdbjit_unregister(NULL);
}

static void prologues(void **state)
{
	static const uint32_t arm[] = {
		0xd503245f, 0xd503233f, 0xa9be7bfd, 0x910003fd
	};
	static const uint32_t riscv[] = {
		0xfe010113, 0x00113c23, 0x00813823, 0x02010413
	};
	struct ca__prologue out;

	(void)state;
	ca__prologue_read(EM_AARCH64, (const uint8_t *)arm, 16, &out);
	assert_int_equal(out.count, 3);
	assert_true(out.steps[0].signs && out.steps[0].offset == 8);
	assert_int_equal(out.steps[1].offset, 12);
	assert_int_equal(out.steps[1].cfa_offset, 32);
	assert_int_equal(out.steps[1].frame_below, 32);
	assert_int_equal(out.steps[1].return_below, 24);
	assert_true(out.steps[2].by_frame && out.steps[2].offset == 16);
	ca__prologue_read(EM_RISCV, (const uint8_t *)riscv, 16, &out);
	assert_int_equal(out.count, 4);
	assert_int_equal(out.steps[0].cfa_offset, 32);
	assert_int_equal(out.steps[1].return_below, 8);
	assert_int_equal(out.steps[2].frame_below, 16);
	assert_true(out.steps[3].by_frame && !out.steps[3].cfa_offset);
	ca__prologue_read(EM_X86_64, code, sizeof(code), &out);
	assert_int_equal(out.count, 2);
	/* Truncated at every byte: no prologue, no read past the end. */
	ca__prologue_read(EM_X86_64, code, 7, &out);
	assert_int_equal(out.count, 1);
	assert_true(out.steps[0].by_frame && out.steps[0].cfa_offset == 16);
	ca__prologue_read(EM_AARCH64, (const uint8_t *)arm, 15, &out);
	assert_int_equal(out.count, 1);
	ca__prologue_read(EM_RISCV, (const uint8_t *)riscv, 15, &out);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.steps[0].cfa_offset, 0);
}

/* The list, as a debugger reads it. */
struct listed {
	struct listed *next;
	struct listed *prev;
	const unsigned char *object;
	uint64_t size;
};

extern struct {
	uint32_t version;
	uint32_t action;
	struct listed *relevant;
	struct listed *first;
} __jit_debug_descriptor;

static size_t list_length(void)
{
	struct listed *entry, *before = NULL;
	size_t count = 0;

	for (entry = __jit_debug_descriptor.first; entry; entry = entry->next) {
		assert_ptr_equal(entry->prev, before);
		assert_memory_equal(entry->object, ELFMAG, 4);
		before = entry;
		count++;
	}
	return count;
}

static void list_of_objects(void **state)
{
	struct codearena_log_entry entry = entry_of("f", 0x1000);
	struct codearena_gdbjit *objects[3];
	unsigned int i;

	(void)state;
	assert_int_equal(__jit_debug_descriptor.version, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(codearena_gdbjit_register(&entry, 1,
							   &objects[i]), 0);
		assert_int_equal(list_length(), i + 1);
	}
	codearena_gdbjit_unregister(objects[1]);
	assert_int_equal(list_length(), 2);
	codearena_gdbjit_unregister(objects[2]);
	assert_int_equal(list_length(), 1);
	codearena_gdbjit_unregister(objects[0]);
	assert_int_equal(list_length(), 0);
	assert_int_equal(__jit_debug_descriptor.action, 0);
	assert_null(__jit_debug_descriptor.relevant);
}

static bool forking;

static void *register_many(void *context)
{
	struct codearena_log_entry entry = entry_of("f", 0x1000);
	struct codearena_gdbjit *object;
	intptr_t failures = 0;
	int i;

	(void)context;
	for (i = 0; i < ROUNDS || __atomic_load_n(&forking, __ATOMIC_RELAXED);
	     i++) {
		failures += codearena_gdbjit_register(&entry, 1, &object) != 0;
		codearena_gdbjit_unregister(object);
	}
	return (void *)failures;
}

/* It works in a child, even if another thread was registering at fork(). */
static inline bool child_registers(void *context)
{
	struct codearena_log_entry entry = entry_of("f", 0x1000);
	struct codearena_gdbjit *object;

	(void)context;
	alarm(300);
	if (codearena_gdbjit_register(&entry, 1, &object))
		return false;
	codearena_gdbjit_unregister(object);
	return true;
}

static void list_of_many_threads(void **state)
{
	pthread_t threads[THREADS];
	unsigned int i;
	void *failures;

	(void)state;
	forking = true;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						register_many, NULL), 0);
	/* ThreadSanitizer takes the parent's threads for the child's leaks. */
#if !defined(__SANITIZE_THREAD__)
	for (i = 0; i < FORKS; i++)
		assert_int_equal(in_child(child_registers, NULL), 0);
#endif
	__atomic_store_n(&forking, false, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failures);
		assert_null(failures);
	}
	assert_int_equal(list_length(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readelf_accepts),
		cmocka_unit_test(readelf_reads_lines_and_frames),
		cmocka_unit_test(entries_have_a_stride),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(prologues),
		cmocka_unit_test(list_of_objects),
		cmocka_unit_test(list_of_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
