import type { KeyObject } from 'node:crypto';
import { STATEMENT_TYPE } from '../evidence/index.ts';
import { DIGEST_BYTES, type FileTable } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { signModel } from '../sign/index.ts';
import type { ArtifactOutcome } from '../verdict/index.ts';
import { encodeTable, tableBytes } from './attribute-table.ts';
import {
  PARTIAL_TYPE,
  type Partial,
  partialPredicate,
  type SeenPart,
  SHARE_TYPE,
  type SigningShare,
} from './partial-statement.ts';
import { writeReceipt } from './receipt-file.ts';
import { type Part, shares } from './share.ts';
import { fileUnits, type Units } from './units.ts';

/**
 * What every part of a verification sees alike, wherever it runs: of devices each node has numbers
 * of its own.
 */
export function listingDigest(files: FileTable): string {
  const hash = nodeCrypto().createHash('sha256');
  for (const column of ['size', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh', 'nameEnd', 'names'] as const) {
    const { buffer, byteOffset, byteLength } = files[column];
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

type Measures = 'listing' | 'files' | 'table';

/** What a part leaves for the merge, beside its files. */
export type PartialTerms = Omit<Partial, Measures>;
export type ShareTerms = Omit<SigningShare, Measures>;

/**
 * Writes the verdict on one part. The first part brings the list of all files with it, so that the
 * whole is known to be complete.
 *
 * @throws what the system says
 */
export function writePartial(path: string, files: FileTable, terms: PartialTerms, key: KeyObject): void {
  write(path, PARTIAL_TYPE, files, fileUnits(files), terms, key);
}

/**
 * Writes one part of what is to be signed.
 *
 * @param units - what was shared out: of them those of this part are hashed
 * @throws what the system says
 */
export function writeShare(path: string, files: FileTable, units: Units, terms: ShareTerms, key: KeyObject): void {
  write(path, SHARE_TYPE, files, units, terms, key);
}

function write(
  path: string,
  predicateType: string,
  files: FileTable,
  units: Units,
  terms: Omit<SeenPart, Measures>,
  key: KeyObject,
): void {
  const { part, resourceUri } = terms;
  const share = shares(units, part.of);
  const pieces = () => piecesOfPart(files, units, share, part);
  const hash = nodeCrypto().createHash('sha256');
  let bytes = 0;
  for (const piece of pieces()) {
    hash.update(piece);
    bytes += piece.length;
  }
  const seen = { listing: listingDigest(files), files: files.count, table: { bytes, sha256: hash.digest('hex') } };
  const statement = {
    _type: STATEMENT_TYPE,
    // Of a part there is no digest of its own: what every part saw stands for it.
    subject: [{ name: resourceUri, digest: { sha256: seen.listing } }],
    predicateType,
    predicate: partialPredicate({ ...terms, ...seen }),
  };
  writeReceipt(path, signModel(Buffer.from(JSON.stringify(statement)), key), pieces());
}

/**
 * The list of all files in that of the first part, and what was hashed: in the order of the units.
 */
function* piecesOfPart(files: FileTable, units: Units, share: Uint32Array, { index }: Part): Generator<Uint8Array> {
  if (index === 0) yield* encodeTable(files);
  for (let unit = 0; unit < units.count; unit++) if (share[unit] === index) yield units.digest(unit);
}

/** Bytes that follow the statement of a part. */
export function bytesOfPart(files: FileTable, share: Uint32Array, part: Part): number {
  const own = share.reduce((sum, one) => sum + (one === part.index ? DIGEST_BYTES : 0), 0);
  return own + (part.index === 0 ? tableBytes(files) : 0);
}

/** Whether a part may be written: only of what was judged without a fault. */
export function isPartPassed({ result, part }: ArtifactOutcome): boolean {
  return result === 'PASSED' && part !== undefined;
}
