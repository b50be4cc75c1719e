import { WeighlockError } from '../error/index.ts';
import { type JsonObject, MalformedError, proveFiles } from '../evidence/index.ts';
import { DIGEST_BYTES, type FileTable, hexAt } from '../fs/index.ts';
import { createShardTable, type Engine, IN_SHARDS, type ShardTable, treeDigest } from '../hash/index.ts';
import type { Attestor } from '../trust/index.ts';
import { decodeTable, tableBytes, tableLength, tableOf } from './attribute-table.ts';
import {
  PARTIAL_TYPE,
  type Partial,
  parsePartial,
  parseShare,
  type SeenPart,
  SHARE_TYPE,
  type SigningShare,
} from './partial-statement.ts';
import { bytesOfPart, listingDigest } from './partial-verdict.ts';
import { type OpenReceipt, openReceipt } from './receipt-file.ts';
import { shares } from './share.ts';
import { fileUnits, shardUnits, type Units } from './units.ts';

/** What all parts come to. */
export interface Merged {
  readonly first: Partial;
  /** When the earliest of them began, milliseconds since 1970. */
  readonly startedAt: number;
  /** SHA-256 of the file, or the tree digest of the folder, hex. */
  readonly digest: string;
  readonly files: FileTable;
}

/** What all shares of a signature come to. */
export interface MergedShares {
  readonly first: SigningShare;
  readonly files: FileTable;
  /** Where shards are signed. */
  readonly shards?: ShardTable;
}

interface Opened<P extends SeenPart> {
  readonly path: string;
  readonly partial: P;
  readonly file: OpenReceipt;
}

/** What kind of parts are merged. */
interface Kind<P extends SeenPart> {
  readonly type: string;
  readonly parse: (predicate: JsonObject) => P;
  /** What all parts of one run have in common. */
  readonly common: readonly (keyof P)[];
}

const VERDICTS: Kind<Partial> = {
  type: PARTIAL_TYPE,
  parse: parsePartial,
  common: ['run', 'resourceUri', 'kind', 'policy', 'levels', 'inputs', 'leftOut', 'pins', 'requirements', 'evidence'],
};

const SHARES: Kind<SigningShare> = {
  type: SHARE_TYPE,
  parse: parseShare,
  common: ['run', 'resourceUri', 'kind', 'shardBytes', 'allowSymlinks', 'ignored'],
};

/**
 * Puts the parts of one verification together. All of them must be there, each once, signed by a
 * verifier who is trusted, of one content, one policy, one evidence and one list of files; and what
 * was pinned must be what they come to.
 *
 * @throws WeighlockError a failed verification for parts that do not fit together;
 * `CONFIG_INVALID`, I/O codes
 */
export function mergeParts(paths: readonly string[], attestors: readonly Attestor[], engine: Engine): Promise<Merged> {
  return withParts(paths, attestors, VERDICTS, (parts) => {
    const { files, first } = filled(parts, fileUnits);
    files.hashed.fill(1);
    const { kind, pins } = first;
    const digest = kind === 'file' ? (hexAt(files, 0) ?? '') : Buffer.from(treeDigest(files, engine)).toString('hex');
    requirePins(pins, digest);
    return { first, startedAt: Math.min(...parts.map(({ partial }) => partial.startedAt)), digest, files };
  });
}

/**
 * Puts the shares of one signature together, by the same rules.
 *
 * @throws WeighlockError a failed verification for parts that do not fit together;
 * `CONFIG_INVALID`, I/O codes
 */
export function mergeShares(paths: readonly string[], attestors: readonly Attestor[]): Promise<MergedShares> {
  return withParts(paths, attestors, SHARES, (parts) => {
    const bytes = parts[0]?.partial.shardBytes ?? 0;
    if (bytes === 0) {
      const { files, first } = filled(parts, fileUnits);
      files.hashed.fill(1);
      return { files, first };
    }
    let shards: ShardTable | undefined;
    const { files, first } = filled(parts, (found) => {
      shards = createShardTable(found, bytes);
      return shardUnits(found, shards);
    });
    files.hashed.fill(IN_SHARDS);
    return { files, first, ...(shards && { shards }) };
  });
}

async function withParts<P extends SeenPart, T>(
  paths: readonly string[],
  attestors: readonly Attestor[],
  kind: Kind<P>,
  merge: (parts: readonly Opened<P>[]) => T,
): Promise<T> {
  const opened: Opened<P>[] = [];
  try {
    for (const path of paths) opened.push(await openPart(path, attestors, kind));
    const parts = inOrder(opened);
    requireCommon(parts, kind.common);
    return merge(parts);
  } finally {
    for (const { file } of opened) file.close();
  }
}

async function openPart<P extends SeenPart>(
  path: string,
  attestors: readonly Attestor[],
  { type: predicateType, parse }: Kind<P>,
): Promise<Opened<P>> {
  const file = openReceipt(path);
  if (file === undefined) throw misfit(`there is no part ${path}`, 'wait for every part, and name each');
  if (typeof file === 'string') throw misfit(`${path} is no part: ${file}`, 'run that part again');
  try {
    const signature = { path, bytes: file.statement, links: 1 };
    const { proofs, rejected } = await proveFiles([signature], attestors, undefined, { predicateType });
    const statement = proofs[0]?.statement;
    if (statement === undefined) {
      const { code = 'SIGNATURE_INVALID', why = 'it is signed by nobody' } = rejected[0] ?? {};
      const remedy = 'run that part again, and check whose key is given';
      throw new WeighlockError({ code, message: `the part ${path} does not count: ${why}`, remedy });
    }
    return { path, partial: parse(statement.predicate), file };
  } catch (error) {
    file.close();
    if (error instanceof MalformedError)
      throw misfit(`the part ${path} does not count: ${error.message}`, 'run it again');
    throw error;
  }
}

/** Every part once. */
function inOrder<P extends SeenPart>(opened: readonly Opened<P>[]): Opened<P>[] {
  const of = opened[0]?.partial.part.of ?? 0;
  const parts: Opened<P>[] = [];
  for (const one of opened) {
    const { part } = one.partial;
    if (part.of !== of)
      throw misfit(`${one.path} is one of ${part.of} parts, not of ${of}`, 'name the parts of one run');
    const other = parts[part.index];
    if (other !== undefined) throw misfit(`${other.path} and ${one.path} are the same part`, 'name each part once');
    parts[part.index] = one;
  }
  const missing = Array.from({ length: of }, (_, i) => i).filter((i) => parts[i] === undefined);
  if (missing.length > 0)
    throw misfit(
      `${missing.length} of ${of} parts are missing, the first of them ${missing[0]}`,
      'wait for every part, and name each',
    );
  return parts;
}

function requireCommon<P extends SeenPart>(parts: readonly Opened<P>[], common: readonly (keyof P)[]): void {
  const [first, ...others] = parts;
  for (const { path, partial } of others) {
    const different = common.find((key) => JSON.stringify(partial[key]) !== JSON.stringify(first?.partial[key]));
    if (different !== undefined)
      throw misfit(
        `${path} and ${first?.path} are not of one run: their ${String(different)} differs`,
        'name the parts of one run',
      );
    if (partial.listing !== first?.partial.listing || partial.files !== first.partial.files)
      throw misfit(
        `${path} saw other files than ${first?.path}: the content changed between them`,
        'let whatever writes to this volume finish, and run every part again',
      );
  }
}

/** The files that the first part listed, each with the digest that its part brings. */
function filled<P extends SeenPart>(
  parts: readonly Opened<P>[],
  unitsOf: (files: FileTable) => Units,
): { readonly files: FileTable; readonly first: P } {
  const [first] = parts;
  if (first === undefined) throw misfit('there is no part at all', 'name the files that the parts wrote');
  const { files: count, listing, table } = first.partial;
  const bytes = first.file.table(table.bytes, table.sha256);
  const length = bytes && tableLength(bytes, count);
  const stored = bytes && length && decodeTable(bytes.subarray(0, length), count);
  const files = stored ? tableOf(stored) : undefined;
  if (files === undefined || listingDigest(files) !== listing) throw broken(first.path);
  const units = unitsOf(files);
  const share = shares(units, parts.length);
  for (const { path, partial, file } of parts) {
    const expected = bytesOfPart(files, share, partial.part);
    const own = partial.table.bytes === expected ? file.table(expected, partial.table.sha256) : undefined;
    if (own === undefined) throw broken(path);
    let at = partial.part.index === 0 ? tableBytes(files) : 0;
    for (let unit = 0; unit < units.count; unit++) {
      if (share[unit] !== partial.part.index) continue;
      units.digest(unit).set(own.subarray(at, at + DIGEST_BYTES));
      at += DIGEST_BYTES;
    }
  }
  return { files, first: first.partial };
}

function requirePins(pins: readonly string[], digest: string): void {
  const unmet = pins.find((pin) => pin !== digest);
  if (unmet === undefined) return;
  throw new WeighlockError({
    code: 'DIGEST_MISMATCH',
    message: 'all parts together are not what was pinned',
    expected: unmet,
    found: digest,
    remedy: 'do not use this content: restore it from its source, or pin the right one',
  });
}

function broken(path: string): WeighlockError {
  return misfit(`the digests in ${path} are not the ones that were signed`, 'run that part again');
}

function misfit(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONDITION_FAILED', message, remedy });
}
