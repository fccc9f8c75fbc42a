// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Records what V8 does with WebAssembly modules: every call in and out with its
// values, what the host stores to memory, and what memory holds. Import this
// before anything that makes a module; it takes the place of the functions of
// WebAssembly that do.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.env.CODEARENA_TRACES;
// So much memory is hashed for one trace, at most; the last state always is.
const MOST_HASHED = 48 << 20;
const PAGE = 65536;
const BLOCK = 4096;

const reasons = [
	[/^memory access out of bounds/, 'out of bounds memory access'],
	[/^data segment out of bounds/, 'out of bounds memory access'],
	[/^table index is out of bounds/, 'undefined element'],
	[/^null function or function signature mismatch/, 'indirect call type mismatch'],
	[/^(divide|remainder) by zero/, 'integer divide by zero'],
	[/^divide result unrepresentable/, 'integer overflow'],
	[/^float unrepresentable/, 'integer overflow'],
	[/^unreachable/, 'unreachable'],
];

const bytesOf = new WeakMap();
const open = [];
let label = 'module';

/** Modules that are made from here on belong to @name. */
export function begin(name) {
	finish();
	label = name;
}

/** Writes the traces of all modules that were made since begin(). */
export function finish() {
	for (const trace of open.splice(0))
		trace.finish();
}

/** What the modules that were made since begin() export. */
export function recorded() {
	return open.map((trace) => trace.exports);
}

function value(v) {
	const view = new DataView(new ArrayBuffer(8));

	if (typeof v === 'bigint')
		return 'b:' + BigInt.asUintN(64, v).toString(16);
	view.setFloat64(0, Number(v));
	return 'n:' + view.getBigUint64(0).toString(16);
}

function values(results) {
	if (results === undefined)
		return [];
	return (Array.isArray(results) ? results : [results]).map(value);
}

function plain(name) {
	return encodeURIComponent(name).replace(/[!.~*'()]/g,
		(c) => '%' + c.charCodeAt(0).toString(16));
}

function hash(memory) {
	const words = new Int32Array(memory.buffer);
	let h = 0x811c9dc5 | 0;

	for (let i = 0; i < words.length; i++) {
		h = Math.imul(h ^ words[i], 0x9e3779b1);
		h = (h << 13) | (h >>> 19);
	}
	return (h >>> 0).toString(16);
}

class Trace {
	constructor(bytes) {
		this.name = `${label}-${open.length}`;
		this.lines = [];
		this.hashed = 0;
		this.depth = 0;
		this.copy = null;
		this.memory = null;
		this.before = null;
		writeFileSync(join(directory, `${this.name}.wasm`), bytes);
	}

	log(...words) {
		this.lines.push(words.join(' '));
	}

	check() {
		if (!this.memory)
			return;
		this.log('check', this.memory.buffer.byteLength / PAGE, hash(this.memory));
		this.hashed += this.memory.buffer.byteLength;
	}

	// The module is left: what the host changes from here on is its doing.
	leave() {
		if (this.memory && this.copy?.length === this.memory.buffer.byteLength)
			Buffer.from(this.memory.buffer).copy(this.copy);
		else if (this.memory)
			this.copy = Buffer.from(Buffer.from(this.memory.buffer));
		if (this.memory && this.hashed + this.memory.buffer.byteLength <= MOST_HASHED)
			this.check();
	}

	// The module is entered: what the host did meanwhile.
	enter() {
		if (!this.memory || !this.copy)
			return;
		const now = Buffer.from(this.memory.buffer);
		const grown = (now.length - this.copy.length) / PAGE;

		if (grown)
			this.log('grow', grown);
		else if (now.equals(this.copy))
			return;
		for (let at = 0; at < now.length; at += BLOCK) {
			const block = now.subarray(at, at + BLOCK);
			const old = at < this.copy.length ? this.copy.subarray(at, at + BLOCK) :
				Buffer.alloc(BLOCK);
			let first = 0, last = BLOCK - 1;

			if (block.equals(old))
				continue;
			while (block[first] === old[first])
				first++;
			while (block[last] === old[last])
				last--;
			this.log('write', at + first, block.toString('hex', first, last + 1));
		}
	}

	trapped(error) {
		if (!(error instanceof WebAssembly.RuntimeError))
			throw new Error('an exception went through the module', { cause: error });
		const known = reasons.find(([pattern]) => pattern.test(error.message));

		if (!known)
			throw new Error(`a trap of no known name: ${error.message}`);
		this.log('trap', known[1]);
	}

	wrapImport(f, index) {
		return (...args) => {
			this.log('import', index, ...args.map(value));
			this.leave();
			const result = f(...args);

			this.enter();
			this.log('result', ...values(result));
			return result;
		};
	}

	// @words: what the trace calls it
	wrapFunction(words, f) {
		return (...args) => {
			// What is missing counts as 0 there.
			while (args.length < f.length)
				args.push(undefined);
			args.length = f.length;
			this.enter();
			this.log(...words, ...args.map(value));
			let result;

			try {
				result = f(...args);
			} catch (error) {
				this.trapped(error);
				this.leave();
				throw error;
			}
			this.log('return', ...values(result));
			this.leave();
			return result;
		};
	}

	// The host calls functions that it gets from a table, but puts none there.
	wrapTable(name, table) {
		const get = table.get.bind(table), known = new Map();

		// The same function for the same entry: hosts keep and compare them.
		table.get = (index) => {
			const f = get(index);

			if (f && known.get(index)?.f !== f)
				known.set(index, {
					f, wrapped: this.wrapFunction(['table', plain(name), index], f),
				});
			return f && known.get(index).wrapped;
		};
		table.set = table.grow = () => {
			throw new Error('the host changes a table');
		};
		return table;
	}

	wrapExport(name, object) {
		if (typeof object === 'function')
			return this.wrapFunction(['call', plain(name)], object);
		if (object instanceof WebAssembly.Table)
			return this.wrapTable(name, object);
		return object;
	}

	// There it is made, empty, when the module is instantiated.
	importMemory(memory) {
		this.memory = memory;
		this.before = Buffer.from(Buffer.from(memory.buffer));
	}

	// What the host stored before counts as stored now.
	bringMemory() {
		this.copy = Buffer.from(Buffer.from(this.memory.buffer));
		this.before.forEach((byte, at) => {
			if (byte)
				this.copy[at] = 0;
		});
		this.enter();
	}

	instantiate(module, imports) {
		const wrapped = {};

		WebAssembly.Module.imports(module).forEach(({ module: from, name, kind }, index) => {
			const object = imports[from][name];

			wrapped[from] ??= {};
			if (kind === 'memory')
				this.importMemory(object);
			if (kind === 'table')
				object.get = () => {
					throw new Error('the host uses a table that is imported only');
				};
			wrapped[from][name] = kind === 'function' ?
				this.wrapImport(object, index) : object;
		});
		this.log('instantiate');
		const { exports } = new original.Instance(module, wrapped);

		this.memory ??= Object.values(exports).find((e) => e instanceof WebAssembly.Memory);
		this.log('return');
		if (this.before)
			this.bringMemory();
		this.leave();
		const shown = {};

		for (const [name, object] of Object.entries(exports))
			shown[name] = this.wrapExport(name, object);
		this.exports = shown;
		return { exports: shown };
	}

	finish() {
		this.enter();
		this.check();
		writeFileSync(join(directory, `${this.name}.trace`), this.lines.join('\n') + '\n');
	}
}

const original = {
	Instance: WebAssembly.Instance,
	Module: WebAssembly.Module,
};

function compile(source) {
	const bytes = Buffer.from(source.buffer ?? source, source.byteOffset ?? 0,
		source.byteLength);
	const module = new original.Module(bytes);

	bytesOf.set(module, bytes);
	return module;
}

function instantiate(module, imports) {
	const trace = new Trace(bytesOf.get(module));

	open.push(trace);
	return trace.instantiate(module, imports ?? {});
}

WebAssembly.compile = async (source) => compile(source);
WebAssembly.instantiate = async (source, imports) => {
	if (source instanceof original.Module)
		return instantiate(source, imports);
	const module = compile(source);

	return { module, instance: instantiate(module, imports) };
};
WebAssembly.Module = new Proxy(original.Module, {
	construct: (target, [source]) => compile(source),
});
WebAssembly.Instance = new Proxy(original.Instance, {
	construct: (target, [module, imports]) => instantiate(module, imports),
});
