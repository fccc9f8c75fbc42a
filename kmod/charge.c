// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Accounting and limits.
 *
 * Every byte that user space makes the module allocate is counted before the
 * allocation. Code counts against the arena's commit limit, everything else
 * (metadata) against a limit derived from it. Both count against the share of
 * the user and the limit of the machine. CODEARENA_GFP charges them to the
 * memory control group of the caller as well.
 */
#include <linux/cred.h>
#include <linux/math.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "codearena_private.h"

/* The memory is neither swapped nor reclaimed, so the default is modest. */
#define DEFAULT_LIMIT_DIVISOR	4
#define LIMIT_UNSET		ULONG_MAX

static unsigned long commit_limit_mb = LIMIT_UNSET;
module_param(commit_limit_mb, ulong, 0644);
MODULE_PARM_DESC(commit_limit_mb,
		 "MiB that all arenas may use together, 0 for no limit (default: a quarter of the memory)");

static unsigned int user_share = 50;
module_param(user_share, uint, 0644);
MODULE_PARM_DESC(user_share,
		 "percent of commit_limit_mb that the arenas of one user may use, 0 for all of it (default: 50)");

/**
 * struct codearena_user - account of a user
 * @uid: global id, so that user namespaces add no shares
 * @refs: number of arenas
 * @charged: bytes
 */
struct codearena_user {
	kuid_t uid;
	refcount_t refs;
	atomic_long_t charged;
};

/* Indexed by global user id. */
static DEFINE_XARRAY(codearena_users);
/* Protects the first and the last reference of an account. */
static DEFINE_MUTEX(codearena_users_lock);

/* Bytes used by all arenas, and the pages of code among them. */
static atomic_long_t codearena_charged;
atomic_long_t codearena_committed;

/**
 * codearena_charge_init - set the default limit when the module is loaded
 */
void codearena_charge_init(void)
{
	if (commit_limit_mb == LIMIT_UNSET)
		commit_limit_mb = (totalram_pages() / DEFAULT_LIMIT_DIVISOR) >>
				  (20 - PAGE_SHIFT);
}

/**
 * codearena_charge_exit - check that nothing remains charged
 */
void codearena_charge_exit(void)
{
	WARN_ON_ONCE(atomic_long_read(&codearena_committed));
	WARN_ON_ONCE(atomic_long_read(&codearena_charged));
	WARN_ON_ONCE(!xa_empty(&codearena_users));
}

/**
 * codearena_commit_limit - limit of the machine
 *
 * Return: pages that all arenas may use together.
 */
unsigned long codearena_commit_limit(void)
{
	unsigned long mb = READ_ONCE(commit_limit_mb);

	if (!mb || mb > (ULONG_MAX >> 20))
		return ULONG_MAX >> PAGE_SHIFT;
	return mb << (20 - PAGE_SHIFT);
}

/**
 * codearena_user_limit - share of a user
 *
 * Return: pages that the arenas of one user may use together.
 */
unsigned long codearena_user_limit(void)
{
	unsigned int percent = READ_ONCE(user_share);

	if (!percent || percent >= 100)
		return codearena_commit_limit();
	return mult_frac(codearena_commit_limit(), percent, 100UL);
}

/**
 * codearena_metadata_total - metadata of all arenas
 *
 * Return: bytes. Approximate while other calls run.
 */
unsigned long codearena_metadata_total(void)
{
	long pages = atomic_long_read(&codearena_committed);

	return max(atomic_long_read(&codearena_charged) -
		   (pages << PAGE_SHIFT), 0L);
}

static struct codearena_user *codearena_user_new(kuid_t uid)
{
	struct codearena_user *user = kzalloc(sizeof(*user), CODEARENA_GFP);
	int ret;

	if (!user)
		return ERR_PTR(-ENOMEM);
	user->uid = uid;
	refcount_set(&user->refs, 1);
	ret = xa_err(xa_store(&codearena_users, __kuid_val(uid), user,
			      CODEARENA_GFP));
	if (!ret)
		return user;
	kfree(user);
	return ERR_PTR(ret);
}

/**
 * codearena_user_get - find or create the account of the calling user
 *
 * Return: a reference, for codearena_user_put(); or -ENOMEM.
 */
struct codearena_user *codearena_user_get(void)
{
	const kuid_t uid = current_uid();
	struct codearena_user *user;

	mutex_lock(&codearena_users_lock);
	user = xa_load(&codearena_users, __kuid_val(uid));
	if (user)
		refcount_inc(&user->refs);
	else
		user = codearena_user_new(uid);
	mutex_unlock(&codearena_users_lock);
	return user;
}

/**
 * codearena_user_put - drop a reference
 * @user: the account; nothing is charged to it with the last reference
 */
void codearena_user_put(struct codearena_user *user)
{
	if (!refcount_dec_and_mutex_lock(&user->refs, &codearena_users_lock))
		return;
	xa_erase(&codearena_users, __kuid_val(user->uid));
	mutex_unlock(&codearena_users_lock);
	WARN_ON_ONCE(atomic_long_read(&user->charged));
	kfree(user);
}

/**
 * codearena_user_charged - bytes charged to an account
 * @user: the account
 *
 * Return: bytes.
 */
unsigned long codearena_user_charged(const struct codearena_user *user)
{
	return atomic_long_read(&user->charged);
}

/**
 * codearena_user_total - bytes used by the arenas of the calling user
 *
 * Return: bytes.
 */
unsigned long codearena_user_total(void)
{
	struct codearena_user *user;
	unsigned long bytes = 0;

	mutex_lock(&codearena_users_lock);
	user = xa_load(&codearena_users, __kuid_val(current_uid()));
	if (user)
		bytes = codearena_user_charged(user);
	mutex_unlock(&codearena_users_lock);
	return bytes;
}

/* Add bytes unless that exceeds the limit. */
static bool codearena_count(atomic_long_t *counter, unsigned long bytes,
			    unsigned long limit)
{
	if ((unsigned long)atomic_long_add_return(bytes, counter) <= limit)
		return true;
	atomic_long_sub(bytes, counter);
	return false;
}

static int codearena_user_charge(struct codearena_user *user,
				 unsigned long bytes)
{
	if (!codearena_count(&user->charged, bytes,
			     codearena_user_limit() << PAGE_SHIFT))
		return -ENOMEM;
	if (codearena_count(&codearena_charged, bytes,
			    codearena_commit_limit() << PAGE_SHIFT))
		return 0;
	atomic_long_sub(bytes, &user->charged);
	return -ENOMEM;
}

static void codearena_user_uncharge(struct codearena_user *user,
				    unsigned long bytes)
{
	atomic_long_sub(bytes, &user->charged);
	atomic_long_sub(bytes, &codearena_charged);
}

/**
 * codearena_charge - charge metadata before its allocation
 * @arena: the arena
 * @bytes: as codearena_footprint() has them
 *
 * Return: 0; -ENOSPC beyond the limit of the arena; -ENOMEM beyond that of the
 * user or the machine.
 */
int codearena_charge(struct codearena_arena *arena, unsigned long bytes)
{
	int ret;

	if (!codearena_count(&arena->metadata, bytes, arena->metadata_limit))
		return -ENOSPC;
	ret = codearena_user_charge(arena->user, bytes);
	if (ret)
		atomic_long_sub(bytes, &arena->metadata);
	return ret;
}

/**
 * codearena_uncharge - uncharge metadata after it was freed
 * @arena: the arena
 * @bytes: as they were charged
 */
void codearena_uncharge(struct codearena_arena *arena, unsigned long bytes)
{
	atomic_long_sub(bytes, &arena->metadata);
	codearena_user_uncharge(arena->user, bytes);
}

/**
 * codearena_alloc - charge and allocate metadata
 * @arena: the arena
 * @size: bytes
 *
 * Return: uninitialised memory, for codearena_free(); -ENOSPC or -ENOMEM.
 */
void *codearena_alloc(struct codearena_arena *arena, size_t size)
{
	int ret = codearena_charge(arena, codearena_footprint(size));
	void *memory;

	if (ret)
		return ERR_PTR(ret);
	memory = kvmalloc(size, CODEARENA_GFP);
	if (memory)
		return memory;
	codearena_uncharge(arena, codearena_footprint(size));
	return ERR_PTR(-ENOMEM);
}

/**
 * codearena_free - free and uncharge metadata
 * @arena: the arena
 * @memory: from codearena_alloc()
 * @size: as given there
 */
void codearena_free(struct codearena_arena *arena, void *memory, size_t size)
{
	kvfree(memory);
	codearena_uncharge(arena, codearena_footprint(size));
}

/**
 * codearena_charge_pages_locked - charge code before its allocation
 * @arena: the arena, locked
 * @pages: how many
 *
 * Return: 0; -ENOSPC or -ENOMEM as codearena_charge().
 */
int codearena_charge_pages_locked(struct codearena_arena *arena,
				  unsigned long pages)
{
	int ret;

	lockdep_assert_held(&arena->lock);
	if (pages > arena->commit_limit - arena->counters.committed)
		return -ENOSPC;
	ret = codearena_user_charge(arena->user, pages << PAGE_SHIFT);
	if (ret)
		return ret;
	arena->counters.committed += pages;
	atomic_long_add(pages, &codearena_committed);
	return 0;
}

/**
 * codearena_uncharge_pages - uncharge code after it was freed
 * @arena: the arena, locked or with no reference left
 * @pages: how many
 */
void codearena_uncharge_pages(struct codearena_arena *arena,
			      unsigned long pages)
{
	arena->counters.committed -= pages;
	atomic_long_sub(pages, &codearena_committed);
	codearena_user_uncharge(arena->user, pages << PAGE_SHIFT);
}
