// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Other processes: children of fork(), and receivers of a shared arena.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/helpers.h"

/* Every change answers with this error. */
static bool all_changes_fail(struct fixture *f, struct codearena_arena *a,
			     int error)
{
	uint8_t byte = 1;
	struct codearena_chunk chunk = {
		.offset = f->fresh,
		.source = (uintptr_t)&byte,
		.length = 1,
	};
	struct codearena_patch_entry patch = {
		.offset = f->word,
		.expected = WORD_VALUE,
		.value = 1,
		.width = 8,
	};
	struct codearena_range range = {
		.offset = f->fixed,
		.length = f->granule,
	};
	size_t failed = 0;

	return codearena_arena_commit(a, f->reserved, f->page) == -error &&
	       codearena_arena_decommit(a, 0, f->page) == -error &&
	       codearena_arena_seal(a, f->fresh, f->granule, 0) == -error &&
	       codearena_arena_write(a, &chunk, 1, &failed) == -error &&
	       failed == SIZE_MAX &&
	       publish_return(a, f->fresh, 1, 0) == -error &&
	       codearena_arena_patch(a, &patch, 1, 0, NULL) == -error &&
	       codearena_arena_discard(a, &range, 1, NULL) == -error;
}

static bool child_is_refused(void *context)
{
	struct fixture *f = context;
	struct codearena_stat stat = { .size = sizeof(stat) };

	return all_changes_fail(f, f->arena, EPERM) &&
	       execute(f->arena, f->fixed) == FIXED_VALUE &&
	       !codearena_arena_stat(f->arena, &stat) &&
	       stat.out_published == 2;
}

static void child_executes_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before = snapshot_take(f->arena);

	assert_int_equal(in_child(child_is_refused, f), 0);
	snapshot_check(f->arena, before);
	/* The parent still may. */
	assert_int_equal(publish_return(f->arena, f->fresh, 1, 0), 0);
}

#define FILLERS	64

/* Everything that has to do with an arena, and can be written to. */
static unsigned int writable_aliases(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned int count = 0;
	char line[512];

	if (!maps)
		return 1000;
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:") && strstr(line, " rw");
	fclose(maps);
	return count;
}

static bool child_frees(void *context)
{
	struct fixture *f = context;
	uint8_t *places[FILLERS];
	struct codearena_arena *own;
	uint64_t i, j;
	bool ok;

	if (writable_aliases())
		return false;
	/* Fill the holes: freeing must not unmap what is there now. */
	for (i = 0; i < FILLERS; i++) {
		places[i] = mmap(NULL, f->page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (places[i] == MAP_FAILED)
			return false;
		memset(places[i], i, f->page);
	}
	codearena_arena_free(f->arena);
	for (i = 0; i < FILLERS; i++) {
		for (j = 0; j < f->page; j++) {
			if (places[i][j] != i)
				return false;
		}
	}
	/* It can have arenas of its own. */
	if (codearena_arena_new(f->page, NULL, &own))
		return false;
	ok = !codearena_arena_commit(own, 0, f->page) &&
	     !publish_return(own, 0, 4, 0) && execute(own, 0) == 4;
	codearena_arena_free(own);
	return ok;
}

static void child_frees_its_copy(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before = snapshot_take(f->arena);

	assert_int_equal(in_child(child_frees, f), 0);
	snapshot_check(f->arena, before);
	assert_int_equal(execute(f->arena, f->fixed), FIXED_VALUE);
	assert_int_equal(publish_return(f->arena, f->fresh, 1, 0), 0);
}

static bool grandchild_is_refused(void *context)
{
	struct codearena_arena *own = context;

	return codearena_arena_commit(own, 0, sysconf(_SC_PAGESIZE)) == -EPERM;
}

static bool child_forks(void *context)
{
	struct fixture *f = context;
	struct codearena_arena *own;

	if (codearena_arena_commit(f->arena, f->reserved, f->page) != -EPERM)
		return false;
	if (codearena_arena_new(f->page, NULL, &own))
		return false;
	if (in_child(grandchild_is_refused, own))
		return false;
	return !codearena_arena_commit(own, 0, f->page);
}

static void grandchild_is_not_its_parent(void **state)
{
	assert_int_equal(in_child(child_forks, *state), 0);
}

static bool child_publishes(void *context)
{
	struct codearena_arena *arena = context;
	uint64_t page = codearena_arena_page_size(arena);
	struct codearena_range range = { 0, codearena_arena_granule(arena) };

	return !codearena_arena_commit(arena, page, page) &&
	       !publish_return(arena, page, 66, 0) &&
	       execute(arena, page) == 66 &&
	       !codearena_arena_discard(arena, &range, 1, NULL) &&
	       !publish_return(arena, 0, 67, 0) && execute(arena, 0) == 67;
}

static void shared_writer_lets_children_change(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .flags = CODEARENA_RESERVE_F_SHARED_WRITER);
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct codearena_arena *arena;
	struct codearena_stat stat;

	only_on(CODEARENA_BACKEND_DEVICE);
	(void)state;
	assert_int_equal(codearena_arena_new(4 * page, &opts, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0, page), 0);
	assert_int_equal(publish_return(arena, 0, 65, 0), 0);
	assert_int_equal(in_child(child_publishes, arena), 0);
	/* What the child did is the parent's too. */
	assert_int_equal(execute(arena, 0), 67);
	assert_int_equal(execute(arena, page), 66);
	stat = stat_of(arena);
	assert_int_equal(stat.out_committed, 2 * page);
	assert_int_equal(stat.out_published, 3);
	assert_int_equal(codearena_arena_commit(arena, page, page), -EEXIST);
	codearena_arena_free(arena);
}

static void publish_until_killed(struct codearena_arena *arena, int ready)
{
	uint64_t granule = codearena_arena_granule(arena);
	uint64_t page = codearena_arena_page_size(arena), i;
	struct codearena_range range;
	char byte = 0;

	if (write(ready, &byte, 1) != 1)
		_exit(1);
	for (i = 0;; i = (i + granule) % page) {
		range = (struct codearena_range){ i, granule };
		publish_return(arena, i, 1, 0);
		codearena_arena_discard(arena, &range, 1, NULL);
	}
}

static void writers_may_die(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .flags = CODEARENA_RESERVE_F_SHARED_WRITER);
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct codearena_arena *arena;
	struct codearena_range range = { 0, page };
	struct codearena_stat stat;
	unsigned int i;
	int ready[2], status;
	char byte;
	pid_t pid;

	only_on(CODEARENA_BACKEND_DEVICE);
	(void)state;
	assert_int_equal(codearena_arena_new(page, &opts, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, 0, page), 0);
	assert_int_equal(pipe(ready), 0);
	/* Whoever waits for a dead process shall not wait for ever. */
	alarm(120);
	for (i = 0; i < 100; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			publish_until_killed(arena, ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		usleep(200 + i * 13);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(codearena_arena_discard(arena, &range, 1,
							 NULL), 0);
		stat = stat_of(arena);
		assert_int_equal(stat.out_committed, page);
		assert_int_equal(stat.out_sealed, 0);
		assert_int_equal(stat.out_patchable, 0);
		assert_int_equal(publish_return(arena, 0, i, 0), 0);
		assert_int_equal(execute(arena, 0), i);
	}
	alarm(0);
	close(ready[0]);
	close(ready[1]);
	codearena_arena_free(arena);
}

/* Another process, which has nothing of ours but what the socket brings. */
struct receiver {
	struct fixture *f;
	int socket;
};

/*
 * Whoever has a descriptor can open its file anew, with other rights. Of the
 * device that gives an empty handle, of a memfd the same memory.
 */
static bool reopened_for_writing(int fd, uint64_t page)
{
	char path[32], byte = 0;
	bool writable;
	void *view;
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	if (again < 0)
		return false;
	view = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
	writable = view != MAP_FAILED || pwrite(again, &byte, 1, 0) >= 0 ||
		   !ftruncate(again, 0);
	close(again);
	return writable;
}

static bool receive_and_use(void *context)
{
	struct receiver *receiver = context;
	struct fixture *f = receiver->f;
	struct codearena_arena *arena;
	struct codearena_stat stat = { .size = sizeof(stat) };
	int fd = receive_fd(receiver->socket), again;
	char byte = 0;
	void *view;
	bool ok;

	if (fd < 0 || codearena_arena_attach(fd, NULL, &arena))
		return false;
	close(fd);
	ok = execute(arena, f->fixed) == FIXED_VALUE &&
	     codearena_arena_length(arena) == f->length &&
	     codearena_arena_granule(arena) == f->granule &&
	     backend_is(codearena_arena_backend(arena)) &&
	     all_changes_fail(f, arena, EBADF) &&
	     !codearena_arena_stat(arena, &stat) && stat.out_published == 2 &&
	     stat.out_commit_limit == LIMIT_PAGES * f->page;
	/* Tell the owner, who publishes more, and wait for that. */
	ok = ok && write(receiver->socket, &byte, 1) == 1 &&
	     read(receiver->socket, &byte, 1) == 1 &&
	     execute(arena, f->fresh) == 88 &&
	     !codearena_arena_stat(arena, &stat) && stat.out_published == 3;
	/* A writable view is impossible. */
	view = (void *)codearena_arena_base(arena);
	ok = ok && mprotect(view, f->page, PROT_READ | PROT_WRITE) < 0;
	fd = codearena_arena_fd(arena);
	ok = ok && mmap(NULL, f->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			0) == MAP_FAILED &&
	     write(fd, &byte, 1) < 0 && ftruncate(fd, 0) < 0;
	ok = ok && !reopened_for_writing(fd, f->page);
	/* It can be passed on. */
	ok = ok && !codearena_arena_share(arena, &again);
	codearena_arena_free(arena);
	if (!ok || codearena_arena_attach(again, NULL, &arena))
		return false;
	close(again);
	ok = execute(arena, f->fresh) == 88;
	codearena_arena_free(arena);
	return ok;
}

static void share_over_a_socket(void **state)
{
	struct fixture *f = *state;
	struct receiver receiver = { .f = f };
	int sockets[2], fd, status;
	char byte;
	pid_t pid;

	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	receiver.socket = sockets[1];
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(receive_and_use(&receiver) ? 0 : 1);
	close(sockets[1]);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(send_fd(sockets[0], fd));
	close(fd);
	assert_int_equal(read(sockets[0], &byte, 1), 1);
	assert_int_equal(publish_return(f->arena, f->fresh, 88, 0), 0);
	assert_int_equal(write(sockets[0], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(sockets[0]);
}

static void attached_view_outlives_the_owner(void **state)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct codearena_arena *arena, *view;
	int fd;

	only_on(CODEARENA_BACKEND_DEVICE);
	(void)state;
	assert_int_equal(codearena_arena_new(4 * page, NULL, &arena), 0);
	assert_int_equal(codearena_arena_commit(arena, page, page), 0);
	assert_int_equal(publish_return(arena, page, 31, 0), 0);
	assert_int_equal(codearena_arena_share(arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, NULL, &view), 0);
	close(fd);
	codearena_arena_free(arena);
	assert_int_equal(execute(view, page), 31);
	codearena_arena_free(view);
}

static void shared_arena_still_changes(void **state)
{
	struct fixture *f = *state;
	struct codearena_arena *view;
	struct codearena_range range = { f->fixed, f->granule };
	uint8_t byte, trap;
	int fd;

	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	assert_int_equal(codearena_arena_attach(fd, NULL, &view), 0);
	close(fd);
	/* Sharing once more makes no difference. */
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	close(fd);
	assert_int_equal(codearena_arena_discard(f->arena, &range, 1, NULL), 0);
	assert_int_equal(publish_return(f->arena, f->fixed, 44, 0), 0);
	assert_int_equal(execute(view, f->fixed), 44);
	assert_int_equal(codearena_arena_commit(f->arena, f->reserved, f->page),
			 0);
	assert_int_equal(publish_return(f->arena, f->reserved, 45, 0), 0);
	assert_int_equal(execute(view, f->reserved), 45);
	/* No old code remains where memory was given back. */
	assert_int_equal(codearena_arena_decommit(f->arena, f->reserved,
						  f->page), 0);
	trap_bytes(f->reserved, &trap, 1);
	if (peek(view, f->reserved, &byte, 1))
		assert_true(byte == trap || byte == 0);
	assert_int_equal(codearena_arena_commit(f->arena, f->reserved, f->page),
			 0);
	assert_int_equal(publish_return(f->arena, f->reserved, 46, 0), 0);
	assert_int_equal(execute(view, f->reserved), 46);
	codearena_arena_free(view);
}

static void expect_no_attach(int error, int fd,
			     const struct codearena_arena_opts *opts)
{
	struct codearena_arena *arena = (void *)1;

	assert_int_equal(codearena_arena_attach(fd, opts, &arena), -error);
	assert_null(arena);
}

static void attach_refuses_other_files(void **state)
{
	int fds[2], fd;

	(void)state;
	expect_no_attach(EBADF, -1, NULL);
	expect_no_attach(EBADF, 1000, NULL);
	assert_int_equal(pipe(fds), 0);
	expect_no_attach(EBADFD, fds[0], NULL);
	close(fds[0]);
	close(fds[1]);
	fd = open("/dev/null", O_RDWR);
	expect_no_attach(EBADFD, fd, NULL);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY);
	expect_no_attach(EBADFD, fd, NULL);
	close(fd);
	fd = memfd_create("plain", MFD_ALLOW_SEALING);
	expect_no_attach(EOPNOTSUPP, fd, NULL);
	close(fd);
}

/* The fallback has no arenas of other processes, and no other writers. */
static void fallback_is_not_shared(void **state)
{
	CODEARENA_OPTS(codearena_arena_opts, opts,
		       .flags = CODEARENA_RESERVE_F_SHARED_WRITER);
	struct fixture *f = *state;
	struct codearena_arena *arena = (void *)1;
	int fd = 5;

	only_on(CODEARENA_BACKEND_MEMFD);
	expect_refused(f->arena, EOPNOTSUPP,
		       codearena_arena_share(f->arena, &fd));
	assert_int_equal(fd, -1);
	fd = codearena_arena_fd(f->arena);
	expect_no_attach(EOPNOTSUPP, fd, NULL);
	opts.backend = CODEARENA_BACKEND_MEMFD;
	assert_int_equal(codearena_arena_new(f->page, &opts, &arena),
			 -EOPNOTSUPP);
	assert_null(arena);
	opts.flags = 0;
	expect_no_attach(EOPNOTSUPP, fd, &opts);
	opts.backend = CODEARENA_BACKEND_DEVICE;
	expect_no_attach(EBADFD, fd, &opts);
}

static void attach_refuses_options(void **state)
{
	struct fixture *f = *state;
	CODEARENA_OPTS(codearena_arena_opts, opts);
	enum codearena_backend other;
	struct codearena_arena *arena;
	int fd;

	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	opts.name = "";
	expect_no_attach(EINVAL, fd, &opts);
	opts.name = NULL;
	opts.device = "/dev/codearena";
	expect_no_attach(EINVAL, fd, &opts);
	opts.device = NULL;
	opts.flags = 1;
	expect_no_attach(EINVAL, fd, &opts);
	opts.flags = 0;
	opts.commit_limit = f->page;
	expect_no_attach(EINVAL, fd, &opts);
	opts.commit_limit = 0;
	opts.sz = 1;
	expect_no_attach(EINVAL, fd, &opts);
	opts.sz = sizeof(opts);
	opts.backend = 17;
	expect_no_attach(EINVAL, fd, &opts);
	other = CODEARENA_BACKEND_MEMFD;
	opts.backend = other;
	expect_no_attach(EBADFD, fd, &opts);
	opts.backend = codearena_arena_backend(f->arena);
	opts.near = &other;
	opts.reach = 1;
	expect_no_attach(ENOSPC, fd, &opts);
	opts.near = NULL;
	assert_int_equal(codearena_arena_attach(fd, &opts, &arena), 0);
	codearena_arena_free(arena);
	close(fd);
}

static void share_without_descriptors(void **state)
{
	struct fixture *f = *state;
	struct snapshot *before;
	struct rlimit old, now;
	int free_fd, fd = 5, ret;

	only_on(CODEARENA_BACKEND_DEVICE);
	before = snapshot_take(f->arena);
	free_fd = dup(0);
	/* The lowest free descriptor is the limit: none is left. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	now = old;
	now.rlim_cur = free_fd;
	close(free_fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	ret = codearena_arena_share(f->arena, &fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(fd, -1);
	snapshot_check(f->arena, before);
	assert_int_equal(codearena_arena_share(f->arena, &fd), 0);
	close(fd);
}

static bool child_shares(void *context)
{
	struct fixture *f = context;
	struct codearena_arena *view;
	bool ok;
	int fd;

	if (codearena_arena_share(f->arena, &fd) ||
	    codearena_arena_attach(fd, NULL, &view))
		return false;
	ok = execute(view, f->fixed) == FIXED_VALUE;
	codearena_arena_free(view);
	return ok;
}

static void child_may_share(void **state)
{
	only_on(CODEARENA_BACKEND_DEVICE);
	assert_int_equal(in_child(child_shares, *state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(child_executes_and_changes_nothing),
		FIXTURE_TEST(child_frees_its_copy),
		FIXTURE_TEST(grandchild_is_not_its_parent),
		FIXTURE_TEST(child_may_share),
		cmocka_unit_test_setup(shared_writer_lets_children_change,
				       backend_setup),
		cmocka_unit_test_setup(writers_may_die, backend_setup),
		FIXTURE_TEST(share_over_a_socket),
		cmocka_unit_test_setup(attached_view_outlives_the_owner,
				       backend_setup),
		FIXTURE_TEST(shared_arena_still_changes),
		FIXTURE_TEST(attach_refuses_other_files),
		FIXTURE_TEST(fallback_is_not_shared),
		FIXTURE_TEST(attach_refuses_options),
		FIXTURE_TEST(share_without_descriptors),
	};

	return cmocka_run_group_tests_name("arena_share", tests, NULL, NULL);
}
