// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Makes traces for codearena-wasm from what wast2json wrote.
//
// Usage: node wast.mjs FILE.json OUTPUT-DIRECTORY
//
// Writes a NAME.trace and a NAME.wasm for each module of the file.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const [, , input, output] = process.argv;
const prefix = basename(input, '.json');
const { commands } = JSON.parse(readFileSync(input, 'utf8'));
let trace = null;

function value({ type, value }) {
	if (value.startsWith('nan:'))
		return 'r:nan';
	return 'r:' + BigInt.asUintN(type.endsWith('64') ? 64 : 32, BigInt(value)).toString(16);
}

function name(text) {
	return text.replace(/[^A-Za-z0-9_-]/g,
		(c) => '%' + c.charCodeAt(0).toString(16).padStart(2, '0'));
}

function finish() {
	if (!trace)
		return;
	writeFileSync(join(output, `${trace.name}.trace`), trace.lines.join('\n') + '\n');
	trace = null;
}

function begin(command) {
	finish();
	const number = command.filename.split('.').at(-2);
	trace = { name: `${prefix}-${number}`, lines: ['instantiate'] };
	copyFileSync(join(dirname(input), command.filename), join(output, `${trace.name}.wasm`));
}

for (const command of commands) {
	const { action } = command;

	switch (command.type) {
	case 'module':
		begin(command);
		trace.lines.push('return');
		break;
	case 'assert_uninstantiable':
		begin(command);
		trace.lines.push(`trap ${command.text}`);
		finish();
		break;
	case 'assert_return':
	case 'assert_trap':
	case 'assert_exhaustion':
		trace.lines.push(['call', name(action.field), ...action.args.map(value)].join(' '));
		if (command.type === 'assert_return')
			trace.lines.push(['return', ...command.expected.map(value)].join(' '));
		else
			trace.lines.push(`trap ${command.text}`);
		break;
	default:
		throw new Error(`line ${command.line}: ${command.type} is not supported`);
	}
}
finish();
