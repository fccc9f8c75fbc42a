// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Everything in use holds the module: a handle, a view, an ioctl that is
 * under way. When the last of it has gone, it can be unloaded at once.
 *
 * Needs the module as a file, to load it again.
 */
#include "lib/harness.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/fault.h"

#define MODULE		"/codearena.ko"
#define REFCNT		"/sys/module/codearena/refcnt"
#define UNLOADS		10	/* at most, while others come and go */
#define USERS		2

static int unload(void)
{
	return (int)syscall(SYS_delete_module, "codearena", O_NONBLOCK);
}

static int load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -1;
	ret = (int)syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static bool loaded(void)
{
	return !access(REFCNT, F_OK);
}

/* The last reference goes in a moment, or never. */
static int unload_soon(void)
{
	bool gone = false;

	WAIT_UNTIL((gone = !unload()) || errno != EWOULDBLOCK);
	return gone ? 0 : -1;
}

/**
 * struct use - what is kept of an arena
 * @a: the arena
 * @other: another handle, or -1
 * @guard: a guard view, or NULL
 * @sockets: between which a handle is on its way, or -1
 * @pid: a process that uses it, or 0
 * @lane: what that works on
 */
struct use {
	struct arena a;
	int other;
	void *guard;
	int sockets[2];
	pid_t pid;
	struct lane *lane;
};

static bool use_handle(struct use *u)
{
	u->other = device_open(O_RDONLY);
	return u->other >= 0;
}

static bool use_share(struct use *u)
{
	if (arena_new(&u->a, POPULATED_PAGES, 0, 0))
		return false;
	u->other = do_share(u->a.fd);
	arena_free(&u->a);
	return u->other >= 0;
}

static bool use_view(struct use *u)
{
	if (arena_new(&u->a, POPULATED_PAGES, 0, 0) || arena_populate(&u->a))
		return false;
	close(u->a.fd);
	u->a.fd = -1;
	return true;
}

static bool use_guard(struct use *u)
{
	if (arena_new(&u->a, POPULATED_PAGES, 0, 0))
		return false;
	u->guard = guard_map(u->a.fd, TRAP_GUARD_LENGTH);
	arena_free(&u->a);
	return u->guard != MAP_FAILED;
}

/* A handle in a message that nobody has received. */
static bool use_message(struct use *u)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec byte = { .iov_base = control, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	bool sent;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, u->sockets) ||
	    arena_new(&u->a, POPULATED_PAGES, 0, 0))
		return false;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &u->a.fd, sizeof(int));
	sent = sendmsg(u->sockets[0], &message, 0) == 1;
	arena_free(&u->a);
	return sent;
}

static void keep_working(struct lane *lane)
{
	struct arena a;

	if (arena_new(&a, LANE_PAGES, 0, 0) || do_commit(a.fd, 0, a.length))
		return;
	*lane = (struct lane) {
		.fd = a.fd,
		.page = a.page,
		.granule = a.granule,
	};
	if (lane_init(lane))
		while (lane_step(lane))
			;
}

/* Another process makes one call after the other. */
static bool use_process(struct use *u)
{
	u->lane = fault_shared(sizeof(*u->lane));
	if (!u->lane)
		return false;
	fflush(NULL);
	u->pid = fork();
	if (!u->pid) {
		keep_working(u->lane);
		_exit(1);
	}
	return u->pid > 0 &&
	       WAIT_UNTIL(__atomic_load_n(&u->lane->steps,
					  __ATOMIC_ACQUIRE) >= 2);
}

static bool use_end(struct use *u)
{
	bool fine = true;

	if (u->pid > 0) {
		kill(u->pid, SIGKILL);
		fine = fault_reap(u->pid) == 256 + SIGKILL;
	}
	u->pid = 0;
	if (u->other >= 0)
		close(u->other);
	if (u->guard)
		munmap(u->guard, TRAP_GUARD_LENGTH);
	for (unsigned int i = 0; i < 2; i++)
		if (u->sockets[i] >= 0)
			close(u->sockets[i]);
	arena_free(&u->a);
	return fine;
}

FIXTURE(unload) {
	struct use use;
	bool usable;
};

FIXTURE_VARIANT(unload) {
	bool (*use)(struct use *u);
};

FIXTURE_VARIANT_ADD(unload, handle) { .use = use_handle };
FIXTURE_VARIANT_ADD(unload, share) { .use = use_share };
FIXTURE_VARIANT_ADD(unload, view) { .use = use_view };
FIXTURE_VARIANT_ADD(unload, guard_view) { .use = use_guard };
FIXTURE_VARIANT_ADD(unload, message) { .use = use_message };
FIXTURE_VARIANT_ADD(unload, process) { .use = use_process };

static bool can_unload(void)
{
	char text[16] = "";

	return !access(MODULE, R_OK) &&
	       !read_file(REFCNT, text, sizeof(text)) && atoi(text) == 0;
}

FIXTURE_SETUP(unload)
{
	self->usable = can_unload();
	self->use = (struct use) {
		.a.fd = -1,
		.other = -1,
		.sockets = { -1, -1 },
	};
}

FIXTURE_TEARDOWN(unload)
{
	use_end(&self->use);
	if (self->usable && !loaded())
		EXPECT_ZERO(load());
}

#define NEED_MODULE(usable)						\
	do {								\
		if (!(usable))						\
			SKIP(return, "no unused module with " MODULE);	\
	} while (0)

TEST_F(unload, not_during_use)
{
	NEED_MODULE(self->usable);
	ASSERT_TRUE(variant->use(&self->use));
	for (unsigned int i = 0; i < 20; i++)
		EXPECT_ERRNO(EWOULDBLOCK, unload());
	/* The attempts have changed nothing. */
	if (self->use.pid)
		EXPECT_EQ(0, waitpid(self->use.pid, NULL, WNOHANG));
	if (self->use.a.view)
		EXPECT_RETURNS(CODE_VALUE, self->use.a.view);
	EXPECT_EQ(true, use_end(&self->use));
	self->use = (struct use) {
		.a.fd = -1,
		.other = -1,
		.sockets = { -1, -1 },
	};
	ASSERT_ZERO(unload_soon());
	EXPECT_ERRNO(ENOENT, device_open(O_RDWR));
	ASSERT_ZERO(load());
	EXPECT_EQ(0, crew_total());
}

/* Create, use and close arenas while the module is there. */
static int use_again_and_again(const bool *stop)
{
	uint8_t code[CODE_SIZE];
	unsigned int lives = 0;

	code_return(code, CODE_VALUE);
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		uint32_t value = CODE_VALUE;
		struct arena a;

		if (arena_new(&a, POPULATED_PAGES, 0, 0)) {
			CHECK(a.fd < 0);
			CHECK(errno == ENOENT || errno == ENODEV ||
			      errno == ENXIO);
			usleep(1000);
			continue;
		}
		CHECK(do_commit(a.fd, 0, a.length) == 0);
		CHECK(do_publish1(a.fd, 0, code, CODE_SIZE, 0) == 0);
		if (HAVE_CODE)
			CHECK(guarded_call(a.view, &value) == 0);
		CHECK(value == CODE_VALUE);
		arena_free(&a);
		lives++;
		/* A moment in which it can be unloaded. */
		usleep(lives % 8 * 200);
	}
	CHECK(lives);
	return 0;
}

FIXTURE(race) {
	bool usable;
	bool *stop;
};

FIXTURE_SETUP(race)
{
	self->usable = can_unload();
	self->stop = fault_shared(sizeof(*self->stop));
	ASSERT_NE(NULL, self->stop);
}

FIXTURE_TEARDOWN(race)
{
	if (self->usable && !loaded())
		EXPECT_ZERO(load());
}

TEST_F(race, with_opening_and_closing)
{
	double until = seconds_now() + crew_budget();
	unsigned int unloads = 0, attempts;
	pid_t users[USERS];

	NEED_MODULE(self->usable);
	fflush(NULL);
	for (unsigned int i = 0; i < USERS; i++) {
		users[i] = fork();
		ASSERT_LE(0, users[i]);
		if (!users[i])
			_exit(use_again_and_again(self->stop));
	}
	/* Once at least, however seldom nobody uses it. */
	for (attempts = 0; unloads < UNLOADS; attempts++) {
		if (seconds_now() > until + (unloads ? 0 : HANG_SECONDS))
			break;
		if (!unload()) {
			unloads++;
			ASSERT_ZERO(load());
			/* The users need time to open it again. */
			usleep(20000);
			continue;
		}
		ASSERT_EQ(EWOULDBLOCK, errno);
		usleep(500);
	}
	__atomic_store_n(self->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < USERS; i++)
		EXPECT_EQ(0, fault_reap(users[i]));
	TH_LOG("unloaded %u times in %u attempts", unloads, attempts);
	EXPECT_LT(0, unloads);
	EXPECT_EQ(0, crew_total());
}

TEST_HARNESS_MAIN
