// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The functions of the C library that change mappings. A call that has nothing to
 * do with executable memory goes straight to the kernel.
 */
#include <errno.h>
#include <stdarg.h>

#include "preload.h"
#include "raw.h"

#define BOTH	(PROT_WRITE | PROT_EXEC)

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif

static size_t whole_pages(size_t length)
{
	return (length + pl.page - 1) & ~(pl.page - 1);
}

/* Answer a request for writable and executable memory: 0, or refuse it. */
static int want_both(int prot)
{
	static bool said;

	if ((prot & BOTH) != BOTH)
		return 0;
	if (pl_allowed(prot)) {
		pl.counters.both++;
		return 0;
	}
	pl.counters.refused++;
	pl_say_once(&said, "asked for memory that is writable and executable at once: refused",
		    "codearena-run --wx=emulate serves such programs");
	return -EACCES;
}

/* A program needs executable memory: have the handler, or say why it is refused. */
static int need_device(void)
{
	static bool said;
	int ret = pl.device < 0 ? pl.device : pl_engage();

	if (!ret)
		return 0;
	pl_say_once(&said, "cannot make memory executable: /dev/codearena cannot be used",
		    "'codearenactl check' reports why");
	return -EACCES;
}

static long map_both(uintptr_t address, size_t length, int prot, int flags, int fd,
		     long offset)
{
	long mapped = raw_mmap(address, length, prot & ~PROT_EXEC, flags, fd, offset);
	int ret;

	if (raw_failed(mapped))
		return mapped;
	ret = pl_protect((uintptr_t)mapped, length, prot);
	if (!ret)
		return mapped;
	raw_munmap((uintptr_t)mapped, length);
	return ret;
}

static enum pl_kind kind_of(int flags)
{
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return PL_PRIVATE;
	return flags & MAP_ANONYMOUS ? PL_ANONYMOUS : PL_FILE;
}

static long mmap_locked(uintptr_t address, size_t length, int prot, int flags, int fd,
			long offset)
{
	bool both = (prot & BOTH) == BOTH && kind_of(flags) != PL_FILE;
	long mapped;
	int ret = 0;

	if (flags & MAP_FIXED) {
		pl_shared_remove(address, length);
		if (pl_range_ours(address, length))
			ret = pl_forget(address, length);
	}
	if (ret)
		return ret;
	if (both)
		mapped = map_both(address, length, prot, flags, fd, offset);
	else
		mapped = raw_mmap(address, length, prot, flags, fd, offset);
	if (!raw_failed(mapped) && kind_of(flags) != PL_PRIVATE)
		pl_shared_add((uintptr_t)mapped, length, kind_of(flags));
	return mapped;
}

long pl_mmap(uintptr_t address, size_t length, int prot, int flags, int fd, long offset)
{
	size_t size = whole_pages(length);
	bool both = (prot & BOTH) == BOTH;
	uint64_t mask;
	long ret;

	pl_init();
	ret = both ? want_both(prot) : 0;
	if (!ret && both)
		ret = need_device();
	if (ret)
		return ret;
	if (!size || (!both && kind_of(flags) == PL_PRIVATE &&
		      !((flags & MAP_FIXED) && pl.chunks)))
		return raw_mmap(address, length, prot, flags, fd, offset);
	pl_lock(&mask);
	ret = mmap_locked(address, size, prot, flags, fd, offset);
	pl_unlock(&mask);
	return ret;
}

int pl_munmap(uintptr_t address, size_t length)
{
	size_t size = whole_pages(length);
	uint64_t mask;
	int ret = 0;

	pl_init();
	if ((address & (pl.page - 1)) || !size)
		return raw_munmap(address, length);
	pl_lock(&mask);
	pl_shared_remove(address, size);
	if (pl_range_ours(address, size))
		ret = pl_forget(address, size);
	if (!ret)
		ret = raw_munmap(address, size);
	pl_unlock(&mask);
	return ret;
}

int pl_mprotect(uintptr_t address, size_t length, int prot)
{
	size_t size = whole_pages(length);
	uint64_t mask;
	int ret;

	pl_init();
	if ((address & (pl.page - 1)) || !size || (prot & ~PL_PROT) ||
	    (!(prot & PROT_EXEC) && !pl_range_ours(address, size)) ||
	    pl_shared_kind(address) == PL_FILE)
		return raw_mprotect(address, length, prot);
	ret = want_both(prot);
	if (!ret)
		ret = need_device();
	if (ret)
		return ret;
	pl_lock(&mask);
	ret = pl_protect(address, size, prot);
	pl_unlock(&mask);
	return ret;
}

static long mremap_locked(uintptr_t address, size_t length, size_t new_length, int flags,
			  uintptr_t target)
{
	int prot = pl_page_state(address) & PL_PROT;
	long moved = pl_to_anonymous(address, length);

	if (!moved)
		moved = pl_forget(address, length);
	if (!moved && (flags & MREMAP_FIXED))
		moved = pl_forget(target, new_length);
	if (!moved)
		moved = raw_mremap(address, length, new_length, flags, target);
	if (raw_failed(moved))
		pl_protect(address, length, prot);
	else if (prot & PROT_EXEC)
		pl_protect((uintptr_t)moved, new_length, prot);
	return moved;
}

long pl_mremap(uintptr_t address, size_t length, size_t new_length, int flags,
	       uintptr_t target)
{
	uint64_t mask;
	long ret;

	pl_init();
	if (!pl.chunks || (address & (pl.page - 1)))
		return raw_mremap(address, length, new_length, flags, target);
	length = whole_pages(length);
	new_length = whole_pages(new_length);
	pl_lock(&mask);
	if (pl_range_ours(address, length) ||
	    ((flags & MREMAP_FIXED) && pl_range_ours(target, new_length)))
		ret = mremap_locked(address, length, new_length, flags, target);
	else
		ret = raw_mremap(address, length, new_length, flags, target);
	pl_unlock(&mask);
	return ret;
}

static bool drops(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
	       advice == MADV_DONTNEED_LOCKED;
}

int pl_madvise(uintptr_t address, size_t length, int advice)
{
	size_t size = whole_pages(length);
	bool ours;
	uint64_t mask;
	int ret = 0;

	pl_init();
	ours = !(address & (pl.page - 1)) && pl_range_ours(address, size);
	if (ours && drops(advice)) {
		pl_lock(&mask);
		ret = pl_to_anonymous(address, size);
		pl_unlock(&mask);
	}
	if (ret)
		return ret;
	ret = (int)raw_call(SYS_madvise, (long)address, (long)length, advice, 0, 0, 0);
	/* Views take no advice that needs pages of the core. */
	return ours && ret == -EINVAL ? 0 : ret;
}

static long answer(long ret)
{
	if (!raw_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

PL_EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	return (void *)answer(pl_mmap((uintptr_t)address, length, prot, flags, fd, offset));
}

PL_EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd,
		       off_t offset)
{
	return (void *)answer(pl_mmap((uintptr_t)address, length, prot, flags, fd, offset));
}

PL_EXPORT int munmap(void *address, size_t length)
{
	return (int)answer(pl_munmap((uintptr_t)address, length));
}

PL_EXPORT int mprotect(void *address, size_t length, int prot)
{
	return (int)answer(pl_mprotect((uintptr_t)address, length, prot));
}

/* Views are not writable whatever their key; other memory keeps it. */
PL_EXPORT int pkey_mprotect(void *address, size_t length, int prot, int key)
{
	if ((prot & PROT_EXEC) || pl_range_ours((uintptr_t)address, length))
		return mprotect(address, length, prot);
	return (int)answer(raw_call(SYS_pkey_mprotect, (long)address, (long)length, prot, key,
				    0, 0));
}

PL_EXPORT void *mremap(void *address, size_t length, size_t new_length, int flags, ...)
{
	uintptr_t target = 0;
	va_list list;

	if (flags & MREMAP_FIXED) {
		va_start(list, flags);
		target = va_arg(list, uintptr_t);
		va_end(list);
	}
	return (void *)answer(pl_mremap((uintptr_t)address, length, new_length, flags,
					target));
}

PL_EXPORT int madvise(void *address, size_t length, int advice)
{
	return (int)answer(pl_madvise((uintptr_t)address, length, advice));
}
