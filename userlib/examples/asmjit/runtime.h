/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * asmjit's code in arenas: takes the place of asmjit::JitRuntime.
 */
#ifndef CODEARENA_ASMJIT_RUNTIME_H
#define CODEARENA_ASMJIT_RUNTIME_H

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <asmjit/core.h>

#include <codearena.hpp>

/*
 * Code is written and relocated in a staging buffer beside a chunk of executable
 * memory, one function after the other, and published from there; executable
 * memory is never writable. All functions may be called from any thread.
 */
class ArenaRuntime : public asmjit::Target {
public:
	/* Throws std::system_error. */
	explicit ArenaRuntime(codearena_backend backend);

	/* As JitRuntime::add() and release(). */
	template <typename Function>
	asmjit::Error add(Function *to, asmjit::CodeHolder *code)
	{
		return Add(reinterpret_cast<void **>(to), code);
	}

	template <typename Function>
	asmjit::Error release(Function function)
	{
		return Release(reinterpret_cast<void *>(function));
	}

	/*
	 * Reuse the space of released code. The caller vouches that no thread
	 * holds an address of it.
	 */
	void reuse();

	codearena_backend backend() const;

private:
	asmjit::Error Add(void **to, asmjit::CodeHolder *code);
	asmjit::Error Append(void **to, asmjit::CodeHolder *code);
	asmjit::Error Release(void *function);
	std::error_code NewChunk(uint64_t size);
	uint64_t Target() const;

	codearena::manager manager_;
	codearena::allocator allocator_;
	std::mutex mutex_;	/* of the below */
	codearena::staging staging_;
	std::unordered_map<uint64_t, uint64_t> sizes_;	/* by address */
};

#endif /* CODEARENA_ASMJIT_RUNTIME_H */
