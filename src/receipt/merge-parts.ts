import { WeighlockError } from '../error/index.ts';
import { MalformedError, proveFiles } from '../evidence/index.ts';
import { DIGEST_BYTES, digestAt, type FileTable, hexAt } from '../fs/index.ts';
import { type Engine, treeDigest } from '../hash/index.ts';
import type { Attestor } from '../trust/index.ts';
import { decodeTable, tableOf } from './attribute-table.ts';
import { PARTIAL_TYPE, type Partial, parsePartial } from './partial-statement.ts';
import { bytesOfPart, listingDigest } from './partial-verdict.ts';
import { type OpenReceipt, openReceipt } from './receipt-file.ts';
import { shares } from './share.ts';

/** What all parts come to. */
export interface Merged {
  readonly first: Partial;
  /** When the earliest of them began, milliseconds since 1970. */
  readonly startedAt: number;
  /** SHA-256 of the file, or the tree digest of the folder, hex. */
  readonly digest: string;
  readonly files: FileTable;
}

interface Opened {
  readonly path: string;
  readonly partial: Partial;
  readonly file: OpenReceipt;
}

/** What all parts of one run have in common. */
const COMMON = [
  'run',
  'resourceUri',
  'kind',
  'policy',
  'levels',
  'inputs',
  'leftOut',
  'pins',
  'requirements',
  'evidence',
] as const;

/**
 * Puts the parts of one verification together. All of them must be there, each once, signed by a verifier who is trusted, of one
 * content, one policy, one evidence and one list of files; and what was pinned must be what they come to.
 *
 * @throws WeighlockError a failed verification for parts that do not fit together; `CONFIG_INVALID`, I/O codes
 */
export async function mergeParts(
  paths: readonly string[],
  attestors: readonly Attestor[],
  engine: Engine,
): Promise<Merged> {
  const opened: Opened[] = [];
  try {
    for (const path of paths) opened.push(await openPart(path, attestors));
    const parts = inOrder(opened);
    const [first] = parts;
    if (first === undefined) throw misfit('there is no part at all', 'name the files that the parts wrote');
    requireCommon(parts);
    return { ...merged(parts, first, engine), first: first.partial };
  } finally {
    for (const { file } of opened) file.close();
  }
}

async function openPart(path: string, attestors: readonly Attestor[]): Promise<Opened> {
  const file = openReceipt(path);
  if (file === undefined) throw misfit(`there is no part ${path}`, 'wait for every part, and name each');
  if (typeof file === 'string') throw misfit(`${path} is no partial verdict: ${file}`, 'run that part again');
  try {
    const signature = { path, bytes: file.statement, links: 1 };
    const { proofs, rejected } = await proveFiles([signature], attestors, undefined, { predicateType: PARTIAL_TYPE });
    const statement = proofs[0]?.statement;
    if (statement === undefined) {
      const { code = 'SIGNATURE_INVALID', why = 'it is signed by nobody' } = rejected[0] ?? {};
      const remedy = 'run that part again, and check whose key is given';
      throw new WeighlockError({ code, message: `the part ${path} does not count: ${why}`, remedy });
    }
    return { path, partial: parsePartial(statement.predicate), file };
  } catch (error) {
    file.close();
    if (error instanceof MalformedError)
      throw misfit(`the part ${path} does not count: ${error.message}`, 'run it again');
    throw error;
  }
}

/** Every part once. */
function inOrder(opened: readonly Opened[]): Opened[] {
  const of = opened[0]?.partial.part.of ?? 0;
  const parts: Opened[] = [];
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

function requireCommon(parts: readonly Opened[]): void {
  const [first, ...others] = parts;
  for (const { path, partial } of others) {
    const different = COMMON.find((key) => JSON.stringify(partial[key]) !== JSON.stringify(first?.partial[key]));
    if (different !== undefined)
      throw misfit(
        `${path} and ${first?.path} are not of one run: their ${different} differs`,
        'name the parts of one run',
      );
    if (partial.listing !== first?.partial.listing || partial.files !== first.partial.files)
      throw misfit(
        `${path} saw other files than ${first?.path}: the content changed between them`,
        'let whatever writes to this volume finish, and run every part again',
      );
  }
}

function merged(parts: readonly Opened[], first: Opened, engine: Engine): Omit<Merged, 'first'> {
  const { files: count, listing, pins, kind } = first.partial;
  const bytes = first.file.table(first.partial.table.bytes, first.partial.table.sha256);
  const stored = bytes && decodeTable(bytes, count);
  if (stored === undefined) throw broken(first.path);
  const files = tableOf(stored);
  if (listingDigest(files) !== listing) throw broken(first.path);
  const share = shares(files, parts.length);
  for (const { path, partial, file } of parts) {
    const expected = bytesOfPart(files, share, partial.part);
    const own = partial.table.bytes === expected ? file.table(expected, partial.table.sha256) : undefined;
    if (own === undefined) throw broken(path);
    // The first part's digests lie in its table, each at its file.
    let at = 0;
    for (let i = 0; i < files.count; i++) {
      if (share[i] !== partial.part.index) continue;
      if (partial.part.index > 0) {
        digestAt(files, i).set(own.subarray(at, at + DIGEST_BYTES));
        at += DIGEST_BYTES;
      }
      files.hashed[i] = 1;
    }
  }
  const digest = kind === 'file' ? (hexAt(files, 0) ?? '') : Buffer.from(treeDigest(files, engine)).toString('hex');
  const unmet = pins.find((pin) => pin !== digest);
  if (unmet !== undefined)
    throw new WeighlockError({
      code: 'DIGEST_MISMATCH',
      message: 'all parts together are not what was pinned',
      expected: unmet,
      found: digest,
      remedy: 'do not use this content: restore it from its source, or pin the right one',
    });
  return { startedAt: Math.min(...parts.map(({ partial }) => partial.startedAt)), digest, files };
}

function broken(path: string): WeighlockError {
  return misfit(`the digests in ${path} are not the ones that were signed`, 'run that part again');
}

function misfit(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONDITION_FAILED', message, remedy });
}
