// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * asmjit's code in arenas.
 */
#include "runtime.h"

namespace {

/* Bytes of the first code space; the library reserves more when it is full. */
constexpr uint64_t kEstimate = 4 << 20;

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
	auto region = allocator_.allocate(code->codeSize());
	if (!region)
		return ToError(region.error());
	error = code->relocateToBase(region->begin);
	std::vector<uint8_t> staging(code->codeSize());
	if (!error)
		error = code->copyFlattenedData(staging.data(), staging.size(),
						asmjit::CopySectionFlags::kPadSectionBuffer);
	if (!error)
		error = ToError(allocator_.publish(region->begin, staging));
	if (error) {
		allocator_.release({ &*region, 1 });
		return error;
	}
	std::lock_guard<std::mutex> lock(mutex_);
	sizes_[region->begin] = region->size;
	*to = reinterpret_cast<void *>(region->begin);
	return asmjit::kErrorOk;
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
