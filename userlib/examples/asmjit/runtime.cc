// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * asmjit's code in arenas.
 */
#include <algorithm>
#include <utility>

#include "runtime.h"

namespace {

/* Bytes of the first code space; the library reserves more when it is full. */
constexpr uint64_t kEstimate = 4 << 20;

/* Bytes that the allocator is asked for at a time. */
constexpr uint64_t kChunk = 64 << 10;

asmjit::Error ToError(std::error_code error)
{
	if (!error)
		return asmjit::kErrorOk;
	if (error == std::errc::not_enough_memory)
		return asmjit::kErrorOutOfMemory;
	if (error == std::errc::no_space_on_device)
		return asmjit::kErrorTooLarge;
	if (error == std::errc::no_such_file_or_directory ||
	    error == std::errc::invalid_argument)
		return asmjit::kErrorInvalidArgument;
	return asmjit::kErrorInvalidState;
}

codearena::manager MakeManager(codearena_backend backend)
{
	auto opts = codearena::sized<codearena_manager_opts>();

	opts.backend = backend;
	return codearena::manager::create(&opts).value();
}

codearena::allocator MakeAllocator(const codearena::manager &manager)
{
	auto opts = codearena::sized<codearena_allocator_opts>();

	opts.name = "asmjit";
	opts.estimate = kEstimate;
	return codearena::allocator::create(manager, &opts).value();
}

} // namespace

ArenaRuntime::ArenaRuntime(codearena_backend backend)
	: manager_(MakeManager(backend)), allocator_(MakeAllocator(manager_))
{
	_environment = asmjit::Environment::host();
}

/* Give the rest of the chunk back, and begin another one. */
std::error_code ArenaRuntime::NewChunk(uint64_t size)
{
	uint64_t rest = staging_ ? staging_.room() : 0;
	codearena_arena *arena;
	uint64_t offset;
	std::error_code error;

	if (rest) {
		codearena_region region = { Target(), rest };

		error = allocator_.release({ &region, 1 });
		if (error)
			return error;
	}
	staging_ = {};
	auto chunk = allocator_.allocate(std::max(size, kChunk));
	if (!chunk)
		return chunk.error();
	codearena_allocator_locate(allocator_.get(), chunk->begin, &arena, &offset,
				   nullptr);
	auto made = codearena::staging::create(codearena::arena_ref(arena),
					       offset, chunk->size);
	if (made)
		staging_ = std::move(*made);
	else
		allocator_.release({ &*chunk, 1 });
	return made.error();
}

/* Where code runs that is written at the position. */
uint64_t ArenaRuntime::Target() const
{
	return reinterpret_cast<uintptr_t>(staging_.position()) +
	       staging_.distance();
}

asmjit::Error ArenaRuntime::Append(void **to, asmjit::CodeHolder *code)
{
	uint8_t *at = staging_.position();
	uint64_t target = Target();
	asmjit::Error error = code->relocateToBase(target);

	if (!error)
		error = code->copyFlattenedData(at, staging_.room(),
						asmjit::CopySectionFlags::kPadSectionBuffer);
	if (!error)
		error = ToError(staging_.publish(code->codeSize()));
	if (error)
		return error;
	sizes_[target] = staging_.position() - at;
	*to = reinterpret_cast<void *>(target);
	return asmjit::kErrorOk;
}

asmjit::Error ArenaRuntime::Add(void **to, asmjit::CodeHolder *code)
{
	asmjit::Error error;

	*to = nullptr;
	error = code->flatten();
	if (!error)
		error = code->resolveUnresolvedLinks();
	if (error)
		return error;
	/* Relocation can only make it smaller. */
	if (!code->codeSize())
		return asmjit::kErrorNoCodeGenerated;
	std::lock_guard<std::mutex> lock(mutex_);
	if (!staging_ || staging_.room() < code->codeSize())
		error = ToError(NewChunk(code->codeSize()));
	return error ? error : Append(to, code);
}

asmjit::Error ArenaRuntime::Release(void *function)
{
	codearena_region region = {};

	region.begin = reinterpret_cast<uintptr_t>(function);
	{
		std::lock_guard<std::mutex> lock(mutex_);
		auto found = sizes_.find(region.begin);

		if (found == sizes_.end())
			return asmjit::kErrorInvalidArgument;
		region.size = found->second;
		sizes_.erase(found);
	}
	return ToError(allocator_.release({ &region, 1 }));
}

void ArenaRuntime::reuse()
{
	allocator_.reuse();
}

codearena_backend ArenaRuntime::backend() const
{
	return manager_.counters().backend;
}
