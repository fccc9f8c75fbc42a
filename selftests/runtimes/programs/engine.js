// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Work for JavaScript engines with print() only: JavaScriptCore, SpiderMonkey.
function work(seed) {
	let sum = seed;
	for (let i = 0; i < 300000; i++)
		sum = (sum * 31 + i % 7) | 0;
	for (let i = 0; i < 60; i++) {
		const f = new Function('x', 'let s = 0; for (let k = 0; k < 300; k++) s += x ^ ' + i + '; return s');
		for (let k = 0; k < 5; k++)
			sum ^= f(seed + k);
	}
	return sum;
}
const text = [];
for (let i = 0; i < 5; i++)
	text.push(work(i), 'abcabcabd'.replace(/(a(b)c)+/g, '[$2]'));
print(text.join(' '));
