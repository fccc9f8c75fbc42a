// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Relocations of a whole object: checking, applying, verifying.
 */
#include <errno.h>

#include "code/reloc.h"

/**
 * struct ca__relocs - relocations at work
 * @context: what they refer to
 * @body: what they are in
 * @error: NULL, or where to say what is wrong
 * @address: of the object, or 0
 * @end: of the field before
 */
struct ca__relocs {
	const struct codearena_reloc_context *context;
	const struct codearena_reloc_body *body;
	struct codearena_reloc_error *error;
	uint64_t address;
	uint64_t end;
};

static int refuse(struct ca__relocs *relocs, size_t index,
		  const struct codearena_reloc *reloc, uint64_t target,
		  uint32_t reason, int error)
{
	struct codearena_reloc_error *to = relocs->error;

	if (to) {
		to->index = index;
		to->error = error;
		to->reason = reason;
		to->reloc = *reloc;
		to->place = relocs->address + reloc->offset;
		to->target = target;
	}
	return error;
}

static bool inside(uint64_t offset, uint64_t width, uint64_t begin,
		   uint64_t size)
{
	return offset >= begin && offset + width <= begin + size;
}

static uint32_t check_form(struct ca__relocs *relocs,
			   const struct codearena_reloc *reloc,
			   const uint8_t *bytes, int *error)
{
	const struct codearena_reloc_body *body = relocs->body;
	struct ca__form form = ca__reloc_form(relocs->context->machine,
					      reloc->form);
	bool number = reloc->kind == CODEARENA_RELOC_SIGNATURE ||
		      reloc->kind == CODEARENA_RELOC_INDIRECT;

	*error = -EINVAL;
	if (reloc->kind < CODEARENA_RELOC_CALL ||
	    reloc->kind > CODEARENA_RELOC_EXTERNAL || reloc->__reserved)
		return CODEARENA_RELOC_BAD_KIND;
	if (!form.width || (number ? form.address : form.number))
		return CODEARENA_RELOC_BAD_FORM;
	if (!inside(reloc->offset, form.width, 0, body->instructions) &&
	    !inside(reloc->offset, form.width, body->pool, body->pool_size))
		return CODEARENA_RELOC_BAD_OFFSET;
	if (reloc->offset % form.align)
		return CODEARENA_RELOC_BAD_OFFSET;
	if (reloc->offset < relocs->end)
		return CODEARENA_RELOC_OVERLAP;
	relocs->end = (uint64_t)reloc->offset + form.width;
	*error = -ENOEXEC;
	if (bytes && !ca__reloc_shape(reloc->form, bytes + reloc->offset))
		return CODEARENA_RELOC_BAD_INSTRUCTION;
	return CODEARENA_RELOC_OK;
}

static bool internal_inside(const struct codearena_reloc *reloc, uint32_t size)
{
	int64_t offset;

	return !__builtin_add_overflow((int64_t)reloc->index, reloc->addend,
				       &offset) &&
		offset >= 0 && offset < (int64_t)size;
}

static uint32_t check_target(struct ca__relocs *relocs,
			     const struct codearena_reloc *reloc, int *error)
{
	const struct codearena_reloc_context *context = relocs->context;

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
		if (!internal_inside(reloc, relocs->body->size))
			return CODEARENA_RELOC_OUTSIDE;
		break;
	}
	*error = 0;
	return CODEARENA_RELOC_OK;
}

static int check_one(struct ca__relocs *relocs, size_t index,
		     const struct codearena_reloc *reloc, const uint8_t *bytes)
{
	uint32_t reason;
	int error;

	reason = check_form(relocs, reloc, bytes, &error);
	if (!reason)
		reason = check_target(relocs, reloc, &error);
	if (!reason)
		return 0;
	return refuse(relocs, index, reloc, 0, reason, error);
}

static int resolve(struct ca__relocs *relocs, size_t index,
		   const struct codearena_reloc *reloc, uint64_t *target)
{
	const struct codearena_reloc_context *context = relocs->context;
	uint32_t reason;
	int ret;

	switch (reloc->kind) {
	case CODEARENA_RELOC_SIGNATURE:
		*target = reloc->index;
		return 0;
	case CODEARENA_RELOC_INTERNAL:
		*target = relocs->address + reloc->index +
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
	return ret ? refuse(relocs, index, reloc, *target, reason, ret) : 0;
}

static int apply_one(struct ca__relocs *relocs, size_t index,
		     const struct codearena_reloc *reloc, uint8_t *bytes)
{
	uint64_t target;
	int ret;

	ret = check_one(relocs, index, reloc, bytes);
	if (!ret)
		ret = resolve(relocs, index, reloc, &target);
	if (ret)
		return ret;
	ret = ca__reloc_encode(reloc->form, relocs->address + reloc->offset,
			       target, bytes + reloc->offset);
	if (!ret)
		return 0;
	return refuse(relocs, index, reloc, target,
		      ret == -ERANGE ? CODEARENA_RELOC_UNREACHABLE :
				       CODEARENA_RELOC_MISALIGNED, ret);
}

static int verify_one(struct ca__relocs *relocs, size_t index,
		      const struct codearena_reloc *reloc,
		      const uint8_t *bytes)
{
	uint64_t target, found;
	int ret;

	ret = check_one(relocs, index, reloc, bytes);
	if (!ret)
		ret = resolve(relocs, index, reloc, &target);
	if (!ret)
		ret = ca__reloc_decode(reloc->form,
				       relocs->address + reloc->offset,
				       bytes + reloc->offset, &found);
	if (ret || found == target)
		return ret;
	return refuse(relocs, index, reloc, target, CODEARENA_RELOC_CHANGED,
		      -ESTALE);
}

static bool body_sane(const struct codearena_reloc_body *body)
{
	return body->instructions <= body->size && body->pool <= body->size &&
		body->pool_size <= body->size - body->pool;
}

static int begin(struct ca__relocs *relocs,
		 const struct codearena_reloc_context *context,
		 const struct codearena_reloc_body *body,
		 const struct codearena_reloc *list, size_t count,
		 uint64_t address, struct codearena_reloc_error *error)
{
	int ret;

	if (!context || !body || (count && !list))
		return -EINVAL;
	ret = ca__struct_check(context, context->sz, sizeof(*context),
			       sizeof(*context));
	if (!ret)
		ret = ca__struct_check(body, body->sz, sizeof(*body),
				       sizeof(*body));
	if (!ret && error)
		ret = ca__struct_check(error, error->sz, sizeof(*error),
				       error->sz);
	if (ret)
		return ret;
	if (!body_sane(body) ||
	    (context->external_count && !context->externals) ||
	    !ca__reloc_form(context->machine, CODEARENA_FORM_ABS64).width)
		return -EINVAL;
	*relocs = (struct ca__relocs){
		.context = context,
		.body = body,
		.error = error,
		.address = address,
	};
	if (error) {
		size_t sz = error->sz;

		memset(error, 0, sizeof(*error));
		error->sz = sz;
		error->index = SIZE_MAX;
	}
	return 0;
}

/**
 * codearena_reloc_check - see codearena/module.h
 * @context: what they refer to
 * @body: what they are in
 * @bytes: the bytes of the object, or NULL
 * @relocs: array of relocations
 * @count: entries of @relocs
 * @error: NULL, or gets the first one that is wrong
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_reloc_check(const struct codearena_reloc_context *context,
		      const struct codearena_reloc_body *body,
		      const uint8_t *bytes,
		      const struct codearena_reloc *relocs, size_t count,
		      struct codearena_reloc_error *error)
{
	struct ca__relocs work;
	size_t i;
	int ret;

	ret = begin(&work, context, body, relocs, count, 0, error);
	for (i = 0; i < count && !ret; i++)
		ret = check_one(&work, i, &relocs[i], bytes);
	return ret;
}

/**
 * codearena_reloc_apply - see codearena/module.h
 * @context: what the relocations refer to
 * @body: what they are in
 * @relocs: array of relocations
 * @count: entries of @relocs
 * @address: address that the object will have
 * @bytes: the bytes of the object
 * @error: NULL, or gets the first relocation that is wrong
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_reloc_apply(const struct codearena_reloc_context *context,
		      const struct codearena_reloc_body *body,
		      const struct codearena_reloc *relocs, size_t count,
		      uint64_t address, uint8_t *bytes,
		      struct codearena_reloc_error *error)
{
	struct ca__relocs work;
	size_t i;
	int ret;

	ret = begin(&work, context, body, relocs, count, address, error);
	if (!ret && (!bytes || !context->resolve))
		ret = -EINVAL;
	for (i = 0; i < count && !ret; i++)
		ret = apply_one(&work, i, &relocs[i], bytes);
	return ret;
}

/**
 * codearena_reloc_verify - see codearena/module.h
 * @context: what the relocations refer to
 * @body: what they are in
 * @relocs: array of relocations
 * @count: entries of @relocs
 * @address: address of the object
 * @bytes: its bytes
 * @error: NULL, or gets the first relocation that is wrong
 *
 * Return: 0 or a negative errno.
 */
CODEARENA_API int
codearena_reloc_verify(const struct codearena_reloc_context *context,
		       const struct codearena_reloc_body *body,
		       const struct codearena_reloc *relocs, size_t count,
		       uint64_t address, const uint8_t *bytes,
		       struct codearena_reloc_error *error)
{
	struct ca__relocs work;
	size_t i;
	int ret;

	ret = begin(&work, context, body, relocs, count, address, error);
	if (!ret && (!bytes || !context->resolve))
		ret = -EINVAL;
	for (i = 0; i < count && !ret; i++)
		ret = verify_one(&work, i, &relocs[i], bytes);
	return ret;
}
