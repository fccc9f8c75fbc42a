// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Commands that claim to be larger than a page are refused unread. */
#include "lib/harness.h"

#include "lib/commands.h"

#define HUGE (1ULL << 32)

FIXTURE(sizes)
{
	struct arena arena;
	uint8_t *command;	/* 4 GiB of zeros, and the command in front */
	uint32_t *size;
};

FIXTURE_SETUP(sizes)
{
	ASSERT_ZERO(arena_new(&self->arena, 1, 0, 0));
	self->command = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->command);
	self->size = (uint32_t *)self->command;
}

FIXTURE_TEARDOWN(sizes)
{
	munmap(self->command, HUGE);
	arena_free(&self->arena);
}

/* Zeros are what a newer program's unused members are, up to a page. */
TEST_F(sizes, zeros_up_to_a_page)
{
	int fd = self->arena.fd;

	*self->size = self->arena.page;
	EXPECT_ZERO(ioctl(fd, CODEARENA_QUERY, self->command));
	EXPECT_ZERO(ioctl(fd, CODEARENA_STAT, self->command));
}

TEST_F(sizes, zeros_beyond_a_page)
{
	const uint32_t sizes[] = { self->arena.page + 1, 1U << 20, UINT32_MAX };

	for (unsigned int i = 0; i < COMMAND_COUNT; i++) {
		for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++) {
			*self->size = sizes[s];
			EXPECT_ERRNO(E2BIG, ioctl(self->arena.fd,
						  commands[i].request,
						  self->command));
		}
	}
}

TEST_HARNESS_MAIN
