/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * libcodearena for C++17, header only: handles that free themselves, spans, and
 * std::error_code. The C headers document what each call does; here is only how
 * to call it. Everything is usable beside the C functions: get() returns the C
 * object.
 */
#ifndef CODEARENA_HPP
#define CODEARENA_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <codearena.h>
#include <codearena/elf.h>
#include <codearena/jump.h>
#include <codearena/log.h>
#include <codearena/module.h>
#include <codearena/trap.h>

namespace codearena {

/**
 * category - the category of all errors: positive numbers of errno
 *
 * They compare equal to std::errc, e.g. std::errc::not_enough_memory.
 */
inline const std::error_category &category() noexcept
{
	class errors final : public std::error_category {
		const char *name() const noexcept override
		{
			return "codearena";
		}

		std::string message(int value) const override
		{
			return codearena_strerror(value);
		}

		std::error_condition
		default_error_condition(int value) const noexcept override
		{
			return { value, std::generic_category() };
		}
	};
	static const errors instance;

	return instance;
}

/**
 * error_of - the error that a C function returned: negative errno, else success
 */
inline std::error_code error_of(int ret) noexcept
{
	return ret < 0 ? std::error_code(-ret, category()) : std::error_code();
}

/**
 * result - a value or an error
 *
 * True if there is a value. value() throws std::system_error if there is none, or
 * aborts in programs without exceptions.
 */
template <typename T>
class [[nodiscard]] result {
public:
	result(T value) : value_(std::move(value)) {}
	result(std::error_code error) : error_(error) {}

	explicit operator bool() const noexcept { return !error_; }
	std::error_code error() const noexcept { return error_; }
	T &operator*() noexcept { return value_; }
	T *operator->() noexcept { return &value_; }

	T &value() & { return check(), value_; }
	T value() && { return check(), std::move(value_); }

private:
	void check() const
	{
#ifdef __cpp_exceptions
		if (error_)
			throw std::system_error(error_);
#else
		if (error_)
			std::abort();
#endif
	}

	T value_{};
	std::error_code error_;
};

/**
 * span - elements in a row that belong to someone else
 *
 * Converts from arrays and from containers with data() and size().
 */
template <typename T>
class span {
public:
	constexpr span() = default;
	constexpr span(T *data, size_t size) : data_(data), size_(size) {}

	template <size_t N>
	constexpr span(T (&array)[N]) : data_(array), size_(N) {}

	template <typename C, typename = std::enable_if_t<std::is_convertible_v<
				      decltype(std::declval<C &>().data()), T *>>>
	constexpr span(C &&from) : data_(from.data()), size_(from.size()) {}

	constexpr T *data() const { return data_; }
	constexpr size_t size() const { return size_; }

private:
	T *data_ = nullptr;
	size_t size_ = 0;
};

using bytes = span<const uint8_t>;

/**
 * sized - a C structure whose sz is set, everything else 0
 */
template <typename T>
T sized() noexcept
{
	T to = {};

	to.sz = sizeof(to);
	return to;
}

/* Handles: move-only, empty by default, true if not empty. */
template <typename T, void (*Free)(T *)>
struct deleter {
	void operator()(T *object) const noexcept { Free(object); }
};

template <typename T, void (*Free)(T *)>
using handle = std::unique_ptr<T, deleter<T, Free>>;

/* Objects whose C functions are called with get(); made by make(). */
using module_handle = handle<codearena_module, codearena_module_free>;
using logger_handle = handle<codearena_logger, codearena_logger_free>;
using elf_handle = handle<codearena_elf, codearena_elf_close>;

/**
 * make - call a C function whose last parameter gets a new object
 * @function: e.g. codearena_module_new
 * @args: its other arguments
 *
 *	auto module = codearena::make<codearena::module_handle>(
 *		codearena_module_new, manager.get(), &opts);
 */
template <typename Handle, typename Function, typename... Args>
result<Handle> make(Function function, Args... args)
{
	typename Handle::pointer object = nullptr;
	int ret = function(args..., &object);

	if (ret < 0)
		return error_of(ret);
	return Handle(object);
}

/**
 * arena_ref - an arena that belongs to someone else
 *
 * Methods are the functions codearena_arena_*() without the first argument.
 */
class arena_ref {
public:
	arena_ref() = default;
	explicit arena_ref(codearena_arena *arena) : arena_(arena) {}

	explicit operator bool() const noexcept { return arena_; }
	codearena_arena *get() const noexcept { return arena_; }

	uint64_t base() const
	{
		return reinterpret_cast<uintptr_t>(codearena_arena_base(arena_));
	}

	uint64_t length() const { return codearena_arena_length(arena_); }
	uint32_t granule() const { return codearena_arena_granule(arena_); }

	uint32_t page_size() const { return codearena_arena_page_size(arena_); }

	/* The function that begins at an offset: code<int(int)>(64). */
	template <typename Signature>
	Signature *code(uint64_t offset) const
	{
		return reinterpret_cast<Signature *>(
			static_cast<uintptr_t>(base() + offset));
	}

	std::error_code commit(uint64_t offset, uint64_t length) const
	{
		return error_of(codearena_arena_commit(arena_, offset, length));
	}

	std::error_code decommit(uint64_t offset, uint64_t length) const
	{
		return error_of(codearena_arena_decommit(arena_, offset, length));
	}

	/* Several objects, and patches that take effect with them. */
	std::error_code publish(span<codearena_object> objects,
				span<const codearena_patch_entry> patches = {},
				uint32_t flags = 0,
				size_t *failed = nullptr) const
	{
		return error_of(codearena_arena_publish(
			arena_, objects.data(), objects.size(), patches.data(),
			patches.size(), flags, failed));
	}

	/* One object. @flags: CODEARENA_OBJECT_F_* */
	std::error_code publish(uint64_t offset, bytes code,
				uint32_t flags = 0) const
	{
		codearena_object object = {};

		object.offset = offset;
		object.source = reinterpret_cast<uintptr_t>(code.data());
		object.length = code.size();
		object.flags = flags;
		return publish(span<codearena_object>(&object, 1));
	}

	std::error_code patch(span<const codearena_patch_entry> patches,
			      uint32_t flags = 0,
			      size_t *failed = nullptr) const
	{
		return error_of(codearena_arena_patch(arena_, patches.data(),
						      patches.size(), flags,
						      failed));
	}

	std::error_code patch(uint64_t offset, bytes code,
			      uint32_t flags = 0) const
	{
		return error_of(codearena_arena_patch_bytes(
			arena_, offset, code.data(), code.size(), flags));
	}

	std::error_code discard(span<const codearena_range> ranges,
				size_t *failed = nullptr) const
	{
		return error_of(codearena_arena_discard(arena_, ranges.data(),
							ranges.size(), failed));
	}

protected:
	codearena_arena *arena_ = nullptr;
};

/**
 * arena - an arena of its own
 */
class arena : public arena_ref {
public:
	arena() = default;
	explicit arena(codearena_arena *from) : arena_ref(from), own_(from) {}

	arena(arena &&from) noexcept : arena(from.own_.release())
	{
		from.arena_ = nullptr;
	}

	arena &operator=(arena &&from) noexcept
	{
		own_ = std::move(from.own_);
		arena_ = std::exchange(from.arena_, nullptr);
		return *this;
	}

	static result<arena> create(uint64_t length,
				    const codearena_arena_opts *opts = nullptr)
	{
		codearena_arena *made = nullptr;
		int ret = codearena_arena_new(length, opts, &made);

		if (ret)
			return error_of(ret);
		return arena(made);
	}

private:
	handle<codearena_arena, codearena_arena_free> own_;
};

/**
 * staging - memory in which code is written before it is published
 */
class staging : public handle<codearena_staging, codearena_staging_free> {
public:
	using unique_ptr::unique_ptr;

	static result<staging> create(arena_ref from, uint64_t offset,
				      uint64_t length)
	{
		return make<staging>(codearena_staging_new, from.get(), offset,
				     length);
	}

	uint8_t *position() const
	{
		return static_cast<uint8_t *>(
			codearena_staging_position(get(), nullptr));
	}

	size_t room() const
	{
		size_t room;

		codearena_staging_position(get(), &room);
		return room;
	}

	intptr_t distance() const { return codearena_staging_distance(get()); }

	std::error_code publish(size_t length,
				codearena_object *object = nullptr,
				uint32_t flags = 0) const
	{
		return error_of(codearena_staging_publish(get(), length, object,
							  flags));
	}

	std::error_code rewind(const void *to) const
	{
		return error_of(codearena_staging_rewind(get(), to));
	}
};

/**
 * guard - address space in which accesses are traps
 */
class guard : public handle<codearena_guard, codearena_guard_free> {
public:
	using unique_ptr::unique_ptr;

	static result<guard> create(arena_ref from, uint64_t length,
				    const codearena_guard_opts *opts = nullptr)
	{
		return make<guard>(codearena_guard_new, from.get(), length, opts);
	}

	void *base() const { return codearena_guard_base(get()); }
	uint64_t length() const { return codearena_guard_length(get()); }

	std::error_code back(uint64_t offset, uint64_t length) const
	{
		return error_of(codearena_guard_back(get(), offset, length));
	}

	std::error_code unback(uint64_t offset, uint64_t length) const
	{
		return error_of(codearena_guard_unback(get(), offset, length));
	}
};

/**
 * jump_table - a jump table; its arena must outlive it
 */
class jump_table : public handle<codearena_jump_table,
				 codearena_jump_table_free> {
public:
	using unique_ptr::unique_ptr;

	static result<jump_table> create(const codearena_jump_table_opts &opts,
					 arena_ref to,
					 const codearena_jump_parts &offsets)
	{
		return make<jump_table>(codearena_jump_table_new, &opts,
					to.get(), &offsets);
	}

	uint64_t slot(uint32_t index) const
	{
		return codearena_jump_table_slot(get(), index);
	}

	uint64_t target(uint32_t index) const
	{
		return codearena_jump_table_target(get(), index);
	}

	std::error_code set(span<const codearena_jump_set> sets,
			    uint32_t flags = 0,
			    size_t *failed = nullptr) const
	{
		return error_of(codearena_jump_table_set(get(), sets.data(),
							 sets.size(), flags,
							 failed));
	}
};

/**
 * manager - limits for several modules together
 */
class manager : public handle<codearena_manager, codearena_manager_free> {
public:
	using unique_ptr::unique_ptr;

	static result<manager> create(const codearena_manager_opts *opts = nullptr)
	{
		return make<manager>(codearena_manager_new, opts);
	}

	codearena_manager_counters counters() const
	{
		auto to = sized<codearena_manager_counters>();

		codearena_manager_stat(get(), &to);
		return to;
	}
};

/**
 * allocator - space for the code of one module
 */
class allocator : public handle<codearena_allocator, codearena_allocator_free> {
public:
	using unique_ptr::unique_ptr;

	static result<allocator> create(const manager &from,
					const codearena_allocator_opts *opts = nullptr)
	{
		return make<allocator>(codearena_allocator_new, from.get(), opts);
	}

	result<codearena_region>
	allocate(uint64_t size,
		 const codearena_region *window = nullptr) const
	{
		codearena_region region = {};
		int ret = codearena_allocator_allocate(get(), size, window,
						       &region);

		if (ret)
			return error_of(ret);
		return region;
	}

	std::error_code release(span<const codearena_region> regions,
				size_t *done = nullptr) const
	{
		return error_of(codearena_allocator_release(get(), regions.data(),
							    regions.size(), done));
	}

	/* The caller vouches that no thread holds an address of released code. */
	std::error_code reuse() const
	{
		return error_of(codearena_allocator_grace_end(
			get(), codearena_allocator_grace_begin(get())));
	}

	result<codearena_space_info> space(size_t index) const
	{
		auto to = sized<codearena_space_info>();
		int ret = codearena_allocator_space(get(), index, &to);

		if (ret)
			return error_of(ret);
		return to;
	}

	/* Publish code at an address of an allocation. */
	std::error_code publish(uint64_t address, bytes code) const
	{
		codearena_arena *in = nullptr;
		uint64_t offset = 0;
		int ret = codearena_allocator_locate(get(), address, &in,
						     &offset, nullptr);

		if (ret)
			return error_of(ret);
		return arena_ref(in).publish(offset, code);
	}
};

} // namespace codearena

#endif /* CODEARENA_HPP */
