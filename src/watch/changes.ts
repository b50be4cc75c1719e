import { type FSWatcher, watch } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Changes come in bursts: a copy of a model is thousands of events. */
const SETTLE_MILLISECONDS = 2000;

/**
 * Files and folders. Watching costs a kernel watch and some memory per folder, and a look at each
 * entry; larger trees are looked at on the interval alone. Whoever writes to the volume says how
 * large they are.
 */
const MAX_ENTRIES = 2000;

/** The kernel's clock for times of files is so far behind at most (100 ticks a second). */
const GRAIN_MILLISECONDS = 20;

/**
 * Tells when something under one of the paths changes, where the file system says so (local ones
 * do; NFS and other network file systems do not tell of changes by other machines). What it misses,
 * the interval finds.
 */
export class Changes {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly id: string }>();
  readonly #onChange: () => void;
  readonly #onFault: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #followed = 0;

  constructor(onChange: () => void, onFault: (text: string) => void) {
    this.#onChange = onChange;
    this.#onFault = onFault;
  }

  /** Paths that are watched: each is one watch of the kernel. */
  get watched(): readonly string[] {
    return [...this.#watchers.keys()];
  }

  /**
   * Watches these paths instead of those before, as soon as it is known what lies there. What
   * changed while they were verified is told all the same. Nobody should wait for it: the storage
   * may not answer.
   *
   * @param since - when their verification began, in milliseconds since 1970: of what was not
   * watched then, changes since are told, by the times of what lies there
   */
  async follow(
    artifacts: readonly { readonly path: string }[],
    since: number = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const turn = ++this.#followed;
    const wanted = await foldersOf(artifacts.map(({ path }) => path));
    if (turn !== this.#followed) return;
    for (const [path, { id }] of this.#watchers) if (wanted.get(path) !== id) this.#forget(path);
    const added = [...wanted].filter(([path]) => !this.#watchers.has(path));
    for (const [path, id] of added) this.#watch(path, id);
    const grain = since - GRAIN_MILLISECONDS;
    for (const [path] of added) if (turn === this.#followed && (await hasChanged(path, grain))) this.#changed();
  }

  close(): void {
    this.#followed++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const path of this.watched) this.#forget(path);
  }

  #watch(path: string, id: string): void {
    const fault = (error: Error) => this.#onFault(`cannot watch ${path}: ${error.message}`);
    try {
      const watcher = watch(path, { persistent: false }, () => this.#changed());
      watcher.on('error', fault);
      this.#watchers.set(path, { watcher, id });
    } catch (error) {
      fault(error as Error);
    }
  }

  #forget(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#onChange();
    }, SETTLE_MILLISECONDS);
  }
}

/**
 * Each of these paths and every folder below them, and which one it is: a watch of a folder tells
 * of the files in it, too. None where there is too much of it.
 */
async function foldersOf(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const waiting = [...paths];
  let entries = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      const { dev, ino } = await stat(path, { bigint: true });
      found.set(path, `${dev}:${ino}`);
      for await (const entry of await opendir(path)) {
        if (++entries > MAX_ENTRIES) return new Map();
        if (entry.isDirectory()) waiting.push(join(path, entry.name));
      }
    } catch {
      // A file; and what cannot be read has its failure where it is verified.
    }
  }
  return found;
}

/** Whether a file or folder, or an entry of it, was changed since then. */
async function hasChanged(path: string, since: number): Promise<boolean> {
  try {
    if ((await stat(path)).ctimeMs >= since) return true;
    for await (const { name } of await opendir(path)) if ((await lstat(join(path, name))).ctimeMs >= since) return true;
  } catch (error) {
    // What went away was changed; a file has no entries.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
  return false;
}
