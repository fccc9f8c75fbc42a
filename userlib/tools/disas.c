// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * codearenactl disas: disassembling code of another process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/arch.h"
#include "code/code_print.h"
#include "ctl.h"

/*
 * Reads up to @length bytes, less if some are not mapped: code that is not
 * sealed is not. Uses /proc/PID/mem where a sandbox forbids process_vm_readv().
 * Returns the number of bytes, or a negative errno.
 */
static ssize_t read_code(pid_t pid, uint64_t address, void *to, uint64_t length)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct iovec local = { .iov_base = to };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address };
	uint64_t done = 0;
	char path[64];
	ssize_t n = 0;
	int fd = -1;

	while (done < length) {
		/* Page by page: a missing page must not hide those before. */
		size_t part = (size_t)(page - (long)((address + done) % page));

		if (part > length - done)
			part = length - done;
		local.iov_base = (char *)to + done;
		local.iov_len = remote.iov_len = part;
		remote.iov_base = (void *)(uintptr_t)(address + done);
		n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
		if (n < 0 && errno != ESRCH && errno != EPERM) {
			if (fd < 0) {
				snprintf(path, sizeof(path), "/proc/%d/mem",
					 pid);
				fd = open(path, O_RDONLY | O_CLOEXEC);
			}
			n = fd < 0 ? -1 : pread(fd, local.iov_base, part,
						(off_t)(address + done));
		}
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	if (!done)
		n = n < 0 ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	return done ? (ssize_t)done : n;
}

/* Where no end is found: that of a few instructions. */
#define DISAS_FEW	64
/* How far the end of a function is searched. */
#define DISAS_SEARCH	4096
/* Code of the next function begins at a multiple of this, or of more. */
#define DISAS_ALIGN	64

static const uint8_t trap[] = CA__TRAP_BYTES;

/* The rest of the last granule of a function consists of trap instructions. */
static size_t function_length(const uint8_t *code, uint64_t address, size_t size)
{
	size_t end, at;

	for (end = DISAS_ALIGN - address % DISAS_ALIGN; end <= size;
	     end += DISAS_ALIGN) {
		at = end;
		while (at >= sizeof(trap) &&
		       !memcmp(code + at - sizeof(trap), trap, sizeof(trap)))
			at -= sizeof(trap);
		if (at && at < end)
			return at;
		/* Nothing but traps: no function begins here. */
		if (!at)
			break;
	}
	return size < DISAS_FEW ? size : DISAS_FEW;
}

/**
 * struct listing - the instruction that was printed last
 * @json: NULL: to standard output
 * @code: bytes of the code
 * @start: their address
 * @address: of the instruction
 * @text: it; empty: there is none
 */
struct listing {
	struct ctl_json *json;
	const uint8_t *code;
	uint64_t start;
	uint64_t address;
	char text[256];
};

/* Bytes of an instruction that others shall line up with. */
#define BYTES_WIDTH	24

/* Print the last instruction, which ends where the next begins. */
static void listing_end(struct listing *listing, uint64_t end)
{
	uint64_t at = listing->address - listing->start;
	char bytes[64] = "", *to = bytes;

	if (!*listing->text)
		return;
	for (; at < end - listing->start && to < bytes + sizeof(bytes) - 4; at++)
		to += sprintf(to, "%02x ", listing->code[at]);
	if (to > bytes)
		to[-1] = 0;
	if (listing->json) {
		ctl_json_open(listing->json, NULL, '{');
		ctl_json_number(listing->json, "address", listing->address);
		ctl_json_string(listing->json, "bytes", bytes);
		ctl_json_string(listing->json, "text", listing->text);
		ctl_json_close(listing->json, '}');
	} else {
		printf("0x%" PRIx64 " +0x%" PRIx64 "  %-*s %s\n",
		       listing->address, listing->address - listing->start,
		       BYTES_WIDTH, bytes, listing->text);
	}
	*listing->text = 0;
}

/* A line is "ADDRESS +OFFSET  INSTRUCTION", or a remark in parentheses. */
static int to_listing(void *data, const char *text, size_t length)
{
	struct listing *listing = data;
	char line[256], *rest;
	uint64_t address;

	snprintf(line, sizeof(line), "%.*s", (int)length, text);
	line[strcspn(line, "\n")] = 0;
	if (*line != '(') {
		address = strtoull(line, &rest, 16);
		listing_end(listing, address);
		listing->address = address;
		rest = strstr(rest, "  ");
		snprintf(listing->text, sizeof(listing->text), "%s",
			 rest ? rest + 2 : "");
	} else if (listing->json) {
		ctl_json_open(listing->json, NULL, '{');
		ctl_json_string(listing->json, "remark", line);
		ctl_json_close(listing->json, '}');
	} else {
		puts(line);
	}
	return ferror(stdout) ? -EIO : 0;
}

int ctl_command_disas(const struct ctl_options *options, pid_t pid,
		      uint64_t address)
{
	struct ctl_json json = { .to = stdout };
	uint64_t wanted = options->length ? options->length : DISAS_SEARCH;
	uint8_t *code = malloc(wanted);
	struct listing listing = { .code = code, .start = address };
	struct ca__printer printer = { .write = to_listing, .data = &listing };
	ssize_t n;

	if (!code) {
		ctl_error("%s", strerror(ENOMEM));
		return CTL_FAILED;
	}
	n = read_code(pid, address, code, wanted);
	if (n < 0) {
		ctl_error("cannot read 0x%" PRIx64 " of process %d: %s",
			  address, pid, n == -ESRCH ? "no such process" :
			  n == -EPERM || n == -EACCES ?
			  "not permitted; run as root" :
			  "nothing is mapped there");
		free(code);
		return CTL_FAILED;
	}
	if (!options->length)
		wanted = function_length(code, address, (size_t)n);
	if ((uint64_t)n > wanted)
		n = (ssize_t)wanted;
	if (options->json) {
		listing.json = &json;
		ctl_json_open(&json, NULL, '{');
		ctl_json_number(&json, "pid", (uint64_t)pid);
		ctl_json_number(&json, "address", address);
		ctl_json_number(&json, "length", (uint64_t)n);
		ctl_json_open(&json, "instructions", '[');
	}
	ca__disassemble(&printer, code, address, (uint32_t)n);
	listing_end(&listing, address + (uint64_t)n);
	if (options->json) {
		ctl_json_close(&json, ']');
		ctl_json_close(&json, '}');
		putchar('\n');
	} else if ((uint64_t)n < wanted) {
		printf("(nothing is mapped at 0x%" PRIx64 ")\n",
		       address + (uint64_t)n);
	}
	free(code);
	return printer.ret ? CTL_FAILED : CTL_OK;
}
