// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * The relocations of a code object: checking, applying and verifying them.
 */
#include <errno.h>

#include "code/reloc.h"

/**
 * struct ca__reloc_pass - one pass over the relocations of an object
 * @context: what they refer to
 * @object: the object and its relocations
 * @error: NULL, or receives the relocation that was refused
 * @end: end of the previous field
 */
struct ca__reloc_pass {
	const struct ca__reloc_context *context;
	const struct ca__reloc_object *object;
	struct codearena_reloc_error *error;
	uint64_t end;
};

static int ca__reloc_refuse(struct ca__reloc_pass *pass, size_t index,
			    uint64_t target, uint32_t reason, int error)
{
	const struct codearena_reloc *reloc = &pass->object->relocs[index];
	struct codearena_reloc_error *to = pass->error;

	if (to) {
		to->index = index;
		to->error = error;
		to->reason = reason;
		to->reloc = *reloc;
		to->place = pass->object->address + reloc->offset;
		to->target = target;
	}
	return error;
}

static bool ca__reloc_inside(uint64_t offset, uint64_t width, uint64_t begin,
			     uint64_t size)
{
	return offset >= begin && offset + width <= begin + size;
}

static uint32_t ca__reloc_check_form(struct ca__reloc_pass *pass,
				     const struct codearena_reloc *reloc,
				     const uint8_t *bytes, int *error)
{
	const struct ca__reloc_object *object = pass->object;
	struct ca__form form = ca__reloc_form(pass->context->machine,
					      reloc->form);
	bool number = reloc->kind == CODEARENA_RELOC_SIGNATURE ||
		      reloc->kind == CODEARENA_RELOC_INDIRECT;

	*error = -EINVAL;
	if (reloc->kind < CODEARENA_RELOC_CALL ||
	    reloc->kind > CODEARENA_RELOC_EXTERNAL || reloc->__reserved)
		return CODEARENA_RELOC_BAD_KIND;
	if (!form.width || (number ? form.address : form.number))
		return CODEARENA_RELOC_BAD_FORM;
	if (!ca__reloc_inside(reloc->offset, form.width, 0,
			      object->instructions) &&
	    !ca__reloc_inside(reloc->offset, form.width, object->pool,
			      object->pool_size))
		return CODEARENA_RELOC_BAD_OFFSET;
	if (reloc->offset % form.align)
		return CODEARENA_RELOC_BAD_OFFSET;
	if (reloc->offset < pass->end)
		return CODEARENA_RELOC_OVERLAP;
	pass->end = (uint64_t)reloc->offset + form.width;
	*error = -ENOEXEC;
	if (bytes && !ca__reloc_shape(reloc->form, bytes + reloc->offset))
		return CODEARENA_RELOC_BAD_INSTRUCTION;
	return CODEARENA_RELOC_OK;
}

static bool ca__reloc_in_object(const struct codearena_reloc *reloc,
				uint32_t size)
{
	int64_t offset;

	return !__builtin_add_overflow((int64_t)reloc->index, reloc->addend,
				       &offset) &&
		offset >= 0 && offset < (int64_t)size;
}

static uint32_t ca__reloc_check_target(const struct ca__reloc_pass *pass,
				       const struct codearena_reloc *reloc,
				       int *error)
{
	const struct ca__reloc_context *context = pass->context;

	*error = -EINVAL;
	if (reloc->kind < CODEARENA_RELOC_INTERNAL && reloc->addend)
		return CODEARENA_RELOC_BAD_ADDEND;
	*error = -ENOENT;
	switch (reloc->kind) {
	case CODEARENA_RELOC_CALL:
	case CODEARENA_RELOC_INDIRECT:
		if (reloc->index < context->imports ||
		    reloc->index - context->imports >= context->functions)
			return CODEARENA_RELOC_BAD_FUNCTION;
		break;
	case CODEARENA_RELOC_STUB_CALL:
		if (reloc->index >= context->builtins)
			return CODEARENA_RELOC_BAD_BUILTIN;
		break;
	case CODEARENA_RELOC_SIGNATURE:
		if (reloc->index >= context->signatures)
			return CODEARENA_RELOC_BAD_SIGNATURE;
		break;
	case CODEARENA_RELOC_EXTERNAL:
		if (reloc->index >= context->external_count)
			return CODEARENA_RELOC_BAD_EXTERNAL;
		break;
	default:
		*error = -EOVERFLOW;
		if (!ca__reloc_in_object(reloc, pass->object->size))
			return CODEARENA_RELOC_OUTSIDE;
		break;
	}
	*error = 0;
	return CODEARENA_RELOC_OK;
}

static int ca__reloc_check_one(struct ca__reloc_pass *pass, size_t index,
			       const uint8_t *bytes)
{
	const struct codearena_reloc *reloc = &pass->object->relocs[index];
	uint32_t reason;
	int error;

	reason = ca__reloc_check_form(pass, reloc, bytes, &error);
	if (!reason)
		reason = ca__reloc_check_target(pass, reloc, &error);
	if (!reason)
		return 0;
	return ca__reloc_refuse(pass, index, 0, reason, error);
}

static int ca__reloc_resolve(struct ca__reloc_pass *pass, size_t index,
			     uint64_t *target)
{
	const struct codearena_reloc *reloc = &pass->object->relocs[index];
	const struct ca__reloc_context *context = pass->context;
	uint32_t reason;
	int ret;

	switch (reloc->kind) {
	case CODEARENA_RELOC_SIGNATURE:
		*target = reloc->index;
		return 0;
	case CODEARENA_RELOC_INTERNAL:
		*target = pass->object->address + reloc->index +
			  (uint64_t)reloc->addend;
		return 0;
	case CODEARENA_RELOC_EXTERNAL:
		*target = context->externals[reloc->index] +
			  (uint64_t)reloc->addend;
		return 0;
	case CODEARENA_RELOC_INDIRECT:
		reason = CODEARENA_RELOC_BAD_HANDLE;
		break;
	case CODEARENA_RELOC_STUB_CALL:
		reason = CODEARENA_RELOC_BAD_BUILTIN;
		break;
	default:
		reason = CODEARENA_RELOC_BAD_FUNCTION;
		break;
	}
	*target = 0;
	ret = context->resolve(context->data, reloc->kind, reloc->index,
			       target);
	return ret ? ca__reloc_refuse(pass, index, *target, reason, ret) : 0;
}

static int ca__reloc_apply_one(struct ca__reloc_pass *pass, size_t index,
			       uint8_t *bytes)
{
	const struct codearena_reloc *reloc = &pass->object->relocs[index];
	uint64_t target;
	int ret;

	ret = ca__reloc_check_one(pass, index, bytes);
	if (!ret)
		ret = ca__reloc_resolve(pass, index, &target);
	if (ret)
		return ret;
	ret = ca__reloc_encode(reloc->form,
			       pass->object->address + reloc->offset, target,
			       bytes + reloc->offset);
	if (!ret)
		return 0;
	return ca__reloc_refuse(pass, index, target, ret == -ERANGE ?
				CODEARENA_RELOC_UNREACHABLE :
				CODEARENA_RELOC_MISALIGNED, ret);
}

static int ca__reloc_verify_one(struct ca__reloc_pass *pass, size_t index,
				const uint8_t *bytes)
{
	const struct codearena_reloc *reloc = &pass->object->relocs[index];
	uint64_t target, found;
	int ret;

	ret = ca__reloc_check_one(pass, index, bytes);
	if (!ret)
		ret = ca__reloc_resolve(pass, index, &target);
	if (!ret)
		ret = ca__reloc_decode(reloc->form,
				       pass->object->address + reloc->offset,
				       bytes + reloc->offset, &found);
	if (ret || found == target)
		return ret;
	return ca__reloc_refuse(pass, index, target, CODEARENA_RELOC_CHANGED,
				-ESTALE);
}

/**
 * ca__reloc_check - check the relocations of an object
 * @context: what they refer to
 * @object: object
 * @bytes: its bytes, to check instructions; NULL: do not check them
 * @error: NULL, or receives the first relocation that is wrong
 *
 * Checks everything that does not depend on the address.
 *
 * Return: 0; -EINVAL: kind, form, offset, order or addend of a relocation;
 * -ENOEXEC: instructions; -ENOENT: no such function, builtin, signature or
 * external; -EOVERFLOW: an internal reference leaves the object.
 */
int ca__reloc_check(const struct ca__reloc_context *context,
		    const struct ca__reloc_object *object,
		    const uint8_t *bytes, struct codearena_reloc_error *error)
{
	struct ca__reloc_pass pass = { context, object, error, 0 };
	size_t i;
	int ret = 0;

	for (i = 0; i < object->count && !ret; i++)
		ret = ca__reloc_check_one(&pass, i, bytes);
	return ret;
}

/**
 * ca__reloc_apply - check the relocations of an object, and encode its fields
 * @context: what they refer to
 * @object: object
 * @bytes: its bytes, changed in place; of no use after a failure
 * @error: NULL, or receives the first relocation that is wrong
 *
 * Return: as ca__reloc_check(); -ERANGE: out of reach; the errors of
 * @context->resolve.
 */
int ca__reloc_apply(const struct ca__reloc_context *context,
		    const struct ca__reloc_object *object, uint8_t *bytes,
		    struct codearena_reloc_error *error)
{
	struct ca__reloc_pass pass = { context, object, error, 0 };
	size_t i;
	int ret = 0;

	for (i = 0; i < object->count && !ret; i++)
		ret = ca__reloc_apply_one(&pass, i, bytes);
	return ret;
}

/**
 * ca__reloc_verify - check that relocated code holds the targets
 * @context: what its relocations refer to
 * @object: object
 * @bytes: its bytes
 * @error: NULL, or receives the first relocation that is wrong
 *
 * Return: as ca__reloc_apply(); -ESTALE: a field holds something else.
 */
int ca__reloc_verify(const struct ca__reloc_context *context,
		     const struct ca__reloc_object *object,
		     const uint8_t *bytes, struct codearena_reloc_error *error)
{
	struct ca__reloc_pass pass = { context, object, error, 0 };
	size_t i;
	int ret = 0;

	for (i = 0; i < object->count && !ret; i++)
		ret = ca__reloc_verify_one(&pass, i, bytes);
	return ret;
}
