/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl check: shared declarations.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "ctl.h"

enum ctl_verdict {
	CTL_GOOD,
	CTL_NOTE,	/* no problem, but worth knowing */
	CTL_BAD,
	CTL_UNKNOWN,	/* could not be checked */
};

/**
 * struct ctl_finding - result of a check
 * @verdict: the result
 * @detail: what was found
 * @advice: what to do about it; may be empty
 */
struct ctl_finding {
	enum ctl_verdict verdict;
	char detail[256];
	char advice[256];
};

void ctl_find(struct ctl_finding *finding, enum ctl_verdict verdict,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));
void ctl_advise(struct ctl_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define CTL_CHECK(name)							\
	void ctl_check_##name(const struct ctl_options *options,	\
			      struct ctl_finding *f)

/* check_device.c */
CTL_CHECK(module);
CTL_CHECK(device);
CTL_CHECK(noexec);
CTL_CHECK(backend);
CTL_CHECK(fallback);
CTL_CHECK(limit);

/* check_system.c */
CTL_CHECK(kernel);
CTL_CHECK(mdwe);
CTL_CHECK(selinux);
CTL_CHECK(lockdown);
CTL_CHECK(processor);
CTL_CHECK(disassembler);

/* check_process.c */
CTL_CHECK(seccomp);
CTL_CHECK(namespace);
CTL_CHECK(perf);
CTL_CHECK(core);

#endif /* CTL_CHECK_H */
