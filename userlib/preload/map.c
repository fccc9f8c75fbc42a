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

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif

/* The pages of a range; false: the kernel refuses it, or it is empty. */
static bool pages_of(const void *address, size_t length, uintptr_t *at, size_t *size)
{
	pl_init();
	*at = (uintptr_t)address;
	*size = (length + pl.page - 1) & ~(pl.page - 1);
	return !(*at & (pl.page - 1)) && *at + *size > *at;
}

/* Whether anything can be ours: most programs never need the lock. */
static bool any_chunks(void)
{
	return __atomic_load_n(&pl.chunks, __ATOMIC_RELAXED);
}

/* Have what it takes to make memory executable, or say why it is refused. Lock held. */
static int permit(int prot)
{
	static bool said;
	bool both = (prot & PL_BOTH) == PL_BOTH;

	if (both && !pl.emulate) {
		if (!pl.counters.refused++)
			pl_say("asked for memory that is writable and executable at once: refused",
			       "codearena-run --wx=emulate serves such programs");
		return -EACCES;
	}
	if (pl.device < 0 || pl_engage()) {
		if (!said)
			pl_say("cannot make memory executable: /dev/codearena cannot be used",
			       "'codearenactl check' reports why");
		said = true;
		return -EACCES;
	}
	pl.counters.both += both;
	return 0;
}

static enum pl_kind kind_of(int flags)
{
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return PL_PRIVATE;
	return flags & MAP_ANONYMOUS ? PL_ANONYMOUS : PL_FILE;
}

/* Lock held. both: what is mapped becomes writable and executable afterwards. */
static long map_pages(uintptr_t at, size_t size, int prot, int flags, int fd, long offset)
{
	enum pl_kind kind = kind_of(flags);
	bool both = (prot & PL_BOTH) == PL_BOTH;
	int ret = both ? permit(prot) : 0;
	long mapped;

	if (ret)
		return ret;
	both = both && kind != PL_FILE;
	mapped = raw_call(SYS_mmap, at, size, both ? prot & ~PROT_EXEC : prot, flags, fd, offset);
	if (raw_failed(mapped))
		return mapped;
	if (flags & MAP_FIXED) {
		pl_shared_remove(at, size);
		pl_forget(at, size);
	}
	ret = both ? pl_protect((uintptr_t)mapped, size, prot) : 0;
	if (ret) {
		raw_call(SYS_munmap, mapped, size);
		return ret;
	}
	if (kind != PL_PRIVATE)
		pl_shared_add((uintptr_t)mapped, size, kind);
	return mapped;
}

PL_EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	bool both = (prot & PL_BOTH) == PL_BOTH, fixed = flags & MAP_FIXED, whole;
	uintptr_t at;
	size_t size;
	long ret;

	whole = pages_of(address, length, &at, &size);
	/* An address that is not fixed is a hint. */
	if ((fixed && !whole) ||
	    (!both && kind_of(flags) == PL_PRIVATE && !(fixed && any_chunks())))
		return (void *)raw_answer(raw_call(SYS_mmap, address, length, prot, flags, fd,
						   offset));
	pl_lock();
	ret = map_pages(at, size, prot, flags, fd, offset);
	pl_unlock();
	return (void *)raw_answer(ret);
}

PL_EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));

PL_EXPORT int munmap(void *address, size_t length)
{
	uintptr_t at;
	size_t size;
	long ret;

	if (!pages_of(address, length, &at, &size))
		return raw_answer(raw_call(SYS_munmap, address, length));
	pl_lock();
	ret = raw_call(SYS_munmap, at, size);
	if (!ret) {
		pl_shared_remove(at, size);
		pl_forget(at, size);
	}
	pl_unlock();
	return raw_answer(ret);
}

PL_EXPORT int mprotect(void *address, size_t length, int prot)
{
	uintptr_t at;
	size_t size;
	int ret;

	if (!pages_of(address, length, &at, &size) || (prot & ~PL_PROT) ||
	    (!(prot & PROT_EXEC) && !any_chunks()))
		return raw_answer(raw_call(SYS_mprotect, address, length, prot));
	pl_lock();
	if (pl_shared_kind(at) == PL_FILE || (!(prot & PROT_EXEC) && !pl_range_ours(at, size))) {
		ret = raw_call(SYS_mprotect, address, length, prot);
	} else {
		ret = permit(prot);
		if (!ret)
			ret = pl_protect(at, size, prot);
	}
	pl_unlock();
	return raw_answer(ret);
}

/* Views are not writable whatever their key; other memory keeps it. */
PL_EXPORT int pkey_mprotect(void *address, size_t length, int prot, int key)
{
	bool ours;

	pl_init();
	pl_lock();
	ours = pl_range_ours((uintptr_t)address, length);
	pl_unlock();
	if ((prot & PROT_EXEC) || ours)
		return mprotect(address, length, prot);
	return raw_answer(raw_call(SYS_pkey_mprotect, address, length, prot, key));
}

/* Lock held. What moves is ordinary memory meanwhile. */
static long move_pages(uintptr_t at, size_t size, size_t new_size, int flags, uintptr_t target)
{
	int prot = pl_page_state(at) & PL_PROT;
	long moved = pl_to_anonymous(at, size);

	if (!moved)
		moved = raw_call(SYS_mremap, at, size, new_size, flags, target);
	if (!raw_failed(moved)) {
		pl_forget(at, size);
		pl_forget((uintptr_t)moved, new_size);
	}
	if (prot && raw_failed(moved))
		pl_protect(at, size, prot);
	else if (prot & PROT_EXEC)
		pl_protect((uintptr_t)moved, new_size, prot);
	return moved;
}

PL_EXPORT void *mremap(void *address, size_t length, size_t new_length, int flags, ...)
{
	uintptr_t at, target = 0;
	va_list list;
	size_t size;
	long ret;

	if (flags & MREMAP_FIXED) {
		va_start(list, flags);
		target = va_arg(list, uintptr_t);
		va_end(list);
	}
	if (!pages_of(address, length, &at, &size) || !any_chunks())
		return (void *)raw_answer(raw_call(SYS_mremap, address, length, new_length,
						   flags, target));
	new_length = (new_length + pl.page - 1) & ~(pl.page - 1);
	pl_lock();
	ret = move_pages(at, size, new_length, flags, target);
	pl_unlock();
	return (void *)raw_answer(ret);
}

static bool drops(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
	       advice == MADV_DONTNEED_LOCKED;
}

PL_EXPORT int madvise(void *address, size_t length, int advice)
{
	uintptr_t at;
	size_t size;
	bool ours = false;
	int ret = 0;

	if (pages_of(address, length, &at, &size) && any_chunks()) {
		pl_lock();
		ours = pl_range_ours(at, size);
		if (ours && drops(advice))
			ret = pl_to_anonymous(at, size);
		pl_unlock();
	}
	if (!ret)
		ret = raw_call(SYS_madvise, address, length, advice);
	/* Views take no advice that needs pages of the core. */
	return ours && ret == -EINVAL ? 0 : raw_answer(ret);
}
