// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// More packages of npm, made by several compilers (clang, Emscripten, Rust,
// AssemblyScript, hand): each does what it is for, compares with a published value
// or with its own inverse, and is then given addresses outside of its memory.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { begin, recorded } from './record.mjs';

const NOWHERE = 0x7ffffff0;
const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(60));

// A call with addresses outside of memory.
function traps(name, ...args) {
	const call = recorded().findLast((exports) => exports[name])[name];

	assert.throws(() => call(...args), WebAssembly.RuntimeError, name);
}

// wasm-bindgen's way of passing bytes, to functions that return bytes.
function viaBindgen(exports, name, input) {
	const { memory, __wbindgen_malloc: malloc, __wbindgen_free: free,
		__wbindgen_add_to_stack_pointer: stack } = exports;
	const result = stack(-16);
	const pointer = malloc(input.length, 1);

	new Uint8Array(memory.buffer).set(input, pointer);
	exports[name](result, pointer, input.length);
	const [at, length] = new Uint32Array(memory.buffer, result, 2);
	const bytes = Buffer.from(new Uint8Array(memory.buffer, at, length));

	free(at, length, 1);
	stack(16);
	return bytes;
}

async function lz4({ path }) {
	const { instance: { exports } } = await WebAssembly.instantiate(
		readFileSync(path('lz4-wasm/lz4_wasm_bg.wasm')),
		{ './lz4_wasm_bg.js': { __wbindgen_string_new: () => 36 } });
	const packed = viaBindgen(exports, 'compress', text);

	assert(packed.length < text.length / 4);
	assert.deepEqual(viaBindgen(exports, 'decompress', packed), text);
	traps('compress', 1024, NOWHERE, 4096);
}

async function xxhash({ load }) {
	const { h32ToString, h64ToString, h32, h64, create64 } =
		await (await load('xxhash-wasm/esm/xxhash-wasm.js')).default();

	assert.equal(h32ToString('abc'), '32d153ff');
	assert.equal(h64ToString('abc'), '44bc2cf5ad770999');
	for (const length of [0, 3, 15, 16, 17, 31, 32, 33, 2000]) {
		h32(text.toString().slice(0, length), length);
		h64(text.toString().slice(0, length), BigInt(length));
	}
	assert.equal(create64().update('ab').update('c').digest(), 0x44bc2cf5ad770999n);
	traps('xxh32', NOWHERE, 4096, 0);
}

async function oniguruma({ require, path }) {
	const { loadWASM, OnigScanner } = require('vscode-oniguruma');
	const bytes = readFileSync(path('vscode-oniguruma/release/onig.wasm'));

	// It asks for this, and Node would load a module of its own for that.
	Object.defineProperty(globalThis, 'Response', { value: undefined });
	await loadWASM(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
	const scanner = new OnigScanner(['(?<=b)c+', '\\d{2,}', '(a|ä)(?!b)']);

	assert.equal(scanner.findNextMatchSync('ab bccd 123', 0).index, 0);
	assert.equal(scanner.findNextMatchSync('ab 7 123', 0).captureIndices[0].start, 5);
	assert.equal(scanner.findNextMatchSync('xyz', 0), null);
	scanner.dispose();
}

async function onigasm({ require, path }) {
	const { loadWASM, OnigRegExp } = require('onigasm');
	const bytes = readFileSync(path('onigasm/lib/onigasm.wasm'));

	await loadWASM(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
	const email = new OnigRegExp('([a-z]+)@([a-z]+)\\.org');
	const [all, name] = email.searchSync('write to someone@example.org, please');

	assert.equal(all.match, 'someone@example.org');
	assert.equal(name.match, 'someone');
	assert.equal(email.searchSync('nobody'), null);
}

async function quickjs({ require }) {
	const { getQuickJS } = require('quickjs-emscripten');
	const vm = (await getQuickJS()).newContext();
	const answer = vm.unwrapResult(vm.evalCode(`
		const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2);
		JSON.stringify([fib(15), 'a-b-c'.split('-').reverse(), 2n ** 70n + '',
			[3, 1, 2].sort(), /(\\d+)/.exec('x42')[1], 1 / 3])`));

	assert.equal(vm.getString(answer),
		'[610,["c","b","a"],"1180591620717411303424",[1,2,3],"42",0.3333333333333333]');
	answer.dispose();
	const thrown = vm.evalCode('null.x');

	assert(thrown.error);
	thrown.error.dispose();
	vm.dispose();
}

async function wasmoon({ require }) {
	const { LuaWasm } = require('wasmoon');
	const lua = await LuaWasm.initialize();
	const state = lua.luaL_newstate();
	const run = (program) => {
		assert.equal(lua.luaL_loadstring(state, program), 0);
		assert.equal(lua.lua_pcallk(state, 0, 1, 0, 0, null), 0);
		const result = lua.lua_tolstring(state, -1, null);

		lua.lua_settop(state, 0);
		return result;
	};

	// As its engine does, without functions of the host.
	lua.luaL_openlibs(state);
	assert.equal(run(`
		local t = {}
		for i = 1, 200 do t[i] = (i * 7919) % 200 end
		table.sort(t)
		local s = string.format('%d %s %.3f', t[200], ('x'):rep(5), math.pi)
		return s .. ' ' .. select(2, string.gsub('a b c', '%a', '%0%0'))`),
	'199 xxxxx 3.142 3');
	assert.equal(run('return 7 // 2 .. " " .. 7 % -3 .. " " .. (1 << 62)'), '3 -2 4611686018427387904');
	lua.lua_close(state);
}

async function long({ load }) {
	const { default: Long } = await load('long/index.js');
	const a = Long.fromString('9007199254740993'), b = Long.fromString('-123456789');

	assert.equal(a.mul(b).toString(), String(BigInt.asIntN(64, 9007199254740993n * -123456789n)));
	assert.equal(a.div(b).toString(), String(9007199254740993n / -123456789n));
	assert.equal(a.mod(b).toString(), String(9007199254740993n % -123456789n));
	assert.equal(Long.MAX_UNSIGNED_VALUE.div(10).toString(), '1844674407370955161');
	// It never gives its module these itself.
	traps('div_s', 1, 0, 0, 0);
	traps('div_s', 0, -0x80000000, -1, -1);
	traps('rem_u', 1, 0, 0, 0);
}

async function undici({ require, path }) {
	const { instance: { exports } } = await WebAssembly.instantiate(
		require(path('undici/lib/llhttp/llhttp-wasm.js')), {
			env: Object.fromEntries(['wasm_on_message_begin', 'wasm_on_url', 'wasm_on_status',
				'wasm_on_header_field', 'wasm_on_header_value', 'wasm_on_headers_complete',
				'wasm_on_body', 'wasm_on_message_complete'].map((name) => [name, () => 0])),
		});
	const parser = exports.llhttp_alloc(2);
	const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello';
	const at = exports.malloc(4096);
	const parse = (part) => {
		Buffer.from(exports.memory.buffer).write(part, at);
		return exports.llhttp_execute(parser, at, part.length);
	};

	for (let i = 0; i < 8; i++)
		assert.equal(parse(answer), 0);
	assert.equal(exports.llhttp_get_status_code(parser), 200);
	assert.notEqual(parse('no answer\r\n\r\n'), 0);
	traps('llhttp_execute', NOWHERE, at, 100);
}

async function murmurhash({ require }) {
	const { MurmurHash3 } = require('murmurhash-wasm');

	assert.equal(MurmurHash3.hash32('hello', 0).toString('hex'), '5844da46');
	for (const length of [0, 1, 2, 3, 4, 1000])
		MurmurHash3.hash32(text.toString().slice(0, length), length);
}

// The four by hand: siphash24, sha512-wasm, blake2b-wasm, xsalsa20.
function siphash({ require }) {
	const siphash24 = require('siphash24');
	const key = Buffer.from([...Array(16).keys()]);
	const hash = siphash24(Buffer.from([...Array(15).keys()]), key);

	// Aumasson and Bernstein
	assert.equal(Buffer.from(hash).toString('hex'), 'e545be4961ca29a1');
	siphash24(Buffer.concat(Array(40).fill(text)), key);
	traps('siphash', NOWHERE, 64);
}

async function sha512({ require }) {
	const hash = require('sha512-wasm');

	await new Promise((ready) => hash.ready(ready));
	for (const length of [0, 111, 112, 127, 128, 129, 2500])
		assert.equal(hash().update(text.subarray(0, length)).digest('hex'),
			createHash('sha512').update(text.subarray(0, length)).digest('hex'));
}

async function blake2b({ require }) {
	const hash = require('blake2b-wasm');

	await new Promise((ready) => hash.ready(ready));
	for (const length of [0, 1, 127, 128, 129, 2500])
		assert.equal(hash(64).update(text.subarray(0, length)).digest('hex'),
			createHash('blake2b512').update(text.subarray(0, length)).digest('hex'));
	traps('blake2b_update', 0, NOWHERE, NOWHERE + 8);
}

function xsalsa({ require }) {
	const xsalsa20 = require('xsalsa20');
	const stream = () => xsalsa20(Buffer.alloc(24, 1), Buffer.alloc(32, 2));

	assert.deepEqual(Buffer.from(stream().update(stream().update(text))), text);
	assert.notDeepEqual(Buffer.from(stream().update(text)), text);
}

function snappy({ require }) {
	const { compress_raw, decompress_raw, compress } = require('snappy-wasm');

	assert.deepEqual(Buffer.from(decompress_raw(compress_raw(text))), text);
	assert(compress(text.toString()).length < text.length / 4);
	assert.throws(() => decompress_raw(Buffer.alloc(100, 255)));
	traps('compress_raw', 1024, NOWHERE, 4096);
}

function nsgif({ require }) {
	// One black pixel.
	const { data } = require('@cwasm/nsgif').decode(Buffer.from(
		'R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==', 'base64'));

	assert.equal(data.length, 4);
	assert.throws(() => require('@cwasm/nsgif').decode(Buffer.from('GIF89a')));
	traps('free', NOWHERE);
}

function lodepng({ require }) {
	const png = require('@cwasm/lodepng');
	const image = { width: 40, height: 30, data: new Uint8ClampedArray(4800).map((_, i) => i * i) };
	const back = png.decode(png.encode(image));

	assert.deepEqual([back.width, back.height], [40, 30]);
	assert.deepEqual(Buffer.from(back.data), Buffer.from(image.data));
	assert.throws(() => png.decode(Buffer.from('no image')));
	traps('free', NOWHERE);
}

async function zstd({ require }) {
	const { init, compress, decompress } = require('@bokuweb/zstd-wasm');

	await init();
	for (const level of [1, 5, 12])
		assert.deepEqual(Buffer.from(decompress(compress(text, level))), text);
	assert.throws(() => decompress(Buffer.alloc(50, 1)));
}

async function rabin({ require }) {
	const { create } = require('rabin-wasm');
	const fingerprints = (await create(6, 64, 1024, 16)).fingerprint(text);

	assert.equal(fingerprints.reduce((sum, length) => sum + length, 0) <= text.length, true);
	assert(fingerprints.length > 1);
}

async function kissfft({ load, path }) {
	const { default: make } = await load('@echogarden/kissfft-wasm/kissfft.js');
	const fft = await make({ wasmBinary: readFileSync(path('@echogarden/kissfft-wasm/kissfft.wasm')) });
	const size = 64, at = fft._malloc(8 * size), to = fft._malloc(8 * size);

	for (let i = 0; i < size; i++)
		fft.HEAPF32.set([Math.round(100 * Math.cos(i)), 0], at / 4 + 2 * i);
	const plan = fft._kiss_fft_alloc(size, 0, 0, 0);

	fft._kiss_fft(plan, at, to);
	assert(Math.abs(fft.HEAPF32[to / 4] - fft.HEAPF32.subarray(at / 4, at / 4 + 2 * size)
		.reduce((a, b) => a + b)) < 0.01);
}

/** By name: the packages that a workload needs, and what it does. */
export const more = {
	'lz4-wasm': [lz4],
	'xxhash-wasm': [xxhash],
	'vscode-oniguruma': [oniguruma],
	onigasm: [onigasm],
	'quickjs-emscripten': [quickjs],
	wasmoon: [wasmoon],
	long: [long],
	undici: [undici],
	'murmurhash-wasm': [murmurhash],
	siphash24: [siphash],
	'sha512-wasm': [sha512],
	'blake2b-wasm': [blake2b],
	xsalsa20: [xsalsa],
	'snappy-wasm': [snappy],
	nsgif: [nsgif, '@cwasm/nsgif'],
	lodepng: [lodepng, '@cwasm/lodepng'],
	'zstd-wasm': [zstd, '@bokuweb/zstd-wasm'],
	'rabin-wasm': [rabin],
	'kissfft-wasm': [kissfft, '@echogarden/kissfft-wasm'],
};

/** Runs one of them, with its trace or traces named by it. */
export async function runMore(name, tools) {
	begin(name);
	await more[name][0]({ path: (file) => join(tools.modules, file), ...tools });
}
