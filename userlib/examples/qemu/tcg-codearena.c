// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * TCG's generated code in an arena, in user mode. Code is written to ordinary memory,
 * tcg_splitwx_diff below the place in the arena where it runs, and published when a
 * translation is finished. That memory stays: translation blocks and the data to
 * restore the guest's state from are in it, and the words that were patched.
 *
 * Translations are made and forgotten under mmap_lock(), so nothing here has a lock.
 * Words are patched by several threads; which of them may patch a word is decided by
 * the locks of translation blocks.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "qemu/atomic.h"
#include "qemu/error-report.h"
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <codearena.h>
#include "tcg/tcg-codearena.h"

#if TCG_CODEARENA

/* Memory for code is committed in pieces of this size. */
#define CODE_PIECE	(256 * KiB)

/* Translations that may fail to be published one after the other. */
#define CODE_FAILURES	4

/*
 * Descriptors of the arena are beyond those that programs choose, and below 64, where
 * the kernel's table of them grows.
 */
#define CODE_FDS	2
#define CODE_FD_LIMIT	64
#define CODE_FD_ROOM	16

static struct {
	struct codearena_arena *arena;
	uint8_t *staging;
	size_t prologue;	/* whole pages that are never forgotten */
	size_t committed;	/* bytes from the beginning */
	int flushed;		/* there may be code which was forgotten */
	int failures;		/* since code was last published */
	int fds[CODE_FDS];
} code;

static void code_die(const char *what, int ret)
{
	error_report("codearena: %s: %s", what, codearena_strerror(ret));
	exit(EXIT_FAILURE);
}

/* -- Descriptors --------------------------------------------------------- */

/* Where descriptors of the arena begin. */
static int code_fd_first(void)
{
	struct rlimit limit;
	int most = CODE_FD_LIMIT;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < CODE_FD_LIMIT)
		most = limit.rlim_cur;
	return most > 2 * CODE_FD_ROOM ? most - CODE_FD_ROOM : most / 2;
}

/*
 * Take all free descriptors below FIRST, so that the library gets those above: guests
 * expect the lowest numbers, and replace what they think is free. Returns how many.
 */
static int code_fds_take(int *taken, int first)
{
	int count = 0, fd = eventfd(0, EFD_CLOEXEC);

	while (fd >= 0 && fd < first) {
		taken[count++] = fd;
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	if (fd >= 0)
		close(fd);
	return count;
}

/* Make an arena, or in a child of fork() the arena's clone, with high descriptors. */
static int code_with_high_fds(size_t size)
{
	CODEARENA_OPTS(codearena_arena_opts, opts, .name = "qemu");
	int taken[CODE_FD_LIMIT], before[CODE_FD_ROOM];
	int first = code_fd_first(), count, i, own = 0, ret;

	count = code_fds_take(taken, first);
	for (i = 0; i < CODE_FD_ROOM; i++)
		before[i] = !tcg_codearena_has_fd(first + i) &&
			    fcntl(first + i, F_GETFD) >= 0;
	ret = size ? codearena_arena_new(size, &opts, &code.arena) :
		     codearena_arena_clone(code.arena);
	while (count)
		close(taken[--count]);
	if (ret)
		return ret;
	code.fds[0] = code.fds[1] = codearena_arena_fd(code.arena);
	for (i = 0; i < CODE_FD_ROOM && own < CODE_FDS; i++)
		if (!before[i] && fcntl(first + i, F_GETFD) >= 0)
			code.fds[own++] = first + i;
	return 0;
}

bool tcg_codearena_has_fd(int fd)
{
	return code.arena && (fd == code.fds[0] || fd == code.fds[1]);
}

static int code_close_range(unsigned int first, unsigned int last, int flags)
{
	return first > last ? 0 : syscall(SYS_close_range, first, last, flags);
}

int tcg_codearena_close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int low = MIN(code.fds[0], code.fds[1]);
	unsigned int high = MAX(code.fds[0], code.fds[1]);

	if (first > last || last < low || first > high)
		return syscall(SYS_close_range, first, last, flags);
	if (low && code_close_range(first, low - 1, flags))
		return -1;
	if (code_close_range(MAX(first, low + 1), MIN(last, high - 1), flags))
		return -1;
	return code_close_range(MAX(first, high + 1), last, flags);
}

/* -- Code ---------------------------------------------------------------- */

const void *tcg_codearena_new(size_t size)
{
	int ret = code_with_high_fds(size);

	if (ret)
		code_die("no arena for generated code", ret);
	return codearena_arena_base(code.arena);
}

void tcg_codearena_staging(void *rw)
{
	code.staging = rw;
}

/* Translations begin in the next page, so that flushing can give back whole pages. */
void *tcg_codearena_prologue(void *end)
{
	size_t page = codearena_arena_page_size(code.arena);

	code.prologue = ROUND_UP((uint8_t *)end - code.staging, page);
	return code.staging + code.prologue;
}

void tcg_codearena_flush(void)
{
	code.flushed = 1;
}

/* Give back the memory of what was forgotten. */
static int code_forget(void)
{
	int ret = 0;

	if (code.flushed && code.committed > code.prologue)
		ret = codearena_arena_decommit(code.arena, code.prologue,
					       code.committed - code.prologue);
	if (ret)
		return ret;
	if (code.flushed)
		code.committed = code.prologue;
	code.flushed = 0;
	return 0;
}

/* Have memory for code up to END. */
static int code_commit(size_t end)
{
	size_t size = codearena_arena_length(code.arena);
	size_t want = MIN(ROUND_UP(end, CODE_PIECE), size);
	int ret;

	if (end <= code.committed)
		return 0;
	ret = codearena_arena_commit(code.arena, code.committed,
				     want - code.committed);
	if (!ret)
		code.committed = want;
	return ret;
}

bool tcg_codearena_publish(const void *rw, size_t size)
{
	struct codearena_object object = {
		.offset = (const uint8_t *)rw - code.staging,
		.source = (uintptr_t)rw,
		.length = size,
		.flags = CODEARENA_OBJECT_F_PATCHABLE,
	};
	int ret = code_forget();

	if (!ret)
		ret = code_commit(object.offset + size);
	if (!ret)
		ret = codearena_arena_publish(code.arena, &object, 1, NULL, 0, 0,
					      NULL);
	if (!ret) {
		code.failures = 0;
		return true;
	}
	/* What all translations took may be what this one needs. */
	if (++code.failures == CODE_FAILURES)
		code_die("generated code cannot be published", ret);
	return false;
}

bool tcg_codearena_patch(uintptr_t rw, uint32_t value)
{
	uint32_t *word = (uint32_t *)rw;
	struct codearena_patch_entry entry = {
		.offset = (uint8_t *)rw - code.staging,
		.expected = *word,
		.value = value,
		.width = sizeof(*word),
	};

	if (value == *word)
		return true;
	if (codearena_arena_patch(code.arena, &entry, 1, 0, NULL))
		return false;
	*word = value;
	return true;
}

/* -- fork() -------------------------------------------------------------- */

/* A child without an arena of its own would execute what its parent publishes. */
static void code_fork_child(const int *pipe)
{
	int ret = code_with_high_fds(0);

	if (ret || write(pipe[1], "", 1) != 1)
		_exit(EXIT_FAILURE);
	close(pipe[0]);
	close(pipe[1]);
}

/* Wait until the child has its arena: the parent may change its own then. */
static bool code_fork_parent(const int *pipe)
{
	ssize_t got;
	char byte;

	close(pipe[1]);
	do
		got = read(pipe[0], &byte, 1);
	while (got < 0 && errno == EINTR);
	close(pipe[0]);
	return got == 1;
}

pid_t tcg_codearena_fork(void)
{
	int pipe[2];
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC)) {
		errno = EAGAIN;
		return -1;
	}
	pid = fork();
	if (!pid)
		code_fork_child(pipe);
	else if (!code_fork_parent(pipe) && pid > 0) {
		waitpid(pid, NULL, 0);
		errno = EAGAIN;
		pid = -1;
	}
	return pid;
}

#endif /* TCG_CODEARENA */
