// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * asmjit's code in arenas.
 */
#include <cerrno>
#include <system_error>

#include "runtime.h"

namespace {

/* Address space for a start; the library reserves more when it is full. */
constexpr uint64_t kEstimate = 4 << 20;

asmjit::Error ToError(int ret)
{
	switch (ret) {
	case 0:
		return asmjit::kErrorOk;
	case -ENOMEM:
		return asmjit::kErrorOutOfMemory;
	case -ENOSPC:
		return asmjit::kErrorTooLarge;
	case -ENOENT:
	case -EINVAL:
		return asmjit::kErrorInvalidArgument;
	default:
		return asmjit::kErrorInvalidState;
	}
}

} // namespace

ArenaRuntime::ArenaRuntime(codearena_backend backend)
{
	codearena_manager_opts how = {};
	codearena_allocator_opts opts = {};
	int ret;

	how.sz = sizeof(how);
	how.backend = backend;
	opts.sz = sizeof(opts);
	opts.name = "asmjit";
	opts.estimate = kEstimate;
	ret = codearena_manager_new(&how, &manager_);
	if (!ret)
		ret = codearena_allocator_new(manager_, &opts, &allocator_);
	if (ret) {
		codearena_manager_free(manager_);
		throw std::system_error(-ret, std::generic_category(),
					"codearena");
	}
	_environment = asmjit::Environment::host();
}

ArenaRuntime::~ArenaRuntime()
{
	codearena_allocator_free(allocator_);
	codearena_manager_free(manager_);
}

asmjit::Error ArenaRuntime::Publish(codearena_region region,
				    const std::vector<uint8_t> &bytes)
{
	codearena_object object = {};
	codearena_arena *arena;
	uint64_t offset;
	int ret;

	ret = codearena_allocator_locate(allocator_, region.begin, &arena,
					 &offset, nullptr);
	if (ret)
		return ToError(ret);
	object.offset = offset;
	object.source = reinterpret_cast<uintptr_t>(bytes.data());
	object.length = bytes.size();
	return ToError(codearena_arena_publish(arena, &object, 1, nullptr, 0, 0,
					       nullptr));
}

asmjit::Error ArenaRuntime::Add(void **to, asmjit::CodeHolder *code)
{
	codearena_region region;
	asmjit::Error error;
	size_t size;
	int ret;

	*to = nullptr;
	error = code->flatten();
	if (!error)
		error = code->resolveUnresolvedLinks();
	if (error)
		return error;
	/* Relocation can only make it smaller. */
	size = code->codeSize();
	if (!size)
		return asmjit::kErrorNoCodeGenerated;
	ret = codearena_allocator_allocate(allocator_, size, nullptr, &region);
	if (ret)
		return ToError(ret);
	error = code->relocateToBase(region.begin);
	std::vector<uint8_t> staging(code->codeSize());
	if (!error)
		error = code->copyFlattenedData(staging.data(), staging.size(),
						asmjit::CopySectionFlags::kPadSectionBuffer);
	if (!error)
		error = Publish(region, staging);
	if (error) {
		codearena_allocator_release(allocator_, &region, 1, nullptr);
		return error;
	}
	std::lock_guard<std::mutex> lock(mutex_);
	sizes_[region.begin] = region.size;
	*to = reinterpret_cast<void *>(region.begin);
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
	return ToError(codearena_allocator_release(allocator_, &region, 1,
						   nullptr));
}

void ArenaRuntime::reuse()
{
	codearena_allocator_grace_end(allocator_,
				      codearena_allocator_grace_begin(allocator_));
}

codearena_backend ArenaRuntime::backend() const
{
	struct codearena_manager_counters stat = {};

	stat.sz = sizeof(stat);
	codearena_manager_stat(manager_, &stat);
	return stat.backend;
}
