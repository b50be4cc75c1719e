import { WeighlockError } from '../error/index.ts';
import { digestAt, type FileTable, isValidUtf8, nameAt, type PathBytes, toBuffer } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';

export interface ModelToSign {
  /** What the artifact is called; for people. */
  readonly name: string;
  /** All files, hashed, in byte order. */
  readonly files: FileTable;
  /** Digests in hex, by file and shard; without them the files' own are signed. */
  readonly shards?: { readonly bytes: number; readonly digests: ReadonlyMap<PathBytes, readonly string[]> };
  /** True when links were followed: whoever verifies has to follow them, too. */
  readonly allowSymlinks: boolean;
  /**
   * Paths that are left out, with all that is below them: the signature itself, and what was asked
   * for.
   */
  readonly ignored: readonly PathBytes[];
}

/** What is listed: text of a name, and the digest in hex. */
type Listed = readonly [name: string, digest: string];

/** Entries that are written together: some 100 KiB. */
const TOGETHER = 1024;

/**
 * What is signed, in pieces that can be made again: a list of a million files is never in memory as
 * a whole.
 */
export interface PayloadToSign {
  /** Bytes of all pieces. */
  readonly length: number;
  pieces(): Iterable<Buffer>;
}

/**
 * What is signed: the payload of an OpenSSF Model Signing v1.0 bundle.
 *
 * @throws WeighlockError `SOURCE_EMPTY`, `UNSAFE_ENTRY`
 */
export function modelPayload(model: ModelToSign): PayloadToSign {
  const { name, shards, allowSymlinks } = model;
  const left = leftOut(model);
  const entries = shards === undefined ? () => wholeFiles(model, left) : shardedFiles(model, left, shards);
  const root = nodeCrypto().createHash('sha256');
  let count = 0;
  for (const [, digest] of entries()) {
    root.update(digest, 'hex');
    count++;
  }
  if (count === 0) throw nothing();
  const empty = shards === undefined ? [] : emptyFiles(model, left);
  const serialization = {
    method: shards === undefined ? 'files' : 'shards',
    hash_type: 'sha256',
    allow_symlinks: allowSymlinks,
    ...(shards === undefined ? {} : { shard_size: shards.bytes }),
    ignore_paths: [...model.ignored.map(textOf), ...empty].sort(),
  };
  const head = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: root.digest('hex') } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: { serialization, resources: [] },
  });
  // What the specification wants for shards is the plain name; every implementation writes and
  // compares this.
  const algorithm = shards === undefined ? 'sha256' : `sha256-sharded-${shards.bytes}`;
  const pieces = () => piecesOf(head, entries(), algorithm);
  let length = 0;
  for (const piece of pieces()) length += piece.length;
  return { length, pieces };
}

/**
 * The statement, its list filled: of its text the last three characters close what that lies in.
 */
function* piecesOf(head: string, entries: Iterable<Listed>, algorithm: string): Generator<Buffer> {
  let text = head.slice(0, -']}}'.length);
  let count = 0;
  for (const [name, digest] of entries) {
    text += `${count === 0 ? '' : ','}${JSON.stringify({ name, algorithm, digest })}`;
    if (++count % TOGETHER > 0) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}]}}`);
}

/** Indexes of files that are not signed. */
function leftOut({ files, ignored }: ModelToSign): ReadonlySet<number> {
  const left = new Set<number>();
  for (let i = 0; i < files.count && ignored.length > 0; i++) {
    const path = nameAt(files, i);
    if (ignored.some((one) => path === one || path.startsWith(`${one}/`))) left.add(i);
  }
  return left;
}

function* wholeFiles({ files }: ModelToSign, left: ReadonlySet<number>): Generator<Listed> {
  for (let i = 0; i < files.count; i++)
    if (!left.has(i)) yield [textOf(nameAt(files, i)), Buffer.from(digestAt(files, i)).toString('hex')];
}

/** In the order of the whole names (OMS section 6.5.1), not of the numbers in them. */
function shardedFiles(
  { files }: ModelToSign,
  left: ReadonlySet<number>,
  { bytes, digests }: ModelToSign['shards'] & object,
): () => Iterable<Listed> {
  const entries: [key: string, digest: string][] = [];
  for (let i = 0; i < files.count; i++) {
    if (left.has(i)) continue;
    const path = nameAt(files, i);
    textOf(path);
    const size = files.size[i] ?? 0;
    for (const [shard, digest] of (digests.get(path) ?? []).entries()) {
      const start = shard * bytes;
      // Shards are called `:START:END` (OMS section 6.4).
      entries.push([`${path}:${start}:${Math.min(size, start + bytes)}`, digest]);
    }
  }
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return function* () {
    for (const [key, digest] of entries) yield [textOf(key as PathBytes), digest];
  };
}

/**
 * These have no shard to list (OMS section 6.4): named, it is known that an empty file belongs
 * there.
 */
function emptyFiles({ files }: ModelToSign, left: ReadonlySet<number>): string[] {
  const empty: string[] = [];
  for (let i = 0; i < files.count; i++) if (files.size[i] === 0 && !left.has(i)) empty.push(textOf(nameAt(files, i)));
  return empty;
}

function textOf(path: PathBytes): string {
  if (!isValidUtf8(path)) throw unnameable(path);
  return toBuffer(path).toString('utf8');
}

function unnameable(path: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: 'a name that is not UTF-8 cannot be signed',
    file: path,
    remedy: 'rename the file',
  });
}

function nothing(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'there is no file to sign',
    expected: 'at least one file',
    found: 'none',
    remedy: 'name the folder that has the model',
  });
}
