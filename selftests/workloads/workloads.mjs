// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Uses packages of npm as their users do, while record.mjs looks on.
//
// Usage: node workloads.mjs NODE_MODULES [WORKLOAD]...
//
// The traces go to the directory $CODEARENA_TRACES. Prints a line for each workload
// that is skipped, since npm does not have its package any more.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { more, runMore } from './packages.mjs';
import { begin, finish, recorded } from './record.mjs';

const [, , modules, ...chosen] = process.argv;
const require = createRequire(join(resolve(modules), 'index.js'));
const load = (path) => import(pathToFileURL(join(resolve(modules), path)));

// Digests of "abc" from the publications that define the functions; where
// another text is used there, it is given.
const vectors = {
	md4: ['a448017aaf21d8525fc10ae87aa6729d'], // RFC 1320
	md5: ['900150983cd24fb0d6963f7d28e17f72'], // RFC 1321
	sha1: ['a9993e364706816aba3e25717850c26c9cd0d89d'], // FIPS 180
	sha256: ['ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'], // FIPS 180
	sha512: ['ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
		'2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f'], // FIPS 180
	sha3: ['b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e' +
		'10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0'], // FIPS 202
	ripemd160: ['8eb208f7e05d987a9b044a8e98c6b087f15a0bfc'], // Dobbertin et al.
	sm3: ['66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'], // GB/T 32905
	blake2b: ['ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1' +
		'7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923'], // RFC 7693
	blake2s: ['508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982'], // RFC 7693
	crc32: ['cbf43926', '123456789'], // the catalogue's check value
	adler32: ['11e60398', 'Wikipedia'],
	xxhash32: ['32d153ff'],
	xxhash64: ['44bc2cf5ad770999'],
	blake3: ['af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262', ''],
	whirlpool: ['4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c' +
		'7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5'], // ISO 10118-3
};

// Text of the same bytes everywhere.
function bytes(length) {
	const to = Buffer.alloc(length);
	let state = 1;

	for (let i = 0; i < length; i++) {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		to[i] = state >>> 16;
	}
	return to;
}

async function hashWasm() {
	const { default: hashes, ...named } = await load('hash-wasm/dist/index.esm.js');
	const all = hashes ?? named;
	const long = bytes(100003);

	for (const [name, [digest, text]] of Object.entries(vectors)) {
		begin(`hash-wasm-${name}`);
		assert.equal(await all[name](text ?? 'abc'), digest, name);
		for (const length of [0, 1, 63, 64, 65, 1000, 100003])
			await all[name](long.subarray(0, length));
		// More than memory holds: it reads on until it traps. This one
		// takes no more than its own block.
		if (name === 'sha3')
			continue;
		assert.throws(() => recorded()[0].Hash_Update(0x7fffffff),
			WebAssembly.RuntimeError);
	}
}

// A text of JavaScript for the lexers: their own package's sources.
function sources(names) {
	return names.map((name) => readFileSync(join(resolve(modules), name), 'utf8'));
}

async function cjsModuleLexer() {
	begin('cjs-module-lexer');
	const { init, parse } = await load('cjs-module-lexer/dist/lexer.mjs');

	await init();
	const found = parse(`exports.a = 1; Object.defineProperty(exports, 'b', { value: 2 });
		module.exports.c = require('d');`);

	assert.deepEqual([...found.exports].sort(), ['a', 'b', 'c']);
	for (const text of sources(['source-map/source-map.js', 'source-map/lib/util.js',
		'source-map/lib/source-map-consumer.js', 'source-map/lib/array-set.js',
		'hash-wasm/dist/index.umd.js']))
		parse(text);
}

async function esModuleLexer() {
	begin('es-module-lexer');
	const { init, parse } = await load('es-module-lexer/dist/lexer.js');

	await init;
	const [imports, exports] = parse("import a from 'b'; export const c = import('d');");

	assert.deepEqual(imports.map(({ n }) => n), ['b', 'd']);
	assert.deepEqual(exports.map(({ n }) => n), ['c']);
	for (const text of sources(['hash-wasm/dist/index.esm.js',
		'cjs-module-lexer/dist/lexer.mjs', 'es-module-lexer/dist/lexer.js']))
		parse(text);
	assert.throws(() => parse("import a from 'b"));
}

async function sourceMap() {
	begin('source-map');
	const { SourceMapConsumer, SourceMapGenerator } = require('source-map');
	const generator = new SourceMapGenerator({ file: 'to.js' });

	for (let line = 1; line <= 300; line++)
		for (let column = 0; column < 40; column += 8)
			generator.addMapping({
				source: `from${line % 7}.js`,
				original: { line: (line * 31) % 300 + 1, column },
				generated: { line, column: column + line % 3 },
				name: column ? `name${column}` : undefined,
			});
	const consumer = await new SourceMapConsumer(generator.toString());
	let count = 0;

	consumer.computeColumnSpans();
	consumer.eachMapping(() => count++);
	consumer.eachMapping(() => count++, null, SourceMapConsumer.ORIGINAL_ORDER);
	assert.equal(count, 3000);
	for (let line = 1; line <= 300; line += 7) {
		const at = consumer.originalPositionFor({ line, column: 9 });

		assert.equal(at.line, (line * 31) % 300 + 1);
		consumer.generatedPositionFor(at);
		consumer.allGeneratedPositionsFor(at);
	}
	consumer.destroy();
}

async function sqlJs() {
	begin('sql.js');
	const path = join(resolve(modules), 'sql.js/dist/sql-wasm');
	const SQL = await require(path + '.js')({ locateFile: () => path + '.wasm' });
	const db = new SQL.Database();

	db.run('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, weight REAL)');
	for (let i = 0; i < 300; i++)
		db.run('INSERT INTO t (name, weight) VALUES (?, ?)', [`name ${i * 7 % 300}`, i / 8]);
	db.run('CREATE INDEX by_name ON t (name)');
	const [{ values }] = db.exec(`SELECT count(*), sum(weight), min(name),
		group_concat(id) FROM t WHERE name LIKE 'name 1%' ORDER BY name`);

	assert.equal(values[0][0], 111);
	db.exec(`SELECT a.name, b.weight FROM t a JOIN t b ON a.id = b.id + 1
		WHERE a.weight > 30 ORDER BY b.weight DESC LIMIT 20`);
	db.run('UPDATE t SET weight = weight * 2 WHERE id % 3 = 0');
	db.run('DELETE FROM t WHERE id % 5 = 0');
	assert.throws(() => db.run('SELECT * FROM nothing'));
	assert.deepEqual(db.exec('PRAGMA integrity_check')[0].values, [['ok']]);
	assert.equal(db.export().length % 4096, 0);
	db.close();
}

// What each does, and the packages that it needs.
const workloads = {
	'hash-wasm': [hashWasm, 'hash-wasm'],
	'cjs-module-lexer': [cjsModuleLexer, 'cjs-module-lexer', 'source-map', 'hash-wasm'],
	'es-module-lexer': [esModuleLexer, 'es-module-lexer', 'cjs-module-lexer', 'hash-wasm'],
	'source-map': [sourceMap, 'source-map'],
	'sql.js': [sqlJs, 'sql.js'],
};

for (const [name, [, ...needs]] of Object.entries(more))
	workloads[name] = [() => runMore(name, { modules: resolve(modules), require, load }),
		...needs.length ? needs : [name]];

for (const name of chosen.length ? chosen : Object.keys(workloads)) {
	const [run, ...needs] = workloads[name];
	const missing = needs.filter((needed) => !existsSync(join(resolve(modules), needed)));

	if (missing.length)
		console.log(`skipped ${name}: npm has no ${missing.join(', ')} of this version`);
	else
		await run();
}
finish();
