// hash-wasm by itself: one buffer in memory, hashed over and over. No file, no pipeline; what a
// thread can reach at most.

import { parentPort, workerData } from 'node:worker_threads';
import hashWasm from 'hash-wasm/dist/sha256.umd.min.js';

const { bytes } = workerData as { bytes: number };
const hasher = await hashWasm.createSHA256();
const buffer = Buffer.alloc(1 << 20, 0x5a);
hasher.init();
for (let done = 0; done < 32 << 20; done += buffer.length) hasher.update(buffer);
const start = performance.now();
for (let done = 0; done < bytes; done += buffer.length) hasher.update(buffer);
hasher.digest();
parentPort?.postMessage((performance.now() - start) / 1000);
