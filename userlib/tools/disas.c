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

static int to_text(void *data, const char *text, size_t length)
{
	(void)data;
	return fwrite(text, 1, length, stdout) == length ? 0 : -EIO;
}

/* A line is "ADDRESS +OFFSET  INSTRUCTION", or a remark in parentheses. */
static int to_json(void *data, const char *text, size_t length)
{
	struct ctl_json *json = data;
	char line[256], *rest;

	snprintf(line, sizeof(line), "%.*s", (int)length, text);
	line[strcspn(line, "\n")] = 0;
	ctl_json_open(json, NULL, '{');
	if (*line == '(') {
		ctl_json_string(json, "remark", line);
	} else {
		ctl_json_number(json, "address", strtoull(line, &rest, 16));
		rest = strstr(rest, "  ");
		ctl_json_string(json, "text", rest ? rest + 2 : "");
	}
	ctl_json_close(json, '}');
	return 0;
}

int ctl_command_disas(const struct ctl_options *options, pid_t pid,
		      uint64_t address)
{
	struct ctl_json json = { .to = stdout };
	struct ca__printer printer = { .write = to_text };
	uint8_t *code = malloc(options->length);
	ssize_t n;

	if (!code) {
		ctl_error("%s", strerror(ENOMEM));
		return CTL_FAILED;
	}
	n = read_code(pid, address, code, options->length);
	if (n < 0) {
		ctl_error("cannot read 0x%" PRIx64 " of process %d: %s",
			  address, pid, n == -ESRCH ? "no such process" :
			  n == -EPERM || n == -EACCES ?
			  "not permitted; run as root" :
			  "nothing is mapped there");
		free(code);
		return CTL_FAILED;
	}
	if (options->json) {
		printer.write = to_json;
		printer.data = &json;
		ctl_json_open(&json, NULL, '{');
		ctl_json_number(&json, "pid", (uint64_t)pid);
		ctl_json_number(&json, "address", address);
		ctl_json_number(&json, "length", (uint64_t)n);
		ctl_json_open(&json, "instructions", '[');
	}
	ca__disassemble(&printer, code, address, (uint32_t)n);
	if (options->json) {
		ctl_json_close(&json, ']');
		ctl_json_close(&json, '}');
		putchar('\n');
	} else if ((uint64_t)n < options->length) {
		printf("(nothing is mapped at 0x%" PRIx64 ")\n",
		       address + (uint64_t)n);
	}
	free(code);
	return printer.ret ? CTL_FAILED : CTL_OK;
}
