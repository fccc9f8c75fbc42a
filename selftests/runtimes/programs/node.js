// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Work for V8: hot functions, new functions, worker threads, WebAssembly with traps.
'use strict';
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function work(seed) {
	let sum = seed;
	for (let i = 0; i < 400000; i++)
		sum = (sum * 31 + i % 7) | 0;
	for (let i = 0; i < 100; i++)
		sum ^= new Function('x', 'let s = 0; for (let k = 0; k < 200; k++) s += x ^ ' + i + '; return s')(seed);
	return sum;
}

// (func (export "div") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
const module_bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127,
	3, 2, 1, 0, 7, 7, 1, 3, 100, 105, 118, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 109, 11]);

function traps() {
	const { div } = new WebAssembly.Instance(new WebAssembly.Module(module_bytes)).exports;
	let sum = 0, trapped = 0;
	for (let i = 0; i < 2000; i++) {
		try { sum += div(1000000, i % 10); } catch (error) { trapped++; }
	}
	return sum + ' ' + trapped;
}

if (isMainThread) {
	console.log('main', work(1), traps());
	const results = [];
	let left = 4;
	for (let i = 0; i < 4; i++)
		new Worker(__filename, { workerData: i }).on('message', text => {
			results[i] = text;
			if (--left === 0)
				console.log(results.join('\n'));
		});
} else {
	parentPort.postMessage('worker ' + workerData + ' ' + work(workerData) + ' ' + traps());
}
