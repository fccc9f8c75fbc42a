// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearena-run: run a program with the preload library.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/codearena.h>
#include "preload.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

/* Where the library is installed; beside this program, where it was built. */
#ifndef PRELOAD_DIR
#define PRELOAD_DIR	"/usr/local/lib"
#endif
#define PRELOAD_NAME	"libcodearena-preload.so"

/* As env(1): the program was not found, cannot be run; something else is wrong. */
enum {
	FAILED = 125,
	NOT_RUN,
	NOT_FOUND
};

struct options {
	const char *mode;
	const char *report; /* NULL: none, "": standard error */
	bool mdwe;
};

static void die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

static void die(int status, const char *format, ...)
{
	va_list list;

	fputs("codearena-run: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(status);
}

static void help(void)
{
	puts("Usage: codearena-run [OPTION]... PROGRAM [ARGUMENT]...\n"
	     "Run a program that compiles code at run time where W^X is enforced.\n\n"
	     "  --wx=strict     serve programs that flip memory between writable and\n"
	     "                  executable (the default)\n"
	     "  --wx=emulate    also those that want both at once; see codearena-run(1)\n"
	     "                  for what that protects, and what not\n"
	     "  --wx=off        run the program as it is\n"
	     "  --mdwe          have the kernel refuse writable and executable memory, as\n"
	     "                  systemd's MemoryDenyWriteExecute=yes does\n"
	     "  --report[=FILE] say at the end what the program did and what it got\n"
	     "  --help          this text");
	exit(0);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "wx", required_argument, NULL, 'w' },
		{ "mdwe", no_argument, NULL, 'm' },
		{ "report", optional_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "+h", known, NULL)) != -1) {
		switch (option) {
		case 'w':
			options->mode = optarg;
			break;
		case 'm':
			options->mdwe = true;
			break;
		case 'r':
			options->report = optarg ? optarg : "";
			break;
		case 'h':
			help();
			break;
		default:
			die(FAILED, "see codearena-run --help");
		}
	}
	if (strcmp(options->mode, "strict") && strcmp(options->mode, "emulate") &&
	    strcmp(options->mode, "off"))
		die(FAILED, "--wx=%s: must be strict, emulate or off", options->mode);
	if (optind == argc)
		die(FAILED, "no program; see codearena-run --help");
}

/* Refuse now rather than when the program has made its first code. */
static void check_device(void)
{
	struct codearena_query query = { .size = sizeof(query) };
	struct codearena_reserve reserve = { .size = sizeof(reserve), .length = 2 << 20 };
	int fd = open("/dev/codearena", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(FAILED, "/dev/codearena: %s; 'codearenactl check' reports what to do",
		    strerror(errno));
	if (ioctl(fd, CODEARENA_QUERY, &query))
		die(FAILED, "/dev/codearena: %s", strerror(errno));
	if ((query.out_features & PL_FEATURES) != PL_FEATURES)
		die(FAILED, "the codearena module is too old: it has features %#llx of %#llx",
		    (unsigned long long)(query.out_features & PL_FEATURES),
		    (unsigned long long)PL_FEATURES);
	if (ioctl(fd, CODEARENA_RESERVE, &reserve) ||
	    mmap(NULL, reserve.length, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED)
		die(FAILED, "/dev/codearena cannot be mapped for execution: %s",
		    strerror(errno));
	close(fd);
}

/* Find a program as execvp() does. */
static void find_program(const char *name, char *path)
{
	const char *directories = getenv("PATH");
	size_t length;

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return;
	}
	for (; directories; directories = directories[length] ? directories + length + 1 : NULL) {
		length = strcspn(directories, ":");
		snprintf(path, PATH_MAX, "%.*s/%s", (int)length, length ? directories : ".", name);
		if (!access(path, X_OK))
			return;
	}
	die(NOT_FOUND, "%s: not found", name);
}

/* Whether an ELF file names a loader, which alone heeds LD_PRELOAD. */
static bool is_dynamic(int fd, const Elf64_Ehdr *header)
{
	Elf64_Phdr segment;

	for (int i = 0; i < header->e_phnum; i++) {
		off_t at = (off_t)header->e_phoff + i * header->e_phentsize;

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
			return true;
		if (segment.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Refuse programs that the library cannot reach. Scripts are not looked into. */
static void check_program(const char *path)
{
	Elf64_Ehdr header;
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		die(NOT_FOUND, "%s: %s", path, strerror(errno));
	if (fd < 0 || fstat(fd, &stat))
		return; /* executable perhaps, if not readable */
	if ((stat.st_mode & (S_ISUID | S_ISGID) && geteuid() != 0) ||
	    fgetxattr(fd, "security.capability", NULL, 0) > 0)
		die(NOT_RUN, "%s gains privileges when it is run, so that the loader ignores "
		    "LD_PRELOAD; it must use libcodearena itself", path);
	if (read(fd, &header, sizeof(header)) == (ssize_t)sizeof(header) &&
	    !memcmp(header.e_ident, ELFMAG, SELFMAG)) {
		if (header.e_ident[EI_CLASS] != ELFCLASS64)
			die(NOT_RUN, "%s is not a 64-bit program", path);
		if (!is_dynamic(fd, &header))
			die(NOT_RUN, "%s is linked statically, so that its system calls cannot "
			    "be replaced; it must use libcodearena itself", path);
	}
	close(fd);
}

static void find_library(char *path)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(PRELOAD_NAME));
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, PRELOAD_NAME);
		if (!access(path, R_OK))
			return;
	}
	strcpy(path, PRELOAD_DIR "/" PRELOAD_NAME);
	if (access(path, R_OK))
		die(FAILED, "%s: %s", path, strerror(errno));
}

static void set(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set(const char *name, const char *format, ...)
{
	char *value;
	va_list list;

	va_start(list, format);
	if (vasprintf(&value, format, list) < 0 || setenv(name, value, 1))
		die(FAILED, "%s", strerror(ENOMEM));
	va_end(list);
	free(value);
}

static void set_environment(const struct options *options)
{
	const char *others = getenv("LD_PRELOAD");
	const char *report = options->report;
	char library[PATH_MAX], file[PATH_MAX];

	find_library(library);
	set("LD_PRELOAD", "%s%s%s", library, others ? ":" : "", others ? others : "");
	if (report && *report) {
		/* Programs change their directory. */
		int fd = open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

		if (fd < 0 || !realpath(report, file))
			die(FAILED, "%s: %s", report, strerror(errno));
		close(fd);
		report = file;
	}
	set("CODEARENA_PRELOAD", "%s%s%s%s", options->mode, report ? ",report" : "",
	    report && *report ? "=" : "", report ? report : "");
}

#if defined(__x86_64__)
#define MACHINE	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE	AUDIT_ARCH_AARCH64
#endif

#define LOAD(member)	\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF(test, value, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, value, yes, no)
#define RETURN(value)	BPF_STMT(BPF_RET | BPF_K, value)

/* The rule as systemd has it for kernels without PR_SET_MDWE, before Linux 6.3. */
static int filter_calls(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		IF(JEQ, MACHINE, 0, 9),
		LOAD(nr),
		IF(JEQ, SYS_mmap, 4, 0),
		IF(JEQ, SYS_mprotect, 1, 0),
		IF(JEQ, SYS_pkey_mprotect, 0, 5),
		LOAD(args[2]),
		IF(JSET, PROT_EXEC, 4, 3),
		/* mmap: both rights, else nothing */
		LOAD(args[2]),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC),
		IF(JEQ, PROT_WRITE | PROT_EXEC, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void enforce(void)
{
	int ret = prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);

	if (ret && errno == EINVAL)
		ret = filter_calls();
	if (ret)
		die(FAILED, "--mdwe: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct options options = { .mode = "strict" };
	char path[PATH_MAX];

	parse(argc, argv, &options);
	argv += optind;
	find_program(argv[0], path);
	if (strcmp(options.mode, "off")) {
		check_program(path);
		check_device();
		set_environment(&options);
	}
	if (options.mdwe)
		enforce();
	execv(path, argv);
	die(errno == ENOENT ? NOT_FOUND : NOT_RUN, "%s: %s", path, strerror(errno));
}
