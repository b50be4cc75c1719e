import { WeighlockError } from '../error/index.ts';
import { type FileTable, nameAt } from '../fs/index.ts';
import type { Plan } from '../plan/index.ts';
import { type Part, shares } from '../receipt/index.ts';
import type { ArtifactEvidence } from './evidence.ts';

/** Requirements that a part can hold its own files against, and those that the merge can. */
const JUDGED_IN_PARTS = new Set(['sha256', 'checksums', 'signature']);

/**
 * What parts can verify: one artifact that lies on a volume, by SHA-256 of whole files.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requirePartable({ artifacts, pins, part, receipts }: Plan): void {
  if (part === undefined) return;
  const [artifact, ...more] = artifacts;
  if (artifact === undefined || more.length > 0 || pins.length > 0) throw notInParts('several artifacts');
  if (receipts !== undefined) throw notInParts('receipts');
  const { source, destination, requirements } = artifact;
  if (source.kind !== 'volume' || destination !== undefined) throw notInParts('what is fetched or copied');
  const other = requirements.find(({ kind }) => !JUDGED_IN_PARTS.has(kind));
  if (other !== undefined) throw notInParts(other.kind === 'anyOf' ? 'alternatives (anyOf)' : `${other.origin}`);
}

/**
 * @throws WeighlockError `CONFIG_INVALID` for signatures over other hashes than SHA-256 of whole
 * files
 */
export function requirePlainHashes({ secondHash, shardBytes, isWaiting }: ArtifactEvidence): void {
  if (secondHash !== undefined || shardBytes !== undefined || isWaiting)
    throw notInParts('signatures over shards, or over other hashes than SHA-256');
}

function notInParts(what: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `--part does not go with ${what}`,
    remedy: 'verify it as a whole, or require SHA-256 of whole files: a pin, a checksums file, or a model signature',
  });
}

/**
 * Has the files of other parts passed over. Evidence that lies in the artifact is hashed by every
 * part: it may be there for its bytes.
 *
 * @returns takes that back, so that nobody takes them for hashed
 */
export function passOver(files: FileTable, part: Part, evidence: ArtifactEvidence): () => void {
  const share = shares(files, part.of);
  const always = new Set([...evidence.found.values()].flatMap((one) => one.files.map(({ name }) => name)));
  const others: number[] = [];
  for (let i = 0; i < files.count; i++) if (share[i] !== part.index && !always.has(nameAt(files, i))) others.push(i);
  for (const index of others) files.hashed[index] = 1;
  return () => {
    for (const index of others) files.hashed[index] = 0;
  };
}
