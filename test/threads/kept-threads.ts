// Worker threads that serve one run after the other. To start one takes 35 to 75 ms of processor
// time, more than the run of most tests.
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { StartThread, Thread, ThreadEvents, ThreadKind } from '../../src/thread/index.ts';
import { keptScript } from './script.ts';

/** What a kept thread is sent at the begin of each run. */
export interface Begin {
  /** Of the run: requests come and replies go here. */
  readonly port: MessagePort;
  readonly setup: unknown;
}

/** Those that have nothing to do. */
const idle: Record<ThreadKind, Worker[]> = { hash: [], pull: [] };

// Threads that the process ends with write no coverage of what they ran.
process.once('beforeExit', () => {
  for (const worker of Object.values(idle).flat()) void worker.terminate();
});

/** As in the program, where there is nothing in it; Node asks it where to write coverage. */
const { NODE_V8_COVERAGE } = process.env;
const env = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };

/** Starts a thread, or lets one that has nothing to do begin with a run of its own. */
export const startKept: StartThread = (kind, setup, resourceLimits, events) => {
  const worker = idle[kind].pop() ?? new Worker(keptScript(kind), { execArgv: [], env, resourceLimits });
  return new KeptThread(kind, worker, setup, events);
};

/** A thread for as long as one run has it. */
class KeptThread implements Thread {
  readonly #kind: ThreadKind;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** Requests without an answer. */
  readonly #asked = new Set<number>();
  #isOver = false;

  constructor(kind: ThreadKind, worker: Worker, setup: unknown, events: ThreadEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#kind = kind;
    this.#worker = worker;
    this.#port = port1;
    // The port keeps the process for as long as the run lasts.
    worker.unref();
    worker.on('error', events.error).on('exit', (code) => {
      this.#isOver = true;
      this.#port.close();
      events.exit(code);
    });
    port1.on('message', (message: Parameters<ThreadEvents['message']>[0]) => {
      if ('ok' in message) this.#asked.delete(message.id);
      events.message(message);
    });
    worker.postMessage({ port: port2, setup } satisfies Begin, [port2]);
  }

  postMessage(message: { readonly id: number }): void {
    this.#asked.add(message.id);
    this.#port.postMessage(message);
  }

  unref(): void {
    this.#port.unref();
  }

  /** One that is at work, and would go on, is of no use to the next run. */
  async terminate(): Promise<number> {
    if (this.#isOver) return 0;
    this.#isOver = true;
    this.#port.close();
    this.#worker.removeAllListeners();
    if (this.#asked.size > 0) return this.#worker.terminate();
    idle[this.#kind].push(this.#worker);
    return 0;
  }
}
