import { mkdirSync } from 'node:fs';
import { Decompressor, safePath, type TarEntry, TarReader, unsafePath } from '../archive/index.ts';
import { errno, WeighlockError } from '../error/index.ts';
import { entryText, ioError, type PathBytes } from '../fs/index.ts';
import type { Engine } from '../hash/index.ts';
import type { LayoutItem } from '../layout/index.ts';
import { digestOf, hexOf } from '../registry/index.ts';
import type { PullContext } from './context.ts';
import { FileWriter } from './file-writer.ts';
import type { PulledFile } from './protocol.ts';
import { stagedPath, wrongBlob } from './pull-file.ts';

type ArchiveItem = LayoutItem & { kind: 'archive' };

/** Decides what becomes of a member: its path below the content, or nothing. May throw. */
export type Placement = (entry: TarEntry, path: PathBytes) => PathBytes | undefined;

/** Members stay where they are, inside their folder if they must be; whatever is not a file or folder is refused. */
export function plainPlacement(item: ArchiveItem): Placement {
  return ({ type, kind }, path) => {
    if (type === 'other') throw unsafeMember(path, kind);
    if (item.within !== undefined && path !== item.within && !path.startsWith(`${item.within}/`)) {
      throw unsafeMember(path, `member outside of ${entryText(item.within)}`);
    }
    return path;
  };
}

/**
 * Streams an archive: the blob's bytes are hashed as they come, unpacked, hashed again as the archive they are, and its
 * members written and hashed, all in one pass. A broken connection resumes; a wrong digest throws it all away.
 */
export async function pullArchive(item: ArchiveItem, place: Placement, context: PullContext): Promise<PulledFile[]> {
  const { descriptor, compression, unpackedDigest } = item;
  const { repository, signal, count } = context;
  // Unpacked and packed are the same bytes when nothing is compressed; one hash then serves both.
  const hashUnpacked = compression !== 'none' && unpackedDigest !== undefined;
  const engines = await Promise.all([context.borrowEngine(), context.borrowEngine(), context.borrowEngine()]);
  const [packed, unpacked, member] = engines;
  const writer = new MemberWriter(member, place, context.content);
  try {
    const reader = new TarReader(writer);
    const decompressor = new Decompressor(compression, (chunk) => {
      if (hashUnpacked) unpacked.update(chunk);
      reader.push(chunk);
    });
    packed.init();
    unpacked.init();
    await repository.blob(
      descriptor,
      {
        offset: 0,
        sink: async (chunk) => {
          packed.update(chunk);
          count(chunk.length);
          await decompressor.push(chunk);
        },
        restart: () => {
          throw new WeighlockError({
            code: 'SOURCE_UNAVAILABLE',
            message: 'the registry cannot go on with an archive where it broke off',
            remedy: 'restart the pod: the archive is then fetched from its beginning',
          });
        },
      },
      signal,
    );
    await decompressor.finish();
    reader.finish();
    const found = hex(packed);
    if (found !== hexOf(descriptor.digest)) throw wrongBlob(undefined, hexOf(descriptor.digest), found);
    const inside = hashUnpacked ? hex(unpacked) : found;
    if (unpackedDigest !== undefined && digestOf(inside) !== unpackedDigest) {
      throw wrongBlob(undefined, `unpacked ${hexOf(unpackedDigest)}`, `unpacked ${inside}`);
    }
    return writer.files;
  } finally {
    writer.close();
    for (const engine of engines) context.returnEngine(engine);
  }
}

/** Writes the members of an archive as they stream by. */
class MemberWriter {
  readonly files: PulledFile[] = [];
  readonly #engine: Engine;
  readonly #place: Placement;
  readonly #content: string | undefined;
  #open: { path: PathBytes; size: number; writer: FileWriter } | undefined;

  constructor(engine: Engine, place: Placement, content: string | undefined) {
    this.#engine = engine;
    this.#place = place;
    this.#content = content;
  }

  entry(entry: TarEntry): void {
    const path = entryPath(entry);
    // The archive's own root folder, `./`.
    if (path === undefined) return;
    const target = this.#place(entry, path);
    if (target === undefined || entry.type === 'other') return;
    if (entry.type === 'folder') this.#folder(target);
    else {
      const writer = new FileWriter(stagedPath(this.#content, target), this.#engine);
      this.#open = { path: target, size: entry.size, writer };
    }
  }

  data(chunk: Buffer): void {
    this.#open?.writer.write(chunk);
  }

  end(): void {
    if (this.#open === undefined) return;
    const { path, size, writer } = this.#open;
    this.files.push({ path, size, sha256: writer.digest() });
    this.close();
  }

  close(): void {
    this.#open?.writer.close();
    this.#open = undefined;
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

function hex(engine: Engine): string {
  return Buffer.from(engine.digest()).toString('hex');
}
