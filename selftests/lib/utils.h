/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Shared by the kselftests: raw wrappers of the commands, guarded accesses,
 * code bytes, and snapshots that prove a refused call changed nothing.
 *
 * Include after harness.h: the macros use its EXPECT and ASSERT.
 */
#ifndef CODEARENA_SELFTESTS_UTILS_H
#define CODEARENA_SELFTESTS_UTILS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/codearena.h>

#define DEVICE "/dev/codearena"

/* What outputs hold before a call: a value that no command answers. */
#define POISON32 0xdeadbeefU
#define POISON64 0xdeadbeefdeadbeefULL

/*
 * Wrappers. Each makes exactly one system call and returns its raw result:
 * 0 or more, or -1 with errno. Those with an array leave out_failed in
 * last_failed, which is poisoned before the call.
 */
extern __thread uint32_t last_failed;

int device_open(int flags);
int do_query(int fd, struct codearena_query *query);
int do_reserve(int fd, uint64_t length, uint32_t flags, uint64_t commit_limit,
	       const char *name);
int do_commit(int fd, uint64_t offset, uint64_t length);
int do_decommit(int fd, uint64_t offset, uint64_t length);
int do_write(int fd, const struct codearena_chunk *chunks, uint32_t count);
int do_write1(int fd, uint64_t offset, const void *source, uint64_t length);
int do_seal(int fd, uint64_t offset, uint64_t length, uint32_t flags);
int do_publish(int fd, const struct codearena_object *objects, uint32_t count,
	       const struct codearena_patch_entry *patches,
	       uint32_t patch_count, uint32_t flags);
int do_publish1(int fd, uint64_t offset, const void *source, uint64_t length,
		uint32_t object_flags);
int do_patch(int fd, const struct codearena_patch_entry *patches,
	     uint32_t count, uint32_t flags);
int do_patch1(int fd, uint64_t offset, uint32_t width, uint64_t expected,
	      uint64_t value);
int do_discard(int fd, const struct codearena_range *ranges, uint32_t count);
int do_discard1(int fd, uint64_t offset, uint64_t length);
int do_share(int fd);
int do_stat(int fd, struct codearena_stat *stat);
int do_clone(int fd);
int do_open(int fd);

/*
 * Guarded accesses: 0, or the signal that the access raised (SIGBUS, SIGSEGV,
 * SIGTRAP, SIGILL). last_fault has the details.
 */
struct fault {
	int signo;
	int code;
	const void *address;
};

extern __thread struct fault last_fault;

int guarded_read(void *to, const void *from, size_t length);
int guarded_store(void *to, uint8_t byte);
int guarded_call(const void *code, uint32_t *result);

/*
 * Code: a function without arguments that returns a 32-bit number.
 * code_return() writes CODE_SIZE bytes. Where HAVE_CODE is 0 no bytes are
 * known, and tests that execute have to skip. TRAP_FILL is the trap instruction that
 * fills an arena from offset 0 on. Instructions and landing pads begin at multiples of
 * INSN_ALIGN.
 */
#if defined(__x86_64__)
#define HAVE_CODE 1
#define CODE_SIZE 6	/* b8 imm32: mov eax, imm32; c3: ret */
#define CODE_TRAP_SIGNAL SIGTRAP
#define TRAP_FILL { 0xcc }
#define INSN_ALIGN 1
#elif defined(__aarch64__)
#define HAVE_CODE 1
#define CODE_SIZE 12	/* movz w0, #lo; movk w0, #hi, lsl #16; ret */
#define CODE_TRAP_SIGNAL SIGTRAP
#define TRAP_FILL { 0x00, 0x00, 0x20, 0xd4 }
#define INSN_ALIGN 4
#elif defined(__riscv)
#define HAVE_CODE 1
#define CODE_SIZE 12	/* lui a0, %hi; addiw a0, a0, %lo; ret */
#define CODE_TRAP_SIGNAL SIGTRAP
#define TRAP_FILL { 0x02, 0x90 }
#define INSN_ALIGN 2
#else
#define HAVE_CODE 0
#define CODE_SIZE 4
#define CODE_TRAP_SIGNAL SIGILL
#define TRAP_FILL { 0 }
#define INSN_ALIGN 1
#endif

void code_return(void *to, uint32_t value);

/* The byte of the trap fill at an offset in an arena. */
uint8_t trap_fill_at(uint64_t at);
/* True if all bytes hold the trap fill; @at is their offset in the arena. */
bool is_trap_fill(const void *bytes, uint64_t at, size_t length);

/* Pages of bytes for a call to read, and one behind them that faults; or NULL. */
uint8_t *source_new(uint64_t page, unsigned int pages);
void source_free(uint8_t *source, uint64_t page, unsigned int pages);

/* One that checks so much that everything takes many times as long. */
bool is_debug_kernel(void);
/*
 * How often to do what is done @count times: an eighth on a debug kernel. It finds
 * faults in what runs; the other kernels show what becomes of many.
 */
unsigned int scaled(unsigned int count);

/**
 * struct arena - an arena with one code view
 * @fd: handle that reserved it
 * @view: the code view; NULL without
 * @length: bytes reserved
 * @watch: bytes from the start that snapshots compare
 * @page: bytes of a page
 * @granule: bytes of a granule
 */
struct arena {
	int fd;
	uint8_t *view;
	uint64_t length;
	uint64_t watch;
	uint32_t page;
	uint32_t granule;
};

int arena_new(struct arena *a, uint64_t pages, uint32_t reserve_flags,
	      uint64_t commit_limit);
void arena_free(struct arena *a);
void *arena_map(const struct arena *a, int fd);

/*
 * arena_populate() brings the first pages of an arena into every state there
 * is. The last granule of pages 0 to 2 is sealed, which makes the other granules
 * of these pages readable through the view.
 */
enum {
	CODE_PAGE,	/* granule 0: code that returns CODE_VALUE; 1: words */
	WRITTEN_PAGE,	/* written bytes, not sealed */
	TRAP_PAGE,	/* pristine */
	HIDDEN_PAGE,	/* committed; nothing sealed, so not mapped */
	RESERVED_PAGE,	/* and all after it: only reserved */
	POPULATED_PAGES = 16
};

#define CODE_VALUE 42
#define LAST_GRANULE 63
#define WRITTEN_BYTE 0x5a
/* The eight words of the patchable granule. */
#define WORD(i) (0xa5a50000c3c30000ULL + (i) * 0x0000000100000001ULL)

int arena_populate(struct arena *a);

static inline uint64_t page_at(const struct arena *a, uint64_t page)
{
	return page * a->page;
}

static inline uint64_t granule_at(const struct arena *a, uint64_t page,
				  uint64_t granule)
{
	return page * a->page + granule * a->granule;
}

/* Where WORD(i) stands. */
static inline uint64_t word_at(const struct arena *a, unsigned int i)
{
	return granule_at(a, CODE_PAGE, 1) + i * 8;
}

static inline struct codearena_chunk chunk_of(uint64_t offset,
					      const void *source,
					      uint64_t length)
{
	return (struct codearena_chunk) {
		.offset = offset,
		.source = (uintptr_t)source,
		.length = length,
	};
}

static inline struct codearena_object object_of(uint64_t offset,
						const void *source,
						uint64_t length,
						uint32_t flags)
{
	return (struct codearena_object) {
		.offset = offset,
		.source = (uintptr_t)source,
		.length = length,
		.flags = flags,
	};
}

static inline struct codearena_patch_entry patch_of(uint64_t offset,
						    uint32_t width,
						    uint64_t expected,
						    uint64_t value)
{
	return (struct codearena_patch_entry) {
		.offset = offset,
		.expected = expected,
		.value = value,
		.width = width,
	};
}

/*
 * Snapshots: STAT, the machine's committed bytes and all bytes that the view
 * shows. A page that raises SIGBUS is part of it too.
 */
struct snapshot;

struct snapshot *snapshot(const struct arena *a);
void snapshot_free(struct snapshot *s);
/* Does an arena, this or another one, look the same? Says on stderr what differs. */
bool expect_like(const struct arena *a, const struct snapshot *before);
/* The same; frees @before. */
bool expect_unchanged(const struct arena *a, struct snapshot *before);

#define ASSERT_ZERO(call) ASSERT_EQ(0, call)				\
	{								\
		TH_LOG("%s: %s", #call, strerror(errno));		\
	}

#define EXPECT_ZERO(call) EXPECT_EQ(0, call)				\
	{								\
		TH_LOG("%s: %s", #call, strerror(errno));		\
	}

#define EXPECT_ERRNO(expected_errno, call)				\
	do {								\
		long ret_;						\
		int errno_;						\
									\
		errno = 0;						\
		ret_ = (long)(call);					\
		errno_ = errno;						\
		EXPECT_EQ(-1, ret_)					\
			TH_LOG("%s succeeded", #call);			\
		EXPECT_EQ(expected_errno, errno_)			\
			TH_LOG("%s: %s", #call, strerror(errno_));	\
	} while (0)

/* The call fails with this errno and leaves the arena as it was. */
#define EXPECT_REFUSED(arena, expected_errno, call)			\
	do {								\
		struct snapshot *before_ = snapshot(arena);		\
									\
		EXPECT_ERRNO(expected_errno, call);			\
		EXPECT_TRUE(expect_unchanged(arena, before_))		\
			TH_LOG("%s changed the arena", #call);		\
	} while (0)

/* The same, and out_failed is this. */
#define EXPECT_REFUSED_AT(arena, expected_errno, index, call)		\
	do {								\
		EXPECT_REFUSED(arena, expected_errno, call);		\
		EXPECT_EQ((uint32_t)(index), last_failed)		\
			TH_LOG("%s", #call);				\
	} while (0)

/* Like EXPECT_EQ for the bytes of a view, with the fault if there is one. */
#define EXPECT_BYTES(view, wanted, length)				\
	do {								\
		const size_t length_ = (length);			\
		uint8_t bytes_[65536];					\
									\
		for (size_t at_ = 0, some_; at_ < length_; at_ += some_) { \
			some_ = length_ - at_;				\
			if (some_ > sizeof(bytes_))			\
				some_ = sizeof(bytes_);			\
			EXPECT_EQ(0, guarded_read(bytes_,		\
						  (const uint8_t *)(view) + at_, \
						  some_));		\
			EXPECT_EQ(0, memcmp(bytes_,			\
					    (const uint8_t *)(wanted) + at_, \
					    some_));			\
		}							\
	} while (0)

#define EXPECT_TRAP_FILL(arena, offset, length)				\
	do {								\
		uint8_t bytes_[65536];					\
									\
		ASSERT_LE((size_t)(length), sizeof(bytes_));		\
		EXPECT_EQ(0, guarded_read(bytes_,			\
					  (arena)->view + (offset),	\
					  length));			\
		EXPECT_TRUE(is_trap_fill(bytes_, offset, length));	\
	} while (0)

/* The code at this address runs and returns this. */
#define EXPECT_RETURNS(value, code)					\
	do {								\
		uint32_t result_ = POISON32;				\
									\
		if (!HAVE_CODE)						\
			break;						\
		EXPECT_EQ(0, guarded_call(code, &result_));		\
		EXPECT_EQ((uint32_t)(value), result_);			\
	} while (0)

/*
 * Children report by their exit status: run_child() returns it, or 256 plus the
 * signal that killed the child. CHECK() is the ASSERT of a child's function.
 */
int run_child(int (*fn)(void *arg), void *arg);

#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr,					\
				"# %s:%d: child: %s is false (%s)\n",	\
				__FILE__, __LINE__, #condition,		\
				strerror(errno));			\
			return 1;					\
		}							\
	} while (0)

#define CHECK_ERRNO(expected_errno, call)				\
	CHECK((call) == -1 && errno == (expected_errno))

/*
 * Seconds after which a wait for something that has to happen is given up. It finds
 * what hangs; no machine is so slow that it takes this long.
 */
#define HANG_SECONDS	300

/* CLOCK_MONOTONIC, in seconds. */
double seconds_now(void);
/* Processor time of this thread, in seconds: other load does not add to it. */
double seconds_used(void);

/* Wait until a condition is true: false when that hangs. */
#define WAIT_UNTIL(condition)						\
	({								\
		double until_ = seconds_now() + HANG_SECONDS;		\
		bool true_;						\
									\
		while (!(true_ = (condition)) &&			\
		       seconds_now() < until_)				\
			usleep(1000);					\
		true_;							\
	})

/* Has the mapping at this address a flag, as smaps names it ("mw")? */
bool vm_flag(const void *address, const char *flag);

/* Write a string to a file, as the shell's echo does: 0 or -1. */
int write_file(const char *path, const char *text);
/* Read a file of a line or two into a string: 0 or -1. */
int read_file(const char *path, char *text, size_t size);

/* The text of /proc/self/fdinfo about a handle: 0 or -1. */
int fdinfo(int fd, char *text, size_t size);
/* The number of its arena there; 0 without. */
unsigned long long arena_id(int fd);

/* The line "KEY:\tVALUE" of fdinfo. */
#define EXPECT_FDINFO(text, key, format, ...)				\
	do {								\
		char line_[128];					\
									\
		snprintf(line_, sizeof(line_), "\n" key ":\t" format "\n", \
			 ##__VA_ARGS__);				\
		EXPECT_NE(NULL, strstr(text, line_))			\
			TH_LOG("no line %s in: %s", line_ + 1, text);	\
	} while (0)

#endif /* CODEARENA_SELFTESTS_UTILS_H */
