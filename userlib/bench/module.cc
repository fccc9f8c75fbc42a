// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Adding code to a module against asmjit's JitAllocator with two mappings.
 *
 *	module		prints rows of bench.tsv
 *	module ROUNDS	does ours so many times, for a profiler
 *
 * 100,000 objects of 256 bytes in batches of 64. Ours: add and publish, with
 * metadata and the index of addresses, in the end remove them all and give the
 * space back. Theirs: allocate, write, and in the end release.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include <asmjit/core.h>

#include "codearena_module.h"

namespace {

constexpr uint32_t kObjects = 100000;
constexpr uint32_t kBatch = 64;
constexpr size_t kSize = 256;
constexpr int kRounds = 5;

uint8_t body[kSize];

void Check(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "%s: %s\n", what, strerror(-ret));
		exit(1);
	}
}

double Now()
{
	timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

double Ours()
{
	codearena_manager_opts how = {};
	codearena_module_opts opts = {};
	std::vector<codearena_code_desc> descs(kBatch);
	std::vector<codearena_code *> codes(kBatch);
	codearena_manager *manager;
	codearena_module *module;
	size_t count;
	double start, end;

	how.sz = sizeof(how);
	how.backend = CODEARENA_BACKEND_MEMFD;
	Check(codearena_manager_new(&how, &manager), "manager");
	opts.sz = sizeof(opts);
	opts.functions = kObjects;
	opts.lazy_builtin = CODEARENA_NO_BUILTIN;
	opts.estimate = kObjects * kSize;
	Check(codearena_module_new(manager, &opts, &module), "module");
	for (codearena_code_desc &desc : descs) {
		desc = {};
		desc.sz = sizeof(desc);
		desc.body = body;
		desc.instructions_size = kSize;
		desc.kind = CODEARENA_CODE_FUNCTION;
		desc.tier = CODEARENA_TIER_BASELINE;
	}
	start = Now();
	for (uint32_t i = 0; i < kObjects; i += kBatch) {
		uint32_t n = kObjects - i < kBatch ? kObjects - i : kBatch;

		for (uint32_t j = 0; j < n; j++)
			descs[j].function_index = i + j;
		Check(codearena_module_add(module, descs.data(), n,
					   codes.data(), nullptr), "add");
		Check(codearena_module_publish(module, codes.data(), n,
					       nullptr), "publish");
	}
	if (getenv("PHASES"))
		fprintf(stderr, "add+publish %.1f\n", (Now() - start) / kObjects);
	Check(codearena_module_remove(module, CODEARENA_FILTER_ALL, nullptr),
	      "remove");
	if (getenv("PHASES"))
		fprintf(stderr, "+remove %.1f\n", (Now() - start) / kObjects);
	Check(codearena_module_reap(module, &count), "reap");
	end = Now();
	if (count != kObjects)
		Check(-1, "count");
	codearena_module_free(module);
	codearena_manager_free(manager);
	return (end - start) / kObjects;
}

double Theirs()
{
	asmjit::JitAllocator::CreateParams params;
	double start, end;

	params.options = asmjit::JitAllocatorOptions::kUseDualMapping;
	asmjit::JitAllocator allocator(&params);
	std::vector<void *> code(kObjects);

	start = Now();
	for (uint32_t i = 0; i < kObjects; i++) {
		void *rw;

		if (allocator.alloc(&code[i], &rw, kSize))
			Check(-1, "alloc");
		memcpy(rw, body, kSize);
	}
	for (uint32_t i = 0; i < kObjects; i++)
		allocator.release(code[i]);
	end = Now();
	return (end - start) / kObjects;
}

double Best(double (*run)())
{
	double best = run();

	for (int i = 1; i < kRounds; i++) {
		double next = run();

		if (next < best)
			best = next;
	}
	return best;
}

} // namespace

int main(int argc, char **argv)
{
	double ours, theirs;

	memset(body, 0xc3, sizeof(body));
	if (argc == 2) {
		for (int i = atoi(argv[1]); i > 0; i--)
			Ours();
		return 0;
	}
	ours = Best(Ours);
	theirs = Best(Theirs);
	printf("module_add\tns\t%.1f\tasmjit\t%.1f\t%.2f\n", ours, theirs,
	       theirs / ours);
	return 0;
}
