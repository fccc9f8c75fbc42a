// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Traps in other processes: children, other programs, and those that were handed
 * an arena.
 */
#include "lib/harness.h"

#include <sys/wait.h>

#include "lib/trap_code.h"

#define EXTERNAL CODEARENA_LANDING_EXTERNAL

/* "KIND,descriptor,address of the view,offset of the site,offset of the pad" */
#define HELPER_VARIABLE "CODEARENA_SELFTEST_TRAPS"
enum { HELPER_STRANGER, HELPER_SHARER };

FIXTURE(process)
{
	struct trap_arena t;
	struct trap_state *state;
	struct site site;	/* a load that lands on the pad */
	struct site external;	/* a store that lands on the process's pad */
	uint64_t landed;
};

FIXTURE_SETUP(process)
{
	struct trap_arena *t = &self->t;

	trap_handlers();
	ASSERT_ZERO(trap_arena_new(t, TRAP_ARENA_PAGES));
	self->state = trap_state_new();
	ASSERT_ZERO(site_new(t, &code_load, &self->site));
	ASSERT_ZERO(site_protect(t, &self->site, t->pad.start,
				 CODEARENA_TRAP_F_REPORT, NULL));
	ASSERT_ZERO(site_new(t, &code_store, &self->external));
	ASSERT_ZERO(site_protect(t, &self->external, EXTERNAL,
				 CODEARENA_TRAP_F_REPORT, NULL));
}

FIXTURE_TEARDOWN(process)
{
	EXPECT_FIXED(self->t.fd, self->landed, 0, 0);
	trap_arena_free(&self->t);
	trap_state_free(self->state);
}

/* The parts of the fixture that a child gets. */
struct visitor {
	struct trap_arena *t;
	const struct site *site;
	const struct site *external;
	uint64_t external_pad;	/* where that one is to land; 0: a signal */
};

#define VISITOR(pad) {							\
		.t = &self->t,						\
		.site = &self->site,					\
		.external = &self->external,				\
		.external_pad = (uintptr_t)(pad),			\
	}

static int check_landed(const struct trap_state *state, uint64_t pad,
			uint64_t pc, const void *address)
{
	CHECK(state->where == pad);
	CHECK(state->signals == 0);
	CHECK(state->out.gpr[REG_REPORT_PC] == pc);
	CHECK(state->out.gpr[REG_REPORT_ADDRESS] == (uintptr_t)address);
	CHECK(trap_registers_same(state, TRAP_REPORTED));
	return 0;
}

static int check_traps(const struct visitor *v)
{
	struct trap_state *state = trap_state_new();
	const struct trap_arena *t = v->t;

	trap_access(state, site_entry(t, v->site), t->guard + 24);
	if (check_landed(state, pad_address(t), site_pc(t, v->site),
			 t->guard + 24))
		return 1;
	trap_access(state, site_entry(t, v->external), t->guard + 32);
	if (v->external_pad)
		return check_landed(state, v->external_pad,
				    site_pc(t, v->external), t->guard + 32);
	CHECK(state->signo == SIGSEGV);
	CHECK(state->signals == 1);
	return 0;
}

static int in_child(void *arg)
{
	return check_traps(arg);
}

TEST_F(process, after_fork)
{
	struct visitor visitor = VISITOR(NULL);

	EXPECT_EQ(0, run_child(in_child, &visitor));
	EXPECT_EQ(0, check_traps(&visitor));
	self->landed = 2;
}

static int in_grandchild(void *arg)
{
	return run_child(in_child, arg);
}

TEST_F(process, external_pad_is_inherited)
{
	struct visitor visitor = VISITOR(trap_external_pad);

	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	EXPECT_EQ(0, run_child(in_child, &visitor));
	EXPECT_EQ(0, run_child(in_grandchild, &visitor));
	self->landed = 4;
}

static int busy_in_child(void *arg)
{
	const struct visitor *v = arg;

	CHECK_ERRNO(EBUSY, do_landing(v->t->fd, v->external_pad));
	return check_traps(v);
}

TEST_F(process, inherited_pad_is_set)
{
	struct visitor visitor = VISITOR(trap_external_pad);

	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	EXPECT_EQ(0, run_child(busy_in_child, &visitor));
	self->landed = 2;
}

static int set_in_child(void *arg)
{
	struct visitor *v = arg;

	CHECK(do_landing(v->t->fd, (uintptr_t)trap_external_pad) == 0);
	v->external_pad = (uintptr_t)trap_external_pad;
	return check_traps(v);
}

/* Each process has its own; a child's does not change its parent's. */
TEST_F(process, pad_of_the_child_alone)
{
	struct visitor visitor = VISITOR(NULL);

	EXPECT_EQ(0, run_child(set_in_child, &visitor));
	EXPECT_EQ(0, check_traps(&visitor));
	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)code_pad.start));
	visitor.external_pad = (uintptr_t)code_pad.start;
	EXPECT_EQ(0, check_traps(&visitor));
	self->landed = 2 + 1 + 2;
}

TEST_F(process, pad_is_forgotten_with_the_last_view)
{
	struct arena *a = &self->t.arena;
	struct visitor visitor = VISITOR(trap_external_pad);
	void *second, *address = a->view;

	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	EXPECT_EQ(0, check_traps(&visitor));
	/* As long as there is another view it stays, also for new ones. */
	second = arena_map(a, a->fd);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_ZERO(munmap(a->view, a->length));
	EXPECT_ERRNO(EBUSY, do_landing(self->t.fd, 4096));
	ASSERT_EQ(address, mmap(address, a->length, PROT_READ | PROT_EXEC,
				MAP_SHARED | MAP_FIXED_NOREPLACE, a->fd, 0));
	EXPECT_EQ(0, check_traps(&visitor));
	ASSERT_ZERO(munmap(second, a->length));
	EXPECT_EQ(0, check_traps(&visitor));
	ASSERT_ZERO(munmap(a->view, a->length));
	EXPECT_ERRNO(ENOENT, do_landing(self->t.fd, 4096));
	ASSERT_EQ(address, mmap(address, a->length, PROT_READ | PROT_EXEC,
				MAP_SHARED | MAP_FIXED_NOREPLACE, a->fd, 0));
	visitor.external_pad = 0;
	EXPECT_EQ(0, check_traps(&visitor));
	visitor.external_pad = (uintptr_t)trap_external_pad;
	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	EXPECT_EQ(0, check_traps(&visitor));
	self->landed = 2 + 2 + 2 + 1 + 2;
}

/* vfork() shares the parent's memory: the same views, the same tables. */
TEST_F(process, in_a_vfork_child)
{
	struct trap_state *state = self->state;
	int status;
	pid_t child;

	trap_prepare(state);
	state->in.gpr[REG_ADDRESS] = (uintptr_t)self->t.guard;
	child = vfork();
	if (!child) {
		trap_go(state, site_entry(&self->t, &self->site));
		_exit(state->where == pad_address(&self->t) &&
		      !state->signals ? 0 : 1);
	}
	ASSERT_LT(0, child);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_REPORTED(state, site_pc(&self->t, &self->site),
			(uintptr_t)self->t.guard);
	self->landed = 1;
}

static bool maps_codearena(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	bool found = false;
	char line[512];

	if (!maps)
		abort();
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "codearena") && strstr(line, "/dev/");
	fclose(maps);
	return found;
}

/* Another program, with the same code where the arena was. */
static int stranger(uint64_t view, uint64_t site)
{
	const size_t length = 65536;
	struct trap_state *state = trap_state_new();
	uint8_t *memory, *hole;

	CHECK(!maps_codearena());
	memory = mmap((void *)view, length, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(memory == (void *)view);
	memcpy(memory + site, code_load.start, fragment_length(&code_load));
	__builtin___clear_cache((char *)memory, (char *)memory + length);
	CHECK(mprotect(memory, length, PROT_READ | PROT_EXEC) == 0);
	hole = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	CHECK(hole != MAP_FAILED);
	trap_handlers();
	trap_access(state, memory + site, hole);
	CHECK(state->signo == SIGSEGV);
	CHECK(state->code == SEGV_ACCERR);
	CHECK(state->address == (uintptr_t)hole);
	CHECK(state->pc == view + site);
	return 0;
}

/* Another program, with a SHARE handle. */
static int sharer(int fd, uint64_t site, uint64_t pad)
{
	struct trap_arena t = { .fd = fd }, own;
	struct trap_state *state = trap_state_new();
	struct codearena_stat stat;
	uint8_t *guard;

	CHECK(!maps_codearena());
	CHECK(do_stat(fd, &stat) == 0);
	t.arena.length = stat.out_length;
	t.arena.view = arena_map(&t.arena, fd);
	CHECK(t.arena.view != MAP_FAILED);
	trap_handlers();
	/* A guard view of its own, through an arena of its own. */
	CHECK(trap_arena_new(&own, 1) == 0);
	trap_access(state, t.arena.view + site, own.guard + 400);
	if (check_landed(state, (uintptr_t)t.arena.view + pad,
			 (uintptr_t)t.arena.view + site, own.guard + 400))
		return 1;
	/* The handle has a guard view of its own, without rights to write. */
	CHECK_ERRNO(EACCES, guard_map(fd, 65536) == MAP_FAILED ? -1 : 0);
	guard = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd,
		     (off_t)CODEARENA_GUARD_OFFSET);
	CHECK(guard != MAP_FAILED);
	trap_access(state, t.arena.view + site, guard + 8);
	if (check_landed(state, (uintptr_t)t.arena.view + pad,
			 (uintptr_t)t.arena.view + site, guard + 8))
		return 1;
	CHECK_ERRNO(EACCES, mprotect(guard, 65536, PROT_READ | PROT_WRITE));
	/* It may not change tables; it may set its own pad. */
	CHECK_ERRNO(EBADF, do_release(fd, 1));
	CHECK(do_landing(fd, (uintptr_t)trap_external_pad) == 0);
	CHECK_ERRNO(EBUSY, do_landing(fd, (uintptr_t)trap_external_pad));
	CHECK(traps_fixed(own.fd) == 0);
	return 0;
}

static void __attribute__((constructor)) be_helper(void)
{
	const char *value = getenv(HELPER_VARIABLE);
	unsigned long long view, site, pad;
	int kind, fd;

	if (!value)
		return;
	if (sscanf(value, "%d,%d,%llx,%llx,%llx", &kind, &fd, &view, &site,
		   &pad) != 5)
		_exit(2);
	_exit(kind == HELPER_STRANGER ? stranger(view, site) :
					sharer(fd, site, pad));
}

/* Become the helper; @share: keep that descriptor. */
static int run_helper(const struct visitor *v, int kind, int share)
{
	char value[200];
	char *const arguments[] = { "helper", NULL };
	char *const environment[] = { value, NULL };
	int status;
	pid_t child;

	snprintf(value, sizeof(value), HELPER_VARIABLE "=%d,%d,%llx,%llx,%llx",
		 kind, share, (unsigned long long)(uintptr_t)v->t->arena.view,
		 (unsigned long long)v->site->trap,
		 (unsigned long long)v->t->pad.start);
	if (share >= 0 && fcntl(share, F_SETFD, 0))
		return -1;
	child = vfork();
	if (!child) {
		execve("/proc/self/exe", arguments, environment);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

TEST_F(process, after_exec_nothing_remains)
{
	struct visitor visitor = VISITOR(trap_external_pad);

	ASSERT_ZERO(do_landing(self->t.fd, (uintptr_t)trap_external_pad));
	EXPECT_EQ(0, run_helper(&visitor, HELPER_STRANGER, -1));
	/* The program that ran it has lost nothing. */
	EXPECT_EQ(0, check_traps(&visitor));
	self->landed = 2;
}

TEST_F(process, in_a_program_that_was_handed_the_arena)
{
	struct visitor visitor = VISITOR(NULL);
	int fd = do_share(self->t.fd);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, run_helper(&visitor, HELPER_SHARER, fd));
	close(fd);
	self->landed = 2;
}

/* Tables belong to the arena: children see what the owner changes. */
struct pipes {
	int to_child[2];
	int to_parent[2];
	const struct trap_arena *t;
	const struct site *site;
};

static int follow_the_owner(void *arg)
{
	const struct pipes *p = arg;
	struct trap_state *state = trap_state_new();
	char c;

	close(p->to_child[1]);
	while (read(p->to_child[0], &c, 1) == 1) {
		trap_access(state, site_entry(p->t, p->site), p->t->guard);
		c = state->signals ? 's' : 'l';
		CHECK(write(p->to_parent[1], &c, 1) == 1);
	}
	return 0;
}

#define EXPECT_CHILD_SEES(what)						\
	do {								\
		char c_ = 0;						\
									\
		ASSERT_EQ(1, write(p.to_child[1], "?", 1));		\
		ASSERT_EQ(1, read(p.to_parent[0], &c_, 1));		\
		EXPECT_EQ(what, c_);					\
	} while (0)

TEST_F(process, child_sees_tables_come_and_go)
{
	struct pipes p = { .t = &self->t };
	struct site site;
	uint64_t id;
	pid_t child;
	int status;

	ASSERT_ZERO(site_new(&self->t, &code_load, &site));
	p.site = &site;
	ASSERT_ZERO(pipe(p.to_child));
	ASSERT_ZERO(pipe(p.to_parent));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(follow_the_owner(&p));
	for (unsigned int i = 0; i < 5; i++) {
		EXPECT_CHILD_SEES('s');
		ASSERT_ZERO(site_protect(&self->t, &site, self->t.pad.start, 0,
					 &id));
		EXPECT_CHILD_SEES('l');
		ASSERT_ZERO(do_release(self->t.fd, id));
	}
	close(p.to_child[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	self->landed = 5;
}

/* The owner ends; traps of the other holders still land. */
static int orphan(int fd)
{
	struct trap_arena own;
	struct site site;
	struct trap_state *state;
	char c = 'f';

	if (trap_arena_new(&own, TRAP_ARENA_PAGES) ||
	    site_new(&own, &code_load, &site) ||
	    site_protect(&own, &site, own.pad.start, CODEARENA_TRAP_F_REPORT,
			 NULL))
		return 1;
	if (fork())
		return 0;
	while (getppid() != 1)
		usleep(1000);
	state = trap_state_new();
	trap_access(state, site_entry(&own, &site), own.guard);
	if (!check_landed(state, pad_address(&own), site_pc(&own, &site),
			  own.guard) && traps_fixed(own.fd) == 1)
		c = 'l';
	return write(fd, &c, 1) != 1;
}

TEST_F(process, after_the_owner_has_ended)
{
	int fds[2], status;
	pid_t child;
	char c = 0;

	ASSERT_ZERO(pipe(fds));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(orphan(fds[1]));
	close(fds[1]);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(1, read(fds[0], &c, 1));
	EXPECT_EQ('l', c);
}

TEST_HARNESS_MAIN
