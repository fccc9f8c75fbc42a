// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearena.hpp: a function is published, called through a jump table, and
 * replaced; then errors, as values and as exceptions.
 *
 * Usage: cpp
 */
#include <codearena.hpp>

#include <cstdio>
#include <vector>

namespace {

/* int version(void), which returns a number below 256. */
std::vector<std::uint8_t> Version(std::uint8_t number)
{
#if defined(__x86_64__)
	/* endbr64; mov $number, %eax; ret */
	return { 0xf3, 0x0f, 0x1e, 0xfa, 0xb8, number, 0, 0, 0, 0xc3 };
#elif defined(__aarch64__)
	/* bti c; mov w0, #number; ret */
	std::uint32_t move = 0x52800000U | std::uint32_t{number} << 5;

	return { 0x5f, 0x24, 0x03, 0xd5,
		 std::uint8_t(move), std::uint8_t(move >> 8),
		 std::uint8_t(move >> 16), std::uint8_t(move >> 24),
		 0xc0, 0x03, 0x5f, 0xd6 };
#elif defined(__riscv)
	/* li a0, number; ret */
	std::uint32_t move = 0x00000513U | std::uint32_t{number} << 20;

	return { std::uint8_t(move), std::uint8_t(move >> 8),
		 std::uint8_t(move >> 16), std::uint8_t(move >> 24),
		 0x67, 0x80, 0x00, 0x00 };
#else
#error "no code for this machine"
#endif
}

void Replace()
{
	auto arena = codearena::arena::create(1 << 20).value();
	std::uint64_t page = arena.page_size(), first = arena.base();
	auto opts = codearena::sized<codearena_jump_table_opts>();
	codearena_jump_set set = {};

	/* Two versions on the first page, then near slots, then far slots. */
	if (auto error = arena.commit(0, 3 * page))
		throw std::system_error(error, "commit");
	if (auto error = arena.publish(0, Version(1)))
		throw std::system_error(error, "publish");
	if (auto error = arena.publish(arena.granule(), Version(2)))
		throw std::system_error(error, "publish");
	opts.functions = 1;
	opts.targets = &first;
	auto table = codearena::jump_table::create(opts, arena,
						   { page, 2 * page, 0 });
	auto call = arena.code<int()>(table.value().slot(0) - first);

	std::printf("version %d\n", call());
	set.target = first + arena.granule();
	if (auto error = table->set({ &set, 1 }, CODEARENA_PATCH_F_SYNC))
		throw std::system_error(error, "set");
	std::printf("version %d\n", call());
	/* What a table does not have is refused, and nothing changes. */
	set.index = 1;
	if (table->set({ &set, 1 }) == std::errc::invalid_argument)
		std::printf("no such function\n");
}

void Allocate()
{
	auto manager = codearena::manager::create().value();
	auto allocator = codearena::allocator::create(manager).value();
	auto region = allocator.allocate(64).value();
	auto version = reinterpret_cast<int (*)()>(
		static_cast<std::uintptr_t>(region.begin));

	if (auto error = allocator.publish(region.begin, Version(3)))
		throw std::system_error(error, "publish");
	std::printf("version %d\n", version());
	if (auto error = allocator.release({ &region, 1 }))
		throw std::system_error(error, "release");
	std::printf("released, %llu allocator\n",
		    (unsigned long long)manager.counters().allocators);
	allocator.allocate(0).value();
}

} // namespace

int main()
{
	try {
		Replace();
		Allocate();
	} catch (const std::system_error &error) {
		std::printf("%s: %s\n", error.code().category().name(),
			    error.what());
	}
	return 0;
}
