// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * C++ exceptions through generated code: functions say how they unwind, and a
 * logger registers them with the unwinder of the process. Prints what a throw
 * costs with 10 functions and with 100,000.
 *
 * Usage: unwind
 */
#include <codearena/log.h>
#include <codearena/module.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/* void call(void (*function)(void)), with a frame pointer */
#if defined(__x86_64__)
const unsigned char kCall[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };
#elif defined(__aarch64__)
const unsigned int kCall[] = { 0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd,
			       0xd65f03c0 };
#elif defined(__riscv)
const unsigned int kCall[] = { 0xff010113, 0x00113423, 0x00813023, 0x01010413,
			       0x000500e7, 0x00813083, 0x00013403, 0x01010113,
			       0x00008067 };
#else
#error "no code for this machine"
#endif

void Throw()
{
	throw std::runtime_error("thrown in C++");
}

/* Exits if a call of the library failed. */
void Check(int ret, const char *what)
{
	if (!ret)
		return;
	std::fprintf(stderr, "unwind: %s: %s\n", what, codearena_strerror(ret));
	std::exit(1);
}

class Module {
public:
	explicit Module(std::size_t functions)
	{
		CODEARENA_OPTS(codearena_logger_opts, opts);
		CODEARENA_OPTS(codearena_code_desc, desc);

		opts.sinks = CODEARENA_LOG_UNWIND;
		desc.body = kCall;
		desc.instructions_size = sizeof(kCall);
		desc.function_index = CODEARENA_CODE_ANONYMOUS;
		desc.unwind = CODEARENA_UNWIND_FRAME_POINTER;
		Check(codearena_logger_new(&opts, &logger_), "logger");
		Check(codearena_manager_new(nullptr, &manager_), "manager");
		Check(codearena_module_new(manager_, nullptr, &module_), "module");
		Check(codearena_logger_attach(logger_, module_), "attach");
		std::vector<codearena_code_desc> all(functions, desc);
		codes_.resize(functions);
		Check(codearena_module_add_publish(module_, all.data(), functions,
						   codes_.data(), nullptr),
		      "publish");
	}

	~Module()
	{
		for (auto *code : codes_)
			codearena_code_put(code);
		codearena_module_free(module_);
		codearena_manager_free(manager_);
		codearena_logger_free(logger_);
	}

	/* What the exception says that came through a function. */
	std::string Catch(std::size_t index) const
	{
		auto call = reinterpret_cast<void (*)(void (*)())>(
			codearena_code_start(codes_[index]));

		try {
			call(Throw);
		} catch (const std::exception &exception) {
			return exception.what();
		}
		return "nothing";
	}

	/* The least nanoseconds of a throw. */
	double Cost() const
	{
		using clock = std::chrono::steady_clock;
		double best = 1e9;

		for (int i = 0; i < 50; i++) {
			auto before = clock::now();

			for (int j = 0; j < 20; j++)
				Catch((i * 7919 + j * 104729) % codes_.size());
			std::chrono::duration<double, std::nano> time =
				clock::now() - before;
			best = std::min(best, time.count() / 20);
		}
		return best;
	}

private:
	codearena_logger *logger_ = nullptr;
	codearena_manager *manager_ = nullptr;
	codearena_module *module_ = nullptr;
	std::vector<codearena_code *> codes_;
};

} // namespace

int main()
{
	double few, many;

	{
		Module module(10);

		std::printf("caught: %s\n", module.Catch(3).c_str());
		few = module.Cost();
	}
	{
		Module module(100000);

		std::printf("caught: %s\n", module.Catch(99999).c_str());
		many = module.Cost();
	}
	std::printf("a throw costs %.0f ns with 10 functions, %.0f ns with 100000\n",
		    few, many);
	return 0;
}
