import type { KeyObject } from 'node:crypto';
import { STATEMENT_TYPE } from '../evidence/index.ts';
import { DIGEST_BYTES, digestAt, type FileTable, type Listing } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { signModel } from '../sign/index.ts';
import type { ArtifactOutcome } from '../verdict/index.ts';
import { encodeTable, tableBytes } from './attribute-table.ts';
import { PARTIAL_TYPE, type Partial, partialPredicate } from './partial-statement.ts';
import { writeReceipt } from './receipt-file.ts';
import { type Part, shares } from './share.ts';

/** What every part of a verification sees alike, wherever it runs: of devices each node has numbers of its own. */
export function listingDigest(files: FileTable): string {
  const hash = nodeCrypto().createHash('sha256');
  for (const column of ['size', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh', 'nameEnd', 'names'] as const) {
    const { buffer, byteOffset, byteLength } = files[column];
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** What a part hashed: its share, in the order of the list. */
export function* digestsOfShare(files: FileTable, share: Uint32Array, index: number): Generator<Uint8Array> {
  for (let i = 0; i < files.count; i++) if (share[i] === index) yield digestAt(files, i);
}

/** What a part leaves for the merge, beside its files. */
export type PartialTerms = Omit<Partial, 'listing' | 'files' | 'table'>;

/**
 * Writes the verdict on one part. The first part brings the list of all files with it, so that the whole is known to be complete.
 *
 * @throws what the system says
 */
export function writePartial(
  path: string,
  { files }: Pick<Listing, 'files'>,
  terms: PartialTerms,
  key: KeyObject,
): void {
  const share = shares(files, terms.part.of);
  const pieces = () => (terms.part.index === 0 ? encodeTable(files) : digestsOfShare(files, share, terms.part.index));
  const hash = nodeCrypto().createHash('sha256');
  let bytes = 0;
  for (const piece of pieces()) {
    hash.update(piece);
    bytes += piece.length;
  }
  const partial: Partial = {
    ...terms,
    listing: listingDigest(files),
    files: files.count,
    table: { bytes, sha256: hash.digest('hex') },
  };
  const statement = {
    _type: STATEMENT_TYPE,
    // Of a part there is no digest of its own: what every part saw stands for it.
    subject: [{ name: terms.resourceUri, digest: { sha256: partial.listing } }],
    predicateType: PARTIAL_TYPE,
    predicate: partialPredicate(partial),
  };
  writeReceipt(path, signModel(Buffer.from(JSON.stringify(statement)), key), pieces());
}

/** Bytes that follow the statement of a part. */
export function bytesOfPart(files: FileTable, share: Uint32Array, part: Part): number {
  if (part.index === 0) return tableBytes(files);
  return share.reduce((sum, one) => sum + (one === part.index ? DIGEST_BYTES : 0), 0);
}

/** Whether a part may be written: only of what was judged without a fault. */
export function isPartPassed({ result, part }: ArtifactOutcome): boolean {
  return result === 'PASSED' && part !== undefined;
}
