import { mkdirSync, rmSync } from 'node:fs';
import { safePath, type TarEntry, unsafePath } from '../archive/index.ts';
import { errno, WeighlockError } from '../error/index.ts';
import { entryText, ioError, type PathBytes } from '../fs/index.ts';
import { MemberFile, type MemberTools } from './member-file.ts';
import type { PulledFile } from './protocol.ts';
import { stagedPath } from './pull-file.ts';

/** Decides what becomes of a member: its path below the content, or nothing. May throw. */
export type Placement = (entry: TarEntry, path: PathBytes) => PathBytes | undefined;

/**
 * Members stay where they are, inside their folder if they must be; whatever is not a file or
 * folder is refused.
 */
export function plainPlacement(within: PathBytes | undefined): Placement {
  return ({ type, kind }, path) => {
    if (type === 'other') throw unsafeMember(path, kind);
    if (within !== undefined && path !== within && !path.startsWith(`${within}/`)) {
      throw unsafeMember(path, `member outside of ${entryText(within)}`);
    }
    return path;
  };
}

/** Writes the members of an archive as they stream by. */
export class MemberWriter {
  readonly files: PulledFile[] = [];
  /** False once content was left out: the archive cannot be made again from its files. */
  hasAll = true;
  readonly #place: Placement;
  readonly #content: string | undefined;
  readonly #tools: MemberTools;
  readonly #created: Buffer[] = [];
  #open: { path: PathBytes; size: number; writer: MemberFile } | undefined;

  constructor(place: Placement, content: string | undefined, tools: MemberTools) {
    this.#place = place;
    this.#content = content;
    this.#tools = tools;
  }

  /** The file whose content comes next. */
  get pending(): { readonly path: PathBytes; readonly size: number } | undefined {
    return this.#open;
  }

  entry(entry: TarEntry): void {
    const path = entryPath(entry);
    // The archive's own root folder, `./`.
    if (path === undefined) return;
    const target = this.#place(entry, path);
    if (target === undefined || entry.type === 'other') this.hasAll &&= entry.size === 0;
    else if (entry.type === 'folder') this.#folder(target);
    else {
      const staged = stagedPath(this.#content, target);
      const writer = new MemberFile(staged, this.#tools, { name: entryText(target), size: entry.size });
      if (staged !== undefined) this.#created.push(staged);
      this.#open = { path: target, size: entry.size, writer };
    }
  }

  data(chunk: Buffer): void {
    this.#open?.writer.write(chunk);
  }

  end(): void {
    if (this.#open === undefined) return;
    const { path, size, writer } = this.#open;
    this.#open = undefined;
    const sha256 = writer.end();
    this.files.push({ path, size, sha256, ...writer.content() });
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.writer.close();
    await this.#tools.behind.settle();
  }

  /** Takes away what was written, when the archive is to be fetched anew. */
  removeAll(): void {
    for (const path of this.#created.splice(0)) rmSync(path, { force: true });
    this.files.length = 0;
  }

  #folder(path: PathBytes): void {
    const staged = stagedPath(this.#content, path);
    if (staged === undefined) return;
    try {
      mkdirSync(staged, { recursive: true, mode: 0o755 });
    } catch (error) {
      if (errno(error) !== 'EEXIST' && errno(error) !== 'ENOTDIR') throw ioError(error, 'write to the staging folder');
      throw unsafeMember(path, 'folder in the place of a file');
    }
  }
}

function entryPath({ name, type }: TarEntry): PathBytes | undefined {
  if (type === 'folder' && /^\.?\/*$/.test(name.toString('latin1'))) return undefined;
  const path = safePath(name);
  if (typeof path === 'string') return path;
  throw new WeighlockError(unsafePath(name, path.fault));
}

export function unsafeMember(path: PathBytes, kind: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: `unsafe member of an archive: ${kind}`,
    file: entryText(path),
    found: kind,
    remedy: 'an archive may hold regular files and folders only; make it again without this member',
  });
}
