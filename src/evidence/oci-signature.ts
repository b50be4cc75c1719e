import type { Attestor } from '../trust/index.ts';
import { annotatedSubjects, requireAnnotations } from './annotations.ts';
import { type Bundle, parseBundle } from './bundle.ts';
import { legacyBundle, readSimpleSigning } from './cosign.ts';
import { type Accepted, proveEnvelope } from './envelope.ts';
import type { Proof, Proofs, Rejected } from './proof.ts';
import { type Purpose, requirePurpose } from './purpose.ts';
import { rejection } from './rejection.ts';
import { SignedPayload } from './signed-payload.ts';
import { EvidenceError } from './signer.ts';
import { isAbout } from './statement.ts';

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
 * @param purpose - plain signatures, or attestations of one type: neither is ever taken for the
 * other (S4, S7)
 */
export async function proveStored(
  stored: readonly StoredSignature[],
  attestors: readonly Attestor[],
  digest: string,
  purpose: Purpose,
  accepted: Accepted,
): Promise<Proofs> {
  const proofs: Proof[] = [];
  const rejected: Rejected[] = [];
  for (const signature of stored) {
    let bundle: Bundle;
    try {
      const wanted = read(signature, purpose);
      if (wanted === undefined) continue;
      bundle = wanted;
    } catch (error) {
      rejected.push(rejection(error, signature.where));
      continue;
    }
    for (const attestor of attestors) {
      try {
        proofs.push(await prove(bundle, signature, attestor, digest, purpose, accepted));
      } catch (error) {
        rejected.push(rejection(error, signature.where, attestor.name));
      }
    }
  }
  return { proofs, rejected };
}

/** @returns undefined for what is honestly something else than is asked for */
function read({ form, bytes, annotations }: StoredSignature, purpose: Purpose): Bundle | undefined {
  if (form === 'simplesigning') return purpose === 'signature' ? legacyBundle(form, bytes, annotations) : undefined;
  if (form === 'envelope') return purpose === 'signature' ? undefined : legacyBundle(form, bytes, annotations);
  return parseBundle(bytes);
}

async function prove(
  bundle: Bundle,
  { form, bytes, where }: StoredSignature,
  attestor: Attestor,
  digest: string,
  purpose: Purpose,
  accepted: Accepted,
): Promise<Proof> {
  if (form === 'simplesigning') {
    const payload = await SignedPayload.ofMessage(bundle, bytes, attestor);
    requirePurpose(undefined, purpose);
    const { manifest, annotations } = readSimpleSigning(payload);
    if (manifest !== `sha256:${digest}`) throw otherArtifact(manifest);
    requireAnnotations(annotations, attestor.annotations);
    return { signer: payload.signer, where, binding: { kind: 'manifest' } };
  }
  // Only the layer of a `.sig` image; a message signature in a bundle says nothing about an image.
  if (bundle.content.kind === 'message')
    throw new EvidenceError('SIGNATURE_INVALID', 'it is a signature of a file, not of an OCI artifact');
  const { signer, statement, manifest } = await proveEnvelope(bundle, attestor, purpose, accepted);
  // What was signed are the files: they are held against it when they have come.
  if (manifest !== undefined && purpose === 'signature')
    return { signer, where, statement, binding: { kind: 'model', manifest } };
  const subjects = annotatedSubjects(statement.subjects, attestor.annotations);
  if (!isAbout(subjects, digest)) throw otherArtifact(statement.subjects[0]?.digest.get('sha256') ?? 'nothing');
  return { signer, where, statement, binding: { kind: 'manifest' } };
}

function otherArtifact(found: string): EvidenceError {
  return new EvidenceError('SIGNATURE_INVALID', `it is about another artifact: ${found.slice(0, 100)}`);
}
