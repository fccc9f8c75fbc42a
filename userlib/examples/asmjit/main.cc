// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * asmjit with code in arenas: several threads generate functions, in arenas and
 * in asmjit's own runtime. Compares results with an interpreter's, and the times
 * of both runtimes.
 *
 * Usage: codearena-asmjit [--backend auto|device|memfd] [--threads N]
 *                         [--functions N]
 *
 * Exit status: 0; 1 a result was wrong; 2 usage or no such backend.
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <thread>
#include <vector>

#include <asmjit/x86.h>

#include "runtime.h"

namespace {

using Function = uint64_t (*)(uint64_t, uint64_t);

constexpr unsigned int kMostOps = 40;
constexpr unsigned int kArguments = 4;

enum class Kind { kAdd, kXor, kSub, kMul, kRotate, kImmediate, kCall, kCount };

struct Op {
	Kind kind;
	uint32_t value;
};

struct Options {
	codearena_backend backend = CODEARENA_BACKEND_AUTO;
	unsigned int threads = 4;
	unsigned int functions = 2000;	/* of a thread */
};

struct Result {
	std::atomic<uint64_t> functions{0}, calls{0}, bytes{0}, wrong{0};
	std::atomic<uint64_t> errors{0};
	std::atomic<uint64_t> add_ns{0}, release_ns{0};
};

/* Called by generated code, possibly out of reach of a branch. */
uint64_t Mix(uint64_t value)
{
	value ^= value >> 29;
	value *= 0xbf58476d1ce4e5b9;
	return value ^ value >> 32;
}

uint64_t Rotate(uint64_t value, unsigned int by)
{
	return value << by | value >> (64 - by);
}

uint64_t Interpret(const std::vector<Op> &ops, uint64_t a, uint64_t b)
{
	for (const Op &op : ops) {
		switch (op.kind) {
		case Kind::kAdd: a += b; break;
		case Kind::kXor: a ^= b; break;
		case Kind::kSub: a -= b; break;
		case Kind::kMul: a *= b; break;
		case Kind::kRotate: a = Rotate(a, op.value % 63 + 1); break;
		case Kind::kImmediate: a ^= op.value & 0x7fffffff; break;
		case Kind::kCall: a = Mix(a); break;
		case Kind::kCount: break;
		}
	}
	return a;
}

asmjit::Error Generate(asmjit::CodeHolder *code, const std::vector<Op> &ops)
{
	using namespace asmjit::x86;
	Assembler a(code);

	/* One register is pushed, so that the stack is aligned for calls. */
	a.push(rbx);
	a.mov(rbx, rsi);
	a.mov(rax, rdi);
	for (const Op &op : ops) {
		switch (op.kind) {
		case Kind::kAdd: a.add(rax, rbx); break;
		case Kind::kXor: a.xor_(rax, rbx); break;
		case Kind::kSub: a.sub(rax, rbx); break;
		case Kind::kMul: a.imul(rax, rbx); break;
		case Kind::kRotate: a.rol(rax, op.value % 63 + 1); break;
		case Kind::kImmediate: a.xor_(rax, op.value & 0x7fffffff); break;
		case Kind::kCall:
			/* A relocation, by a table if it is out of reach. */
			a.mov(rdi, rax);
			a.call(asmjit::imm(reinterpret_cast<uintptr_t>(Mix)));
			break;
		case Kind::kCount: break;
		}
	}
	a.pop(rbx);
	return a.ret();
}

uint64_t Now()
{
	timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

class Random {
public:
	explicit Random(uint64_t seed) : state_(seed) {}

	uint64_t Next()
	{
		state_ += 0x9e3779b97f4a7c15;
		return Mix(state_);
	}

private:
	uint64_t state_;
};

std::vector<Op> MakeOps(Random *random)
{
	std::vector<Op> ops(1 + random->Next() % kMostOps);

	for (Op &op : ops) {
		op.kind = static_cast<Kind>(random->Next() %
					    static_cast<unsigned int>(Kind::kCount));
		op.value = random->Next();
	}
	return ops;
}

struct Made {
	Function function;
	std::vector<Op> ops;
};

void Check(const Made &made, Random *random, Result *result)
{
	for (unsigned int i = 0; i < kArguments; i++) {
		uint64_t a = random->Next(), b = random->Next();

		if (made.function(a, b) != Interpret(made.ops, a, b))
			result->wrong++;
		result->calls++;
	}
}

template <typename Runtime>
bool Make(Runtime *runtime, Random *random, Made *made, Result *result)
{
	asmjit::CodeHolder code;
	asmjit::Error error;
	uint64_t begin;

	made->ops = MakeOps(random);
	error = code.init(runtime->environment());
	if (!error)
		error = Generate(&code, made->ops);
	begin = Now();
	if (!error)
		error = runtime->add(&made->function, &code);
	result->add_ns += Now() - begin;
	if (error) {
		fprintf(stderr, "add: %s\n",
			asmjit::DebugUtils::errorAsString(error));
		result->errors++;
		return false;
	}
	result->functions++;
	result->bytes += code.codeSize();
	return true;
}

/* Release every third function at once, the others at the end. */
template <typename Runtime>
void Work(Runtime *runtime, const Options &options, uint64_t seed,
	  Result *result)
{
	std::vector<Made> kept;
	Random random(seed);

	auto release = [&](const Made &made) {
		uint64_t begin = Now();

		if (runtime->release(made.function))
			result->errors++;
		result->release_ns += Now() - begin;
	};

	for (unsigned int i = 0; i < options.functions; i++) {
		Made made;

		if (!Make(runtime, &random, &made, result))
			return;
		Check(made, &random, result);
		if (i % 3)
			kept.push_back(std::move(made));
		else
			release(made);
	}
	/* Other threads must not have changed it. */
	for (const Made &made : kept)
		Check(made, &random, result);
	for (const Made &made : kept)
		release(made);
}

template <typename Runtime>
void RunThreads(Runtime *runtime, const Options &options, Result *result)
{
	std::vector<std::thread> threads;

	for (unsigned int i = 0; i < options.threads; i++)
		threads.emplace_back([=] {
			Work(runtime, options, i + 1, result);
		});
	for (std::thread &thread : threads)
		thread.join();
}

bool Report(const char *name, const Options &options, const Result &result)
{
	uint64_t functions = result.functions ? result.functions.load() : 1;
	bool good = !result.wrong && !result.errors &&
		    result.functions == uint64_t{options.threads} *
					options.functions;

	printf("%-10s %7u %9llu %8llu %8llu %6llu %8llu %10llu  %s\n", name,
	       options.threads, (unsigned long long)result.functions,
	       (unsigned long long)result.bytes,
	       (unsigned long long)result.calls,
	       (unsigned long long)result.wrong,
	       (unsigned long long)(result.add_ns / functions),
	       (unsigned long long)(result.release_ns / functions),
	       good ? "ok" : "WRONG");
	return good;
}

bool RunAll(const Options &options)
{
	ArenaRuntime arenas(options.backend);
	asmjit::JitRuntime own;
	Result first, second, theirs;
	bool good;

	printf("%-10s %7s %9s %8s %8s %6s %8s %10s  %s\n", "runtime", "threads",
	       "functions", "bytes", "calls", "wrong", "add ns", "release ns",
	       "result");
	RunThreads(&arenas, options, &first);
	good = Report(codearena_backend_name(arenas.backend()), options, first);
	/* Again, in reused space. */
	arenas.reuse();
	RunThreads(&arenas, options, &second);
	good = Report("  reused", options, second) && good;
	RunThreads(&own, options, &theirs);
	return Report("asmjit", options, theirs) && good;
}

bool ParseNumber(const char *text, unsigned int *to)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*to = value;
	return *text && !*end && value && value <= 1000000;
}

bool Parse(int argc, char **argv, Options *options)
{
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--backend")) {
			int which = CODEARENA_BACKEND_AUTO;

			while (which <= CODEARENA_BACKEND_MEMFD &&
			       strcmp(codearena_backend_name(
					static_cast<codearena_backend>(which)), value))
				which++;
			if (which > CODEARENA_BACKEND_MEMFD)
				return false;
			options->backend = static_cast<codearena_backend>(which);
		} else if (!strcmp(argv[i], "--threads")) {
			if (!ParseNumber(value, &options->threads))
				return false;
		} else if (!strcmp(argv[i], "--functions")) {
			if (!ParseNumber(value, &options->functions))
				return false;
		} else {
			return false;
		}
	}
	return true;
}

} // namespace

int main(int argc, char **argv)
{
	Options options;

	if (!Parse(argc, argv, &options)) {
		printf("Usage: %s [--backend auto|device|memfd] [--threads N] [--functions N]\n",
		       argv[0]);
		return 2;
	}
	try {
		return RunAll(options) ? 0 : 1;
	} catch (const std::system_error &error) {
		fprintf(stderr, "%s: %s\n", argv[0], error.what());
		return 2;
	}
}
