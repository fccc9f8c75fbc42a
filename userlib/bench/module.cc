// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Adding code to a module against asmjit's JitAllocator with two mappings.
 *
 *	module		prints rows of bench.tsv
 *	module ROUNDS	does ours so many times, for a profiler
 *
 * 100,000 objects of 256 bytes in batches of 64. Ours: add and publish them with
 * metadata, index entry and jump-table slot, then remove them and release their
 * space. Theirs: allocate, write, and release. Making and freeing the manager and
 * the module count, and so do those of the allocator.
 *
 * Both have the same two mappings of a file in memory and write the same bytes.
 * What we commit and what we release is always filled with trap instructions;
 * theirs is with the option for that (asmjit_fill), and is what was there before
 * without it (asmjit).
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <asmjit/core.h>

#include "codearena/module.h"
#include "measure.h"

namespace {

constexpr uint32_t kObjects = 100000;
constexpr uint32_t kBatch = 64;
constexpr size_t kSize = 256;
constexpr int kRounds = 9;

uint8_t body[kSize];

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

	start = Now();
	how.sz = sizeof(how);
	how.backend = CODEARENA_BACKEND_MEMFD;
	Check(codearena_manager_new(&how, &manager), "manager");
	opts.sz = sizeof(opts);
	opts.functions = kObjects;
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
	for (uint32_t i = 0; i < kObjects; i += kBatch) {
		uint32_t n = kObjects - i < kBatch ? kObjects - i : kBatch;

		for (uint32_t j = 0; j < n; j++)
			descs[j].function_index = i + j;
		Check(codearena_module_add(module, descs.data(), n,
					   codes.data(), nullptr), "add");
		Check(codearena_module_publish(module, codes.data(), n,
					       nullptr), "publish");
	}
	Check(codearena_module_remove(module, CODEARENA_FILTER_ALL, nullptr),
	      "remove");
	Check(codearena_module_reap(module, &count), "reap");
	if (count != kObjects)
		Check(-1, "count");
	codearena_module_free(module);
	codearena_manager_free(manager);
	end = Now();
	return (end - start) / kObjects;
}

void TheirWork(asmjit::JitAllocatorOptions more)
{
	asmjit::JitAllocator::CreateParams params;

	params.options = asmjit::JitAllocatorOptions::kUseDualMapping | more;
	asmjit::JitAllocator allocator(&params);
	std::vector<void *> code(kObjects);

	for (uint32_t i = 0; i < kObjects; i++) {
		void *rw;

		if (allocator.alloc(&code[i], &rw, kSize))
			Check(-1, "alloc");
		memcpy(rw, body, kSize);
	}
	for (uint32_t i = 0; i < kObjects; i++)
		allocator.release(code[i]);
}

double Theirs(asmjit::JitAllocatorOptions more)
{
	double start = Now();

	TheirWork(more);
	return (Now() - start) / kObjects;
}

void Keep(double *best, double next)
{
	if (!*best || next < *best)
		*best = next;
}

void Row(const char *peer, double ours, double theirs)
{
	printf("module_add\tns\t%.1f\t%s\t%.1f\t%.2f\n", ours, peer, theirs,
	       theirs / ours);
}

} // namespace

int main(int argc, char **argv)
{
	double ours = 0, plain = 0, fill = 0;

	memset(body, 0xc3, sizeof(body));
	if (argc == 2) {
		for (int i = atoi(argv[1]); i > 0; i--)
			Ours();
		return 0;
	}
	// In turn, so that all meet the same machine.
	for (int i = 0; i < kRounds; i++) {
		Keep(&ours, Ours());
		Keep(&plain, Theirs(asmjit::JitAllocatorOptions::kNone));
		Keep(&fill, Theirs(
			asmjit::JitAllocatorOptions::kFillUnusedMemory));
	}
	Row("asmjit", ours, plain);
	Row("asmjit_fill", ours, fill);
	return 0;
}
