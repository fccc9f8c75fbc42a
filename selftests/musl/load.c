// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Loads plugins with the library in them, and lets code trap there, in threads that
 * were there before and in later ones.
 *
 * Usage: load PLUGIN...
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#include <codearena/trap.h>

#define ROUNDS	3

static int (*plugin_trap)(void);
static sem_t loaded;

static void *trap(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++)
		if (plugin_trap() != CODEARENA_TRAPPED)
			return "no trap";
	return NULL;
}

static void *wait_and_trap(void *unused)
{
	sem_wait(&loaded);
	return trap(unused);
}

static int use(const char *path)
{
	pthread_t before, after;
	void *plugin, *results[3];

	sem_init(&loaded, 0, 0);
	pthread_create(&before, NULL, wait_and_trap, NULL);
	plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin) {
		printf("%s: %s\n", path, dlerror());
		return 1;
	}
	plugin_trap = (int (*)(void))dlsym(plugin, "plugin_trap");
	sem_post(&loaded);
	pthread_create(&after, NULL, trap, NULL);
	results[0] = trap(NULL);
	pthread_join(before, &results[1]);
	pthread_join(after, &results[2]);
	for (int i = 0; i < 3; i++)
		if (results[i])
			return 1;
	printf("%s: trapped\n", path);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (use(argv[i]))
			return 1;
	return argc < 2;
}
