// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Finding the code object of an address among a million: the library's index
 * against V8's method, an ordered map with a mutex, and against a sorted vector
 * with one, which finds faster but takes long to change.
 *
 * Prints rows: name, unit, codearena, peer name, peer, ratio (peer / codearena).
 */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "codearena/module.h"
extern "C" {
int ca__code_new(const struct codearena_code_desc *desc,
		 struct codearena_region region, void *owner,
		 struct codearena_code **out);
int ca__lookup_add(struct codearena_code *const *codes, size_t count);
}

namespace {

constexpr size_t kObjects = 1000000;
constexpr uint64_t kSize = 256;
constexpr uint64_t kBase = 0x300000000000;
constexpr size_t kLookups = 4000000;
constexpr int kRuns = 5;

struct V8Map {
	std::mutex mutex;
	std::map<uint64_t, codearena_code *> map;

	const codearena_code *Find(uint64_t pc)
	{
		std::lock_guard<std::mutex> guard(mutex);
		auto above = map.upper_bound(pc);

		if (above == map.begin())
			return nullptr;
		--above;
		return pc - codearena_code_start(above->second) <
			codearena_code_size(above->second) ?
			above->second : nullptr;
	}
};

V8Map v8;

const codearena_code *FindMap(uint64_t pc) { return v8.Find(pc); }

struct SortedVector {
	std::mutex mutex;
	std::vector<std::pair<uint64_t, codearena_code *>> codes;

	const codearena_code *Find(uint64_t pc)
	{
		std::lock_guard<std::mutex> guard(mutex);
		auto above = std::upper_bound(
			codes.begin(), codes.end(), pc,
			[](uint64_t at, const auto &code) {
				return at < code.first;
			});

		if (above == codes.begin())
			return nullptr;
		--above;
		return pc - above->first < codearena_code_size(above->second) ?
			above->second : nullptr;
	}
};

SortedVector sorted;

const codearena_code *FindSorted(uint64_t pc) { return sorted.Find(pc); }

using Find = const codearena_code *(*)(uint64_t);

/* Nanoseconds per lookup per thread, the best of several runs. */
double Measure(Find find, const std::vector<uint64_t> &pcs, unsigned threads)
{
	double best = 1e30;

	for (int run = 0; run < kRuns; run++) {
		std::vector<std::thread> others;
		auto start = std::chrono::steady_clock::now();

		for (unsigned t = 0; t < threads; t++) {
			others.emplace_back([&, t] {
				uintptr_t sum = 0;
				size_t from = pcs.size() / threads * t;

				for (size_t i = 0; i < pcs.size(); i++) {
					size_t at = i + from;
					auto *code = find(pcs[at < pcs.size() ?
							  at : at - pcs.size()]);

					if (!code)
						abort();
					sum += reinterpret_cast<uintptr_t>(code);
				}
				asm volatile("" : : "r"(sum));
			});
		}
		for (auto &other : others)
			other.join();
		std::chrono::duration<double, std::nano> took =
			std::chrono::steady_clock::now() - start;
		best = std::min(best, took.count() / pcs.size());
	}
	return best;
}

void Row(const char *name, double ours, const char *peer, double theirs)
{
	printf("%s\tns\t%.1f\t%s\t%.1f\t%.2f\n", name, ours, peer, theirs,
	       theirs / ours);
}

} // namespace

int main()
{
	codearena_code_desc desc = {};
	std::vector<codearena_code *> codes(kObjects);
	std::vector<uint64_t> pcs(kLookups);
	std::mt19937_64 random(1);

	desc.sz = sizeof(desc);
	desc.kind = CODEARENA_CODE_JUMP_TABLE;
	desc.function_index = CODEARENA_CODE_ANONYMOUS;
	desc.instructions_size = kSize;
	for (size_t i = 0; i < kObjects; i++) {
		codearena_region region = { kBase + i * kSize, kSize };

		if (ca__code_new(&desc, region, nullptr, &codes[i]))
			return 1;
		v8.map[region.begin] = codes[i];
		sorted.codes.emplace_back(region.begin, codes[i]);
	}
	if (ca__lookup_add(codes.data(), codes.size()))
		return 1;
	for (auto &pc : pcs)
		pc = kBase + random() % (kObjects * kSize);
	for (size_t i = 0; i < 10000; i++) {
		if (codearena_code_find(pcs[i]) != FindMap(pcs[i]) ||
		    codearena_code_find(pcs[i]) != FindSorted(pcs[i]))
			return 1;
	}

	for (unsigned threads = 1; threads <= 2; threads++) {
		/* Slowdown of one by a second one; none on two processors. */
		const char *name = threads == 1 ? "lookup_1m" :
						  "lookup_1m_readers";
		double ours = Measure(codearena_code_find, pcs, threads);

		Row(name, ours, "std_map", Measure(FindMap, pcs, threads));
		Row(name, ours, "sorted_vector",
		    Measure(FindSorted, pcs, threads));
	}
	return 0;
}
