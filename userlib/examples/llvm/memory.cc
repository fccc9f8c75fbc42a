// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for LLVM's JITLink in an arena.
 */
#include <cerrno>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

#include <llvm/ADT/BitmaskEnum.h>

#include "memory.h"

using llvm::Error;
using llvm::Expected;
using llvm::jitlink::BasicLayout;
using llvm::orc::ExecutorAddr;

namespace {

LLVM_ENABLE_BITMASK_ENUMS_IN_NAMESPACE();

/* Reach of a displacement, minus room for addends. */
constexpr uint64_t kReach = (uint64_t{1} << 31) - (1 << 20);
/* Distance and number of the places that are tried for data. */
constexpr uint64_t kStep = 2 << 20;
constexpr int kTries = 512;

Error ToError(std::error_code error, const char *what)
{
	if (!error)
		return Error::success();
	return llvm::createStringError(error, what);
}

Error ToError(int ret, const char *what)
{
	return ToError(codearena::error_of(ret), what);
}

uint64_t AlignUp(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

void *Pointer(uint64_t address)
{
	return reinterpret_cast<void *>(static_cast<uintptr_t>(address));
}

} // namespace

bool ArenaMemoryManager::FreeList::Take(uint64_t size, codearena_region *out)
{
	for (auto at = sizes_.begin(); at != sizes_.end(); ++at) {
		uint64_t rest = at->second - size;

		if (at->second < size)
			continue;
		*out = { at->first, size };
		sizes_.erase(at);
		if (rest)
			sizes_[out->begin + size] = rest;
		return true;
	}
	return false;
}

void ArenaMemoryManager::FreeList::Put(codearena_region region)
{
	auto above = sizes_.upper_bound(region.begin);

	if (above != sizes_.end() &&
	    region.begin + region.size == above->first) {
		region.size += above->second;
		above = sizes_.erase(above);
	}
	if (above != sizes_.begin()) {
		auto below = std::prev(above);

		if (below->first + below->second == region.begin) {
			below->second += region.size;
			return;
		}
	}
	sizes_[region.begin] = region.size;
}

/* A graph between its layout and the end of its link. */
class ArenaMemoryManager::Pending : public InFlightAlloc {
public:
	Pending(ArenaMemoryManager *manager, llvm::jitlink::LinkGraph *graph,
		 std::unique_ptr<Allocation> allocation)
		: manager_(manager), graph_(graph),
		  allocation_(std::move(allocation))
	{
	}

	void finalize(OnFinalizedFunction done) override
	{
		Error error = Publish();

		if (error) {
			done(llvm::joinErrors(std::move(error), Abandon()));
			return;
		}
		manager_->Count(*allocation_, 1);
		done(FinalizedAlloc(ExecutorAddr::fromPtr(allocation_.release())));
	}

	void abandon(OnAbandonedFunction done) override
	{
		done(Abandon());
	}

private:
	Error Publish()
	{
		for (const Segment &segment : allocation_->segments)
			if (Error error = manager_->Protect(segment))
				return error;
		auto at_end = llvm::orc::shared::runFinalizeActions(graph_->allocActions());
		if (!at_end)
			return at_end.takeError();
		allocation_->at_end = std::move(*at_end);
		return manager_->ReleaseAll(*allocation_, true);
	}

	Error Abandon()
	{
		Error error = manager_->ReleaseAll(*allocation_, true);

		return llvm::joinErrors(std::move(error),
					manager_->ReleaseAll(*allocation_, false));
	}

	ArenaMemoryManager *manager_;
	llvm::jitlink::LinkGraph *graph_;
	std::unique_ptr<Allocation> allocation_;
};

Expected<std::unique_ptr<ArenaMemoryManager>>
ArenaMemoryManager::Create(codearena_backend backend, uint64_t capacity)
{
	std::unique_ptr<ArenaMemoryManager> manager(new ArenaMemoryManager);

	if (Error error = manager->Reserve(backend, capacity))
		return error;
	return manager;
}

Error ArenaMemoryManager::Reserve(codearena_backend backend, uint64_t capacity)
{
	auto how = codearena::sized<codearena_manager_opts>();
	auto opts = codearena::sized<codearena_allocator_opts>();

	page_ = sysconf(_SC_PAGESIZE);
	how.backend = backend;
	/* One code space, next to the data. */
	how.max_code_space = AlignUp(capacity, page_);
	opts.name = "llvm";
	opts.estimate = how.max_code_space;
	auto manager = codearena::manager::create(&how);
	if (!manager)
		return ToError(manager.error(), "no arena");
	manager_ = std::move(*manager);
	auto allocator = codearena::allocator::create(manager_, &opts);
	if (!allocator)
		return ToError(allocator.error(), "no arena");
	allocator_ = std::move(*allocator);
	return MapData(how.max_code_space);
}

Error ArenaMemoryManager::MapData(uint64_t capacity)
{
	auto space = allocator_.space(0);

	if (!space)
		return ToError(space.error(), "no code space");
	for (int i = 0; i < kTries; i++) {
		uint64_t below = space->region.begin - capacity - i * kStep;
		void *at = mmap(Pointer(below), capacity, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				MAP_FIXED_NOREPLACE, -1, 0);

		if (at == MAP_FAILED)
			continue;
		data_.begin = reinterpret_cast<uintptr_t>(at);
		data_.size = capacity;
		/* Old kernels ignore MAP_FIXED_NOREPLACE. */
		if (data_.begin + kReach <
		    space->region.begin + space->region.size ||
		    data_.begin > space->region.begin + kReach - capacity)
			break;
		free_.Put(data_);
		return Error::success();
	}
	return ToError(-ENOMEM, "no room for data near the code");
}

ArenaMemoryManager::~ArenaMemoryManager()
{
	if (data_.size)
		munmap(Pointer(data_.begin), data_.size);
}

Error ArenaMemoryManager::PlaceCode(BasicLayout::Segment &from, Segment *to)
{
	uint64_t size = from.ContentSize + from.ZeroFillSize;

	if (from.Alignment.value() > manager_.counters().unit)
		return ToError(-EOPNOTSUPP, "code with so much alignment");
	auto region = allocator_.allocate(size);
	if (!region)
		return ToError(region.error(), "no space for code");
	to->region = *region;
	to->content = size;
	to->staging.resize(size);
	from.WorkingMem = reinterpret_cast<char *>(to->staging.data());
	return Error::success();
}

/* Data is linked in place. */
Error ArenaMemoryManager::PlaceData(BasicLayout::Segment &from, Segment *to)
{
	uint64_t size = AlignUp(from.ContentSize + from.ZeroFillSize, page_);

	if (from.Alignment.value() > page_)
		return ToError(-EOPNOTSUPP, "data with so much alignment");
	{
		std::lock_guard<std::mutex> lock(mutex_);

		if (!free_.Take(size, &to->region))
			return ToError(-ENOSPC, "no space for data");
	}
	if (mprotect(Pointer(to->region.begin), size, PROT_READ | PROT_WRITE))
		return ToError(-errno, "no memory for data");
	to->content = from.ContentSize;
	from.WorkingMem = static_cast<char *>(Pointer(to->region.begin));
	return Error::success();
}

Error ArenaMemoryManager::Place(BasicLayout &layout, Allocation *allocation)
{
	for (auto &entry : layout.segments()) {
		const llvm::orc::AllocGroup &group = entry.first;
		BasicLayout::Segment &from = entry.second;
		llvm::orc::MemProt rights = group.getMemProt();
		Segment to;

		if (!(from.ContentSize + from.ZeroFillSize))
			continue;
		to.code = (rights & llvm::orc::MemProt::Exec) !=
			  llvm::orc::MemProt::None;
		to.writable = (rights & llvm::orc::MemProt::Write) !=
			      llvm::orc::MemProt::None;
		to.temporary = group.getMemLifetime() ==
			       llvm::orc::MemLifetime::Finalize;
		if (to.code && to.writable)
			return ToError(-EACCES, "code that is writable");
		Error error = to.code ? PlaceCode(from, &to) :
				       PlaceData(from, &to);
		from.Addr = ExecutorAddr(to.region.begin);
		if (to.region.size)
			allocation->segments.push_back(std::move(to));
		if (error)
			return error;
	}
	return layout.apply();
}

void ArenaMemoryManager::allocate(const llvm::jitlink::JITLinkDylib *,
				  llvm::jitlink::LinkGraph &graph,
				  OnAllocatedFunction done)
{
	auto allocation = std::make_unique<Allocation>();
	BasicLayout layout(graph);

	if (Error error = Place(layout, allocation.get())) {
		error = llvm::joinErrors(std::move(error),
					 ReleaseAll(*allocation, true));
		done(llvm::joinErrors(std::move(error),
				      ReleaseAll(*allocation, false)));
		return;
	}
	done(std::make_unique<Pending>(this, &graph, std::move(allocation)));
}

/* Make a linked segment final: code is published, constants are read-only. */
Error ArenaMemoryManager::Protect(const Segment &segment)
{
	if (!segment.code) {
		if (!segment.writable &&
		    mprotect(Pointer(segment.region.begin), segment.region.size,
			     PROT_READ))
			return ToError(-errno, "constants stay writable");
		return Error::success();
	}
	return ToError(allocator_.publish(segment.region.begin, segment.staging),
		       "code is not published");
}

Error ArenaMemoryManager::Release(const Segment &segment)
{
	std::lock_guard<std::mutex> lock(mutex_);

	if (segment.code)
		return ToError(allocator_.release({ &segment.region, 1 }),
			       "code is not released");
	/* Frees the memory and keeps the addresses. */
	if (mmap(Pointer(segment.region.begin), segment.region.size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return ToError(-errno, "data is not released");
	free_.Put(segment.region);
	return Error::success();
}

Error ArenaMemoryManager::ReleaseAll(const Allocation &allocation,
				     bool temporary)
{
	Error error = Error::success();

	for (const Segment &segment : allocation.segments)
		if (segment.temporary == temporary)
			error = llvm::joinErrors(std::move(error),
						 Release(segment));
	return error;
}

void ArenaMemoryManager::deallocate(std::vector<FinalizedAlloc> allocations,
				    OnDeallocatedFunction done)
{
	Error error = Error::success();

	for (FinalizedAlloc &finalized : allocations) {
		std::unique_ptr<Allocation> allocation(
			finalized.release().toPtr<Allocation *>());

		error = llvm::joinErrors(std::move(error),
					 llvm::orc::shared::runDeallocActions(
						 allocation->at_end));
		Count(*allocation, -1);
		error = llvm::joinErrors(std::move(error),
					 ReleaseAll(*allocation, false));
	}
	done(std::move(error));
}

void ArenaMemoryManager::Count(const Allocation &allocation, int sign)
{
	std::lock_guard<std::mutex> lock(mutex_);

	counters_.graphs += sign;
	for (const Segment &segment : allocation.segments) {
		if (segment.temporary)
			continue;
		if (segment.code)
			counters_.code += sign * segment.content;
		else if (segment.writable)
			counters_.data += sign * segment.region.size;
		else
			counters_.constants += sign * segment.content;
	}
}

ArenaMemoryManager::Counters ArenaMemoryManager::counters()
{
	std::lock_guard<std::mutex> lock(mutex_);

	return counters_;
}

codearena_backend ArenaMemoryManager::backend()
{
	return manager_.counters().backend;
}
