// `weighlock watch` in a process of its own, and what it answers to probes.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MAIN } from './cli.ts';

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A watching process that is gone after the tests. */
export class Watching {
  readonly child: ChildProcess;
  readonly port: number;
  stdout = '';
  readonly ended: Promise<number | null>;

  private constructor(port: number, args: readonly string[], environment: Record<string, string>) {
    this.port = port;
    this.child = spawn(process.execPath, [MAIN, 'watch', ...args, '--listen', `127.0.0.1:${port}`], {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
    after(() => this.child.kill('SIGKILL'));
  }

  static async start(args: readonly string[], environment: Record<string, string> = {}): Promise<Watching> {
    return new Watching(await freePort(), args, environment);
  }

  async status(path: string, method = 'GET'): Promise<number> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}${path}`, { method })).status;
    } catch {
      return 0;
    }
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
  }

  /** Waits until the metrics say so; they cannot be asked for when the process has ended. */
  async untilMetrics(wanted: RegExp): Promise<string> {
    for (;;) {
      const metrics = await this.metrics();
      if (wanted.test(metrics)) return metrics;
      await delay(50);
    }
  }

  /** Waits for a status; the runner's time-out kills the process, and so ends what never comes. */
  async until(path: string, wanted: number): Promise<void> {
    while ((await this.status(path)) !== wanted) {
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`ended before ${path} was ${wanted}: ${this.stdout}`);
      await delay(50);
    }
  }
}
