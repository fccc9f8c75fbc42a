// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * One field of a relocation.
 */
#include <errno.h>

#include "code/reloc.h"

/**
 * codearena_reloc_reason - see codearena/module.h
 * @reason: any value
 *
 * Return: text.
 */
CODEARENA_API const char *codearena_reloc_reason(uint32_t reason)
{
	static const char *const text[] = {
		[CODEARENA_RELOC_OK] = "nothing is wrong",
		[CODEARENA_RELOC_BAD_KIND] = "unknown kind",
		[CODEARENA_RELOC_BAD_FORM] =
			"form unknown, or wrong for the machine or kind",
		[CODEARENA_RELOC_BAD_OFFSET] =
			"field outside of the code, or misaligned",
		[CODEARENA_RELOC_OVERLAP] =
			"field begins before the end of the one before",
		[CODEARENA_RELOC_BAD_INSTRUCTION] =
			"field does not hold the instructions of the form",
		[CODEARENA_RELOC_BAD_ADDEND] = "this kind takes no addend",
		[CODEARENA_RELOC_BAD_FUNCTION] = "no slot for this function",
		[CODEARENA_RELOC_BAD_BUILTIN] = "no such builtin",
		[CODEARENA_RELOC_BAD_SIGNATURE] = "no such signature",
		[CODEARENA_RELOC_BAD_HANDLE] =
			"handle does not lead back to the function",
		[CODEARENA_RELOC_OUTSIDE] = "reference out of the object",
		[CODEARENA_RELOC_BAD_EXTERNAL] = "no such external reference",
		[CODEARENA_RELOC_UNREACHABLE] = "target out of reach",
		[CODEARENA_RELOC_MISALIGNED] = "target misaligned",
		[CODEARENA_RELOC_CHANGED] =
			"field does not hold what belongs there",
	};

	if (reason >= sizeof(text) / sizeof(text[0]))
		return "unknown reason";
	return text[reason];
}

/**
 * codearena_reloc_width - see codearena/module.h
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 *
 * Return: bytes, or 0.
 */
CODEARENA_API uint32_t codearena_reloc_width(uint32_t machine, uint32_t form)
{
	return ca__reloc_form(machine, form).width;
}

static int ca__field_check(uint32_t machine, uint32_t form, uint64_t place,
			   const uint8_t *field)
{
	struct ca__form known = ca__reloc_form(machine, form);

	if (!field || !known.width || place % known.align)
		return -EINVAL;
	return ca__reloc_shape(form, field) ? 0 : -ENOEXEC;
}

/**
 * codearena_reloc_encode - see codearena/module.h
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @place: address of the field
 * @target: what belongs there
 * @field: the bytes
 *
 * Return: 0, -EINVAL, -ENOEXEC or -ERANGE.
 */
CODEARENA_API int codearena_reloc_encode(uint32_t machine, uint32_t form,
					 uint64_t place, uint64_t target,
					 uint8_t *field)
{
	int ret = ca__field_check(machine, form, place, field);

	return ret ? ret : ca__reloc_encode(form, place, target, field);
}

/**
 * codearena_reloc_decode - see codearena/module.h
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @place: address of the field
 * @field: the bytes
 * @target: gets what it holds
 *
 * Return: 0, -EINVAL or -ENOEXEC.
 */
CODEARENA_API int codearena_reloc_decode(uint32_t machine, uint32_t form,
					 uint64_t place, const uint8_t *field,
					 uint64_t *target)
{
	int ret;

	if (!target)
		return -EINVAL;
	*target = 0;
	ret = ca__field_check(machine, form, place, field);
	return ret ? ret : ca__reloc_decode(form, place, field, target);
}

/**
 * codearena_reloc_clear - see codearena/module.h
 * @machine: ELF machine number
 * @form: enum codearena_reloc_form
 * @field: the bytes
 *
 * Return: 0, -EINVAL or -ENOEXEC.
 */
CODEARENA_API int codearena_reloc_clear(uint32_t machine, uint32_t form,
					uint8_t *field)
{
	int ret = ca__field_check(machine, form, 0, field);

	if (ret)
		return ret;
	/* The one form that counts from its end. */
	return ca__reloc_encode(form, 0,
				form == CODEARENA_FORM_X86_64_REL32 ? 4 : 0,
				field);
}
