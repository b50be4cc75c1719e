import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * A program of a store's own client that writes objects: a line for each set of them, answered by a
 * line.
 */
export class Filler {
  readonly #child;
  readonly #lines: AsyncIterator<string>;
  #said = '';
  /** The line that said that it is ready. */
  greeting = '';

  private constructor([file = '', ...words]: readonly string[], cwd: string, environment: Record<string, string>) {
    this.#child = spawn(file, words, {
      cwd,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#said += text.toString('utf8');
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Resolves when it says that it is ready. */
  static async start(command: readonly string[], cwd = '.', environment: Record<string, string> = {}): Promise<Filler> {
    const filler = new Filler(command, cwd, environment);
    filler.greeting = await filler.#answer();
    return filler;
  }

  async put(bucket: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
    const encoded = Object.entries(files).map(([key, content]) => [key, Buffer.from(content).toString('base64')]);
    const line = `${JSON.stringify([bucket, Object.fromEntries(encoded)])}\n`;
    if (!this.#child.stdin.write(line)) await once(this.#child.stdin, 'drain');
    await this.#answer();
  }

  stop(): void {
    this.#child.kill();
  }

  async #answer(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done !== true) return value;
    throw new Error(`the client of the store ended: ${this.#said.slice(-2000)}`);
  }
}
