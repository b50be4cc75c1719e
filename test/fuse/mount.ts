// Mounts a folder through fieldfs: storage that is as slow and as odd as it is in the field. What
// it can do is written at the top of fieldfs.c. Needs root, /dev/fuse and Debian's gcc, pkg-config,
// libfuse3-dev and fuse3.
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const build = fileURLToPath(new URL('../../build', import.meta.url));
const sources = ['fieldfs.c', 'rules.c', 'rules.h'];

/** What a mount has from its beginning to its end. */
export interface MountOptions {
  /** Bytes each second, for all reads together. */
  readonly bandwidth?: number;
  /** Seconds for which the kernel keeps entries and attributes; none unless told. */
  readonly cache?: number;
  /** Largest read that comes to the file system in one piece: 128 KiB unless told. */
  readonly maxRead?: number;
  readonly threads?: number;
  /** The kernel checks modes and owners. */
  readonly permissions?: boolean;
}

/** Why there can be no mount here; for `skip` of a test. */
export function whyNoFuse(): string | false {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse';
  if (spawnSync('pkg-config', ['--exists', 'fuse3']).status !== 0) return 'no libfuse3-dev';
  return false;
}

/** Builds the file system where it is older than its sources. @returns the program */
function built(): string {
  const program = join(build, 'fieldfs');
  const newest = Math.max(...sources.map((name) => statSync(join(here, name)).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(build, { recursive: true });
  const flags = (kind: string) => execFileSync('pkg-config', [kind, 'fuse3'], { encoding: 'utf8' }).trim().split(' ');
  // Two test files may build it at once: each into a file of its own.
  const fresh = `${program}.${process.pid}`;
  const code = sources.filter((name) => name.endsWith('.c')).map((name) => join(here, name));
  const warnings = ['-std=gnu17', '-O2', '-Wall', '-Wextra'];
  execFileSync('gcc', [...warnings, ...flags('--cflags'), '-o', fresh, ...code, ...flags('--libs'), '-pthread']);
  renameSync(fresh, program);
  return program;
}

/** What one operation was asked for since the rules were set. */
export interface Count {
  readonly calls: number;
  /** Most of them at the same time. */
  readonly mostAtOnce: number;
}

/** A mounted folder, until `unmount` or the end of the process. */
export class FieldMount {
  /** Where it is mounted. */
  readonly path: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<void>;
  #generation = 0;

  private constructor(path: string, child: ChildProcessByStdio<Writable, Readable, null>) {
    this.path = path;
    this.#child = child;
    createInterface(child.stdout).on('line', (text) => {
      const [, generation, line] = /^(\d+) (.*)$/.exec(text) ?? [];
      if (line !== undefined && Number(generation) !== this.#generation) return;
      this.#lines.push(line ?? text);
      for (const look of this.#waiting) look();
    });
    this.#ended = new Promise((resolve) => child.on('exit', () => resolve()));
  }

  /**
   * Mounts `backing` at a new folder, or at `at`.
   *
   * @param rules - as `rules` takes them
   */
  static async open(backing: string, rules = '', options: MountOptions = {}, at?: string): Promise<FieldMount> {
    const path = at ?? mkdtempSync(join(tmpdir(), 'fieldfs-'));
    const { bandwidth, cache, maxRead, threads, permissions = false } = options;
    const words = Object.entries({ bandwidth, cache, max_read: maxRead, threads, permissions: Number(permissions) })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${value}`);
    const child = spawn(built(), [backing, path, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    const mount = new FieldMount(path, child);
    await mount.saw(/^mounted$/);
    if (rules !== '') mount.rules(rules);
    return mount;
  }

  /** Replaces all rules, and forgets what was counted and traced. They hold when this returns. */
  rules(text: string): void {
    // An empty write would not come to the file system.
    writeFileSync(join(this.path, '.fieldfs'), `${text}\n`);
    this.#generation++;
    this.#lines.length = 0;
  }

  /** What was traced since the rules were set: `OP PATH OFFSET SIZE` each. */
  get traced(): readonly string[] {
    return this.#lines;
  }

  /** Waits until `times` lines of the trace match. */
  async saw(pattern: RegExp, times = 1): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (this.#lines.filter((line) => pattern.test(line)).length < times) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      this.#ended.then(() => reject(new Error(`fieldfs ended before ${pattern}`)));
      look();
    });
  }

  /** By operation, since the rules were set. */
  counts(): ReadonlyMap<string, Count> {
    const lines = readFileSync(join(this.path, '.fieldfs'), 'utf8').trim().split('\n');
    return new Map(
      lines.map((line) => {
        const [op = '', calls, mostAtOnce] = line.split(' ');
        return [op, { calls: Number(calls), mostAtOnce: Number(mostAtOnce) }];
      }),
    );
  }

  /** Detaches it; what hangs in it ends with ENOTCONN. */
  async unmount(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
    // A folder that was given is not empty, and stays.
    if (this.path.startsWith(join(tmpdir(), 'fieldfs-'))) rmdirSync(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }
}
