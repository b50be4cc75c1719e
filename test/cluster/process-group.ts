// The processes of one cluster: each with its log in a file, stopped by its handle, last first.
// When this process ends before it stopped them, even by SIGKILL, clean-up.sh does.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLEAN_UP = fileURLToPath(new URL('clean-up.sh', import.meta.url));

export class ProcessGroup {
  readonly #logs: string;
  readonly #running = new Map<string, ChildProcess>();

  /**
   * @param logs - the folder for the logs
   * @param folder - whose path stands in the words of every process; it goes with them
   */
  constructor(logs: string, folder: string) {
    this.#logs = logs;
    // In a session of its own, so that no signal to this one reaches it.
    const cleaner = spawn(CLEAN_UP, [folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    cleaner.unref();
    (cleaner.stdin as unknown as { unref(): void }).unref();
    // Nothing stays when the runner is stopped, or gives a test up.
    const killAll = () => {
      for (const child of this.#running.values()) child.kill('SIGKILL');
    };
    process.once('exit', killAll);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  }

  start(name: string, [program = '', ...words]: readonly string[], options: { cwd?: string; env?: object } = {}): void {
    const log = openSync(join(this.#logs, `${name}.log`), 'a');
    // What this Node was told is nothing for others: image-verifier, below containerd, refuses it.
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_'));
    const env = { ...Object.fromEntries(inherited), ...options.env };
    const child = spawn(program, words, { cwd: options.cwd ?? this.#logs, env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#running.set(name, child);
  }

  isRunning(name: string): boolean {
    const child = this.#running.get(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(killer);
  }

  async stopAll(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.stop(name);
  }

  log(name: string): string {
    return readFileSync(join(this.#logs, `${name}.log`), 'utf8');
  }
}

/** Waits until something is so; fails with what was found last. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, seconds = 120): Promise<T> {
  const until = performance.now() + 1000 * seconds;
  let last: unknown;
  while (performance.now() < until) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(200);
  }
  throw new Error(`${what} did not happen within ${seconds} s`, { cause: last });
}
