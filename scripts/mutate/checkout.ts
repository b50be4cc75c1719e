import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * A private copy of the checkout, in which code may be broken. The files are copied and not linked:
 * a write into a hard link would reach the working tree. What is installed is shared.
 */
export class Checkout implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weighlock-mutate-'));
  /** For whatever tests leave behind. */
  readonly temporary = join(this.folder, 'tmp');

  /** @param root - of the working tree; what git ignores is left out */
  constructor(root: string) {
    for (const file of sourceFiles(root)) {
      const target = join(this.folder, file);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(join(root, file), target);
    }
    mkdirSync(this.temporary);
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  /** Runs an action while a file has another content. */
  async with<T>(file: string, content: string, action: () => Promise<T>): Promise<T> {
    const before = this.read(file);
    writeFileSync(join(this.folder, file), content);
    try {
      return await action();
    } finally {
      writeFileSync(join(this.folder, file), before);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Tracked files that are there, and new ones that are not ignored. */
function sourceFiles(root: string): string[] {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 } as const;
  const list = (...args: string[]) =>
    execFileSync('git', ['ls-files', '-z', ...args], options)
      .split('\0')
      .filter((name) => name !== '');
  const deleted = new Set(list('--deleted'));
  return list('--cached', '--others', '--exclude-standard').filter((name) => !deleted.has(name));
}
