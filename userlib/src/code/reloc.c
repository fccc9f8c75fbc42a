// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Why a relocation was refused, in words.
 */
#include "base/base.h"
#include "codearena/module.h"

CODEARENA_API const char *codearena_reloc_reason_text(uint32_t reason)
{
	static const char *const text[] = {
		[CODEARENA_RELOC_OK] = "no error",
		[CODEARENA_RELOC_BAD_KIND] = "unknown kind",
		[CODEARENA_RELOC_BAD_FORM] =
			"form unknown, or wrong for the machine or kind",
		[CODEARENA_RELOC_BAD_OFFSET] =
			"field outside of the code, or misaligned",
		[CODEARENA_RELOC_OVERLAP] =
			"field overlaps the previous field",
		[CODEARENA_RELOC_BAD_INSTRUCTION] =
			"field does not hold the instructions of the form",
		[CODEARENA_RELOC_BAD_ADDEND] = "this kind takes no addend",
		[CODEARENA_RELOC_BAD_FUNCTION] = "no slot for this function",
		[CODEARENA_RELOC_BAD_BUILTIN] = "no such builtin",
		[CODEARENA_RELOC_BAD_SIGNATURE] = "no such signature",
		[CODEARENA_RELOC_BAD_HANDLE] =
			"no handle for this function",
		[CODEARENA_RELOC_OUTSIDE] = "reference out of the object",
		[CODEARENA_RELOC_BAD_EXTERNAL] = "no such external reference",
		[CODEARENA_RELOC_UNREACHABLE] = "target out of reach",
		[CODEARENA_RELOC_MISALIGNED] = "target misaligned",
		[CODEARENA_RELOC_CHANGED] =
			"field does not hold the target",
	};

	if (reason >= sizeof(text) / sizeof(text[0]))
		return "unknown reason";
	return text[reason];
}
