// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Many functions in one module, and many modules in one process, against few: how
 * much time, memory and descriptors each takes. On the fallback backend, so that it
 * runs on any machine.
 *
 * Prints rows of bench.tsv, in ns, in bytes of resident memory and in descriptors.
 * Memory that was touched once may stay with malloc(), so each number of functions
 * is measured in a process of its own.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codearena/module.h"
#include "measure.h"

namespace {

constexpr size_t kSize = 64;
constexpr uint32_t kBatch = 64;
constexpr size_t kLookups = 1000000;

uint8_t body[kSize];

double Resident()
{
	FILE *file = fopen("/proc/self/statm", "re");
	long all, resident;

	if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2)
		Check(-1, "/proc/self/statm");
	fclose(file);
	return static_cast<double>(resident) * sysconf(_SC_PAGESIZE);
}

double Descriptors()
{
	DIR *directory = opendir("/proc/self/fd");
	long count = 0;

	if (!directory)
		Check(-1, "/proc/self/fd");
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

codearena_manager *NewManager()
{
	codearena_manager_opts how = {};
	codearena_manager *manager;

	how.sz = sizeof(how);
	how.backend = CODEARENA_BACKEND_MEMFD;
	Check(codearena_manager_new(&how, &manager), "manager");
	return manager;
}

codearena_module *NewModule(codearena_manager *manager, uint32_t functions)
{
	codearena_module_opts opts = {};
	codearena_module *module;

	opts.sz = sizeof(opts);
	opts.functions = functions;
	opts.estimate = functions * kSize;
	Check(codearena_module_new(manager, &opts, &module), "module");
	return module;
}

void AddPublish(codearena_module *module, uint32_t first, uint32_t count)
{
	std::vector<codearena_code_desc> descs(count);

	for (uint32_t i = 0; i < count; i++) {
		descs[i] = {};
		descs[i].sz = sizeof(descs[i]);
		descs[i].body = body;
		descs[i].instructions_size = kSize;
		descs[i].kind = CODEARENA_CODE_FUNCTION;
		descs[i].tier = CODEARENA_TIER_BASELINE;
		descs[i].function_index = first + i;
	}
	Check(codearena_module_add_publish(module, descs.data(), count, nullptr,
					   nullptr), "add_publish");
}

struct Costs {
	double publish, find, collect, memory, descriptors;
};

// Of one function, in a module of that many.
Costs Functions(uint32_t functions)
{
	codearena_manager *manager = NewManager();
	double before = Resident(), start;
	codearena_module *module = NewModule(manager, functions);
	std::vector<uint64_t> pcs(functions);
	codearena_code *code;
	Costs costs = {};
	size_t count;

	start = Now();
	for (uint32_t i = 0; i < functions; i += kBatch)
		AddPublish(module, i, functions - i < kBatch ? functions - i :
							       kBatch);
	costs.publish = (Now() - start) / functions;
	costs.memory = (Resident() - before) / functions;
	for (uint32_t i = 0; i < functions; i++) {
		Check(codearena_module_code(module, i, &code), "code");
		pcs[i] = codearena_code_start(code);
		codearena_code_put(code);
	}
	start = Now();
	for (size_t i = 0; i < kLookups; i++) {
		if (!codearena_code_find(pcs[i * 7919 % functions]))
			Check(-1, "find");
	}
	costs.find = (Now() - start) / kLookups;
	start = Now();
	Check(codearena_module_remove(module, CODEARENA_FILTER_ALL, nullptr),
	      "remove");
	Check(codearena_module_reap(module, &count), "reap");
	costs.collect = (Now() - start) / functions;
	codearena_module_free(module);
	codearena_manager_free(manager);
	return costs;
}

// Of one module with one function, among that many.
Costs Modules(uint32_t modules)
{
	codearena_manager *manager = NewManager();
	std::vector<codearena_module *> all(modules);
	double before, descriptors, start;
	Costs costs = {};

	before = Resident();
	descriptors = Descriptors();
	start = Now();
	for (codearena_module *&module : all) {
		module = NewModule(manager, 1);
		AddPublish(module, 0, 1);
	}
	costs.publish = (Now() - start) / modules;
	costs.memory = (Resident() - before) / modules;
	costs.descriptors = (Descriptors() - descriptors) / modules;
	start = Now();
	for (codearena_module *module : all)
		codearena_module_free(module);
	costs.collect = (Now() - start) / modules;
	codearena_manager_free(manager);
	return costs;
}

// In a child, which leaves no memory behind.
Costs Measure(Costs (*measure)(uint32_t), uint32_t count)
{
	int ends[2], status;
	Costs costs;

	if (pipe(ends))
		Check(-1, "pipe");
	pid_t child = fork();

	if (!child) {
		costs = measure(count);
		_exit(write(ends[1], &costs, sizeof(costs)) != sizeof(costs));
	}
	close(ends[1]);
	if (child < 0 || read(ends[0], &costs, sizeof(costs)) != sizeof(costs))
		Check(-1, "measuring");
	close(ends[0]);
	if (waitpid(child, &status, 0) != child || status)
		Check(-1, "child");
	return costs;
}

void Row(const char *name, const char *unit, double ours, const char *peer,
	 double theirs)
{
	printf("%s\t%s\t%.1f\t%s\t%.1f\t%.2f\n", name, unit, ours, peer, theirs,
	       theirs / ours);
	fflush(stdout);
}

// Each arena of the fallback backend has two. Root may raise the limit; 20,000 is a common one.
void AllowDescriptors()
{
	rlimit limit = { 32768, 32768 };

	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

} // namespace

int main()
{
	memset(body, 0xc3, sizeof(body));
	AllowDescriptors();
	Costs many = Measure(Functions, 1000000);
	Costs few = Measure(Functions, 10000);

	Row("functions_1m_publish", "ns", many.publish, "ten_thousand", few.publish);
	Row("functions_1m_find", "ns", many.find, "ten_thousand", few.find);
	Row("functions_1m_collect", "ns", many.collect, "ten_thousand", few.collect);
	Row("functions_1m_memory", "bytes", many.memory, "ten_thousand", few.memory);
	many = Measure(Modules, 9000);
	few = Measure(Modules, 100);
	Row("modules_9k_new", "ns", many.publish, "one_hundred", few.publish);
	Row("modules_9k_free", "ns", many.collect, "one_hundred", few.collect);
	Row("modules_9k_memory", "bytes", many.memory, "one_hundred", few.memory);
	Row("modules_9k_descriptors", "fds", many.descriptors, "one_hundred",
	    few.descriptors);
	return 0;
}
