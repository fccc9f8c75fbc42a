// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Published code and the unwinder of the process.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include "codearena/log.h"
#include "codearena/trap.h"
#include "lib/sizes.h"
#include "log/log.h"
#include "module/module_helpers.h"

/* TSan follows each byte of the tables, which takes minutes for so many. */
#ifdef __SANITIZE_THREAD__
#define MANY		10000U
#else
#define MANY		100000U
#endif
#define FEW		10U
/*
 * Above all code, which makes searches for other code as long as they can be. The
 * fixed rule reads nothing there.
 */
#if defined(__x86_64__)
#define NOWHERE		0x7fffff000000ULL
#elif defined(__aarch64__)
#define NOWHERE		0xffffff000000ULL
#else
#define NOWHERE		0x3f00000000ULL
#endif
#define STEP		64U

struct dwarf_eh_bases {
	void *tbase;
	void *dbase;
	void *func;
};

const void *_Unwind_Find_FDE(void *pc, struct dwarf_eh_bases *bases);

/* Call the function in the first argument, with a frame of each kind. */
static const uint8_t code_pointer[] = {
#if defined(__x86_64__)
	0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3,
#elif defined(__aarch64__)
	0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00, 0x3f, 0xd6,
	0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6,
#else
	0x13, 0x01, 0x01, 0xff, 0x23, 0x34, 0x11, 0x00, 0x23, 0x30, 0x81, 0x00,
	0x13, 0x04, 0x01, 0x01, 0xe7, 0x00, 0x05, 0x00, 0x83, 0x30, 0x81, 0x00,
	0x03, 0x34, 0x01, 0x00, 0x13, 0x01, 0x01, 0x01, 0x67, 0x80, 0x00, 0x00,
#endif
};

/* sub $24, %rsp; call *%rdi; add; ret. str x30, [sp, #8] on arm64. */
static const uint8_t code_fixed[] = {
#if defined(__x86_64__)
	0x48, 0x83, 0xec, 0x18, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x18, 0xc3,
#elif defined(__aarch64__)
	0xff, 0x43, 0x00, 0xd1, 0xfe, 0x07, 0x00, 0xf9, 0x00, 0x00, 0x3f, 0xd6,
	0xfe, 0x07, 0x40, 0xf9, 0xff, 0x43, 0x00, 0x91, 0xc0, 0x03, 0x5f, 0xd6,
#else
	0x13, 0x01, 0x01, 0xff, 0x23, 0x34, 0x11, 0x00, 0xe7, 0x00, 0x05, 0x00,
	0x83, 0x30, 0x81, 0x00, 0x13, 0x01, 0x01, 0x01, 0x67, 0x80, 0x00, 0x00,
#endif
};

#if defined(__x86_64__)
#define FIXED_SIZE	24
/* push %rbx; call *%rdi; pop %rbx; ret */
static const uint8_t code_cfi[] = { 0x53, 0xff, 0xd7, 0x5b, 0xc3 };
static const uint8_t cfi[] = { 0x41, 0x0e, 16, 0x83, 2, 0x43, 0x0e, 8 };
#else
#define FIXED_SIZE	16
/* The same code as above, described completely. */
#define code_cfi	code_fixed
#if defined(__aarch64__)
static const uint8_t cfi[] = { 0x44, 0x0e, 16, 0x44, 0x9e, 1 };
#else
static const uint8_t cfi[] = { 0x44, 0x0e, 16, 0x44, 0x81, 1 };
#endif
#endif

/**
 * struct walk - a walk up the stack from a function that code called
 * @code: address of the code
 * @caller: address of the function that called the code
 * @code_seen: it was met
 * @caller_seen: it was met after it
 */
struct walk {
	uint64_t code;
	uint64_t caller;
	bool code_seen;
	bool caller_seen;
};

static struct walk walk;

static _Unwind_Reason_Code walk_frame(struct _Unwind_Context *context,
				      void *data)
{
	uint64_t pc = _Unwind_GetIP(context);

	(void)data;
	if (pc - walk.code < STEP)
		walk.code_seen = true;
	if (walk.code_seen &&
	    (uintptr_t)_Unwind_FindEnclosingFunction((void *)pc) == walk.caller)
		walk.caller_seen = true;
	return walk.caller_seen ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static void walk_stack(void)
{
	_Unwind_Backtrace(walk_frame, NULL);
}

static __attribute__((noinline)) bool walk_from(uint64_t address)
{
	walk = (struct walk){
		.code = address,
		.caller = (uintptr_t)walk_from,
	};
	((void (*)(void (*)(void)))(uintptr_t)address)(walk_stack);
	return walk.caller_seen;
}

static struct codearena_log_entry entry_at(uint64_t address, uint64_t size,
					   uint32_t frame)
{
	return (struct codearena_log_entry){
		.sz = sizeof(struct codearena_log_entry),
		.address = address,
		.size = size,
		.frame = frame,
		.cfi = frame == CODEARENA_FRAME_CFI ? cfi : NULL,
		.cfi_size = frame == CODEARENA_FRAME_CFI ? sizeof(cfi) : 0,
		.frame_size = frame == CODEARENA_FRAME_FIXED ? FIXED_SIZE : 0,
	};
}

static bool is_found(uint64_t pc)
{
	struct dwarf_eh_bases bases;

	return _Unwind_Find_FDE((void *)(uintptr_t)pc, &bases);
}

static void rule_is_right(const uint8_t *code, size_t size, uint32_t frame)
{
	struct codearena_arena *arena;
	struct codearena_object object = {
		.source = (uintptr_t)code, .length = size,
	};
	struct codearena_log_entry entry;
	struct codearena_unwind *unwind;
	uint64_t base;

	assert_int_equal(codearena_arena_new(1 << 16, NULL, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0,
				codearena_arena_page_size(arena)), 0);
	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	base = (uintptr_t)codearena_arena_base(arena);
	entry = entry_at(base, size, frame);
	assert_int_equal(codearena_unwind_register(&entry, 1, &unwind), 0);
	assert_true(walk_from(base));
	codearena_unwind_unregister(unwind);
	assert_false(is_found(base + 1));
	codearena_arena_free(arena);
}

static void frame_pointer(void **state)
{
	(void)state;
	rule_is_right(code_pointer, sizeof(code_pointer),
		      CODEARENA_FRAME_POINTER);
}

static void fixed_frame(void **state)
{
	(void)state;
	rule_is_right(code_fixed, sizeof(code_fixed), CODEARENA_FRAME_FIXED);
}

static void cfi_bytes(void **state)
{
	(void)state;
	rule_is_right(code_cfi, sizeof(code_cfi), CODEARENA_FRAME_CFI);
}

static void bad_input(void **state)
{
	struct codearena_log_entry entry[2];
	struct codearena_unwind *unwind = (void *)entry, *first;

	(void)state;
	entry[0] = entry_at(NOWHERE, STEP, CODEARENA_FRAME_FIXED);
	entry[1] = entry_at(NOWHERE + STEP - 1, STEP, CODEARENA_FRAME_FIXED);
	assert_int_equal(codearena_unwind_register(entry, 1, NULL), -EINVAL);
	assert_int_equal(codearena_unwind_register(NULL, 1, &unwind), -EINVAL);
	assert_null(unwind);
	assert_int_equal(codearena_unwind_register(entry, 0, &unwind), -EINVAL);
	assert_int_equal(codearena_unwind_register(entry, 2, &unwind), -EEXIST);
	assert_false(is_found(NOWHERE));
	assert_int_equal(codearena_unwind_register(entry, 1, &first), 0);
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind), -EEXIST);
	assert_int_equal(codearena_unwind_register(entry + 1, 1, &unwind),
			 -EEXIST);
	assert_true(is_found(NOWHERE));
	codearena_unwind_unregister(first);
	assert_false(is_found(NOWHERE));
	entry[0].frame = CODEARENA_FRAME_CFI;
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind), -EINVAL);
	entry[0].frame = CODEARENA_FRAME_CFI + 1;
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind), -EINVAL);
	entry[0] = entry_at(NOWHERE, STEP, CODEARENA_FRAME_FIXED);
	entry[0].frame_size = 4;
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind), -EINVAL);
	entry[0] = entry_at(NOWHERE, STEP, CODEARENA_FRAME_FIXED);
	entry[0].sz = CA__SIZE_LOG_ENTRY;
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind), 0);
	codearena_unwind_unregister(unwind);
	entry[0].flags = 1;
	assert_int_equal(codearena_unwind_register(entry, 1, &unwind),
			 -EOPNOTSUPP);
	codearena_unwind_unregister(NULL);
}

/* A permutation of 0 to MANY - 1. */
static uint32_t shuffled(uint32_t i)
{
	return (uint64_t)i * 67891 % MANY;
}

static void register_one(uint32_t i)
{
	struct codearena_log_entry entry = entry_at(NOWHERE + i * STEP, STEP,
						    CODEARENA_FRAME_FIXED);

	assert_int_equal(ca__unwind_add(&entry, 1), 0);
}

/*
 * Instructions of one walk, stepped through in a child: those of this process alone,
 * whatever else the machine does. Both phases of a throw look every frame up; the
 * walk does the same.
 */
static uint64_t cost_of_walk(uint64_t address)
{
	uint64_t steps = 0;
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(2);
		raise(SIGSTOP);
		_exit(!walk_from(address));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status)) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		steps++;
	}
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	return steps;
}

/*
 * In any order; most of it removed again, and some of that registered again. The
 * unwinder knows no backend, and this takes minutes in an emulator.
 */
static void many_are_found(void **state)
{
	uint32_t i;

	(void)state;
	only_on(CODEARENA_BACKEND_MEMFD);
	for (i = 0; i < MANY; i++)
		register_one(shuffled(i));
	for (i = 0; i < MANY; i += 7)
		assert_true(is_found(NOWHERE + i * STEP + i % STEP));
	assert_false(is_found(NOWHERE - 1));
	assert_false(is_found(NOWHERE + MANY * STEP));
	for (i = 0; i < MANY; i++) {
		if (i % 10)
			assert_true(ca__unwind_remove(NOWHERE + i * STEP));
	}
	for (i = 0; i < MANY; i++)
		assert_int_equal(is_found(NOWHERE + i * STEP + 5), !(i % 10));
	for (i = 1; i < MANY; i += 30)
		register_one(i);
	for (i = 0; i < MANY; i++)
		assert_int_equal(is_found(NOWHERE + i * STEP + 63),
				 !(i % 10) || i % 30 == 1);
	for (i = 0; i < MANY; i++)
		assert_int_equal(ca__unwind_remove(NOWHERE + i * STEP),
				 !(i % 10) || i % 30 == 1);
	assert_false(is_found(NOWHERE));
}

static void throw_is_not_linear(void **state)
{
	struct codearena_arena *arena;
	struct codearena_object object = {
		.source = (uintptr_t)code_pointer,
		.length = sizeof(code_pointer),
	};
	struct codearena_log_entry entry;
	uint64_t base, few, many;
	uint32_t i;

	(void)state;
	skip_with_sanitizer();
	/* The unwinder knows no backend, and an emulator steps very slowly. */
	only_on(CODEARENA_BACKEND_MEMFD);
	assert_int_equal(codearena_arena_new(1 << 16, NULL, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0,
				codearena_arena_page_size(arena)), 0);
	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	base = (uintptr_t)codearena_arena_base(arena);
	entry = entry_at(base, object.length, CODEARENA_FRAME_POINTER);
	assert_int_equal(ca__unwind_add(&entry, 1), 0);
	for (i = 0; i < FEW; i++)
		register_one(i);
	assert_true(walk_from(base));
	few = cost_of_walk(base);
	for (i = FEW; i < MANY; i++)
		register_one(i);
	assert_true(walk_from(base));
	many = cost_of_walk(base);
	print_message("# %u functions: %llu instructions, %u: %llu\n", FEW,
		      (unsigned long long)few, MANY, (unsigned long long)many);
	assert_true(many <= 3 * few);
	for (i = 0; i < MANY; i++)
		assert_true(ca__unwind_remove(NOWHERE + i * STEP));
	assert_true(ca__unwind_remove(base));
	codearena_arena_free(arena);
}

static struct codearena_code *publish(struct codearena_module *module,
				      uint32_t unwind)
{
	CODEARENA_OPTS(codearena_code_desc, desc, .body = code_pointer,
		       .instructions_size = sizeof(code_pointer),
		       .function_index = CODEARENA_CODE_ANONYMOUS,
		       .unwind = unwind);
	struct codearena_code *code;

	if (unwind == CODEARENA_UNWIND_FIXED) {
		desc.body = code_fixed;
		desc.instructions_size = sizeof(code_fixed);
		desc.frame_size = FIXED_SIZE;
	} else if (unwind == CODEARENA_UNWIND_CFI) {
		desc.body = code_cfi;
		desc.instructions_size = sizeof(code_cfi);
		desc.cfi = cfi;
		desc.cfi_size = sizeof(cfi);
	}
	assert_int_equal(codearena_module_add_publish(module, &desc, 1, &code,
						      NULL), 0);
	return code;
}

static void logger_registers_modules(void **state)
{
	CODEARENA_OPTS(codearena_logger_opts, log,
		       .sinks = CODEARENA_LOG_UNWIND);
	struct codearena_module_opts opts = { .sz = sizeof(opts) };
	struct codearena_logger *logger;
	struct module_fixture fixture;
	struct codearena_code *code;
	uint64_t start;
	uint32_t rule;

	(void)state;
	module_begin(&fixture, 0, &opts);
	assert_int_equal(codearena_logger_new(&log, &logger), 0);
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	code = publish(fixture.module, CODEARENA_UNWIND_UNKNOWN);
	assert_false(is_found(codearena_code_start(code) + 1));
	assert_int_equal(codearena_code_put(code), 0);
	for (rule = CODEARENA_UNWIND_FRAME_POINTER;
	     rule <= CODEARENA_UNWIND_CFI; rule++) {
		code = publish(fixture.module, rule);
		start = codearena_code_start(code);
		assert_true(walk_from(start));
		assert_int_equal(codearena_module_drop(fixture.module, &code,
						       1), 0);
		assert_int_equal(codearena_code_put(code), 0);
		assert_int_equal(codearena_module_reap(fixture.module, NULL),
				 0);
		assert_false(is_found(start + 1));
	}
	code = publish(fixture.module, CODEARENA_UNWIND_FRAME_POINTER);
	start = codearena_code_start(code);
	assert_true(is_found(start + 1));
	codearena_code_put(code);
	module_end(&fixture);
	assert_false(is_found(start + 1));
	codearena_logger_free(logger);
}

#ifdef __x86_64__
/* Slots of the tables, and instructions of them from which a walk found the caller. */
static struct codearena_region slots[3];
static unsigned int stepped[3], walked[3];

static __attribute__((noinline)) void call_stepping(uint64_t address)
{
	/* Below the red zone, since the compiler does not know of the call. */
	asm volatile("sub $128, %%rsp\n"
		     "pushf\n"
		     "orq $0x100, (%%rsp)\n"
		     "popf\n"
		     "call *%0\n"
		     "pushf\n"
		     "andq $~0x100, (%%rsp)\n"
		     "popf\n"
		     "add $128, %%rsp\n"
		     : "+r" (address)
		     : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
			 "r11", "cc", "memory");
}

static void step(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	uint64_t pc = interrupted->uc_mcontext.gregs[REG_RIP];
	unsigned int i;

	(void)sig;
	(void)info;
	for (i = 0; i < 3; i++) {
		if (pc - slots[i].begin >= slots[i].size)
			continue;
		walk = (struct walk){
			.code = pc,
			.caller = (uintptr_t)call_stepping,
		};
		walk_stack();
		stepped[i]++;
		walked[i] += walk.caller_seen;
	}
}

/* Also after the push of a lazy slot. */
static void tables_unwind(void **state)
{
	const struct sigaction action = {
		.sa_sigaction = step, .sa_flags = SA_SIGINFO,
	};
	CODEARENA_OPTS(codearena_logger_opts, log,
		       .sinks = CODEARENA_LOG_UNWIND);
	struct codearena_logger *logger;
	struct module_fixture fixture;
	struct codearena_module_opts opts = module_opts(&fixture);
	struct sigaction before;
	uint64_t address;
	uint32_t i;

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip_because("the unwinder allocates memory in the handler");
#endif
	module_begin(&fixture, 0, &opts);
	assert_int_equal(codearena_logger_new(&log, &logger), 0);
	assert_int_equal(codearena_logger_attach(logger, fixture.module), 0);
	for (i = 0; i < 3; i++)
		slots[i] = fixture.module->tables[0]->parts[i];
	assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
	for (i = MODULE_IMPORTS; i < MODULE_IMPORTS + 3; i++) {
		assert_int_equal(codearena_module_call_target(fixture.module, i,
						slots[0].begin, &address), 0);
		call_stepping(address);
	}
	assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
	/* jmp to the lazy slot: push, jmp to the far slot: jmp to the builtin */
	assert_int_equal(stepped[0], 3);
	assert_int_equal(stepped[1], 3);
	assert_int_equal(stepped[2], 6);
	for (i = 0; i < 3; i++)
		assert_int_equal(walked[i], stepped[i]);
	module_end(&fixture);
	codearena_logger_free(logger);
}
#endif

static void bad_rules(void **state)
{
	CODEARENA_OPTS(codearena_code_desc, good, .body = code_pointer,
		       .instructions_size = sizeof(code_pointer),
		       .function_index = CODEARENA_CODE_ANONYMOUS);
	struct codearena_module_opts opts = { .sz = sizeof(opts) };
	struct module_fixture fixture;
	struct codearena_code_desc desc;
	struct codearena_code *code;

	(void)state;
	module_begin(&fixture, 0, &opts);
#define BAD_RULE(change)						\
	do {								\
		desc = good;						\
		change;							\
		assert_int_equal(codearena_module_add(fixture.module,	\
				 &desc, 1, &code, NULL), -EINVAL);	\
	} while (0)
	BAD_RULE(desc.unwind = CODEARENA_UNWIND_CFI + 1);
	BAD_RULE(desc.unwind = CODEARENA_UNWIND_CFI);
	BAD_RULE(desc.unwind = CODEARENA_UNWIND_CFI; desc.cfi_size = 1);
	BAD_RULE(desc.cfi = cfi; desc.cfi_size = 1);
	BAD_RULE(desc.frame_size = 8);
	BAD_RULE(desc.unwind = CODEARENA_UNWIND_FIXED; desc.frame_size = 4);
	module_end(&fixture);
}

/* Frames of codearena_trap_call() are passed, too. */
static void trap_calls_are_passed(void **state)
{
	CODEARENA_OPTS(codearena_log_entry, entry, .size = sizeof(code_pointer));
	const uint64_t argument = (uintptr_t)walk_stack;
	struct codearena_object object = {
		.source = (uintptr_t)code_pointer,
		.length = sizeof(code_pointer),
	};
	struct codearena_unwind *unwind;
	struct codearena_arena *arena;

	(void)state;
	assert_int_equal(codearena_arena_new(1 << 16, NULL, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0,
				codearena_arena_page_size(arena)), 0);
	assert_int_equal(codearena_arena_publish(arena, &object, 1, NULL, 0, 0,
						 NULL), 0);
	entry.address = (uintptr_t)codearena_arena_base(arena);
	assert_int_equal(codearena_unwind_register(&entry, 1, &unwind), 0);
	walk = (struct walk){
		.code = entry.address,
		.caller = (uintptr_t)trap_calls_are_passed,
	};
	assert_int_equal(codearena_trap_call(codearena_arena_base(arena),
					     &argument, 1, NULL, NULL), 0);
	assert_true(walk.caller_seen);
	codearena_unwind_unregister(unwind);
	codearena_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_pointer),
		cmocka_unit_test(fixed_frame),
		cmocka_unit_test(cfi_bytes),
		cmocka_unit_test(bad_input),
		cmocka_unit_test(many_are_found),
		cmocka_unit_test(throw_is_not_linear),
		cmocka_unit_test(logger_registers_modules),
#ifdef __x86_64__
		cmocka_unit_test(tables_unwind),
#endif
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(trap_calls_are_passed),
	};

	return cmocka_run_group_tests(tests, backend_setup, NULL);
}
