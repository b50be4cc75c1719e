import { type FSWatcher, watch } from 'node:fs';

/** Changes come in bursts: a copy of a model is thousands of events. */
const SETTLE_MILLISECONDS = 2000;

/**
 * Watching costs a kernel watch and some memory per entry; larger trees are looked at on the
 * interval alone.
 */
const MAX_FILES = 2000;

/**
 * Tells when something under one of the paths changes, where the file system says so (local ones
 * do; NFS and other network file systems do not tell of changes by other machines). What it misses,
 * the interval finds.
 */
export class Changes {
  readonly #watchers: FSWatcher[] = [];
  readonly #onChange: () => void;
  readonly #onFault: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #paths = '';

  constructor(onChange: () => void, onFault: (text: string) => void) {
    this.#onChange = onChange;
    this.#onFault = onFault;
  }

  /**
   * Watches these paths instead of those before. What changed while they were verified is told all
   * the same.
   */
  follow(artifacts: readonly { readonly path: string; readonly files: number }[]): void {
    const paths = JSON.stringify(artifacts.map(({ path }) => path));
    const isSame = paths === this.#paths && artifacts.reduce((sum, { files }) => sum + files, 0) <= MAX_FILES;
    if (isSame && this.#watchers.length > 0) return;
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    this.#paths = paths;
    let files = 0;
    for (const artifact of artifacts) {
      const { path } = artifact;
      files += artifact.files;
      if (files > MAX_FILES) return;
      try {
        const watcher = watch(path, { recursive: true, persistent: false }, () => this.#changed());
        watcher.on('error', (error) => this.#onFault(`cannot watch ${path}: ${error.message}`));
        this.#watchers.push(watcher);
      } catch (error) {
        this.#onFault(`cannot watch ${path}: ${(error as Error).message}`);
      }
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#onChange();
    }, SETTLE_MILLISECONDS);
  }
}
