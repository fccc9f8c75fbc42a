// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Running code that traps, see trap_code.h. Free of the harness. */
#include <sys/auxv.h>
#include <ucontext.h>

#include "trap_code.h"

#define ALTERNATE_STACK_SIZE	65536

unsigned int trap_signals;

static __thread struct trap_state *running;
static struct sigaction previous[_NSIG];

static uint64_t context_pc(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__riscv)
	return context->uc_mcontext.__gregs[0];
#else
	return context->uc_mcontext.pc;
#endif
}

/* The registers of the code go to the state, and the thread to the harness. */
static void end_run(struct trap_state *state, ucontext_t *context)
{
#if defined(__x86_64__)
	static const int order[TRAP_GPRS] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
		REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15,
	};
	greg_t *regs = context->uc_mcontext.gregs;

	for (unsigned int i = 0; i < TRAP_GPRS; i++)
		state->out.gpr[i] = (uint64_t)regs[order[i]];
	state->out.flags = (uint64_t)regs[REG_EFL];
	regs[REG_R15] = (greg_t)(uintptr_t)state;
	regs[REG_RIP] = (greg_t)(uintptr_t)trap_leave;
	/* C code needs the direction flag clear, and a stack of its own. */
	regs[REG_RSP] = (greg_t)state->host;
	regs[REG_EFL] &= ~0x400;
#elif defined(__riscv)
	unsigned long *regs = context->uc_mcontext.__gregs;

	/* The first one is the program counter. */
	memcpy(state->out.gpr, regs, sizeof(state->out.gpr));
	state->out.gpr[0] = 0;
	state->out.flags = 0;
	regs[REG_STATE] = (uintptr_t)state;
	regs[REG_SP] = state->host;
	regs[0] = (uintptr_t)trap_leave;
#else
	mcontext_t *regs = &context->uc_mcontext;

	memcpy(state->out.gpr, regs->regs, sizeof(regs->regs));
	state->out.gpr[REG_SP] = regs->sp;
	state->out.flags = regs->pstate & 0xf0000000;
	regs->regs[REG_STATE] = (uintptr_t)state;
	regs->sp = state->host;
	regs->pc = (uintptr_t)trap_leave;
#endif
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	struct trap_state *state = running;

	__atomic_add_fetch(&trap_signals, 1, __ATOMIC_RELAXED);
	if (!state) {
		if (previous[signo].sa_flags & SA_SIGINFO)
			previous[signo].sa_sigaction(signo, info, context);
		else
			signal(signo, SIG_DFL);
		return;
	}
	state->signals++;
	state->where = 0;
	state->signo = signo;
	state->code = info->si_code;
	state->address = (uintptr_t)info->si_addr;
	state->pc = context_pc(context);
	end_run(state, context);
}

void trap_handlers(void)
{
	static const int signals[] = {
		SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, 0,
	};
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	for (const int *signo = signals; *signo; signo++)
		sigaction(*signo, &action, &previous[*signo]);
}

/* The code's own stack may be unusable for a handler. */
static void need_alternate_stack(void)
{
	stack_t stack;

	if (!sigaltstack(NULL, &stack) && !(stack.ss_flags & SS_DISABLE))
		return;
	stack = (stack_t) {
		.ss_sp = malloc(ALTERNATE_STACK_SIZE),
		.ss_size = ALTERNATE_STACK_SIZE,
	};
	if (!stack.ss_sp || sigaltstack(&stack, NULL))
		abort();
}

struct trap_state *trap_state_new(void)
{
	struct trap_state *state =
		aligned_alloc(_Alignof(struct trap_state), sizeof(*state));

	if (!state)
		abort();
	need_alternate_stack();
	trap_prepare(state);
	return state;
}

void trap_state_free(struct trap_state *state)
{
	free(state);
}

static uint8_t stack_byte(size_t at)
{
	return (uint8_t)(at * 7 + (at >> 8) + 1);
}

void trap_prepare(struct trap_state *state)
{
	uint8_t *bytes;

	memset(state, 0, offsetof(struct trap_state, stack));
	for (size_t i = 0; i < TRAP_STACK_SIZE; i++)
		state->stack[i] = stack_byte(i);
	for (unsigned int i = 0; i < TRAP_GPRS; i++)
		state->in.gpr[i] = 0x0123456789abcd00ULL + i;
	for (unsigned int i = 0; i < TRAP_VECTORS; i++) {
		bytes = (uint8_t *)state->in.vector[i];
		for (unsigned int j = 0; j < 16; j++)
			bytes[j] = (uint8_t)(0x11 * i + j + 3);
	}
	state->in.gpr[REG_SP] =
		(uintptr_t)&state->stack[TRAP_STACK_SIZE / 2];
	state->in.gpr[REG_STATE] = (uintptr_t)state;
	state->finish = (uintptr_t)trap_finish;
#if defined(__x86_64__)
	/* All arithmetic flags, and the direction. */
	state->in.flags = 0xed7;
	/* Exceptions masked, three of them noted. */
	state->in.fp = 0x1fa5;
#elif defined(__riscv)
	state->in.fp = 0x15;
#else
	state->in.flags = 0xb0000000;
	state->in.fp = 0x15;
#endif
}

void trap_go(struct trap_state *state, const void *entry)
{
	struct trap_state *outer = running;

	state->entry = (uintptr_t)entry;
#if defined(__aarch64__)
	state->in.gpr[REG_LINK] = state->entry;
#elif defined(__riscv)
	state->in.gpr[REG_LINK] = state->entry;
	state->in.gpr[0] = 0;
	/* Handlers of signals need these. */
	__asm__("mv %0, gp" : "=r"(state->in.gpr[REG_GP]));
	__asm__("mv %0, tp" : "=r"(state->in.gpr[REG_TP]));
#endif
	memset(&state->out, 0x5a, sizeof(state->out));
	state->where = 1;
	state->signo = 0;
	state->signals = 0;
	running = state;
	trap_enter(state);
	running = outer;
}

void trap_access(struct trap_state *state, const void *entry,
		 const void *address)
{
	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)address;
	trap_go(state, entry);
}

bool trap_registers_same(const struct trap_state *state, uint64_t except)
{
	const struct trap_cpu *in = &state->in, *out = &state->out;
	bool same = true;

	for (unsigned int i = 0; i < TRAP_GPRS; i++) {
		if (in->gpr[i] == out->gpr[i] || (except >> i & 1))
			continue;
		fprintf(stderr, "# register %u was %#llx, is %#llx\n", i,
			(unsigned long long)in->gpr[i],
			(unsigned long long)out->gpr[i]);
		same = false;
	}
	for (unsigned int i = 0; i < TRAP_VECTORS; i++) {
		if (!memcmp(in->vector[i], out->vector[i],
			    TRAP_VECTOR_BYTES))
			continue;
		fprintf(stderr, "# vector register %u changed\n", i);
		same = false;
	}
	if (in->flags != out->flags) {
		fprintf(stderr, "# flags were %#llx, are %#llx\n",
			(unsigned long long)in->flags,
			(unsigned long long)out->flags);
		same = false;
	}
	if ((uint32_t)in->fp != (uint32_t)out->fp) {
		fprintf(stderr, "# fp status was %#x, is %#x\n",
			(uint32_t)in->fp, (uint32_t)out->fp);
		same = false;
	}
	return same;
}

bool trap_stack_same(const struct trap_state *state)
{
	for (size_t i = 0; i < TRAP_STACK_SIZE; i++)
		if (state->stack[i] != stack_byte(i)) {
			fprintf(stderr, "# the stack changed at %zd\n",
				(ssize_t)i - TRAP_STACK_SIZE / 2);
			return false;
		}
	return true;
}

int do_register(int fd, uint64_t offset, uint64_t length,
		const struct codearena_trap *traps, uint32_t count,
		uint32_t flags, uint64_t *id)
{
	struct codearena_trap_register command = {
		.size = sizeof(command),
		.flags = flags,
		.offset = offset,
		.length = length,
		.traps = (uintptr_t)traps,
		.count = count,
		.out_failed = POISON32,
		.out_id = 0,
	};
	int ret = ioctl(fd, CODEARENA_TRAP_REGISTER, &command);

	last_failed = command.out_failed;
	if (id)
		*id = command.out_id;
	return ret;
}

int do_release(int fd, uint64_t id)
{
	struct codearena_trap_release command = {
		.size = sizeof(command),
		.id = id,
	};

	return ioctl(fd, CODEARENA_TRAP_RELEASE, &command);
}

int do_landing(int fd, uint64_t address)
{
	struct codearena_trap_landing command = {
		.size = sizeof(command),
		.address = address,
	};

	return ioctl(fd, CODEARENA_TRAP_LANDING, &command);
}

void *guard_map(int fd, uint64_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd,
		    (off_t)CODEARENA_GUARD_OFFSET);
}

int trap_arena_new(struct trap_arena *t, uint64_t pages)
{
	return trap_arena_new_flags(t, pages, 0);
}

int trap_arena_new_flags(struct trap_arena *t, uint64_t pages,
			 uint32_t reserve_flags)
{
	void *guard;

	memset(t, 0, sizeof(*t));
	if (arena_new(&t->arena, pages, reserve_flags, 0))
		return -1;
	t->fd = t->arena.fd;
	if (do_commit(t->fd, 0, t->arena.length))
		return -1;
	guard = guard_map(t->fd, TRAP_GUARD_LENGTH);
	if (guard == MAP_FAILED)
		return -1;
	t->guard = guard;
	t->guard_length = TRAP_GUARD_LENGTH;
	if (site_new(t, &code_pad, &t->pad))
		return -1;
	if (pages == 1)
		return 0;
	/* The page that ends the arena. */
	return site_new_at(t, &code_pad, t->arena.length - t->arena.page,
			   &t->other_pad);
}

void trap_arena_free(struct trap_arena *t)
{
	if (t->guard)
		munmap(t->guard, t->guard_length);
	t->guard = NULL;
	arena_free(&t->arena);
}

int site_new_at(struct trap_arena *t, const struct trap_fragment *fragment,
		uint64_t offset, struct site *site)
{
	*site = (struct site) {
		.start = offset,
		.length = fragment_length(fragment),
		.trap = offset + (uint64_t)(fragment->trap - fragment->start),
		.next = offset + (uint64_t)(fragment->next - fragment->start),
	};
	return do_publish1(t->fd, offset, fragment->start, site->length, 0);
}

int site_new(struct trap_arena *t, const struct trap_fragment *fragment,
	     struct site *site)
{
	uint64_t granule = t->arena.granule;
	uint64_t granules = (fragment_length(fragment) + granule - 1) / granule;

	t->next += granules * granule;
	return site_new_at(t, fragment, t->next - granules * granule, site);
}

int site_protect(struct trap_arena *t, const struct site *site,
		 uint64_t landing, uint32_t flags, uint64_t *id)
{
	struct codearena_trap trap =
		trap_of((uint32_t)(site->trap - site->start), 1, landing);

	return do_register(t->fd, site->start, site->length, &trap, 1, flags,
			   id);
}

void trap_sled(void *to, const struct trap_fragment *fragment, uint64_t count)
{
	uint64_t stride = fragment_stride(fragment);

	for (uint64_t i = 0; i < count; i++)
		memcpy((uint8_t *)to + i * stride, fragment->trap, stride);
}

uint64_t traps_fixed(int fd)
{
	struct codearena_stat stat;

	if (do_stat(fd, &stat))
		abort();
	return stat.out_traps_memory + stat.out_traps_divide +
	       stat.out_traps_undefined;
}

bool trap_code_runs(const struct trap_fragment *fragment)
{
#if defined(__x86_64__)
	if (fragment == &code_avx_load || fragment == &code_avx_store)
		return __builtin_cpu_supports("avx");
#elif defined(__aarch64__)
	if (fragment == &code_atomic_add)
		return getauxval(AT_HWCAP) & HWCAP_ATOMICS;
#else
	(void)fragment;
#endif
	return true;
}
