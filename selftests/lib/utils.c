// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/*
 * Shared by the kselftests, see utils.h. Free of the harness: a second file
 * that includes it would define its symbols twice.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "utils.h"

#define EXIT_SKIP 4	/* of a TAP program that skips all its tests */

__thread uint32_t last_failed;
__thread struct fault last_fault;

static __thread sigjmp_buf *guard;

/*
 * The handler looks at guard in the middle of what seems to be a copy: neither
 * may be moved across the other, or left out.
 */
#define barrier() __asm__ volatile("" : : : "memory")
#define set_guard(value) __atomic_store_n(&guard, value, __ATOMIC_RELAXED)

/*
 * Without the module no test means anything: say so once, before the harness
 * starts, in the way TAP has for it.
 */
static void __attribute__((constructor)) need_device(void)
{
	int fd = device_open(O_RDWR);

	if (fd < 0) {
		printf("TAP version 13\n1..0 # SKIP %s: %s\n", DEVICE,
		       strerror(errno));
		exit(EXIT_SKIP);
	}
	close(fd);
}

int device_open(int flags)
{
	return open(DEVICE, flags | O_CLOEXEC);
}

int do_query(int fd, struct codearena_query *query)
{
	memset(query, 0xef, sizeof(*query));
	query->size = sizeof(*query);
	query->flags = 0;
	return ioctl(fd, CODEARENA_QUERY, query);
}

int do_reserve(int fd, uint64_t length, uint32_t flags, uint64_t commit_limit,
	       const char *name)
{
	struct codearena_reserve reserve = {
		.size = sizeof(reserve),
		.flags = flags,
		.length = length,
		.commit_limit = commit_limit,
	};

	memcpy(reserve.name, name,
	       strnlen(name, sizeof(reserve.name)));
	return ioctl(fd, CODEARENA_RESERVE, &reserve);
}

int do_commit(int fd, uint64_t offset, uint64_t length)
{
	struct codearena_commit commit = {
		.size = sizeof(commit),
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, CODEARENA_COMMIT, &commit);
}

int do_decommit(int fd, uint64_t offset, uint64_t length)
{
	struct codearena_decommit decommit = {
		.size = sizeof(decommit),
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, CODEARENA_DECOMMIT, &decommit);
}

int do_write(int fd, const struct codearena_chunk *chunks, uint32_t count)
{
	struct codearena_write command = {
		.size = sizeof(command),
		.chunks = (uintptr_t)chunks,
		.count = count,
		.out_failed = POISON32,
	};
	int ret = ioctl(fd, CODEARENA_WRITE, &command);

	last_failed = command.out_failed;
	return ret;
}

int do_write1(int fd, uint64_t offset, const void *source, uint64_t length)
{
	struct codearena_chunk chunk = chunk_of(offset, source, length);

	return do_write(fd, &chunk, 1);
}

int do_seal(int fd, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct codearena_seal seal = {
		.size = sizeof(seal),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, CODEARENA_SEAL, &seal);
}

int do_publish(int fd, const struct codearena_object *objects, uint32_t count,
	       const struct codearena_patch_entry *patches,
	       uint32_t patch_count, uint32_t flags)
{
	struct codearena_publish publish = {
		.size = sizeof(publish),
		.flags = flags,
		.objects = (uintptr_t)objects,
		.patches = (uintptr_t)patches,
		.object_count = count,
		.patch_count = patch_count,
		.out_failed = POISON32,
	};
	int ret = ioctl(fd, CODEARENA_PUBLISH, &publish);

	last_failed = publish.out_failed;
	return ret;
}

int do_publish1(int fd, uint64_t offset, const void *source, uint64_t length,
		uint32_t object_flags)
{
	struct codearena_object object =
		object_of(offset, source, length, object_flags);

	return do_publish(fd, &object, 1, NULL, 0, 0);
}

int do_patch(int fd, const struct codearena_patch_entry *patches,
	     uint32_t count, uint32_t flags)
{
	struct codearena_patch patch = {
		.size = sizeof(patch),
		.flags = flags,
		.patches = (uintptr_t)patches,
		.count = count,
		.out_failed = POISON32,
	};
	int ret = ioctl(fd, CODEARENA_PATCH, &patch);

	last_failed = patch.out_failed;
	return ret;
}

int do_patch1(int fd, uint64_t offset, uint32_t width, uint64_t expected,
	      uint64_t value)
{
	struct codearena_patch_entry entry =
		patch_of(offset, width, expected, value);

	return do_patch(fd, &entry, 1, 0);
}

int do_discard(int fd, const struct codearena_range *ranges, uint32_t count)
{
	struct codearena_discard discard = {
		.size = sizeof(discard),
		.ranges = (uintptr_t)ranges,
		.count = count,
		.out_failed = POISON32,
	};
	int ret = ioctl(fd, CODEARENA_DISCARD, &discard);

	last_failed = discard.out_failed;
	return ret;
}

int do_discard1(int fd, uint64_t offset, uint64_t length)
{
	struct codearena_range range = { .offset = offset, .length = length };

	return do_discard(fd, &range, 1);
}

int do_share(int fd)
{
	struct codearena_share share = {
		.size = sizeof(share),
		.out_fd = (int32_t)POISON32,
	};

	if (ioctl(fd, CODEARENA_SHARE, &share))
		return -1;
	return share.out_fd;
}

int do_clone(int fd)
{
	struct codearena_clone clone = {
		.size = sizeof(clone),
		.out_fd = (int32_t)POISON32,
	};

	if (ioctl(fd, CODEARENA_CLONE, &clone))
		return -1;
	return clone.out_fd;
}

int do_open(int fd)
{
	struct codearena_open open = {
		.size = sizeof(open),
		.out_fd = (int32_t)POISON32,
	};

	if (ioctl(fd, CODEARENA_OPEN, &open))
		return -1;
	return open.out_fd;
}

int do_stat(int fd, struct codearena_stat *stat)
{
	memset(stat, 0xef, sizeof(*stat));
	stat->size = sizeof(*stat);
	stat->flags = 0;
	return ioctl(fd, CODEARENA_STAT, stat);
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (!guard) {
		/* Not ours: let the access fault again and kill. */
		signal(signo, SIG_DFL);
		return;
	}
	last_fault.signo = signo;
	last_fault.code = info->si_code;
	last_fault.address = info->si_addr;
	siglongjmp(*guard, signo);
}

/* Early: constructors of tests may need it. */
static void __attribute__((constructor(200))) install_handlers(void)
{
	static const int signals[] = { SIGBUS, SIGSEGV, SIGTRAP, SIGILL };
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

int guarded_read(void *to, const void *from, size_t length)
{
	sigjmp_buf here;
	int signo = sigsetjmp(here, 1);

	if (!signo) {
		set_guard(&here);
		barrier();
		memcpy(to, from, length);
		barrier();
	}
	set_guard(NULL);
	return signo;
}

int guarded_store(void *to, uint8_t byte)
{
	sigjmp_buf here;
	int signo = sigsetjmp(here, 1);

	if (!signo) {
		set_guard(&here);
		barrier();
		*(uint8_t *)to = byte;
		barrier();
	}
	set_guard(NULL);
	return signo;
}

int guarded_call(const void *code, uint32_t *result)
{
	sigjmp_buf here;
	int signo = sigsetjmp(here, 1);

	if (!signo) {
		uint32_t (*function)(void) =
			(uint32_t (*)(void))(uintptr_t)code;

		set_guard(&here);
		barrier();
		*result = function();
		barrier();
	}
	set_guard(NULL);
	return signo;
}

#if defined(__x86_64__)
void code_return(void *to, uint32_t value)
{
	uint8_t *code = to;

	code[0] = 0xb8;
	memcpy(code + 1, &value, sizeof(value));
	code[5] = 0xc3;
}
#elif defined(__aarch64__)
void code_return(void *to, uint32_t value)
{
	const uint32_t code[3] = {
		0x52800000 | (value & 0xffff) << 5,
		0x72a00000 | (value >> 16) << 5,
		0xd65f03c0,
	};

	memcpy(to, code, sizeof(code));
}
#elif defined(__riscv)
void code_return(void *to, uint32_t value)
{
	const uint32_t code[3] = {
		0x00000537 | ((value + 0x800) & 0xfffff000),
		0x0005051b | (value & 0xfff) << 20,
		0x00008067,
	};

	memcpy(to, code, sizeof(code));
}
#else
void code_return(void *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}
#endif

uint8_t trap_fill_at(uint64_t at)
{
	static const uint8_t fill[] = TRAP_FILL;

	return fill[at % sizeof(fill)];
}

bool is_trap_fill(const void *bytes, uint64_t at, size_t length)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; HAVE_CODE && i < length; i++)
		if (byte[i] != trap_fill_at(at + i))
			return false;
	return true;
}

void *arena_map(const struct arena *a, int fd)
{
	return mmap(NULL, a->length, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
}

int arena_new(struct arena *a, uint64_t pages, uint32_t reserve_flags,
	      uint64_t commit_limit)
{
	struct codearena_query query;
	void *view;

	memset(a, 0, sizeof(*a));
	a->fd = device_open(O_RDWR);
	if (a->fd < 0 || do_query(a->fd, &query))
		return -1;
	a->page = query.out_page_size;
	a->granule = query.out_granule;
	a->length = pages * a->page;
	a->watch = pages < POPULATED_PAGES ?
		   a->length : (uint64_t)POPULATED_PAGES * a->page;
	if (do_reserve(a->fd, a->length, reserve_flags, commit_limit,
		       "selftest"))
		return -1;
	if (reserve_flags & CODEARENA_RESERVE_F_EXECUTE_ONLY)
		view = mmap(NULL, a->length, PROT_EXEC, MAP_SHARED, a->fd, 0);
	else
		view = arena_map(a, a->fd);
	if (view == MAP_FAILED)
		return -1;
	a->view = view;
	return 0;
}

void arena_free(struct arena *a)
{
	if (a->view)
		munmap(a->view, a->length);
	if (a->fd > 0)
		close(a->fd);
	a->view = NULL;
	a->fd = -1;
}

int arena_populate(struct arena *a)
{
	uint64_t words[8];
	uint8_t code[CODE_SIZE];
	struct codearena_object objects[2];
	uint8_t *bytes;
	int ret;

	if (do_commit(a->fd, 0, page_at(a, RESERVED_PAGE)))
		return -1;

	code_return(code, CODE_VALUE);
	for (unsigned int i = 0; i < 8; i++)
		words[i] = WORD(i);
	objects[0] = object_of(granule_at(a, CODE_PAGE, 0), code, CODE_SIZE, 0);
	objects[1] = object_of(granule_at(a, CODE_PAGE, 1), words,
			       sizeof(words), CODEARENA_OBJECT_F_PATCHABLE);
	if (do_publish(a->fd, objects, 2, NULL, 0, 0))
		return -1;

	bytes = malloc(a->page);
	if (!bytes)
		return -1;
	memset(bytes, WRITTEN_BYTE, a->page);
	ret = do_write1(a->fd, page_at(a, WRITTEN_PAGE), bytes,
			LAST_GRANULE * a->granule);
	free(bytes);

	for (unsigned int page = CODE_PAGE; !ret && page <= TRAP_PAGE; page++)
		ret = do_seal(a->fd, granule_at(a, page, LAST_GRANULE),
			      a->granule, 0);
	return ret;
}

struct snapshot {
	int stat_errno;
	struct codearena_stat stat;
	uint64_t commit_total;
	uint64_t watch;
	uint8_t *bytes;
	int *signals;	/* per page: what reading it raised */
};

void snapshot_free(struct snapshot *s)
{
	free(s->bytes);
	free(s->signals);
	free(s);
}

struct snapshot *snapshot(const struct arena *a)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct codearena_query query;

	if (!s)
		abort();
	if (do_stat(a->fd, &s->stat))
		s->stat_errno = errno;
	if (do_query(a->fd, &query) == 0)
		s->commit_total = query.out_commit_total;
	if (!a->view)
		return s;

	s->watch = a->watch;
	s->bytes = calloc(1, a->watch);
	s->signals = calloc(a->watch / a->page, sizeof(*s->signals));
	if (!s->bytes || !s->signals)
		abort();
	for (uint64_t at = 0; at < a->watch; at += a->page)
		s->signals[at / a->page] =
			guarded_read(s->bytes + at, a->view + at, a->page);
	return s;
}

static bool differs(const char *what, uint64_t before, uint64_t now)
{
	if (before == now)
		return false;
	fprintf(stderr, "# %s was %llu, is %llu\n", what,
		(unsigned long long)before, (unsigned long long)now);
	return true;
}

static bool stat_differs(const struct codearena_stat *a,
			 const struct codearena_stat *b)
{
	bool different = false;

	different |= differs("length", a->out_length, b->out_length);
	different |= differs("commit_limit", a->out_commit_limit,
			     b->out_commit_limit);
	different |= differs("committed", a->out_committed, b->out_committed);
	different |= differs("sealed", a->out_sealed, b->out_sealed);
	different |= differs("patchable", a->out_patchable, b->out_patchable);
	different |= differs("published", a->out_published, b->out_published);
	different |= differs("written", a->out_written, b->out_written);
	different |= differs("patched", a->out_patched, b->out_patched);
	different |= differs("discarded", a->out_discarded, b->out_discarded);
	different |= differs("syncs", a->out_syncs, b->out_syncs);
	different |= differs("trap_tables", a->out_trap_tables,
			     b->out_trap_tables);
	different |= differs("trap_entries", a->out_trap_entries,
			     b->out_trap_entries);
	different |= differs("traps_memory", a->out_traps_memory,
			     b->out_traps_memory);
	different |= differs("traps_divide", a->out_traps_divide,
			     b->out_traps_divide);
	different |= differs("traps_undefined", a->out_traps_undefined,
			     b->out_traps_undefined);
	different |= differs("metadata", a->out_metadata, b->out_metadata);
	different |= differs("metadata_limit", a->out_metadata_limit,
			     b->out_metadata_limit);
	return different;
}

static bool bytes_differ(const struct arena *a, const struct snapshot *before,
			 const struct snapshot *now)
{
	for (uint64_t page = 0; page < before->watch / a->page; page++)
		if (before->signals[page] != now->signals[page]) {
			fprintf(stderr, "# page %llu: signal was %d, is %d\n",
				(unsigned long long)page,
				before->signals[page], now->signals[page]);
			return true;
		}
	for (uint64_t at = 0; at < before->watch; at++)
		if (before->bytes[at] != now->bytes[at]) {
			fprintf(stderr, "# offset %#llx: was %02x, is %02x\n",
				(unsigned long long)at, before->bytes[at],
				now->bytes[at]);
			return true;
		}
	return false;
}

bool expect_like(const struct arena *a, const struct snapshot *before)
{
	struct snapshot *now = snapshot(a);
	bool different = false;

	different |= differs("errno of STAT", before->stat_errno,
			     now->stat_errno);
	if (!before->stat_errno)
		different |= stat_differs(&before->stat, &now->stat);
	different |= differs("commit_total", before->commit_total,
			     now->commit_total);
	different |= bytes_differ(a, before, now);
	snapshot_free(now);
	return !different;
}

bool expect_unchanged(const struct arena *a, struct snapshot *before)
{
	bool same = expect_like(a, before);

	snapshot_free(before);
	return same;
}

bool vm_flag(const void *address, const char *flag)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long first, last;
	bool inside = false, found = false;
	char line[1024];

	if (!smaps)
		abort();
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			inside = (uintptr_t)address >= first &&
				 (uintptr_t)address < last;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, flag);
	}
	fclose(smaps);
	return found;
}

int run_child(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(fn(arg));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   256 + WTERMSIG(status);
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double seconds_now(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double seconds_used(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	text[n] = 0;
	return 0;
}

int fdinfo(int fd, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return read_file(path, text, size);
}

unsigned long long arena_id(int fd)
{
	static const char key[] = "\ncodearena-id:\t";
	char text[2048], *line;

	if (fdinfo(fd, text, sizeof(text)))
		return 0;
	line = strstr(text, key);
	return line ? strtoull(line + sizeof(key) - 1, NULL, 10) : 0;
}

uint8_t *source_new(uint64_t page, unsigned int pages)
{
	const uint64_t length = pages * page;
	uint8_t *source = mmap(NULL, length + page, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (source == MAP_FAILED)
		return NULL;
	if (mprotect(source + length, page, PROT_NONE)) {
		source_free(source, page, pages);
		return NULL;
	}
	for (uint64_t i = 0; i < length; i++)
		source[i] = i * 11 + i / 253;
	return source;
}

void source_free(uint8_t *source, uint64_t page, unsigned int pages)
{
	munmap(source, (pages + 1) * page);
}

bool is_debug_kernel(void)
{
	return !access("/proc/self/fail-nth", F_OK);
}

unsigned int scaled(unsigned int count)
{
	static unsigned int divisor;

	if (!divisor)
		divisor = is_debug_kernel() ? 8 : 1;
	return count / divisor;
}
