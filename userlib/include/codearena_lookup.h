/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena, layer 3: from an address to the code object that it lies in.
 */
#ifndef CODEARENA_LOOKUP_H
#define CODEARENA_LOOKUP_H

#include "codearena_code.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One index serves the whole process. Objects are in it from the moment that
 * they are published until they are freed.
 */

/**
 * codearena_code_find - the object that an address lies in
 * @pc: any address
 *
 * Takes the time of a few loads, however many objects there are. Lock-free,
 * async-signal-safe, and without a store that other processors would see, so
 * that it does not slow down with the number of threads that call it.
 *
 * An object that is found may be freed at any time, unless something holds it:
 * a reference, or that its code is being executed in a thread whose stack will
 * be reported to the collector. So it is for code that is known to be live, as
 * in a signal handler for the code that was interrupted. For other addresses
 * the result must only be compared with NULL; codearena_code_find_ref() is for
 * them.
 *
 * Return: the object, without a reference; NULL: no object is there.
 */
const struct codearena_code *codearena_code_find(uint64_t pc);

/**
 * codearena_code_find_ref - the same, with a reference
 * @pc: any address
 *
 * Takes a mutex; not async-signal-safe.
 *
 * Return: the object, which has to be given back with codearena_code_put(); NULL:
 * no object is there, or its last reference is gone.
 */
struct codearena_code *codearena_code_find_ref(uint64_t pc);

#ifdef __cplusplus
}
#endif

#endif /* CODEARENA_LOOKUP_H */
