// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Spends its time in a published function, for profilers.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <codearena/log.h>
#include <codearena/module.h>

/* Counts its argument down to 0. */
static const uint8_t spin[] = { 0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3 };

#define TURNS	200000000ULL

int main(void)
{
	CODEARENA_OPTS(codearena_manager_opts, manager_opts,
		       .backend = CODEARENA_BACKEND_DEVICE);
	CODEARENA_OPTS(codearena_logger_opts, logger_opts,
		       .flags = CODEARENA_LOGGER_F_ENVIRONMENT |
				CODEARENA_LOGGER_F_ANONYMOUS);
	CODEARENA_OPTS(codearena_code_desc, desc, .body = spin,
		       .instructions_size = sizeof(spin), .function_index = -1,
		       .name = "published_spin");
	struct codearena_manager *manager;
	struct codearena_module *module;
	struct codearena_logger *logger;
	struct codearena_code *code;
	int ret;

	ret = codearena_manager_new(&manager_opts, &manager);
	if (!ret)
		ret = codearena_module_new(manager, NULL, &module);
	if (!ret)
		ret = codearena_logger_new(&logger_opts, &logger);
	if (!ret)
		ret = codearena_logger_attach(logger, module);
	if (!ret)
		ret = codearena_module_add_publish(module, &desc, 1, &code,
						   NULL);
	if (ret) {
		fprintf(stderr, "spin: %s\n", strerror(-ret));
		return 1;
	}
	((void (*)(uint64_t))(uintptr_t)codearena_code_start(code))(TURNS);
	codearena_module_free(module);
	codearena_logger_free(logger);
	codearena_manager_free(manager);
	return 0;
}
