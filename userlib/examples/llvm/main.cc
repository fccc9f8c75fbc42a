// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * LLVM's ORC JIT with code in an arena: runs LLVM assembly, as lli does.
 *
 * Usage: codearena-lli [--backend auto|device|memfd] FILE.ll... [-- ARGUMENT...]
 *
 * Compiles the files, links them with each other and with this program's C
 * library, and calls main(). Reports on standard error where everything is.
 *
 * Exit status: that of main(); 125 if it was not called.
 */
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IRReader/IRReader.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <llvm/ADT/BitmaskEnum.h>

#include "memory.h"

using llvm::Error;
using llvm::Expected;

namespace {

constexpr uint64_t kCapacity = 64 << 20;
constexpr int kFailed = 125;

struct Options {
	codearena_backend backend = CODEARENA_BACKEND_AUTO;
	std::vector<std::string> files;
	std::vector<char *> arguments;
};

/* Functions of this program, which may be static, for generated code. */
#define HOST(function) { #function, reinterpret_cast<void *>(function) }

Error DefineHost(llvm::orc::LLJIT *jit)
{
	static const struct {
		const char *name;
		void *address;
	} functions[] = {
		HOST(printf), HOST(puts), HOST(putchar),
		HOST(malloc), HOST(calloc), HOST(free),
		HOST(static_cast<void *(*)(void *, const void *, size_t)>(memcpy)),
		HOST(memmove), HOST(memset), HOST(memcmp), HOST(strlen),
		HOST(strtod),
	};
	llvm::orc::SymbolMap symbols;

	for (const auto &function : functions) {
		const char *name = strstr(function.name, "memcpy") ? "memcpy" :
				   function.name;

		symbols[jit->mangleAndIntern(name)] = {
			llvm::orc::ExecutorAddr::fromPtr(function.address),
			llvm::JITSymbolFlags::Exported |
			llvm::JITSymbolFlags::Callable
		};
	}
	return jit->getMainJITDylib().define(
		llvm::orc::absoluteSymbols(std::move(symbols)));
}

Error AddFile(llvm::orc::LLJIT *jit, const std::string &path)
{
	auto context = std::make_unique<llvm::LLVMContext>();
	llvm::SMDiagnostic diagnostic;
	auto module = llvm::parseIRFile(path, diagnostic, *context);

	if (!module) {
		diagnostic.print("codearena-lli", llvm::errs());
		return llvm::createStringError(llvm::inconvertibleErrorCode(),
					       "cannot read " + path);
	}
	return jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module),
							    std::move(context)));
}

Expected<std::unique_ptr<llvm::orc::LLJIT>> MakeJit(ArenaMemoryManager *memory)
{
	return llvm::orc::LLJITBuilder()
		.setObjectLinkingLayerCreator(
			[memory](llvm::orc::ExecutionSession &session,
				 const llvm::Triple &) {
			return std::make_unique<llvm::orc::ObjectLinkingLayer>(
				session, *memory);
		})
		.create();
}

Expected<int> Run(ArenaMemoryManager *memory, const Options &options)
{
	auto jit = MakeJit(memory);

	if (!jit)
		return jit.takeError();
	if (Error error = DefineHost(jit->get()))
		return error;
	for (const std::string &file : options.files)
		if (Error error = AddFile(jit->get(), file))
			return error;
	auto entry = (*jit)->lookup("main");
	if (!entry)
		return entry.takeError();
	std::vector<char *> arguments = options.arguments;
	arguments.push_back(nullptr);
	int result = entry->toPtr<int (*)(int, char **)>()(
		options.arguments.size(), arguments.data());
	ArenaMemoryManager::Counters counters = memory->counters();
	fflush(stdout);
	fprintf(stderr, "codearena-lli: %s: %llu objects, %llu bytes of code, %llu of constants, %llu of data\n",
		codearena_backend_name(memory->backend()),
		(unsigned long long)counters.graphs,
		(unsigned long long)counters.code,
		(unsigned long long)counters.constants,
		(unsigned long long)counters.data);
	return result;
}

bool Parse(int argc, char **argv, Options *options)
{
	int i = 1;

	options->arguments.push_back(argv[0]);
	if (argc > 2 && !strcmp(argv[1], "--backend")) {
		int which = CODEARENA_BACKEND_AUTO;

		while (which <= CODEARENA_BACKEND_MEMFD &&
		       strcmp(codearena_backend_name(
				static_cast<codearena_backend>(which)), argv[2]))
			which++;
		if (which > CODEARENA_BACKEND_MEMFD)
			return false;
		options->backend = static_cast<codearena_backend>(which);
		i = 3;
	}
	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (argv[i][0] == '-')
			return false;
		options->files.push_back(argv[i]);
	}
	for (i++; i < argc; i++)
		options->arguments.push_back(argv[i]);
	return !options->files.empty();
}

} // namespace

int main(int argc, char **argv)
{
	Options options;

	if (!Parse(argc, argv, &options)) {
		printf("Usage: %s [--backend auto|device|memfd] FILE.ll... [-- ARGUMENT...]\n",
		       argv[0]);
		return kFailed;
	}
	llvm::InitializeNativeTarget();
	llvm::InitializeNativeTargetAsmPrinter();
	auto memory = ArenaMemoryManager::Create(options.backend, kCapacity);
	Expected<int> result = memory ? Run(memory->get(), options) :
				       memory.takeError();
	if (!result) {
		llvm::logAllUnhandledErrors(result.takeError(), llvm::errs(),
					    "codearena-lli: ");
		return kFailed;
	}
	/* All code was deallocated. */
	ArenaMemoryManager::Counters counters = (*memory)->counters();
	if (counters.graphs || counters.code || counters.constants ||
	    counters.data) {
		fprintf(stderr, "codearena-lli: memory was not deallocated\n");
		return kFailed;
	}
	return *result;
}
