import type { Attestor } from '../trust/index.ts';
import { annotatedSubjects, requireAnnotations } from './annotations.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { COSIGN_SIGN_TYPE, legacyBundle, readSimpleSigning } from './cosign.ts';
import { type Accepted, proveEnvelope } from './envelope.ts';
import type { Proof, Proofs, Rejected } from './proof.ts';
import { rejection } from './signature-file.ts';
import { EvidenceError } from './signer.ts';
import { isAbout, type Statement } from './statement.ts';
import { verifyBundle } from './verify-bundle.ts';

/** A signature as a registry stores it. Nothing of it is trusted. */
export interface StoredSignature {
  readonly form: 'bundle' | 'simplesigning' | 'envelope';
  readonly bytes: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
  /** Which manifest it was in, for messages. */
  readonly where: string;
}

/**
 * Verifies what a registry stores for a manifest.
 *
 * @param digest - of the one manifest or index that was resolved, hex
 * @param want - plain signatures, or attestations of one type: neither is ever taken for the other (S4, S7)
 */
export async function proveStored(
  stored: readonly StoredSignature[],
  attestors: readonly Attestor[],
  digest: string,
  want: { readonly predicateType: string } | 'signature',
  accepted: Accepted,
): Promise<Proofs> {
  const proofs: Proof[] = [];
  const rejected: Rejected[] = [];
  for (const signature of stored) {
    let bundle: Bundle;
    try {
      const wanted = read(signature, want);
      if (wanted === undefined) continue;
      bundle = wanted;
    } catch (error) {
      rejected.push(rejection(error, signature.where));
      continue;
    }
    for (const attestor of attestors) {
      try {
        proofs.push(await prove(bundle, signature, attestor, digest, want, accepted));
      } catch (error) {
        rejected.push(rejection(error, signature.where, attestor.name));
      }
    }
  }
  return { proofs, rejected, identities: [] };
}

/** @returns undefined for what is honestly something else than is asked for */
function read({ form, bytes, annotations }: StoredSignature, want: object | 'signature'): Bundle | undefined {
  if (form === 'simplesigning') return want === 'signature' ? legacyBundle(form, bytes, annotations) : undefined;
  if (form === 'envelope') return want === 'signature' ? undefined : legacyBundle(form, bytes, annotations);
  return parseBundle(bytes);
}

async function prove(
  bundle: Bundle,
  { form, bytes, where }: StoredSignature,
  attestor: Attestor,
  digest: string,
  want: { readonly predicateType: string } | 'signature',
  accepted: Accepted,
): Promise<Proof> {
  if (bundle.content.kind === 'message') {
    const signer = await verifyBundle(bundle, attestor);
    // Only the layer of a `.sig` image; a bundle of this kind says nothing about an image.
    if (form !== 'simplesigning' || want !== 'signature')
      throw new EvidenceError('SIGNATURE_INVALID', 'it is a signature of a file, not of an artifact in a registry');
    const { manifest, annotations } = readSimpleSigning(bytes);
    if (manifest !== `sha256:${digest}`) throw otherArtifact(manifest);
    requireAnnotations(annotations, attestor.annotations);
    return { signer, where, binding: { kind: 'manifest' } };
  }
  const { signer, statement, manifest } = await proveEnvelope(bundle, bundle.content.envelope, attestor, accepted);
  // What was signed are the files: they are held against it when they have come.
  if (manifest !== undefined && want === 'signature')
    return { signer, where, statement, binding: { kind: 'model', manifest } };
  const wanted = want === 'signature' ? COSIGN_SIGN_TYPE : want.predicateType;
  if (!isOfType(statement, wanted)) {
    throw new EvidenceError('ATTESTATION_MISSING', `it is of the type ${statement.predicateType.slice(0, 200)}`);
  }
  const subjects = annotatedSubjects(statement.subjects, attestor.annotations);
  if (!isAbout(subjects, digest)) throw otherArtifact(statement.subjects[0]?.digest.get('sha256') ?? 'nothing');
  return { signer, where, statement, binding: { kind: 'manifest' } };
}

/** Predicates of very old cosign versions lack the scheme. */
function isOfType({ predicateType }: Statement, wanted: string): boolean {
  return predicateType === wanted || `https://${predicateType}` === wanted;
}

function otherArtifact(found: string): EvidenceError {
  return new EvidenceError('SIGNATURE_INVALID', `it is about another artifact: ${found.slice(0, 100)}`);
}
