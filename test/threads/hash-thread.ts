import { parentPort } from 'node:worker_threads';
import { serveHashing } from '../../src/transfer/hashing-thread.ts';
import type { WorkerSetup } from '../../src/transfer/protocol.ts';
import type { Begin } from './kept-threads.ts';

parentPort?.on('message', ({ port, setup }: Begin) => serveHashing(port, setup as WorkerSetup));
