// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Two plugins, each with the static library in it, that a program unloads. With
 * TRAP_PLUGIN this file is the plugin, else the program.
 */
#ifdef TRAP_PLUGIN

#include "codearena/module.h"
#include "codearena/trap.h"

#if defined(__x86_64__)
static const uint8_t load[] = { 0x0f, 0xb6, 0x07, 0xc3 };
#elif defined(__aarch64__)
static const uint32_t load[] = { 0x39400000, 0xd65f03c0 };
#else
static const uint32_t load[] = { 0x00054503, 0x00008067 };
#endif

__attribute__((visibility("default"))) int plugin_trap(void);

/* CODEARENA_TRAPPED if all is well. */
int plugin_trap(void)
{
	struct codearena_trap trap = {
		.length = 1,
		.landing = CODEARENA_LANDING_EXTERNAL,
	};
	CODEARENA_OPTS(codearena_code_desc, desc, .body = load,
		       .instructions_size = sizeof(load), .traps = &trap,
		       .trap_count = 1, .function_index = -1,
		       .flags = CODEARENA_CODE_F_REPORT);
	struct codearena_manager *manager = NULL;
	struct codearena_module *module = NULL;
	struct codearena_guard *guard = NULL;
	struct codearena_code *code;
	uint64_t address;
	int ret;

	ret = codearena_manager_new(NULL, &manager);
	if (!ret)
		ret = codearena_module_new(manager, NULL, &module);
	if (!ret)
		ret = codearena_module_guard_new(module, 1 << 20, NULL, &guard);
	if (!ret)
		ret = codearena_module_add_publish(module, &desc, 1, &code,
						   NULL);
	if (!ret) {
		address = (uintptr_t)codearena_guard_base(guard) + 8;
		ret = codearena_trap_call((void *)codearena_code_start(code),
					  &address, 1, NULL, NULL);
	}
	codearena_guard_free(guard);
	codearena_module_free(module);
	codearena_manager_free(manager);
	return ret;
}

#else

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trap/trap_helpers.h"

static sigjmp_buf back;

static void host_handler(int number)
{
	siglongjmp(back, number);
}

static int (*plugin_open(const char *name, void **plugin))(void)
{
	*plugin = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!*plugin)
		exit(77);
	return (int (*)(void))dlsym(*plugin, "plugin_trap");
}

/* Does a fault of the program reach the program's own handler? */
static bool host_fault(volatile int *nowhere)
{
	if (sigsetjmp(back, 1))
		return true;
	*nowhere = 1;
	return false;
}

static int come_and_go(void)
{
	volatile int *nowhere = mmap(NULL, 4096, PROT_NONE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_handler = host_handler };
	int (*one)(void), (*two)(void);
	void *first, *second;

	sigaction(SIGSEGV, &action, NULL);
	one = plugin_open(TEST_PLUGINS "/first.so", &first);
	two = plugin_open(TEST_PLUGINS "/second.so", &second);
	if (one() != CODEARENA_TRAPPED || two() != CODEARENA_TRAPPED ||
	    one() != CODEARENA_TRAPPED || !host_fault(nowhere))
		return 1;
	dlclose(first);
	if (two() != CODEARENA_TRAPPED || !host_fault(nowhere))
		return 2;
	dlclose(second);
	if (!host_fault(nowhere))
		return 3;
	one = plugin_open(TEST_PLUGINS "/first.so", &first);
	return one() == CODEARENA_TRAPPED && host_fault(nowhere) ? 0 : 4;
}

static void unloaded_plugins(void **state)
{
	pid_t child;
	int status;

	(void)state;
	skip_with_sanitizer();
	child = fork();
	if (!child)
		exit(come_and_go());
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status == 77 << 8) {
		print_message("no plugins here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unloaded_plugins),
	};

	return cmocka_run_group_tests_name("trap_plugin", tests, backend_setup,
					   NULL);
}

#endif
