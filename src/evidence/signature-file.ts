import { constants, fstatSync, openSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { close, ioError } from '../fs/index.ts';
import { sha256 } from '../library/index.ts';
import type { Attestor, HashName } from '../trust/index.ts';
import { annotatedSubjects, refuseAnnotations } from './annotations.ts';
import { type BlobSignature, readBlobSignatures } from './blob-forms.ts';
import type { Bundle } from './bundle.ts';
import { hashesOf, proveDetached } from './detached.ts';
import type { Digests } from './digests.ts';
import { type Accepted, proveEnvelope } from './envelope.ts';
import { readSlim, type SlimText } from './large-file.ts';
import type { Binding, Proof, Proofs, Rejected } from './proof.ts';
import { type Purpose, requirePurpose } from './purpose.ts';
import { rejection } from './rejection.ts';
import type { Subject } from './statement.ts';
import { MalformedError } from './strict-json.ts';
import { isThroughLink } from './through-link.ts';
import { verifyBundle } from './verify-bundle.ts';

/**
 * A list of 20 million files; a signature of one file has a few kilobytes. It is read twice before
 * anybody is asked who signed it.
 */
const MAX_FILE_BYTES = 8 * 2 ** 30;

/** What is in memory of it: everything but large payloads. */
const MAX_SIGNATURE_BYTES = 64 << 20;

/**
 * Signatures that are verified of all files together. One that has 32 time stamps takes 0.1 s, and
 * while signatures are verified no time limit is looked at: whoever writes to the volume may put
 * many files there.
 */
const MOST_SIGNATURES = 256;

/** A file beside, or in, an artifact that may hold a signature of it. Nothing of it is trusted. */
export interface SignatureFile {
  readonly path: string;
  /** What there is to parse: the file, but for large payloads that are left in it. */
  readonly bytes: Buffer;
  /** Names that the file has (`st_nlink`); 1 for what has no inode. */
  readonly links: number;
  /** What was left in it, and what it is as a whole. */
  readonly slim?: Omit<SlimText, 'bytes'>;
  /** Ends reading what was left in it. */
  close?(): void;
}

/**
 * Reads a signature file. A large one stays open until it is closed.
 *
 * @throws WeighlockError `SIGNATURE_MISSING`, `SIGNATURE_INVALID`; I/O codes
 */
export async function readSignatureFile(path: string): Promise<SignatureFile> {
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
    const text = await readSlim(file, MAX_FILE_BYTES, MAX_SIGNATURE_BYTES);
    if (text === undefined) throw noSignature(path, 'too large');
    const { bytes, ...slim } = text;
    const read = { path, bytes, links: Number(stat.nlink), slim };
    if (slim.payloads.size > 0) return { ...read, close: () => close(file) };
    close(file);
    return read;
  } catch (error) {
    close(file);
    if (error instanceof WeighlockError) throw error;
    throw error instanceof MalformedError ? noSignature(path, error.message) : unreadable(error, path);
  }
}

/** What is known of a file as a whole. */
export function wholeOf({ bytes, slim }: SignatureFile): { readonly sha256: string; readonly size: number } {
  return { sha256: slim?.sha256 ?? sha256(bytes).toString('hex'), size: slim?.size ?? bytes.length };
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
 * Verifies the signatures in files, before the artifact is read where they say themselves what they
 * are about. Each signature is judged by itself: one that is broken hides none that counts.
 *
 * @param digests - of the artifact, once they are known: old signatures do not say them
 * @param purpose - signatures, or attestations of one type: neither is ever taken for the other
 * @returns `needsDigest` for files with signatures that can only be verified with a digest,
 * `needsHashes` are those beside
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
    const { path, bytes, slim } = file;
    const { signatures, faults, isClosed } = readBlobSignatures(bytes, slim?.payloads);
    // What has room for anything else is not left out of what is verified, whoever signed it.
    if (isClosed) closed.push(file);
    rejected.push(...faults.map((fault) => rejection(fault, path)));
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
          for (const proof of found) proofs.push({ ...proof, sha256: wholeOf(file).sha256 });
        } catch (error) {
          rejected.push(rejection(error, path, attestor.name));
        }
      }
    }
  }
  return { proofs, rejected, needsDigest, needsHashes: [...needsHashes], closed };
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

/**
 * Hashes that subjects are named by, the first of which each is known by: npm names packages by
 * their SHA-512 alone.
 */
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
