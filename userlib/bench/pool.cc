// SPDX-License-Identifier: GPL-2.0-only
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The region pool against a first-fit walk over std::set, which is how V8's
 * DisjointAllocationPool works; against best fit in a std::map and a std::set, which
 * is what one would write in C++ for many regions; and against itself with fewer
 * regions.
 *
 *	pool			prints rows of bench.tsv
 *	pool REGIONS PAIRS	does just that, for a profiler
 *
 * Measures pairs of calls: allocate a region, and merge an older one. The pool is
 * in the state in which a first-fit allocator leaves it after a long time: larger
 * regions at higher addresses. Sizes are uniformly distributed, so the region
 * that fits may be anywhere.
 */
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "codearena/module.h"
extern "C" {
#include "pool/pool.h"
}

namespace {

constexpr uint64_t kUnit = 16;
constexpr uint64_t kLargest = 256; // units
constexpr size_t kOutstanding = 256;

struct Random {
	uint64_t state;

	explicit Random(uint64_t seed) : state(seed) {}

	// Marsaglia's xorshift with a multiplication, in [0, limit).
	uint64_t Next(uint64_t limit)
	{
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		return (state * 0x2545f4914f6cdd1dULL >> 32) * limit >> 32;
	}
};

struct Less {
	bool operator()(const codearena_region &a,
			const codearena_region &b) const
	{
		return a.begin < b.begin;
	}
};

// The algorithm in an ordered set: search for the place, walk for the size.
class SetPool {
public:
	void Merge(codearena_region region)
	{
		auto above = regions_.lower_bound(region);

		if (above != regions_.end() &&
		    region.begin + region.size == above->begin) {
			region.size += above->size;
			above = regions_.erase(above);
		}
		if (above != regions_.begin()) {
			auto below = std::prev(above);

			if (below->begin + below->size == region.begin) {
				region.begin = below->begin;
				region.size += below->size;
				above = regions_.erase(below);
			}
		}
		regions_.insert(above, region);
	}

	codearena_region Allocate(uint64_t size)
	{
		for (auto it = regions_.begin(); it != regions_.end(); ++it) {
			if (it->size < size)
				continue;
			codearena_region old = *it;
			auto hint = regions_.erase(it);

			if (old.size > size)
				regions_.insert(hint, { old.begin + size,
							old.size - size });
			return { old.begin, size };
		}
		return { 0, 0 };
	}

private:
	std::set<codearena_region, Less> regions_;
};

// Best fit: the regions by address, and their sizes in order. Its answers differ.
class BestFitPool {
public:
	void Merge(codearena_region region)
	{
		auto above = regions_.lower_bound(region.begin);

		if (above != regions_.end() &&
		    region.begin + region.size == above->first) {
			region.size += above->second;
			sizes_.erase({ above->second, above->first });
			above = regions_.erase(above);
		}
		if (above != regions_.begin()) {
			auto below = std::prev(above);

			if (below->first + below->second == region.begin) {
				sizes_.erase({ below->second, below->first });
				below->second += region.size;
				sizes_.insert({ below->second, below->first });
				return;
			}
		}
		regions_.insert(above, { region.begin, region.size });
		sizes_.insert({ region.size, region.begin });
	}

	codearena_region Allocate(uint64_t size)
	{
		auto fit = sizes_.lower_bound({ size, 0 });

		if (fit == sizes_.end())
			return { 0, 0 };
		auto [old, begin] = *fit;
		sizes_.erase(fit);
		auto hint = regions_.erase(regions_.find(begin));
		if (old > size) {
			regions_.insert(hint, { begin + size, old - size });
			sizes_.insert({ old - size, begin + size });
		}
		return { begin, size };
	}

private:
	std::map<uint64_t, uint64_t> regions_;
	std::set<std::pair<uint64_t, uint64_t>> sizes_;
};

class TreePool {
public:
	TreePool()
	{
		if (ca__pool_new({ 0, CA__POOL_MAX }, &pool_))
			abort();
	}

	~TreePool()
	{
		ca__pool_free(pool_);
	}

	TreePool(const TreePool &) = delete;
	TreePool &operator=(const TreePool &) = delete;

	void Merge(codearena_region region)
	{
		if (ca__pool_merge(pool_, region, nullptr))
			abort();
	}

	codearena_region Allocate(uint64_t size)
	{
		codearena_region region;

		ca__pool_allocate(pool_, size, &region);
		return region;
	}

private:
	ca__pool *pool_ = nullptr;
};

template <class Pool> class Load {
public:
	explicit Load(size_t regions) : random_(88172645463325252ULL)
	{
		std::vector<codearena_region> all;
		uint64_t at = 1 << 20;

		for (size_t i = 0; i < regions; i++) {
			uint64_t most = 1 + i * kLargest / regions;
			uint64_t size = kUnit * (1 + random_.Next(most));

			all.push_back({ at, size });
			at += size + kUnit * (1 + random_.Next(16));
		}
		// In random order, as code dies.
		for (size_t i = regions; i > 1; i--)
			std::swap(all[i - 1], all[random_.Next(i)]);
		for (const codearena_region &region : all)
			pool_.Merge(region);
		for (size_t i = 0; i < kOutstanding; i++)
			out_.push_back(pool_.Allocate(Size()));
	}

	void Run(size_t pairs)
	{
		while (pairs--) {
			codearena_region &slot =
				out_[random_.Next(kOutstanding)];
			codearena_region region = pool_.Allocate(Size());

			if (slot.size)
				pool_.Merge(slot);
			slot = region;
		}
	}

	// Nanoseconds of processor time per pair; the best of some runs.
	double Measure(size_t pairs, unsigned int runs)
	{
		double best = 0;

		Run(pairs / 4 + 1);
		for (unsigned int i = 0; i < runs; i++) {
			double start = Now(), each;

			Run(pairs);
			each = (Now() - start) / pairs;
			if (!i || each < best)
				best = each;
		}
		return best;
	}

private:
	static double Now()
	{
		timespec now;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
		return now.tv_sec * 1e9 + now.tv_nsec;
	}

	uint64_t Size()
	{
		return kUnit * (1 + random_.Next(kLargest * 3 / 4));
	}

	Random random_;
	Pool pool_;
	std::vector<codearena_region> out_;
};

void Row(const char *name, double ours, const char *peer, double theirs)
{
	printf("%s\tns\t%.1f\t%s\t%.1f\t%.2f\n", name, ours, peer, theirs,
	       theirs / ours);
	fflush(stdout);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc == 3) {
		Load<TreePool> load(strtoul(argv[1], nullptr, 0));

		load.Run(strtoul(argv[2], nullptr, 0));
		return 0;
	}
	if (argc != 1) {
		fprintf(stderr, "usage: %s [REGIONS PAIRS]\n", argv[0]);
		return 2;
	}
	double ours[3];
	const size_t regions[] = { 1000, 100000, 1000000 };
	const char *const names[] = { "pool_1k", "pool_100k", "pool_1m" };

	for (int i = 0; i < 3; i++) {
		ours[i] = Load<TreePool>(regions[i]).Measure(200000, 9);
		Row(names[i], ours[i], "best_fit",
		    Load<BestFitPool>(regions[i]).Measure(200000, 5));
	}
	Row("pool_100k", ours[1], "std_set",
	    Load<SetPool>(100000).Measure(200, 3));
	Row("pool_scale", ours[2], "one_thousand", ours[0]);
	return 0;
}
