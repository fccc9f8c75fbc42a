// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* OPEN: a new handle for those who cannot reach the node, judged like open(2). */
#include "lib/harness.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/group.h"

#define NOBODY 65534

/* An arena by a node of its own in a folder of its own. */
FIXTURE(open)
{
	struct arena arena;
	char folder[32];
	char node[48];
	dev_t device;
};

FIXTURE_SETUP(open)
{
	struct stat device;

	self->arena.fd = -1;
	ASSERT_ZERO(stat(DEVICE, &device));
	self->device = device.st_rdev;
	snprintf(self->folder, sizeof(self->folder), "/tmp/codearena.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	ASSERT_ZERO(chmod(self->folder, 0755));
	snprintf(self->node, sizeof(self->node), "%s/node", self->folder);
	if (mknod(self->node, S_IFCHR | 0600, self->device))
		SKIP(return, "not allowed to make a device node");
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	close(self->arena.fd);
	munmap(self->arena.view, self->arena.length);
	self->arena.fd = open(self->node, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->arena.fd);
	ASSERT_ZERO(do_reserve(self->arena.fd, self->arena.length, 0, 0,
			       "first"));
	self->arena.view = arena_map(&self->arena, self->arena.fd);
	ASSERT_ZERO(arena_populate(&self->arena));
}

FIXTURE_TEARDOWN(open)
{
	arena_free(&self->arena);
	unlink(self->node);
	rmdir(self->folder);
}

/* An arena can be made of the new handle: 0. */
static int check_new(int fd)
{
	struct codearena_stat stat;
	uint8_t code[CODE_SIZE];
	uint32_t result = 0;
	void *view;

	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK_ERRNO(EBADFD, do_stat(fd, &stat));
	CHECK(do_reserve(fd, 1 << 20, 0, 0, "second") == 0);
	CHECK(do_commit(fd, 0, 1 << 16) == 0);
	code_return(code, 5);
	CHECK(do_publish1(fd, 0, code, sizeof(code), 0) == 0);
	view = mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	CHECK(view != MAP_FAILED);
	CHECK(!HAVE_CODE || guarded_call(view, &result) == 0);
	CHECK(!HAVE_CODE || result == 5);
	munmap(view, 1 << 20);
	close(fd);
	return 0;
}

TEST_F(open, from_an_arena)
{
	struct snapshot *before = snapshot(&self->arena);
	int fd = do_open(self->arena.fd);

	EXPECT_EQ(0, check_new(fd));
	EXPECT_TRUE(expect_unchanged(&self->arena, before));
}

TEST_F(open, from_an_empty_handle)
{
	int empty = open(self->node, O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, empty);
	EXPECT_EQ(0, check_new(do_open(empty)));
	close(empty);
}

TEST_F(open, from_a_shared_handle)
{
	int shared = do_share(self->arena.fd);

	ASSERT_LE(0, shared);
	EXPECT_EQ(0, check_new(do_open(shared)));
	close(shared);
}

TEST_F(open, of_a_node_that_is_gone)
{
	ASSERT_ZERO(unlink(self->node));
	EXPECT_EQ(0, check_new(do_open(self->arena.fd)));
}

static int as_nobody(void *arg)
{
	const struct arena *a = arg;
	int fd;

	CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	fd = do_open(a->fd);
	return fd < 0 ? errno : check_new(fd);
}

TEST_F(open, as_the_rights_of_the_node_are_now)
{
	struct snapshot *before = snapshot(&self->arena);

	EXPECT_EQ(EACCES, run_child(as_nobody, &self->arena));
	ASSERT_ZERO(chmod(self->node, 0444));
	EXPECT_EQ(EACCES, run_child(as_nobody, &self->arena));
	ASSERT_ZERO(chmod(self->node, 0222));
	EXPECT_EQ(EACCES, run_child(as_nobody, &self->arena));
	EXPECT_TRUE(expect_unchanged(&self->arena, before));
	ASSERT_ZERO(chmod(self->node, 0666));
	EXPECT_EQ(0, run_child(as_nobody, &self->arena));
}

static int after_chroot(void *arg)
{
	const struct arena *a = arg;

	CHECK(chroot("/proc/self/fdinfo") == 0);
	CHECK(chdir("/") == 0);
	CHECK_ERRNO(ENOENT, open(DEVICE, O_RDWR));
	return check_new(do_open(a->fd));
}

TEST_F(open, after_chroot)
{
	EXPECT_EQ(0, run_child(after_chroot, &self->arena));
}

#define REFUSE(number, error)						\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),		\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

static int filter(struct sock_filter *code, unsigned short length)
{
	struct sock_fprog program = { .len = length, .filter = code };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	return 0;
}

static int under_seccomp(void *arg)
{
	const struct arena *a = arg;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_openat, ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	CHECK(filter(code, ARRAY_SIZE(code)) == 0);
	CHECK_ERRNO(ENOSYS, syscall(SYS_openat, AT_FDCWD, DEVICE, O_RDWR, 0));
	return check_new(do_open(a->fd));
}

TEST_F(open, under_seccomp)
{
	EXPECT_EQ(0, run_child(under_seccomp, &self->arena));
}

/* A filter by the number of the command, as security.rst has it. */
static int refused_by_seccomp(void *arg)
{
	const struct arena *a = arg;
	struct codearena_stat stat;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[1])),
		REFUSE(CODEARENA_OPEN, EPERM),
		REFUSE(CODEARENA_CLONE, EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	CHECK(filter(code, ARRAY_SIZE(code)) == 0);
	CHECK_ERRNO(EPERM, do_open(a->fd));
	CHECK_ERRNO(EPERM, do_clone(a->fd));
	CHECK(do_stat(a->fd, &stat) == 0);
	return 0;
}

TEST_F(open, refused_by_seccomp)
{
	EXPECT_EQ(0, run_child(refused_by_seccomp, &self->arena));
}

/* open(2) refuses a node there; so does OPEN, once the mount forbids devices. */
static int without_devices(void *arg)
{
	dev_t device = *(dev_t *)arg;
	int fd;

	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL))
		return 77;
	CHECK(mknod("/tmp/node", S_IFCHR | 0600, device) == 0);
	fd = open("/tmp/node", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(check_new(do_open(fd)) == 0);
	CHECK(mount("none", "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_NODEV,
		    NULL) == 0);
	CHECK_ERRNO(EACCES, open("/tmp/node", O_RDWR));
	CHECK_ERRNO(EACCES, do_open(fd));
	return 0;
}

TEST_F(open, on_a_mount_without_devices)
{
	int status = run_child(without_devices, &self->device);

	if (status == 77)
		SKIP(return, "not allowed to mount");
	EXPECT_EQ(0, status);
}

/* A control group without devices. False where BPF cannot be used. */
static bool refuse_devices(void)
{
	const struct bpf_insn refuse[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)refuse,
		.insn_cnt = ARRAY_SIZE(refuse),
		.license = (uintptr_t)"GPL",
	};
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	int group = open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return program >= 0 && group >= 0 &&
	       !syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

struct visitor {
	const struct arena *a;
	const char *node;
};

static int in_group_without_devices(void *arg)
{
	const struct visitor *v = arg;

	CHECK(enter_group("max") == 0);
	CHECK_ERRNO(EPERM, open(v->node, O_RDWR | O_CLOEXEC));
	CHECK_ERRNO(EACCES, do_open(v->a->fd));
	return 0;
}

TEST_F(open, in_a_control_group_without_devices)
{
	struct visitor visitor = { &self->arena, self->node };
	int error;

	if (!group_new())
		SKIP(return, "no control group");
	if (!refuse_devices()) {
		error = errno;
		group_free();
		SKIP(return, "no BPF program can be attached: %s",
		     strerror(error));
	}
	EXPECT_EQ(0, run_child(in_group_without_devices, &visitor));
	EXPECT_TRUE(group_free());
}

TEST_F(open, too_many_descriptors)
{
	struct rlimit limit, none;

	ASSERT_ZERO(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_REFUSED(&self->arena, EMFILE, do_open(self->arena.fd));
	ASSERT_ZERO(setrlimit(RLIMIT_NOFILE, &limit));
}

/* ENFILE is for those who may not exceed fs.file-max. */
TEST_F(open, too_many_files)
{
	char text[64];
	int status;

	if (read_file("/proc/sys/fs/file-max", text, sizeof(text)))
		SKIP(return, "needs /proc/sys/fs/file-max");
	ASSERT_ZERO(chmod(self->node, 0666));
	ASSERT_ZERO(write_file("/proc/sys/fs/file-max", "0"));
	status = run_child(as_nobody, &self->arena);
	ASSERT_ZERO(write_file("/proc/sys/fs/file-max", text));
	EXPECT_EQ(ENFILE, status);
}

TEST_HARNESS_MAIN
