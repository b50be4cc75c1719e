import { parentPort, workerData } from 'node:worker_threads';
import { serveHashing } from './hashing-thread.ts';

if (parentPort !== null) serveHashing(parentPort, workerData);
