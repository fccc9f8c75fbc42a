/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * TCG's generated code in an arena, in user mode. Without it all is as before.
 */
#ifndef TCG_CODEARENA_H
#define TCG_CODEARENA_H

#if defined(CONFIG_CODEARENA) && defined(CONFIG_USER_ONLY) && defined(__x86_64__)

#define TCG_CODEARENA	1

/* Code begins at a multiple of this. */
#define TCG_CODEARENA_GRANULE	64

/* A patch costs as much as some exits to the main loop: how many before it is made. */
#define TCG_CODEARENA_TRIES	3

/* An arena of SIZE bytes; returns where its code runs. QEMU ends where there is none. */
const void *tcg_codearena_new(size_t size);

/* Set where code is written: at the offset where the arena gets it. */
void tcg_codearena_staging(void *rw);

/* Where translations begin after a prologue that ends at END. */
void *tcg_codearena_prologue(void *end);

/* Publish code that is written. False: flush all translations, and try again. */
bool tcg_codearena_publish(const void *rw, size_t size);

/* Change an aligned word of published code. False: it stays what it is. */
bool tcg_codearena_patch(uintptr_t rw, uint32_t value);

/* All but the prologue may be forgotten; no thread executes it. */
void tcg_codearena_flush(void);

/* fork() whose child has an arena of its own; EAGAIN where it cannot have one. */
pid_t tcg_codearena_fork(void);

/* Whether a descriptor is the arena's, and not the guest's. */
bool tcg_codearena_has_fd(int fd);

/* close_range() of the guest's descriptors. */
int tcg_codearena_close_range(unsigned int first, unsigned int last, int flags);

#else

#define TCG_CODEARENA	0
#define TCG_CODEARENA_GRANULE	1
#define TCG_CODEARENA_TRIES	0

static inline const void *tcg_codearena_new(size_t size)
{
	return NULL;
}

static inline void tcg_codearena_staging(void *rw)
{
}

static inline void *tcg_codearena_prologue(void *end)
{
	return end;
}

static inline bool tcg_codearena_publish(const void *rw, size_t size)
{
	return true;
}

static inline bool tcg_codearena_patch(uintptr_t rw, uint32_t value)
{
	return true;
}

static inline void tcg_codearena_flush(void)
{
}

static inline bool tcg_codearena_has_fd(int fd)
{
	return false;
}

#define tcg_codearena_fork		fork
#define tcg_codearena_close_range	sys_close_range

#endif

#endif /* TCG_CODEARENA_H */
