import { constants, fstatSync, openSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { close, ioError, readWhole } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import type { Attestor, HashName } from '../trust/index.ts';
import { annotatedSubjects, refuseAnnotations } from './annotations.ts';
import { type BlobSignature, readBlobSignatures } from './blob-forms.ts';
import type { Bundle } from './bundle.ts';
import { hashesOf, proveDetached } from './detached.ts';
import type { Digests } from './digests.ts';
import { type Accepted, proveEnvelope } from './envelope.ts';
import type { Binding, Proof, Proofs, Rejected } from './proof.ts';
import { type Purpose, requirePurpose } from './purpose.ts';
import { rejection } from './rejection.ts';
import type { Subject } from './statement.ts';
import { MalformedError } from './strict-json.ts';
import { isThroughLink } from './through-link.ts';
import { verifyBundle } from './verify-bundle.ts';

/** A bundle that lists 300,000 files; a signature of one file has a few kilobytes. */
const MAX_SIGNATURE_BYTES = 64 << 20;

/**
 * Signatures that are verified of all files together. One that has 32 time stamps takes 0.1 s, and while signatures are verified
 * no time limit is looked at: whoever writes to the volume may put many files there.
 */
const MOST_SIGNATURES = 256;

/** A file beside, or in, an artifact that may hold a signature of it. Nothing of it is trusted. */
export interface SignatureFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Names that the file has (`st_nlink`); 1 for what has no inode. */
  readonly links: number;
}

/**
 * Reads a signature file.
 *
 * @throws WeighlockError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`; I/O codes
 */
export function readSignatureFile(path: string): SignatureFile {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errno(error) ?? '')) throw unreadable(error, path);
    throw new WeighlockError(
      {
        code: 'SIGNATURE_MISSING',
        message: 'there is no signature',
        expected: path,
        found: 'nothing',
        remedy: 'sign the artifact (weighlock sign), or say where its signature is: --signature FILE',
      },
      { cause: error },
    );
  }
  try {
    const stat = fstatSync(file, { bigint: true });
    if (!stat.isFile()) throw noSignature(path, 'not a regular file');
    const bytes = readWhole(file, MAX_SIGNATURE_BYTES);
    if (bytes === undefined) throw noSignature(path, 'too large');
    return { path, bytes, links: Number(stat.nlink) };
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw unreadable(error, path);
  } finally {
    close(file);
  }
}

function unreadable(error: unknown, path: string): WeighlockError {
  const failed = ioError(error, `read ${path}`);
  return isThroughLink(path) ? noSignature(path, `a link to what cannot be read (${failed.message})`) : failed;
}

function noSignature(path: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'SIGNATURE_INVALID',
    message: `${path} cannot be a signature: it is ${why}`,
    remedy: 'name the file that the signing tool wrote',
  });
}

/** What must be known of the artifact before all signatures can be verified. */
export interface Needs {
  readonly needsDigest: boolean;
  readonly needsHashes: readonly HashName[];
}

/**
 * Verifies the signatures in files, before the artifact is read where they say themselves what they are about. Each
 * signature is judged by itself: one that is broken hides none that counts.
 *
 * @param digests - of the artifact, once they are known: old signatures do not say them
 * @param purpose - signatures, or attestations of one type: neither is ever taken for the other
 * @returns `needsDigest` for files with signatures that can only be verified with a digest, `needsHashes` are those beside
 *   SHA-256 that they need; `closed` are the files that have nothing in them but signatures
 */
export async function proveFiles(
  files: readonly SignatureFile[],
  attestors: readonly Attestor[],
  digests: Digests | undefined,
  purpose: Purpose,
  accepted: Accepted = {},
): Promise<Proofs & Needs & { readonly closed: readonly SignatureFile[] }> {
  const proofs: Proof[] = [];
  const rejected: Rejected[] = [];
  const closed: SignatureFile[] = [];
  const needsHashes = new Set<HashName>();
  let needsDigest = false;
  let count = 0;
  for (const file of files) {
    const { path, bytes } = file;
    const { signatures, faults, isClosed } = readBlobSignatures(bytes);
    // What has room for anything else is not left out of what is verified, whoever signed it.
    if (isClosed) closed.push(file);
    rejected.push(...faults.map((fault) => rejection(fault, path)));
    let sha256: string | undefined;
    for (const signature of signatures) {
      if (++count > MOST_SIGNATURES) {
        rejected.push({
          where: path,
          code: 'LIMIT_EXCEEDED',
          why: `there are more than ${MOST_SIGNATURES} signatures`,
        });
        return { proofs, rejected, needsDigest, needsHashes: [...needsHashes], closed };
      }
      if ('over' in signature && digests === undefined) {
        needsDigest = true;
        for (const hash of attestors.flatMap((attestor) => hashesOf(signature, attestor)))
          if (hash !== 'sha256') needsHashes.add(hash);
        continue;
      }
      for (const attestor of attestors) {
        try {
          const prove = (bundle: Bundle) => proofsBy(bundle, attestor, path, purpose, accepted);
          const found = await proveOne(signature, attestor, digests, prove);
          if (found.length > 0) sha256 ??= hexOf(bytes);
          for (const proof of found) proofs.push({ ...proof, ...(sha256 === undefined ? {} : { sha256 }) });
        } catch (error) {
          rejected.push(rejection(error, path, attestor.name));
        }
      }
    }
  }
  return { proofs, rejected, needsDigest, needsHashes: [...needsHashes], closed };
}

function hexOf(bytes: Buffer): string {
  return nodeCrypto().createHash('sha256').update(bytes).digest('hex');
}

function proveOne(
  signature: BlobSignature,
  attestor: Attestor,
  digests: Digests | undefined,
  prove: (bundle: Bundle) => Promise<Proof[]>,
): Promise<Proof[]> {
  return 'over' in signature ? proveDetached(signature, attestor, digests ?? new Map(), prove) : prove(signature);
}

async function proofsBy(
  bundle: Bundle,
  attestor: Attestor,
  where: string,
  purpose: Purpose,
  accepted: Accepted,
): Promise<Proof[]> {
  const { content } = bundle;
  if (content.kind === 'message') {
    const signer = await verifyBundle(bundle, attestor);
    requirePurpose(undefined, purpose);
    refuseAnnotations(attestor.annotations);
    const { hash, digest } = content.message;
    return [{ signer, where, binding: { kind: 'file', hash, digests: [digest.toString('hex')] } }];
  }
  const { signer, statement, manifest } = await proveEnvelope(bundle, attestor, purpose, accepted);
  if (manifest !== undefined) return [{ signer, where, statement, binding: { kind: 'model', manifest } }];
  const subjects = annotatedSubjects(statement.subjects, attestor.annotations);
  return bindingsOf(subjects).map((binding) => ({ signer, where, statement, binding }));
}

/** Hashes that subjects are named by, the first of which each is known by: npm names packages by their SHA-512 alone. */
const SUBJECT_HASHES = [
  ['sha256', 64],
  ['sha512', 128],
  ['sha384', 96],
] as const;

/** What a statement is about: a file that is one of its subjects. */
function bindingsOf(subjects: readonly Subject[]): Binding[] {
  const left = new Set(subjects);
  const bindings: Binding[] = [];
  for (const [hash, length] of SUBJECT_HASHES) {
    const digests: string[] = [];
    for (const subject of left) {
      const found = subject.digest.get(hash);
      if (found === undefined) continue;
      left.delete(subject);
      // S29: a digest that is none equals nothing.
      if (/^[0-9a-f]+$/.test(found) && found.length === length) digests.push(found);
    }
    if (digests.length > 0) bindings.push({ kind: 'file', hash, digests });
  }
  if (bindings.length === 0) throw new MalformedError('none of its subjects has a digest that is known');
  return bindings;
}
