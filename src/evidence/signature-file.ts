import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';
import type { Attestor } from '../trust/index.ts';
import { annotatedSubjects, refuseAnnotations } from './annotations.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { detachedBundle, legacyBlobBundle } from './cosign.ts';
import { type Accepted, proveEnvelope } from './envelope.ts';
import type { Proof, Proofs, Rejected } from './proof.ts';
import { EvidenceError } from './signer.ts';
import { MalformedError } from './strict-json.ts';
import { verifyBundle } from './verify-bundle.ts';

/** A bundle that lists 300,000 files; a signature of one file has a few kilobytes. */
const MAX_SIGNATURE_BYTES = 64 << 20;

/** A file beside, or in, an artifact that may hold a signature of it. Nothing of it is trusted. */
export interface SignatureFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** `st_dev:st_ino` */
  readonly identity: string;
}

/**
 * Reads a signature file.
 *
 * @throws WeighlockError `SIGNATURE_MISSING`; I/O codes
 */
export function readSignatureFile(path: string): SignatureFile {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errno(error) ?? '')) throw ioError(error, `read ${path}`);
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
    if (!stat.isFile() || stat.size > MAX_SIGNATURE_BYTES) {
      throw new WeighlockError({
        code: 'SIGNATURE_INVALID',
        message: `${path} cannot be a signature: it is ${stat.isFile() ? 'too large' : 'not a regular file'}`,
        remedy: 'name the file that the signing tool wrote',
      });
    }
    return { path, bytes: readFileSync(file), identity: `${stat.dev}:${stat.ino}` };
  } finally {
    closeSync(file);
  }
}

/**
 * Verifies the signatures in files, before the artifact is read where they say themselves what they are about.
 *
 * @param digest - SHA-256 of the artifact, hex, once it is known: old signatures do not say it
 * @returns `undefined` for a file whose signature can only be verified with the digest
 */
export async function proveFiles(
  files: readonly SignatureFile[],
  attestors: readonly Attestor[],
  digest: string | undefined,
  accepted: Accepted = {},
): Promise<Proofs & { readonly needsDigest: boolean }> {
  const proofs: Proof[] = [];
  const rejected: Rejected[] = [];
  let needsDigest = false;
  for (const { path, bytes } of files) {
    try {
      const bundle = readAny(bytes, digest);
      if (bundle === undefined) needsDigest = true;
      else proofs.push(...(await proofsOf(bundle, attestors, path, rejected, accepted)));
    } catch (error) {
      rejected.push(rejection(error, path));
    }
  }
  return { proofs, rejected, needsDigest, identities: files.map(({ identity }) => identity) };
}

/** Whichever of the forms it is; the strictest reader that fits is the one that counts. */
function readAny(bytes: Buffer, digest: string | undefined): Bundle | undefined {
  const isJson = bytes.subarray(0, 64).toString('latin1').trimStart().startsWith('{');
  if (isJson && bytes.includes('"mediaType"')) return parseBundle(bytes);
  if (digest === undefined) return undefined;
  return isJson ? legacyBlobBundle(bytes, digest) : detachedBundle(bytes, digest);
}

async function proofsOf(
  bundle: Bundle,
  attestors: readonly Attestor[],
  where: string,
  rejected: Rejected[],
  accepted: Accepted,
): Promise<Proof[]> {
  const proofs: Proof[] = [];
  for (const attestor of attestors) {
    try {
      proofs.push(await proofOf(bundle, attestor, where, accepted));
    } catch (error) {
      rejected.push(rejection(error, where, attestor.name));
    }
  }
  return proofs;
}

async function proofOf(bundle: Bundle, attestor: Attestor, where: string, accepted: Accepted): Promise<Proof> {
  const { content } = bundle;
  if (content.kind === 'message') {
    const signer = await verifyBundle(bundle, attestor);
    refuseAnnotations(attestor.annotations);
    const { hash, digest } = content.message;
    return { signer, where, binding: { kind: 'file', hash, digests: [digest.toString('hex')] } };
  }
  const { signer, statement, manifest } = await proveEnvelope(bundle, content.envelope, attestor, accepted);
  if (manifest !== undefined) return { signer, where, statement, binding: { kind: 'model', manifest } };
  const subjects = annotatedSubjects(statement.subjects, attestor.annotations);
  const digests = subjects.flatMap(({ digest }) => digest.get('sha256') ?? []);
  return { signer, where, statement, binding: { kind: 'file', hash: 'sha256', digests } };
}

/** @throws WeighlockError as it is: what the platform configured is no fault of a signature */
export function rejection(error: unknown, where: string, attestor?: string): Rejected {
  if (error instanceof WeighlockError) throw error;
  const as = attestor === undefined ? '' : ` as ${attestor}`;
  if (error instanceof EvidenceError) return { where, code: error.code, why: `${error.message}${as}` };
  const why = error instanceof MalformedError ? error.message : 'it cannot be read';
  return { where, code: 'SIGNATURE_INVALID', why };
}
