// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Views: mmap, munmap, mprotect, mremap, madvise, and ways around their rights. */
#include <sys/uio.h>

#include "fuzz.h"

#define MOST_MAPPED	128	/* pages, of what a program asks for */

static int prot_of(uint64_t arg)
{
	int prot = 0;

	if (arg & 1)
		prot |= PROT_READ;
	if (arg & 2)
		prot |= PROT_READ | PROT_EXEC;
	if (arg & 4)
		prot |= PROT_READ | PROT_WRITE;
	if (arg & 8)
		prot |= PROT_EXEC;
	return prot;
}

static bool prot_refused(const struct model *m, int prot)
{
	return prot & PROT_WRITE ||
	       (prot & PROT_READ && m->flags & CODEARENA_RESERVE_F_EXECUTE_ONLY);
}

static void judge_map(struct fuzzer *f, const struct op *op, bool worked,
		      int number, const struct errors *allowed)
{
	command_judge(f, op, worked ? 0 : number, allowed);
}

/* Arguments: first page, pages, rights, private. */
void op_mmap(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	uint64_t page = op->arg[0] % MOST_MAPPED;
	uint64_t pages = op->arg[1] % MOST_MAPPED;
	int prot = prot_of(op->arg[2]), fd;
	struct errors allowed = { 0 };
	bool private = op->arg[3] & 1;
	uint8_t *address;

	if (!m || m->view_count == MAX_VIEWS)
		return;
	fd = op->abi & ABI_SHARED_FD && m->shared_fd >= 0 ? m->shared_fd :
							    m->fd;
	if (op->abi & ABI_EMPTY_FD) {
		fd = f->empty_fd;
		error_add(&allowed, EBADFD);
	}
	if (!pages || private || page + pages > m->stat.out_length / m->page)
		error_add(&allowed, EINVAL);
	if (prot_refused(m, prot))
		error_add(&allowed, EACCES);
	address = mmap(NULL, pages * m->page, prot,
		       private ? MAP_PRIVATE : MAP_SHARED, fd,
		       (off_t)(page * m->page));
	judge_map(f, op, address != MAP_FAILED, errno, &allowed);
	if (address == MAP_FAILED)
		return;
	if (error_any(&allowed)) {
		munmap(address, pages * m->page);
		return;
	}
	m->views[m->view_count++] = (struct view) {
		.address = address,
		.page = page,
		.pages = pages,
		.prot = prot,
	};
}

/* Which part of which view: NULL if there is none, or no room for more parts. */
static struct view *part_of(const struct op *op, struct model *m,
			    uint64_t *first, uint64_t *pages)
{
	struct view *v;

	if (!m || !m->view_count || m->view_count + 2 > MAX_VIEWS)
		return NULL;
	v = &m->views[op->arg[0] % m->view_count];
	*first = op->arg[1] % v->pages;
	*pages = op->arg[2] % (v->pages - *first);
	if (!*pages)
		*pages = v->pages - *first;
	return v;
}

/* Cut a view, so that the part is one of its own; returns that. */
static struct view *isolate(struct model *m, struct view *v, uint64_t first,
			    uint64_t pages)
{
	struct view whole = *v;

	v->address += first * m->page;
	v->page += first;
	v->pages = pages;
	if (first)
		m->views[m->view_count++] = (struct view) {
			.address = whole.address,
			.page = whole.page,
			.pages = first,
			.prot = whole.prot,
		};
	if (first + pages < whole.pages)
		m->views[m->view_count++] = (struct view) {
			.address = whole.address + (first + pages) * m->page,
			.page = whole.page + first + pages,
			.pages = whole.pages - first - pages,
			.prot = whole.prot,
		};
	return v;
}

static void forget(struct model *m, struct view *v)
{
	*v = m->views[--m->view_count];
	if (!m->view_count)
		m->landing = false;
}

/* Arguments: view, first page of it, pages. */
void op_munmap(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	struct errors allowed = { 0 };
	uint64_t first, pages;
	struct view *v = part_of(op, m, &first, &pages);
	int ret;

	if (!v)
		return;
	if (pages != v->pages && m->flags & CODEARENA_RESERVE_F_PERMANENT)
		error_add(&allowed, EPERM);
	ret = munmap(v->address + first * m->page, pages * m->page);
	judge_map(f, op, !ret, errno, &allowed);
	if (!ret && !error_any(&allowed))
		forget(m, isolate(m, v, first, pages));
}

/* Arguments: view, first page of it, pages, rights. */
void op_mprotect(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	int prot = prot_of(op->arg[3]), ret;
	struct errors allowed = { 0 };
	uint64_t first, pages;
	struct view *v = part_of(op, m, &first, &pages);

	if (!v)
		return;
	if (prot_refused(m, prot))
		error_add(&allowed, EACCES);
	if (pages != v->pages && prot != v->prot &&
	    m->flags & CODEARENA_RESERVE_F_PERMANENT)
		error_add(&allowed, EPERM);
	ret = mprotect(v->address + first * m->page, pages * m->page, prot);
	judge_map(f, op, !ret, errno, &allowed);
	if (!ret && !error_any(&allowed) && prot != v->prot)
		isolate(m, v, first, pages)->prot = prot;
}

/*
 * Where a thread moves views to: far from where the kernel maps what has no place
 * of its own. A refused move may leave the target unmapped, and what another thread
 * mapped there meanwhile would be unmapped with it.
 */
#define MOVE_BASE	(1ULL << 36)
#define MOVE_ROOM	(1ULL << 34)

static void *move_view(const struct fuzzer *f, const struct view *v,
		       uint64_t page, uint64_t how)
{
	uint64_t length = v->pages * page;
	void *target, *moved;
	int number;

	switch (how) {
	case 1:
		return mremap(v->address, length, length + page, 0);
	case 2:
		return mremap(v->address, length, length + page,
			      MREMAP_MAYMOVE);
	case 3:
		return mremap(v->address, length, length,
			      MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	case 4:
		return mremap(v->address, 0, length, MREMAP_MAYMOVE);
	}
	target = mmap((void *)(MOVE_BASE + f->index * MOVE_ROOM), length,
		      PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		      MAP_FIXED, -1, 0);
	if (target == MAP_FAILED)
		abort();
	moved = mremap(v->address, length, length,
		       MREMAP_MAYMOVE | MREMAP_FIXED, target);
	number = errno;
	munmap(target, length);
	errno = number;
	return moved;
}

/* Arguments: view, how, pages that stay when it shrinks. */
void op_mremap(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	uint64_t how = op->arg[1] % 6, pages;
	struct errors allowed = { 0 };
	struct view *v;
	void *moved;

	if (!m || !m->view_count || m->view_count + 2 > MAX_VIEWS)
		return;
	v = &m->views[op->arg[0] % m->view_count];
	if (how) {
		/* Which of these it is depends on the kernel's version. */
		error_add(&allowed, EINVAL);
		error_add(&allowed, EFAULT);
		error_add(&allowed, EPERM);
		error_add(&allowed, ENOMEM);
		moved = move_view(f, v, m->page, how);
		judge_map(f, op, moved != MAP_FAILED, errno, &allowed);
		return;
	}
	pages = op->arg[2] % v->pages + 1;
	if (pages != v->pages && m->flags & CODEARENA_RESERVE_F_PERMANENT)
		error_add(&allowed, EPERM);
	moved = mremap(v->address, v->pages * m->page, pages * m->page, 0);
	judge_map(f, op, moved != MAP_FAILED, errno, &allowed);
	if (moved != MAP_FAILED && !error_any(&allowed) && pages != v->pages)
		forget(m, isolate(m, v, pages, v->pages - pages));
}

/* Arguments: view, advice. Whatever it answers, the bytes are the same. */
void op_madvise(struct fuzzer *f, const struct op *op)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_WILLNEED, MADV_RANDOM, MADV_COLD,
		MADV_PAGEOUT, MADV_FREE, MADV_REMOVE, MADV_HUGEPAGE,
		MADV_SEQUENTIAL, MADV_NORMAL, MADV_MERGEABLE,
	};
	struct model *m = f->slots[op->slot];
	const struct view *v;

	if (!m || !m->view_count)
		return;
	v = &m->views[op->arg[0] % m->view_count];
	madvise(v->address, v->pages * m->page,
		advice[op->arg[1] % (sizeof(advice) / sizeof(advice[0]))]);
	if (op->arg[1] & 0x100) {
		msync(v->address, v->pages * m->page, MS_SYNC);
		if (!mlock(v->address, v->pages * m->page))
			munlock(v->address, v->pages * m->page);
	}
}

/* Write to code in another way: true if that worked. */
static bool poke(struct fuzzer *f, const struct op *op, uint8_t *at)
{
	struct iovec local = { .iov_base = f->scratch, .iov_len = 8 };
	struct iovec remote = { .iov_base = at, .iov_len = 8 };
	ssize_t moved = -1;
	int fd;

	switch (op->arg[2] % 4) {
	case 0:
		return !guarded_store(at, 0x90);
	case 1:
		fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
		if (fd >= 0) {
			moved = pwrite(fd, f->scratch, 8,
				       (off_t)(uintptr_t)at);
			close(fd);
		}
		return moved > 0;
	case 2:
		fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			moved = read(fd, at, 8);
			close(fd);
		}
		return moved > 0;
	}
	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) > 0;
}

/* Arguments: view, byte of it, how. */
void op_poke(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	const struct view *v;
	uint64_t at;

	if (!m || !m->view_count)
		return;
	v = &m->views[op->arg[0] % m->view_count];
	at = op->arg[1] % (v->pages * m->page) & ~7ULL;
	if (poke(f, op, v->address + at))
		violation(f, "a view of code was written to");
}

/* Arguments: pages, rights, private, offset in pages. */
void op_guard(struct fuzzer *f, const struct op *op)
{
	struct model *m = f->slots[op->slot];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t length = (op->arg[0] % 4096 + 1) * page;
	int prot = prot_of(op->arg[1]);
	struct errors allowed = { 0 };
	bool private = op->arg[2] & 1;
	uint8_t *address, byte;

	if (!m)
		return;
	if (private)
		error_add(&allowed, EINVAL);
	if (prot & PROT_EXEC)
		error_add(&allowed, EACCES);
	address = mmap(NULL, length, prot, private ? MAP_PRIVATE : MAP_SHARED,
		       m->fd, (off_t)(CODEARENA_GUARD_OFFSET +
				      op->arg[3] % 64 * page));
	judge_map(f, op, address != MAP_FAILED, errno, &allowed);
	if (address == MAP_FAILED)
		return;
	if (guarded_read(&byte, address + length - 1, 1) != SIGSEGV ||
	    guarded_store(address, 1) != SIGSEGV)
		violation(f, "a guard view can be accessed");
	if (!mprotect(address, page, PROT_READ | PROT_EXEC))
		violation(f, "a guard view can be made executable");
	munmap(address, length);
}
