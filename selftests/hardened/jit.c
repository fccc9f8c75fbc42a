// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * What a runtime does with the device, step by step, for scripts that check which step
 * a security policy refuses. x86-64 only.
 *
 * Usage: jit STEP...
 *
 * Each step prints "STEP: ok", its result, or the name of the errno; the first that
 * fails is the last. "open" and "receive" choose the handle that later steps use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/codearena.h>

#define PAGE	4096U
#define LENGTH	(2U << 20)
#define HANDLE	3	/* after exec */

/* mov $42, %eax; ret */
static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };

static int handle = -1, channel = -1;
static void *view;
static char **rest;	/* the steps that follow */

/* Steps return 0 or more, or -1 with errno. */

static int step_open(const char *value)
{
	(void)value;
	handle = open("/dev/codearena", O_RDWR);
	return handle;
}

static int step_query(const char *value)
{
	struct codearena_query query = { .size = sizeof(query) };

	(void)value;
	return ioctl(handle, CODEARENA_QUERY, &query);
}

static int step_reserve(const char *value)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.length = LENGTH,
	};

	(void)value;
	return ioctl(handle, CODEARENA_RESERVE, &reserve);
}

/* As many KiB as the value says, or a page. */
static int step_commit(const char *value)
{
	struct codearena_commit commit = {
		.size = sizeof(commit),
		.length = value ? strtoul(value, NULL, 10) << 10 : PAGE,
	};

	return ioctl(handle, CODEARENA_COMMIT, &commit);
}

static int step_publish(const char *value)
{
	struct codearena_object object = {
		.source = (uintptr_t)code,
		.length = sizeof(code),
	};
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.objects = (uintptr_t)&object,
		.object_count = 1,
	};

	(void)value;
	return ioctl(handle, CODEARENA_PUBLISH, &publish);
}

static int step_share(const char *value)
{
	struct codearena_share share = { .size = sizeof(share) };

	(void)value;
	if (ioctl(handle, CODEARENA_SHARE, &share))
		return -1;
	handle = share.out_fd;
	return 0;
}

static int step_stat(const char *value)
{
	struct codearena_stat stat = { .size = sizeof(stat) };

	(void)value;
	return ioctl(handle, CODEARENA_STAT, &stat);
}

static int step_map(const char *value)
{
	(void)value;
	view = mmap(NULL, LENGTH, PROT_READ | PROT_EXEC, MAP_SHARED, handle, 0);
	return view == MAP_FAILED ? -1 : 0;
}

static int step_call(const char *value)
{
	(void)value;
	return ((int (*)(void))view)();
}

/* Keeps what it has until it is killed. */
static int step_hold(const char *value)
{
	(void)value;
	puts("hold: ok");
	return pause();
}

/* Memory that was written becomes code, as JIT compilers without the device do it. */
static int execute(int flags, int fd)
{
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, code, sizeof(code));
	return mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

static int step_execmem(const char *value)
{
	(void)value;
	return execute(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int step_execmod(const char *value)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)value;
	return fd < 0 ? -1 : execute(MAP_PRIVATE, fd);
}

static int step_execstack(const char *value)
{
	char here;
	uintptr_t page = (uintptr_t)&here & -(uintptr_t)PAGE;

	(void)value;
	return mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int put(const char *path, const char *text)
{
	const ssize_t length = (ssize_t)strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return write(fd, text, (size_t)length) == length ? 0 : -1;
}

/* The SELinux domain from here on. */
static int step_domain(const char *value)
{
	return put("/proc/thread-self/attr/current", value);
}

/* The AppArmor profile from here on. */
static int step_profile(const char *value)
{
	char text[128];

	snprintf(text, sizeof(text), "changeprofile %s", value);
	return put("/proc/thread-self/attr/apparmor/current", text);
}

/* The rest runs in another program, in an SELinux domain, which inherits the handle. */
static int step_exec(const char *value)
{
	char *self = (char *)"/proc/self/exe", inherit[] = "inherit";
	char *arguments[32] = { self, inherit };
	size_t n = 2;

	while (*rest && n < 31)
		arguments[n++] = *rest++;
	if (put("/proc/thread-self/attr/exec", value) || dup2(handle, HANDLE) < 0)
		return -1;
	return execv(self, arguments);
}

static int step_inherit(const char *value)
{
	(void)value;
	handle = HANDLE;
	return 0;
}

static void send_handle(int to)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &handle, sizeof(int));
	if (sendmsg(to, &message, 0) != 1)
		perror("sendmsg");
}

/* The rest happens in another process, which has to receive the handle. */
static int step_pass(const char *value)
{
	int ends[2], status;
	pid_t child;

	(void)value;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -1;
	fflush(stdout);
	child = fork();
	if (child < 0)
		return -1;
	if (!child) {
		if (view)
			munmap(view, LENGTH);
		close(handle);
		handle = -1;
		channel = ends[1];
		return 0;
	}
	send_handle(ends[0]);
	waitpid(child, &status, 0);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

/* A descriptor that a security module withholds is missing: EPERM here. */
static int step_receive(const char *value)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *part;

	(void)value;
	if (recvmsg(channel, &message, 0) != 1)
		return -1;
	part = CMSG_FIRSTHDR(&message);
	errno = EPERM;
	if (!part || part->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&handle, CMSG_DATA(part), sizeof(int));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const char *value);
} steps[] = {
	{ "open", step_open }, { "query", step_query },
	{ "reserve", step_reserve }, { "commit", step_commit },
	{ "publish", step_publish }, { "share", step_share },
	{ "stat", step_stat }, { "map", step_map }, { "call", step_call },
	{ "execmem", step_execmem }, { "execmod", step_execmod },
	{ "execstack", step_execstack }, { "domain", step_domain },
	{ "profile", step_profile }, { "exec", step_exec },
	{ "inherit", step_inherit }, { "pass", step_pass },
	{ "receive", step_receive }, { "hold", step_hold },
};

static int run(char *step)
{
	char *value = strchr(step, '=');
	int ret;

	if (value)
		*value++ = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (strcmp(step, steps[i].name))
			continue;
		ret = steps[i].run(value);
		if (ret < 0)
			printf("%s: %s\n", step, strerrorname_np(errno));
		else if (steps[i].run == step_call)
			printf("%s: %d\n", step, ret);
		else
			printf("%s: ok\n", step);
		return ret;
	}
	printf("no step '%s'\n", step);
	return -1;
}

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	rest = argv + 1;
	while (*rest) {
		if (run(*rest++) < 0)
			return 1;
	}
	return 0;
}
