// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SPDX-FileCopyrightText: 2026 The codearena authors
 *
 * Writes C that is appended to wasm2c's output: for each export a function that
 * takes its arguments from an array, for each import one that puts them into an
 * array, and a table of both; for tables that are exported what calls their entries.
 */
#include <stdlib.h>
#include <string.h>

#include "wasm.h"

/* As wasm2c: letters and digits except Z stand for themselves. */
static void put_mangled(FILE *to, const struct wasm_name *name)
{
	for (size_t i = 0; i < name->length; i++) {
		uint8_t c = name->bytes[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c < 'Z') ||
		    (c >= '0' && c <= '9') || c == '_')
			fputc(c, to);
		else
			fprintf(to, "Z%02X", c);
	}
}

static void put_quoted(FILE *to, const struct wasm_name *name)
{
	fputc('"', to);
	for (size_t i = 0; i < name->length; i++) {
		uint8_t c = name->bytes[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '?')
			fputc(c, to);
		else
			fprintf(to, "\\%03o", c);
	}
	fputc('"', to);
}

static bool same_name(const struct wasm_name *a, const struct wasm_name *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

static const char *c_type(char letter)
{
	return letter == 'i' ? "u32" : letter == 'j' ? "u64" :
	       letter == 'f' ? "f32" : "f64";
}

/* Write a C expression for the value in a word. */
static void put_value(FILE *to, char letter, size_t index)
{
	if (letter == 'f' || letter == 'd')
		fprintf(to, "wasm_%s_of(values[%zu])", c_type(letter), index);
	else
		fprintf(to, "(%s)values[%zu]", c_type(letter), index);
}

/* Write a C expression for a word from a value. */
static void put_word(FILE *to, char letter, const char *value, size_t index)
{
	if (letter == 'f' || letter == 'd')
		fprintf(to, "\tvalues[%zu] = wasm_word_of_%s(%s);\n", index,
			c_type(letter), value);
	else
		fprintf(to, "\tvalues[%zu] = %s;\n", index, value);
}

/* References cannot be passed as words. */
static bool has_glue(const struct wasm_item *item)
{
	return item->kind == WASM_FUNCTION &&
	       !strpbrk(item->type->parameters, "re") &&
	       !strpbrk(item->type->results, "re");
}

/* Write what puts the results of a call into @values. */
static void put_results(FILE *to, const char *results)
{
	for (size_t i = 0; results[i]; i++) {
		char value[40] = "result";

		if (results[1])
			snprintf(value, sizeof(value), "result.%c%zu",
				 results[i], i);
		put_word(to, results[i], value, i);
	}
}

static void put_export(FILE *to, const struct wasm_item *item)
{
	const char *results = item->type->results;
	size_t i;

	fprintf(to, "static void wasm_export_");
	put_mangled(to, &item->name);
	fprintf(to, "(void *instance, u64 *values)\n{\n\t(void)values;\n\t%sZ_" WASM_NAME "Z_",
		*results ? "__auto_type result = " : "");
	put_mangled(to, &item->name);
	fprintf(to, "(instance");
	for (i = 0; item->type->parameters[i]; i++) {
		fprintf(to, ", ");
		put_value(to, item->type->parameters[i], i);
	}
	fprintf(to, ");\n");
	put_results(to, results);
	fprintf(to, "}\n\n");
}

static void put_import(FILE *to, const struct wasm_item *item, size_t number)
{
	const struct wasm_type *type = item->type;
	size_t words = strlen(type->parameters) + strlen(type->results) + 1, i;

	if (!has_glue(item))
		wasm_die("the imported function %.*s.%.*s takes or returns references",
			 (int)item->module.length, (const char *)item->module.bytes,
			 (int)item->name.length, (const char *)item->name.bytes);
	if (type->results[0] && type->results[1])
		fprintf(to, "struct wasm_multi_%s ", type->results);
	else
		fprintf(to, "%s ", type->results[0] ?
			c_type(type->results[0]) : "void");
	fprintf(to, "Z_");
	put_mangled(to, &item->module);
	fprintf(to, "Z_");
	put_mangled(to, &item->name);
	fprintf(to, "(struct Z_");
	put_mangled(to, &item->module);
	fprintf(to, "_instance_t *unused");
	for (i = 0; type->parameters[i]; i++)
		fprintf(to, ", %s p%zu", c_type(type->parameters[i]), i);
	fprintf(to, ")\n{\n\tu64 values[%zu];\n\n\t(void)unused;\n", words);
	for (i = 0; type->parameters[i]; i++) {
		char value[24];

		snprintf(value, sizeof(value), "p%zu", i);
		put_word(to, type->parameters[i], value, i);
	}
	fprintf(to, "\twasm_rt_room();\n\twasm_host_call(%zu, values);\n",
		number);
	if (type->results[0] && type->results[1]) {
		fprintf(to, "\treturn (struct wasm_multi_%s){ ", type->results);
		for (i = 0; type->results[i]; i++) {
			put_value(to, type->results[i], i);
			fprintf(to, ", ");
		}
		fprintf(to, "};\n");
	} else if (type->results[0]) {
		fprintf(to, "\treturn ");
		put_value(to, type->results[0], 0);
		fprintf(to, ";\n");
	}
	fprintf(to, "}\n\n");
}

/* Write a function that calls functions of a type, and gets them in @values. */
static void put_type(FILE *to, const struct wasm_type *type, size_t number)
{
	const char *results = type->results;
	size_t i;

	fprintf(to, "static void wasm_indirect_%zu(void *instance, u64 *values)\n{\n\t(void)instance;\n\t%s((",
		number, *results ? "__auto_type result = " : "");
	if (results[0] && results[1])
		fprintf(to, "struct wasm_multi_%s", results);
	else
		fprintf(to, "%s", *results ? c_type(*results) : "void");
	fprintf(to, " (*)(void *");
	for (i = 0; type->parameters[i]; i++)
		fprintf(to, ", %s", c_type(type->parameters[i]));
	fprintf(to, "))values[0])((void *)values[1]");
	for (i = 0; type->parameters[i]; i++) {
		fprintf(to, ", ");
		put_value(to, type->parameters[i], i + 2);
	}
	fprintf(to, ");\n");
	put_results(to, results);
	fprintf(to, "}\n\n");
}

static bool is_callable(const struct wasm_type *type)
{
	return !strpbrk(type->parameters, "re") && !strpbrk(type->results, "re");
}

static void put_exported_table(FILE *to, const struct wasm_item *item)
{
	fprintf(to, "static void *wasm_table_");
	put_mangled(to, &item->name);
	fprintf(to, "(void *instance)\n{\n\treturn __builtin_types_compatible_p(__typeof__(Z_" WASM_NAME "Z_");
	put_mangled(to, &item->name);
	fprintf(to, "(0)), wasm_rt_funcref_table_t *) ?\n\t\t(void *)Z_" WASM_NAME "Z_");
	put_mangled(to, &item->name);
	fprintf(to, "(instance) : (void *)0;\n}\n\n");
}

/* Without an exported table nothing can be called through one. */
static void put_exported_tables(FILE *to, const struct wasm_file *file)
{
	bool any = false;

	for (size_t i = 0; i < file->export_count; i++) {
		if (file->exports[i].kind != WASM_TABLE)
			continue;
		put_exported_table(to, &file->exports[i]);
		any = true;
	}
	for (size_t i = 0; any && i < file->type_count; i++)
		if (is_callable(&file->types[i]))
			put_type(to, &file->types[i], i);
	fprintf(to, "static const struct wasm_glue_table wasm_tables[] = {\n");
	for (size_t i = 0; i < file->export_count; i++) {
		if (file->exports[i].kind != WASM_TABLE)
			continue;
		fprintf(to, "\t{ ");
		put_quoted(to, &file->exports[i].name);
		fprintf(to, ", wasm_table_");
		put_mangled(to, &file->exports[i].name);
		fprintf(to, " },\n");
	}
	fprintf(to, "\t{ 0 }\n};\n\nstatic const struct wasm_glue_type wasm_types[] = {\n");
	for (size_t i = 0; any && i < file->type_count; i++)
		if (is_callable(&file->types[i]))
			fprintf(to, "\t{ \"%s\", \"%s\", &func_types[%zu], wasm_indirect_%zu },\n",
				file->types[i].parameters,
				file->types[i].results, i, i);
	fprintf(to, "\t{ 0 }\n};\n\n");
}

/* The value that the user gives to an imported global, or NULL. */
static const char *global_value(const struct wasm_item *item,
				const struct wasm_options *options)
{
	const size_t length = item->module.length + 1 + item->name.length;

	for (size_t i = 0; i < options->global_count; i++) {
		const char *text = options->globals[i];

		if (strlen(text) > length && text[length] == '=' &&
		    text[item->module.length] == '.' &&
		    !memcmp(text, item->module.bytes, item->module.length) &&
		    !memcmp(text + item->module.length + 1, item->name.bytes,
			    item->name.length))
			return text + length + 1;
	}
	return NULL;
}

/* Write the initial value of an imported global. */
static void put_global(FILE *to, const struct wasm_item *item,
		       const struct wasm_options *options)
{
	const char *value = global_value(item, options);
	char *end;

	if (!value)
		return;
	if (item->global == 'i' || item->global == 'j')
		fprintf(to, " = %lluULL", strtoull(value, &end, 0));
	else
		fprintf(to, " = %a", strtod(value, &end));
	if (!*value || *end)
		wasm_die("'%s' is not a number", value);
}

/* A value for something that is not imported is a mistake. */
static void check_values(const struct wasm_file *file,
			 const struct wasm_options *options)
{
	for (size_t i = 0; i < options->global_count; i++) {
		const struct wasm_options one = {
			.globals = &options->globals[i], .global_count = 1,
		};
		size_t k;

		for (k = 0; k < file->import_count; k++)
			if (file->imports[k].kind == WASM_GLOBAL &&
			    global_value(&file->imports[k], &one))
				break;
		if (k == file->import_count)
			wasm_die("the module imports no global as in --global %s",
				 options->globals[i]);
	}
}

void wasm_check_globals(const struct wasm_file *file,
			const struct wasm_options *options)
{
	check_values(file, options);
	for (size_t i = 0; i < file->import_count; i++) {
		const struct wasm_item *item = &file->imports[i];

		if (item->kind == WASM_GLOBAL && !global_value(item, options))
			wasm_say("warning: the imported global %.*s.%.*s is 0; see --global",
				 (int)item->module.length,
				 (const char *)item->module.bytes,
				 (int)item->name.length,
				 (const char *)item->name.bytes);
	}
}

static const char *object_type(const struct wasm_item *item)
{
	return item->kind == WASM_MEMORY ? "wasm_rt_memory_t" :
	       item->kind == WASM_TABLE ? "wasm_rt_funcref_table_t" :
	       c_type(item->global);
}

static const char *object_word(const struct wasm_item *item)
{
	return item->kind == WASM_MEMORY ? "memory" : "funcref_table";
}

/* Imported memories, tables and globals are defined here, empty or 0. */
static void put_imported_object(FILE *to, const struct wasm_item *item,
				size_t number,
				const struct wasm_options *options)
{
	fprintf(to, "static %s wasm_object_%zu", object_type(item), number);
	if (item->kind == WASM_GLOBAL)
		put_global(to, item, options);
	fprintf(to, ";\n\n%s *Z_", object_type(item));
	put_mangled(to, &item->module);
	fprintf(to, "Z_");
	put_mangled(to, &item->name);
	fprintf(to, "(struct Z_");
	put_mangled(to, &item->module);
	fprintf(to, "_instance_t *unused)\n{\n\t(void)unused;\n");
	if (item->kind != WASM_GLOBAL)
		fprintf(to, "\tif (!wasm_object_%zu.data)\n\t\twasm_rt_allocate_%s(&wasm_object_%zu, %uu, %uu);\n",
			number, object_word(item), number, item->least,
			item->most);
	fprintf(to, "\treturn &wasm_object_%zu;\n}\n\n", number);
}

/* The next instance begins with objects like those of this one. */
static void put_object_free(FILE *to, const struct wasm_item *item,
			    size_t number, const struct wasm_options *options)
{
	if (item->kind != WASM_GLOBAL) {
		fprintf(to, "\twasm_rt_free_%s(&wasm_object_%zu);\n",
			object_word(item), number);
		return;
	}
	fprintf(to, "\twasm_object_%zu = 0;\n", number);
	if (global_value(item, options)) {
		fprintf(to, "\twasm_object_%zu", number);
		put_global(to, item, options);
		fprintf(to, ";\n");
	}
}

static bool imported_before(const struct wasm_file *file, size_t index,
			    bool module_only)
{
	const struct wasm_item *item = &file->imports[index];

	for (size_t i = 0; i < index; i++)
		if (same_name(&item->module, &file->imports[i].module) &&
		    (module_only ||
		     same_name(&item->name, &file->imports[i].name)))
			return true;
	return false;
}

static void put_tables(FILE *to, const struct wasm_file *file)
{
	size_t i;

	fprintf(to, "static const struct wasm_glue_export wasm_exports[] = {\n");
	for (i = 0; i < file->export_count; i++) {
		const struct wasm_item *item = &file->exports[i];

		if (!has_glue(item))
			continue;
		fprintf(to, "\t{ ");
		put_quoted(to, &item->name);
		fprintf(to, ", \"%s\", \"%s\", wasm_export_",
			item->type->parameters, item->type->results);
		put_mangled(to, &item->name);
		fprintf(to, " },\n");
	}
	fprintf(to, "\t{ 0 }\n};\n\nstatic const struct wasm_glue_import wasm_imports[] = {\n");
	for (i = 0; i < file->import_count; i++) {
		const struct wasm_item *item = &file->imports[i];

		fprintf(to, "\t{ ");
		put_quoted(to, &item->module);
		fprintf(to, ", ");
		put_quoted(to, &item->name);
		fprintf(to, ", \"%s\", \"%s\" },\n",
			item->type ? item->type->parameters : "",
			item->type ? item->type->results : "");
	}
	fprintf(to, "\t{ 0 }\n};\n\n");
}

void wasm_write_glue(FILE *to, const struct wasm_file *file,
		     const struct wasm_options *options)
{
	size_t i;

	fprintf(to, "\n/* Glue */\n\n");
	for (i = 0; i < file->import_count; i++) {
		if (imported_before(file, i, false))
			continue;
		if (file->imports[i].kind == WASM_FUNCTION)
			put_import(to, &file->imports[i], i);
		else
			put_imported_object(to, &file->imports[i], i, options);
	}
	for (i = 0; i < file->export_count; i++)
		if (has_glue(&file->exports[i]))
			put_export(to, &file->exports[i]);
	put_tables(to, file);
	put_exported_tables(to, file);

	fprintf(to, "static void wasm_instantiate(void *instance, u64 *values)\n{\n"
		"\t(void)values;\n\tZ_" WASM_NAME "_init_module();\n"
		"\tZ_" WASM_NAME "_instantiate(instance");
	for (i = 0; i < file->import_count; i++)
		if (!imported_before(file, i, true))
			fprintf(to, ", 0");
	fprintf(to, ");\n}\n\nstatic void wasm_free(void *instance)\n{\n"
		"\tZ_" WASM_NAME "_free(instance);\n");
	for (i = 0; i < file->import_count; i++)
		if (file->imports[i].kind != WASM_FUNCTION &&
		    !imported_before(file, i, false))
			put_object_free(to, &file->imports[i], i, options);
	fprintf(to, "}\n\n"
		"const struct wasm_glue wasm_glue = {\n"
		"\t.instance_size = sizeof(Z_" WASM_NAME "_instance_t),\n"
		"\t.export_count = sizeof(wasm_exports) / sizeof(wasm_exports[0]) - 1,\n"
		"\t.import_count = %zu,\n"
		"\t.exports = wasm_exports,\n\t.imports = wasm_imports,\n"
		"\t.tables = wasm_tables,\n\t.types = wasm_types,\n"
		"\t.instantiate = wasm_instantiate,\n\t.free = wasm_free,\n};\n",
		file->import_count);
}
