// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * The format that all commands share: structure sizes, unknown bits, bad
 * addresses, handles of the wrong kind, and the numbers themselves.
 */
#include "lib/harness.h"

#include <dirent.h>
#include <elf.h>

#include "lib/commands.h"

/* A change here breaks programs that exist. */
#define ABI_SIZE(type, bytes) \
	_Static_assert(sizeof(struct codearena_##type) == (bytes), #type)
#define ABI_OFFSET(type, member, bytes) \
	_Static_assert(offsetof(struct codearena_##type, member) == (bytes), \
		       #type "." #member)

ABI_SIZE(query, 104);
ABI_OFFSET(query, out_trap_kinds, 28);
ABI_OFFSET(query, out_commit_total, 64);
ABI_OFFSET(query, out_max_traps, 96);
ABI_SIZE(reserve, 56);
ABI_OFFSET(reserve, name, 24);
ABI_SIZE(commit, 24);
ABI_SIZE(decommit, 24);
ABI_SIZE(chunk, 24);
ABI_SIZE(write, 24);
ABI_OFFSET(write, out_failed, 20);
ABI_SIZE(seal, 24);
ABI_SIZE(trap, 16);
ABI_SIZE(object, 48);
ABI_OFFSET(object, flags, 36);
ABI_OFFSET(object, out_trap_id, 40);
ABI_SIZE(patch_entry, 32);
ABI_OFFSET(patch_entry, __reserved, 28);
ABI_SIZE(publish, 40);
ABI_OFFSET(publish, out_failed, 32);
ABI_SIZE(patch, 24);
ABI_OFFSET(patch, out_failed, 20);
ABI_SIZE(range, 16);
ABI_SIZE(discard, 24);
ABI_SIZE(share, 16);
ABI_OFFSET(share, out_fd, 8);
ABI_SIZE(stat, 144);
ABI_OFFSET(stat, out_syncs, 80);
ABI_OFFSET(stat, out_traps_undefined, 120);
ABI_OFFSET(stat, out_metadata_limit, 136);
ABI_SIZE(trap_register, 48);
ABI_OFFSET(trap_register, out_failed, 36);
ABI_OFFSET(trap_register, out_id, 40);
ABI_SIZE(trap_release, 16);
ABI_SIZE(trap_landing, 16);
ABI_SIZE(clone, 16);
ABI_OFFSET(clone, out_fd, 8);
ABI_SIZE(open, 16);
ABI_OFFSET(open, out_fd, 8);

/* A command, and a handle on which its valid call succeeds. */
FIXTURE(command)
{
	struct arena arena;
	struct command_call call;
	const struct command *command;
	int fd;
	uint8_t *pages;
};

FIXTURE_VARIANT(command)
{
	enum command_index index;
};

FIXTURE_VARIANT_ADD(command, query) { .index = COMMAND_QUERY };
FIXTURE_VARIANT_ADD(command, reserve) { .index = COMMAND_RESERVE };
FIXTURE_VARIANT_ADD(command, commit) { .index = COMMAND_COMMIT };
FIXTURE_VARIANT_ADD(command, decommit) { .index = COMMAND_DECOMMIT };
FIXTURE_VARIANT_ADD(command, write) { .index = COMMAND_WRITE };
FIXTURE_VARIANT_ADD(command, seal) { .index = COMMAND_SEAL };
FIXTURE_VARIANT_ADD(command, publish) { .index = COMMAND_PUBLISH };
FIXTURE_VARIANT_ADD(command, patch) { .index = COMMAND_PATCH };
FIXTURE_VARIANT_ADD(command, discard) { .index = COMMAND_DISCARD };
FIXTURE_VARIANT_ADD(command, share) { .index = COMMAND_SHARE };
FIXTURE_VARIANT_ADD(command, stat) { .index = COMMAND_STAT };
FIXTURE_VARIANT_ADD(command, trap_register) { .index = COMMAND_TRAP_REGISTER };
FIXTURE_VARIANT_ADD(command, trap_release) { .index = COMMAND_TRAP_RELEASE };
FIXTURE_VARIANT_ADD(command, trap_landing) { .index = COMMAND_TRAP_LANDING };
FIXTURE_VARIANT_ADD(command, clone) { .index = COMMAND_CLONE };
FIXTURE_VARIANT_ADD(command, open) { .index = COMMAND_OPEN };

FIXTURE_SETUP(command)
{
	self->command = &commands[variant->index];
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
	command_prepare(variant->index, &self->arena, &self->call);
	self->fd = self->arena.fd;
	if (variant->index == COMMAND_RESERVE) {
		self->fd = device_open(O_RDWR);
		ASSERT_LE(0, self->fd);
	}
	/* A page to use, followed by one that faults. */
	self->pages = mmap(NULL, 2 * self->arena.page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->pages);
	ASSERT_ZERO(mprotect(self->pages + self->arena.page, self->arena.page,
			     PROT_NONE));
}

FIXTURE_TEARDOWN(command)
{
	munmap(self->pages, 2 * self->arena.page);
	if (self->fd != self->arena.fd)
		close(self->fd);
	arena_free(&self->arena);
}

/* The handle is an arena if and only if it should be one. */
#define EXPECT_STILL_EMPTY()						\
	do {								\
		struct codearena_stat stat_;				\
									\
		if (variant->index == COMMAND_RESERVE)			\
			EXPECT_ERRNO(EBADFD, do_stat(self->fd, &stat_));\
	} while (0)

#define EXPECT_CALL_REFUSED(expected_errno, argument)			\
	do {								\
		EXPECT_REFUSED(&self->arena, expected_errno,		\
			       ioctl(self->fd, self->command->request,	\
				     argument));			\
		EXPECT_STILL_EMPTY();					\
	} while (0)

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

TEST_F(command, exact_size)
{
	ASSERT_ZERO(ioctl(self->fd, self->command->request, &self->call));
	if (self->command->makes_handle)
		ASSERT_ZERO(close(self->call.share.out_fd));
}

TEST_F(command, shorter_than_first_version)
{
	for (uint32_t size = 0; size < self->command->first; size++) {
		self->call.head.size = size;
		EXPECT_CALL_REFUSED(EINVAL, &self->call);
	}
}

/* A program of the first version has nothing behind its structure. */
TEST_F(command, first_version)
{
	const size_t first = self->command->first;
	uint8_t *structure = self->pages + self->arena.page - first;

	self->call.head.size = first;
	memcpy(structure, self->call.raw, first);
	ASSERT_ZERO(ioctl(self->fd, self->command->request, structure));
	if (self->command->makes_handle) {
		memcpy(self->call.raw, structure, first);
		ASSERT_ZERO(close(self->call.share.out_fd));
	}
}

/* Every byte after the structure that this kernel knows. */
TEST_F(command, longer_with_bytes_not_zero)
{
	static const uint32_t more[] = { 1, 2, 7, 8, 16, 255, 1024 };

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		uint32_t size = self->command->size + more[i];
		uint8_t *last = self->call.raw + size - 1;

		self->call.head.size = size;
		*last = 1;
		EXPECT_CALL_REFUSED(E2BIG, &self->call);
		*last = 0;
	}
}

TEST_F(command, longer_with_zeros)
{
	static const uint8_t zeros[1024];
	uint8_t *tail = self->call.raw + self->command->size;

	self->call.head.size = self->command->size + sizeof(zeros);
	EXPECT_ZERO(ioctl(self->fd, self->command->request, &self->call));
	EXPECT_EQ(0, memcmp(tail, zeros, sizeof(zeros)));
}

TEST_F(command, unknown_flags)
{
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (self->command->flags & 1U << bit)
			continue;
		self->call.head.flags = 1U << bit;
		EXPECT_CALL_REFUSED(EOPNOTSUPP, &self->call);
		/* Also when a known flag is set beside it. */
		self->call.head.flags |= self->command->flags;
		EXPECT_CALL_REFUSED(EOPNOTSUPP, &self->call);
	}
}

TEST_F(command, unreadable_structure)
{
	uint32_t page = self->arena.page;
	uint8_t *end = self->pages + page;

	EXPECT_CALL_REFUSED(EFAULT, NULL);
	EXPECT_CALL_REFUSED(EFAULT, end);
	EXPECT_CALL_REFUSED(EFAULT, (void *)~0UL);
	/* An address of the kernel's half. */
	EXPECT_CALL_REFUSED(EFAULT, (void *)(1UL << 63));
	/* The size can be read; the rest only in part. */
	for (size_t part = 4; part < self->command->size; part += 4) {
		memcpy(end - part, self->call.raw, part);
		EXPECT_CALL_REFUSED(EFAULT, end - part);
	}
	/* Only the unknown tail cannot be read. */
	self->call.head.size = self->command->size + 8;
	memcpy(end - self->command->size, self->call.raw, self->command->size);
	EXPECT_CALL_REFUSED(EFAULT, end - self->command->size);
}

TEST_F(command, unwritable_structure)
{
	int before = open_descriptors();
	struct snapshot *taken;
	int ret;

	memcpy(self->pages, self->call.raw, self->command->size);
	ASSERT_ZERO(mprotect(self->pages, self->arena.page, PROT_READ));
	if (self->command->outputs) {
		EXPECT_CALL_REFUSED(EFAULT, self->pages);
		EXPECT_EQ(before, open_descriptors());
		return;
	}

	/* Success has no output, but may check that it could write one. */
	taken = snapshot(&self->arena);
	ret = ioctl(self->fd, self->command->request, self->pages);
	if (ret) {
		EXPECT_EQ(EFAULT, errno);
		EXPECT_TRUE(expect_unchanged(&self->arena, taken));
		EXPECT_STILL_EMPTY();
	} else if (!self->command->changes ||
		   variant->index == COMMAND_RESERVE) {
		/* What the call did is not in this arena's counters. */
		EXPECT_TRUE(expect_unchanged(&self->arena, taken));
	} else {
		EXPECT_FALSE(expect_unchanged(&self->arena, taken));
	}
}

TEST_F(command, empty_handle)
{
	int fd = device_open(O_RDWR);

	ASSERT_LE(0, fd);
	if (self->command->needs_arena) {
		EXPECT_REFUSED(&self->arena, EBADFD,
			       ioctl(fd, self->command->request, &self->call));
		/* It may still become an arena. */
		EXPECT_ZERO(do_reserve(fd, self->arena.page, 0, 0, ""));
	} else {
		EXPECT_ZERO(ioctl(fd, self->command->request, &self->call));
	}
	close(fd);
}

TEST_F(command, handle_not_for_writing)
{
	int fd = do_share(self->arena.fd);
	int ret;

	ASSERT_LE(0, fd);
	if (variant->index == COMMAND_RESERVE) {
		close(fd);
		fd = device_open(O_RDONLY);
		ASSERT_LE(0, fd);
	}
	if (self->command->changes) {
		EXPECT_REFUSED(&self->arena, EBADF,
			       ioctl(fd, self->command->request, &self->call));
	} else {
		ret = ioctl(fd, self->command->request, &self->call);
		EXPECT_EQ(0, ret);
	}
	close(fd);
}

TEST_F(command, closed_handle)
{
	int fd = dup(self->fd);

	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_REFUSED(&self->arena, EBADF,
		       ioctl(fd, self->command->request, &self->call));
}

FIXTURE(device)
{
	struct arena arena;
};

FIXTURE_SETUP(device)
{
	ASSERT_ZERO(arena_new(&self->arena, POPULATED_PAGES, 0, 0));
	ASSERT_ZERO(arena_populate(&self->arena));
}

FIXTURE_TEARDOWN(device)
{
	arena_free(&self->arena);
}

TEST_F(device, unknown_numbers)
{
	struct command_call call;

	for (unsigned int nr = 0; nr < 256; nr++) {
		if (nr >= CODEARENA_CMD_BASE &&
		    nr <= CODEARENA_CMD_OPEN)
			continue;
		command_prepare(COMMAND_COMMIT, &self->arena, &call);
		EXPECT_REFUSED(&self->arena, ENOTTY,
			       ioctl(self->arena.fd,
				     _IO(CODEARENA_IOC_TYPE, nr), &call));
	}
}

/* The number alone decides: no other type, size or direction is an alias. */
TEST_F(device, known_number_of_another_type)
{
	struct command_call call;

	for (unsigned int index = 0; index < COMMAND_COUNT; index++) {
		unsigned long request = commands[index].request;

		command_prepare(index, &self->arena, &call);
		EXPECT_REFUSED(&self->arena, ENOTTY,
			       ioctl(self->arena.fd,
				     _IO(0xC8, _IOC_NR(request)), &call));
		EXPECT_REFUSED(&self->arena, ENOTTY,
			       ioctl(self->arena.fd,
				     _IOC(_IOC_WRITE, CODEARENA_IOC_TYPE,
					  _IOC_NR(request),
					  commands[index].size), &call));
	}
}

TEST_F(device, reserved_members)
{
	struct command_call call;

	for (unsigned int i = 0; i < COMMAND_COUNT; i++) {
		for (unsigned int bit = 0; commands[i].reserved && bit < 32;
		     bit++) {
			uint32_t value = 1U << bit;

			command_prepare(i, &self->arena, &call);
			memcpy(call.raw + commands[i].reserved, &value,
			       sizeof(value));
			EXPECT_REFUSED(&self->arena, EOPNOTSUPP,
				       ioctl(self->arena.fd,
					     commands[i].request, &call));
		}
	}
}

TEST_F(device, query_answers)
{
	struct codearena_query query;
	int empty = device_open(O_RDONLY);

	ASSERT_LE(0, empty);
	ASSERT_ZERO(do_query(empty, &query));
	EXPECT_EQ(sizeof(query), query.size);
	EXPECT_EQ(CODEARENA_ABI_REVISION, query.out_abi_revision);
#if defined(__x86_64__)
	EXPECT_EQ(EM_X86_64, query.out_machine);
#elif defined(__aarch64__)
	EXPECT_EQ(EM_AARCH64, query.out_machine);
#elif defined(__riscv)
	EXPECT_EQ(EM_RISCV, query.out_machine);
#endif
	EXPECT_EQ(sysconf(_SC_PAGESIZE), query.out_page_size);
	EXPECT_EQ(query.out_page_size / 64, query.out_granule);
	EXPECT_LE(1, query.out_max_entries);
	EXPECT_EQ(CODEARENA_TRAP_MEMORY,
		  query.out_trap_kinds & CODEARENA_TRAP_MEMORY);
	EXPECT_EQ(0, query.out_trap_kinds & ~(CODEARENA_TRAP_MEMORY |
					      CODEARENA_TRAP_DIVIDE |
					      CODEARENA_TRAP_UNDEFINED));
	EXPECT_EQ(CODEARENA_FEATURE_SYNC | CODEARENA_FEATURE_SHARE |
		  CODEARENA_FEATURE_PERMANENT | CODEARENA_FEATURE_TRAPS |
		  CODEARENA_FEATURE_REPLACE | CODEARENA_FEATURE_CLONE |
		  CODEARENA_FEATURE_OPEN | CODEARENA_FEATURE_EXECUTE_ONLY,
		  query.out_features &
		  ~CODEARENA_FEATURE_EXECUTE_ONLY_ENFORCED);
	EXPECT_LE(1ULL << 30, query.out_max_length);
	EXPECT_GT(CODEARENA_GUARD_OFFSET, query.out_max_length);
	EXPECT_EQ(0, query.out_max_length % query.out_page_size);
	EXPECT_EQ(2ULL << 20, query.out_preferred_align);
	EXPECT_EQ(page_at(&self->arena, RESERVED_PAGE), query.out_commit_total);
	EXPECT_LE(query.out_commit_total, query.out_commit_limit);
	/* Of this arena at least, and of nothing that this user does not use. */
	EXPECT_LT(0, query.out_metadata_total);
	EXPECT_LE(query.out_user_limit, query.out_commit_limit);
	EXPECT_LE(query.out_user_total,
		  query.out_commit_total + query.out_metadata_total);
	EXPECT_LT(page_at(&self->arena, RESERVED_PAGE), query.out_user_total);
	EXPECT_LE(query.out_max_entries, query.out_max_traps);
	EXPECT_EQ(0, query.__reserved);
	close(empty);
}

TEST_F(device, stat_of_populated_arena)
{
	struct codearena_stat stat;

	ASSERT_ZERO(do_stat(self->arena.fd, &stat));
	EXPECT_EQ(sizeof(stat), stat.size);
	EXPECT_EQ(self->arena.length, stat.out_length);
	EXPECT_EQ(self->arena.length, stat.out_commit_limit);
	EXPECT_EQ(page_at(&self->arena, RESERVED_PAGE), stat.out_committed);
	EXPECT_EQ(5 * self->arena.granule, stat.out_sealed);
	EXPECT_EQ(self->arena.granule, stat.out_patchable);
	EXPECT_EQ(2, stat.out_published);
	EXPECT_EQ(CODE_SIZE + 64 + LAST_GRANULE * self->arena.granule,
		  stat.out_written);
	EXPECT_EQ(0, stat.out_patched);
	EXPECT_EQ(0, stat.out_discarded);
	EXPECT_EQ(0, stat.out_syncs);
	EXPECT_EQ(0, stat.out_trap_tables);
	EXPECT_EQ(0, stat.out_trap_entries);
	EXPECT_EQ(0, stat.out_traps_memory);
	EXPECT_EQ(0, stat.out_traps_divide);
	EXPECT_EQ(0, stat.out_traps_undefined);
	EXPECT_LT(0, stat.out_metadata);
	EXPECT_EQ((16ULL << 20) + 4 * stat.out_commit_limit,
		  stat.out_metadata_limit);
}

#if defined(__x86_64__)
static long compat_ioctl(int fd, unsigned long request, void *argument)
{
	long ret;

	/* 54 is ioctl in the table of 32-bit system calls. */
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(54L), "b"((long)fd), "c"(request), "d"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

/* The structures are the same for 32-bit programs. */
TEST_F(device, compat_calls)
{
	struct command_call *call;
	struct codearena_stat stat;

	call = mmap(NULL, sizeof(*call), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)call);
	command_prepare(COMMAND_QUERY, &self->arena, call);
	if (compat_ioctl(self->arena.fd, CODEARENA_QUERY, call)) {
		ASSERT_EQ(ENOSYS, errno);
		SKIP(return, "no 32-bit system calls");
	}
	EXPECT_EQ(self->arena.page, call->query.out_page_size);

	for (unsigned int i = COMMAND_COMMIT; i < COMMAND_COUNT; i++) {
		command_prepare(i, &self->arena, call);
		EXPECT_ZERO(compat_ioctl(self->arena.fd, commands[i].request,
					 call));
	}
	command_prepare(COMMAND_STAT, &self->arena, call);
	EXPECT_ZERO(compat_ioctl(self->arena.fd, CODEARENA_STAT, call));
	ASSERT_ZERO(do_stat(self->arena.fd, &stat));
	EXPECT_EQ(0, memcmp(&stat, &call->stat, sizeof(stat)));
	EXPECT_EQ(2, stat.out_patched);
	EXPECT_EQ(self->arena.granule, stat.out_discarded);
}
#endif

TEST_HARNESS_MAIN
