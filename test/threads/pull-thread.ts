import { parentPort } from 'node:worker_threads';
import type { PullSetup } from '../../src/pull/protocol.ts';
import { PullThread } from '../../src/pull/pull-thread.ts';
import type { Begin } from './kept-threads.ts';

parentPort?.on('message', ({ port, setup }: Begin) => void new PullThread(port, setup as PullSetup));
