// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Opening files that compilers write; measuring them and listing symbols.
 */
#include "elf/test_elf_check.h"
#include "elf/test_elf_made.h"
#include "lib/sizes.h"

static void real_object(void **state)
{
	CODEARENA_OPTS(codearena_elf_layout, layout, .machine = 0);
	struct file file = compile_c(source);
	struct codearena_elf *elf = open_right(&file);

	(void)state;
	assert_string_equal(codearena_elf_error(elf), "");
	assert_int_equal(codearena_elf_measure(elf, 64, &layout), 0);
	assert_int_equal(layout.machine, elf->machine->machine);
	assert_int_equal(layout.functions, 5);
	/* Five functions, stubs for other() and maybe(), constants. */
	assert_int_equal(layout.objects, 7);
	assert_int_equal(layout.code_length % 64, 0);
	assert_int_equal(layout.code_align, 64);
	assert_in_range(layout.data_length, 404, 512);
	codearena_elf_close(elf);
	free(file.bytes);
}

static void symbols_of_real_object(void **state)
{
	CODEARENA_OPTS(codearena_elf_sym, sym, .name = NULL);
	struct file file = compile_c(source);
	struct codearena_elf *elf = open_right(&file);
	unsigned int seen = 0;
	size_t count;

	(void)state;
	for (count = 0; !codearena_elf_symbol_at(elf, count, &sym); count++) {
		assert_int_equal(sym.address, 0);
		assert_int_equal(sym.offset, CODEARENA_ELF_NO_OFFSET);
		assert_int_equal(sym.code.length, 0);
		if (!strcmp(sym.name, "work")) {
			assert_int_equal(sym.type, CODEARENA_ELF_SYM_FUNC);
			assert_int_equal(sym.flags,
					 CODEARENA_ELF_SYM_F_DEFINED |
					 CODEARENA_ELF_SYM_F_GLOBAL);
			assert_in_range(sym.size, 1, 200);
			seen |= 1;
		} else if (!strcmp(sym.name, "zero")) {
			assert_int_equal(sym.type, CODEARENA_ELF_SYM_OBJECT);
			assert_int_equal(sym.size, 400);
			seen |= 2;
		} else if (!strcmp(sym.name, "helper")) {
			assert_int_equal(sym.flags,
					 CODEARENA_ELF_SYM_F_DEFINED);
			seen |= 4;
		} else if (!strcmp(sym.name, "maybe")) {
			assert_int_equal(sym.flags, CODEARENA_ELF_SYM_F_GLOBAL |
						    CODEARENA_ELF_SYM_F_WEAK);
			seen |= 8;
		} else if (!strcmp(sym.name, "other")) {
			assert_int_equal(sym.flags, CODEARENA_ELF_SYM_F_GLOBAL);
			seen |= 16;
		}
	}
	assert_int_equal(seen, 31);
	assert_int_equal(codearena_elf_symbol_at(elf, count, &sym), -ENOENT);
	assert_string_not_equal(codearena_elf_error(elf), "");
	codearena_elf_close(elf);
	free(file.bytes);
}

static void not_supported_c(void **state)
{
	static const struct {
		const char *source;
		const char *why;
	} not_supported[] = {
		{ "__thread int x; int f(void) { return x; }",
		  "thread-local storage" },
		{ "int x; __attribute__((constructor)) void f(void) { x = 1; }",
		  "constructors or destructors" },
		{ "int x; __attribute__((destructor)) void f(void) { x = 1; }",
		  "constructors or destructors" },
		{ "static int g(void) { return 1; }\n"
		  "static void *pick(void) { return g; }\n"
		  "int f(void) __attribute__((ifunc(\"pick\")));",
		  "indirect function: f" },
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct file file = compile_c(not_supported[i].source);

		refused(&file, -ENOTSUP, not_supported[i].why);
		free(file.bytes);
	}
}

static void not_supported_lto(void **state)
{
	struct file file = compile("gcc", "-O2 -fPIC -flto -fno-fat-lto-objects",
				   "c", "int f(void) { return 1; }");

	(void)state;
	refused(&file, -ENOTSUP, "-flto");
	free(file.bytes);
}

static void not_relocatable(void **state)
{
	struct file file = read_whole("/proc/self/exe");

	(void)state;
	refused(&file, -ENOEXEC, "relocatable");
	free(file.bytes);
}

static void bad_arguments(void **state)
{
	struct codearena_elf *elf = (struct codearena_elf *)state;
	struct codearena_elf_open_opts opts = {
		.sz = CA__SIZE_ELF_OPEN_OPTS - 1,
	};
	struct {
		struct codearena_elf_open_opts opts;
		uint64_t more;
	} newer = { .opts.sz = sizeof(newer) };
	struct codearena_elf_layout layout = { .sz = sizeof(layout) };
	struct codearena_elf_sym sym = { .sz = 8 };
	static struct made made;
	struct file file;
	uint64_t address;

	assert_int_equal(codearena_elf_open(NULL, 1, NULL, &elf), -EINVAL);
	assert_null(elf);
	assert_int_equal(codearena_elf_open("", 1, NULL, NULL), -EINVAL);
	assert_int_equal(codearena_elf_open("", 1, &opts, &elf), -EINVAL);
	simple(&made);
	file = made_finish(&made);
	assert_int_equal(codearena_elf_open(file.bytes, file.size, &newer.opts,
					    &elf), 0);
	codearena_elf_close(elf);
	newer.opts.flags = 1U << 31;
	assert_int_equal(codearena_elf_open(file.bytes, file.size, &newer.opts,
					    &elf), -EOPNOTSUPP);
	newer.opts.flags = 0;
	newer.more = 1;
	assert_int_equal(codearena_elf_open(file.bytes, file.size, &newer.opts,
					    &elf), -E2BIG);
	assert_null(elf);

	elf = open_right(&file);
	assert_int_equal(codearena_elf_measure(NULL, 64, &layout), -EINVAL);
	assert_int_equal(codearena_elf_measure(elf, 64, NULL), -EINVAL);
	assert_int_equal(codearena_elf_measure(elf, 48, &layout), -EINVAL);
	assert_int_equal(codearena_elf_measure(elf, 0, &layout), -EINVAL);
	assert_int_equal(codearena_elf_measure(elf, 1 << 17, &layout),
			 -EINVAL);
	layout.sz--;
	assert_int_equal(codearena_elf_measure(elf, 64, &layout), -EINVAL);
	assert_int_equal(codearena_elf_symbol_at(NULL, 0, &sym), -EINVAL);
	assert_int_equal(codearena_elf_symbol_at(elf, 0, &sym), -EINVAL);
	assert_int_equal(codearena_elf_symbol(NULL, "f", &address), -EINVAL);
	assert_int_equal(codearena_elf_symbol(elf, NULL, &address), -EINVAL);
	assert_int_equal(codearena_elf_symbol(elf, "f", NULL), -EINVAL);
	assert_int_equal(codearena_elf_symbol(elf, "f", &address), -EBADFD);
	assert_int_equal(address, 0);
	assert_int_equal(codearena_elf_unload(elf), -EBADFD);
	assert_int_equal(codearena_elf_unload(NULL), -EINVAL);
	assert_int_equal(codearena_elf_discard(elf, "f"), -EBADFD);
	assert_string_equal(codearena_elf_error(NULL), "");
	codearena_elf_close(elf);
	codearena_elf_close(NULL);
}

static struct file sized_file;
static struct codearena_elf *sized_elf;

static int open_sized(void *opts)
{
	struct codearena_elf *elf;
	int ret = codearena_elf_open(sized_file.bytes, sized_file.size, opts,
				     &elf);

	codearena_elf_close(elf);
	return ret;
}

static int measure_sized(void *layout)
{
	return codearena_elf_measure(sized_elf, 64, layout);
}

static int symbol_sized(void *sym)
{
	return codearena_elf_symbol_at(sized_elf, 0, sym);
}

static struct codearena_arena *sized_arena;

static int load_sized(void *opts)
{
	int ret = codearena_elf_load(sized_elf, sized_arena, 0, opts);

	if (!ret)
		assert_int_equal(codearena_elf_unload(sized_elf), 0);
	return ret;
}

static void sizes_of_other_versions(void **state)
{
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = NULL);
	CODEARENA_OPTS(codearena_elf_opts, load_opts,
		       .flags = CODEARENA_ELF_F_COMMITTED);
	static struct made made;

	(void)state;
	simple_native(&made);
	sized_file = made_finish(&made);
	expect_input_sizes(&opts, CA__SIZE_ELF_OPEN_OPTS, sizeof(opts),
			   open_sized);
	sized_elf = open_right(&sized_file);
	expect_output_sizes(CA__SIZE_ELF_LAYOUT,
			    sizeof(struct codearena_elf_layout), measure_sized);
	expect_output_sizes(CA__SIZE_ELF_SYM, sizeof(struct codearena_elf_sym),
			    symbol_sized);
	assert_int_equal(codearena_arena_new(1 << 20, NULL, &sized_arena), 0);
	assert_int_equal(codearena_arena_commit(sized_arena, 0, 1 << 20), 0);
	expect_input_sizes(&load_opts, CA__SIZE_ELF_OPTS, sizeof(load_opts),
			   load_sized);
	codearena_elf_close(sized_elf);
	codearena_arena_free(sized_arena);
}

static void error_text_is_cut(void **state)
{
	char error[4] = "xxx";
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = sizeof(error));
	struct codearena_elf *elf;

	(void)state;
	assert_int_equal(codearena_elf_open("nothing", 7, &opts, &elf),
			 -ENOEXEC);
	assert_string_equal(error, "too");
}

static void files(void **state)
{
	char path[] = "/tmp/codearena-elf-XXXXXX", error[100];
	CODEARENA_OPTS(codearena_elf_open_opts, opts, .error = error,
		       .error_size = sizeof(error));
	static struct made made;
	struct codearena_elf *elf;
	struct file file;
	int fd;

	(void)state;
	simple(&made);
	file = made_finish(&made);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, file.bytes, file.size), file.size);
	assert_int_equal(codearena_elf_open_file(path, &opts, &elf), 0);
	assert_int_equal(count_symbols(elf), 2);
	codearena_elf_close(elf);
	assert_int_equal(ftruncate(fd, file.size - 1), 0);
	assert_int_equal(codearena_elf_open_file(path, &opts, &elf), -ENOEXEC);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(codearena_elf_open_file(path, &opts, &elf), -ENOEXEC);
	assert_null(elf);
	/* A hole costs nothing. */
	assert_int_equal(ftruncate(fd, 1L << 30), 0);
	assert_int_equal(codearena_elf_open_file(path, &opts, &elf), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(codearena_elf_open_file(path, &opts, &elf), -ENOENT);
	assert_non_null(strstr(error, path));
	assert_int_equal(codearena_elf_open_file("/tmp", NULL, &elf), -EISDIR);
	assert_int_equal(codearena_elf_open_file(NULL, NULL, &elf), -EINVAL);
	assert_null(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_object),
		cmocka_unit_test(symbols_of_real_object),
		cmocka_unit_test(not_supported_c),
		cmocka_unit_test(not_supported_lto),
		cmocka_unit_test(not_relocatable),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(sizes_of_other_versions),
		cmocka_unit_test(error_text_is_cut),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("elf_open", tests, NULL, NULL);
}
