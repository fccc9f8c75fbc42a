// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
/* Comparing what there is with the model. */
#include "fuzz.h"

#define FEW_PAGES	6

/*
 * A page without seals cannot be read: by the thread, which costs a
 * signal, or by the kernel for it, as the name of a file.
 */
static bool check_hidden(struct fuzzer *f, const uint8_t *at, bool by_kernel,
			 int *signo)
{
	if (by_kernel) {
		*signo = 0;
		return access((const char *)at, F_OK) && errno == EFAULT;
	}
	*signo = guarded_read(f->scratch, at, 1);
	return *signo == SIGBUS;
}

/* A page that is only in views which cannot be read. */
static void check_unreadable(struct fuzzer *f, const struct model *m,
			     uint64_t page)
{
	const struct view *v = model_view(m, page, PROT_EXEC);
	const uint8_t *at;

	if (!v || !f->enforced)
		return;
	at = v->address + (page - v->page) * m->page;
	if (guarded_read(f->scratch, at, 1) != SIGSEGV)
		violation(f, "page %llu can be read in a view to execute",
			  (unsigned long long)page);
}

static void check_page(struct fuzzer *f, const struct model *m, uint64_t page,
		       bool by_kernel)
{
	const struct view *v = model_view(m, page, PROT_READ);
	const uint8_t *at;
	int signo;

	if (!v) {
		check_unreadable(f, m, page);
		return;
	}
	at = v->address + (page - v->page) * m->page;
	if (!m->pages[page].sealed) {
		if (!check_hidden(f, at, by_kernel, &signo))
			violation(f, "page %llu holds nothing sealed and can be read (signal %d)",
				  (unsigned long long)page, signo);
		return;
	}
	signo = guarded_read(f->scratch, at, m->page);
	if (signo) {
		violation(f, "page %llu holds sealed code and raises signal %d",
			  (unsigned long long)page, signo);
		return;
	}
	for (uint64_t i = 0; i < m->page; i++) {
		const uint64_t offset = page * m->page + i;

		if (f->scratch[i] == m->data[offset])
			continue;
		violation(f, "byte %#llx, %s, is %#x and has to be %#x",
			  (unsigned long long)offset,
			  model_all_sealed(m, offset, 1) ? "sealed" :
							   "not sealed",
			  f->scratch[i], m->data[offset]);
		return;
	}
}

static void check_stat(struct fuzzer *f, const struct model *m)
{
	static const char *const names[] = {
		"length", "commit_limit", "committed", "sealed", "patchable",
		"published", "written", "patched", "discarded", "syncs",
		"trap_tables", "trap_entries", "traps_memory", "traps_divide",
		"traps_undefined",
	};
	struct codearena_stat stat;
	const __u64 *got = (const __u64 *)&stat.out_length;
	const __u64 *wanted = (const __u64 *)&m->stat.out_length;

	if (do_stat(m->fd, &stat)) {
		violation(f, "stat: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (got[i] != wanted[i])
			violation(f, "stat says %s %llu, and it has to be %llu",
				  names[i], (unsigned long long)got[i],
				  (unsigned long long)wanted[i]);
}

/*
 * The counters, and the bytes of all pages or of those near a place.
 */
void check_slot(struct fuzzer *f, const struct model *m, bool all,
		uint64_t around)
{
	uint64_t pages = m->stat.out_length / m->page;
	uint64_t page = around / m->page;

	if (m->fd >= 0)
		check_stat(f, m);
	if (!m->view_count)
		return;
	if (all || pages <= FEW_PAGES) {
		for (uint64_t i = 0; i < pages; i++)
			check_page(f, m, i, i != page);
		return;
	}
	for (uint64_t i = page; i < page + 3 && i < pages; i++)
		check_page(f, m, i, false);
}

/* No view of code, of this thread or another, can be written or be made so. */
void check_mappings(struct fuzzer *f)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long long offset;
	bool code = false;
	char line[512], rights[8];

	if (!smaps)
		abort();
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%*x-%*x %4s %llx", rights, &offset) == 2) {
			code = strstr(line, DEVICE) &&
			       offset < CODEARENA_GUARD_OFFSET;
			if (code && rights[1] == 'w')
				violation(f, "a writable view: %s", line);
		} else if (code && !strncmp(line, "VmFlags:", 8) &&
			   (strstr(line, " wr") || strstr(line, " mw"))) {
			violation(f, "a view that can be made writable: %s",
				  line);
		}
	}
	fclose(smaps);
}

uint64_t commit_total(int fd)
{
	struct codearena_query query;

	if (do_query(fd, &query))
		abort();
	return query.out_commit_total;
}

/* What the whole machine has committed; with other threads it may be more. */
void check_total(struct fuzzer *f)
{
	uint64_t wanted = f->base_total, total = commit_total(f->empty_fd);

	for (unsigned int i = 0; i < MAX_SLOTS; i++)
		if (f->slots[i])
			wanted += f->slots[i]->stat.out_committed;
	if (f->alone ? total != wanted : total < wanted - f->base_total)
		violation(f, "%llu bytes are committed in all, and it has to be %llu",
			  (unsigned long long)total,
			  (unsigned long long)wanted);
}
