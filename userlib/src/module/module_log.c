// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The logger of a module: reports published code to profilers and debuggers, and
 * freed code to debuggers.
 *
 * A thread holds log_lock for reading while it uses the logger, which cannot
 * change meanwhile. Readers may nest, since a callback of the logger may drop a
 * reference. The module's lock, taken after log_lock, separates the code that an
 * attaching logger finds in the module from the code that is published later.
 */
#include <errno.h>
#include <stdlib.h>

#include "log/log.h"
#include "module/module.h"

static void ca__module_log_one(struct codearena_module *module,
			       struct codearena_code *code)
{
	int ret = codearena_logger_code(module->logger, code);

	if (!ret)
		return;
	pthread_mutex_lock(&module->lock);
	if (!module->log_error)
		module->log_error = ret;
	pthread_mutex_unlock(&module->lock);
}

/* Jump tables live as long as the module; each is logged once. */
static void ca__module_log_tables(struct codearena_module *module)
{
	struct ca__module_tables *tables;
	size_t i;

	for (;;) {
		tables = NULL;
		pthread_mutex_lock(&module->lock);
		if (module->logged_tables < module->table_count)
			tables = module->tables[module->logged_tables++];
		pthread_mutex_unlock(&module->lock);
		if (!tables)
			return;
		for (i = 0; i < 3; i++) {
			if (tables->codes[i])
				ca__module_log_one(module, tables->codes[i]);
		}
	}
}

/**
 * ca__module_log_begin - keep the logger from changing
 * @module: module, whose lock is not held
 */
void ca__module_log_begin(struct codearena_module *module)
{
	pthread_rwlock_rdlock(&module->log_lock);
}

/**
 * ca__module_log_end - let the logger change again
 * @module: module, for which ca__module_log_begin() was called
 */
void ca__module_log_end(struct codearena_module *module)
{
	pthread_rwlock_unlock(&module->log_lock);
}

/**
 * ca__module_log - report published code
 * @module: module, whose lock is not held
 * @logger: the logger at the time of publishing; a later one found the code when
 *          it was attached
 * @codes: array of code that references are held to
 * @count: entries of @codes
 */
void ca__module_log(struct codearena_module *module,
		    struct codearena_logger *logger,
		    struct codearena_code *const *codes, size_t count)
{
	size_t i;

	ca__module_log_begin(module);
	if (module->logger == logger) {
		ca__module_log_tables(module);
		for (i = 0; i < count; i++)
			ca__module_log_one(module, codes[i]);
	}
	ca__module_log_end(module);
}

/**
 * ca__module_log_gone - report code that is about to be freed
 * @module: module, for which ca__module_log_begin() was called
 * @codes: array of code
 * @count: entries of @codes
 */
void ca__module_log_gone(struct codearena_module *module,
			 struct codearena_code *const *codes, size_t count)
{
	size_t i;

	for (i = 0; module->logger && i < count; i++)
		ca__logger_forget(module->logger, codes[i]->start);
}

/* Attach a logger; get references to the code that it must report now. */
static int ca__module_log_set(struct codearena_module *module,
			      struct codearena_logger *logger,
			      struct codearena_code ***out, size_t *count)
{
	struct codearena_code **codes;
	size_t n = 0, i;
	int ret = 0;

	pthread_mutex_lock(&module->lock);
	codes = malloc((module->owned_count + 1) * sizeof(*codes));
	if (module->logger)
		ret = -EBUSY;
	else if (!codes)
		ret = -ENOMEM;
	if (!ret) {
		module->logger = logger;
		module->logged_tables = 0;
		module->log_error = 0;
		for (i = 0; i < module->owned_count; i++) {
			if (ca__code_try_ref(module->owned[i]))
				codes[n++] = module->owned[i];
		}
	}
	pthread_mutex_unlock(&module->lock);
	if (ret) {
		free(codes);
		return ret;
	}
	*out = codes;
	*count = n;
	return 0;
}

CODEARENA_API int codearena_logger_attach(struct codearena_logger *logger,
					  struct codearena_module *module)
{
	struct codearena_code **codes;
	size_t count;
	int ret;

	if (!logger || !module)
		return -EINVAL;
	/* Also finds out whether this is a child of fork(). */
	ret = ca__logger_forget(logger, 0);
	if (!ret)
		ret = ca__module_check(module);
	if (ret)
		return ret;
	pthread_rwlock_wrlock(&module->log_lock);
	ret = ca__module_log_set(module, logger, &codes, &count);
	pthread_rwlock_unlock(&module->log_lock);
	if (ret)
		return ret;
	ca__module_log(module, logger, codes, count);
	ca__module_put(codes, count);
	free(codes);
	return 0;
}

static void ca__module_log_forget(struct codearena_module *module,
				  struct codearena_logger *logger)
{
	size_t i, j;

	for (i = 0; i < module->owned_count; i++)
		ca__logger_forget(logger, module->owned[i]->start);
	for (i = 0; i < module->logged_tables; i++) {
		for (j = 0; j < 3; j++) {
			if (module->tables[i]->codes[j])
				ca__logger_forget(logger,
						      module->tables[i]
						      ->codes[j]->start);
		}
	}
}

CODEARENA_API int codearena_logger_detach(struct codearena_module *module)
{
	int ret = -ENOENT;

	if (!module)
		return -EINVAL;
	if (ca__module_check(module))
		return -EPERM;
	pthread_rwlock_wrlock(&module->log_lock);
	pthread_mutex_lock(&module->lock);
	if (module->logger) {
		ca__module_log_forget(module, module->logger);
		module->logger = NULL;
		ret = module->log_error;
	}
	pthread_mutex_unlock(&module->lock);
	pthread_rwlock_unlock(&module->log_lock);
	return ret;
}
