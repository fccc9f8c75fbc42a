// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: 2026 The codearena authors
//
// Hashes a file with hash-wasm, and keeps the module that does it.
//
// Usage: node hash.mjs NODE_MODULES FILE
//
// Prints the digest by SHA-256. The module goes to the directory
// $CODEARENA_TRACES, as sha256-0.wasm.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { begin } from './record.mjs';

const [, , modules, file] = process.argv;
const path = join(resolve(modules), 'hash-wasm/dist/index.esm.js');
const { sha256 } = await import(pathToFileURL(path));
const bytes = readFileSync(file);

begin('sha256');
const digest = await sha256(bytes);

// Two implementations have to agree before a third one is measured by them.
assert.equal(digest, createHash('sha256').update(bytes).digest('hex'));
console.log(digest);
