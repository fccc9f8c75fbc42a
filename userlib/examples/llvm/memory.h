/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Memory for LLVM's JITLink in an arena.
 */
#ifndef CODEARENA_LLVM_MEMORY_H
#define CODEARENA_LLVM_MEMORY_H

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>

#include <codearena.hpp>

/*
 * Executable segments are linked in ordinary memory, for their final addresses,
 * and published when the graph is finalized. Data is in ordinary memory within
 * reach of the code, as LLVM's small code model demands; constants become
 * read-only when the graph is finalized. All functions may be called from any
 * thread.
 */
class ArenaMemoryManager : public llvm::jitlink::JITLinkMemoryManager {
public:
	/* @capacity: bytes of code, and as many of data. */
	static llvm::Expected<std::unique_ptr<ArenaMemoryManager>>
	Create(codearena_backend backend, uint64_t capacity);
	~ArenaMemoryManager() override;

	using JITLinkMemoryManager::allocate;
	using JITLinkMemoryManager::deallocate;

	void allocate(const llvm::jitlink::JITLinkDylib *library,
		      llvm::jitlink::LinkGraph &graph,
		      OnAllocatedFunction done) override;
	void deallocate(std::vector<FinalizedAlloc> allocations,
			OnDeallocatedFunction done) override;

	/* Graphs, and bytes of each kind, that are allocated now. */
	struct Counters {
		uint64_t graphs = 0, code = 0, constants = 0, data = 0;
	};
	Counters counters();
	codearena_backend backend();

private:
	class Pending;

	struct Segment {
		codearena_region region = {};
		uint64_t content = 0;	/* bytes that are not zero-filled */
		std::vector<uint8_t> staging;	/* of code */
		bool code = false, writable = false, temporary = false;
	};

	struct Allocation {
		std::vector<Segment> segments;
		std::vector<llvm::orc::shared::WrapperFunctionCall> at_end;
	};

	/* Free address ranges; the lowest one that fits is taken. */
	class FreeList {
	public:
		bool Take(uint64_t size, codearena_region *out);
		void Put(codearena_region region);

	private:
		std::map<uint64_t, uint64_t> sizes_;	/* by address */
	};

	ArenaMemoryManager() = default;
	llvm::Error Reserve(codearena_backend backend, uint64_t capacity);
	llvm::Error MapData(uint64_t capacity);
	llvm::Error Place(llvm::jitlink::BasicLayout &layout,
			  Allocation *allocation);
	llvm::Error PlaceCode(llvm::jitlink::BasicLayout::Segment &from,
			      Segment *to);
	llvm::Error PlaceData(llvm::jitlink::BasicLayout::Segment &from,
			      Segment *to);
	llvm::Error Protect(const Segment &segment);
	void Count(const Allocation &allocation, int sign);
	llvm::Error Release(const Segment &segment);
	llvm::Error ReleaseAll(const Allocation &allocation, bool temporary);

	codearena::manager manager_;
	codearena::allocator allocator_;
	FreeList free_;	/* addresses for data */
	codearena_region data_ = {};
	uint64_t page_ = 0;
	std::mutex mutex_;	/* of free_ and counters_ */
	Counters counters_;
};

#endif /* CODEARENA_LLVM_MEMORY_H */
