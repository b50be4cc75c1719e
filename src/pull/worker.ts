import { parentPort, workerData } from 'node:worker_threads';
import { PullThread } from './pull-thread.ts';

if (parentPort !== null) new PullThread(parentPort, workerData);
