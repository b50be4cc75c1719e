import { WeighlockError } from '../error/index.ts';
import { STATEMENT_TYPE } from '../evidence/index.ts';
import { digestAt, type FileTable } from '../fs/index.ts';
import { treeDigestWithout } from '../hash/index.ts';
import { nodeCrypto } from '../library/index.ts';

/** Digests by which an artifact is known, each a subject of the attestation. */
export interface AttestedSubject {
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
}

/** Values in a predicate: an SBOM of 50,000 packages. */
export const MOST_PREDICATE_VALUES = 1_000_000;

/** Bytes of a predicate; what verifies it takes 48 MiB of payload. */
export const MAX_PREDICATE_BYTES = 32 << 20;

/**
 * What is signed: an in-toto Statement v1. The predicate goes into it as it was written, so that no
 * number in it loses a digit.
 *
 * @param predicate - JSON text of an object, checked
 */
export function attestationPayload(
  subjects: readonly AttestedSubject[],
  predicateType: string,
  predicate: string,
): Buffer {
  if (subjects.length === 0) throw new WeighlockError({ code: 'INTERNAL', message: 'an attestation of nothing' });
  const subject = JSON.stringify(subjects.map(({ name, sha256 }) => ({ name, digest: { sha256 } })));
  const head = `"_type":${JSON.stringify(STATEMENT_TYPE)},"subject":${subject}`;
  return Buffer.from(`{${head},"predicateType":${JSON.stringify(predicateType)},"predicate":${predicate.trim()}}`);
}

/**
 * A folder by both digests that it is known by: its tree digest, and the root digest of the list
 * that `weighlock sign` signs (OMS section 6.5.1).
 *
 * @param files - all files, hashed, in byte order
 * @param left - indexes of those that are no part of it
 * @param foreign - of these, signatures of others: a verifier that does not trust those others
 * takes them for files like any
 */
export function folderSubjects(
  name: string,
  files: FileTable,
  left: ReadonlySet<number>,
  foreign: ReadonlySet<number> = new Set(),
): AttestedSubject[] {
  const root = nodeCrypto().createHash('sha256');
  for (let i = 0; i < files.count; i++) if (!left.has(i)) root.update(digestAt(files, i));
  const treeOf = (without: ReadonlySet<number>) =>
    Buffer.from(treeDigestWithout(files, without, engineOf())).toString('hex');
  const whole = new Set([...left].filter((index) => !foreign.has(index)));
  return [
    { name, sha256: treeOf(left) },
    ...(foreign.size === 0 ? [] : [{ name: `${name} (with signatures)`, sha256: treeOf(whole) }]),
    { name: `${name} (OpenSSF Model Signing)`, sha256: root.digest('hex') },
  ];
}

function engineOf() {
  const hash = nodeCrypto().createHash('sha256');
  return { init: () => {}, update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest() };
}
