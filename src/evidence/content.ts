import { sha256 } from '../library/index.ts';
import {
  type Attestor,
  type Curves,
  type HashName,
  hashesFor,
  kindOfKey,
  loadCurves,
  type PublicKeyKind,
  parsePublicKey,
  verifyBytes,
  verifyDigest,
} from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import { digestsOf } from './digests.ts';
import { MAX_PAYLOAD_BYTES, preAuthEncoding } from './dsse.ts';
import { verifyLegacyEnvelope } from './legacy-model.ts';
import { StoredPayload } from './stored-payload.ts';
import type { Content } from './witnesses.ts';

/**
 * What was signed, as logs and signatures are held against it.
 *
 * @param legacy - takes the encoding of model_signing 0.2, too
 * @throws EvidenceError
 */
export async function contentOf(bundle: Bundle, attestor: Attestor, legacy: boolean): Promise<Content> {
  const { content } = bundle;
  const curves = await curvesFor(bundle, attestor);
  if (content.kind === 'envelope') {
    const { payloadType, payload: given, signature } = content.envelope;
    const needsBytes = legacy || kindOfSigner(bundle.material, attestor) === 'Ed25519';
    if (given instanceof StoredPayload && !(needsBytes && given.length <= MAX_PAYLOAD_BYTES))
      return storedContent(given, bundle, attestor);
    const payload = given instanceof StoredPayload ? await given.bytes() : given;
    const signed = preAuthEncoding(payloadType, payload);
    return {
      signature,
      compareSignature: (other) => other.equals(signature),
      compareDigest: (digest) => digest.equals(sha256(payload)),
      compareSignedDigest: (digest) => digest.equals(sha256(signed)),
      verifySignature: (key) =>
        verifyBytes(key, signed, signature, { curves }) ||
        (legacy && verifyLegacyEnvelope(payloadType, payload, key, signature)),
    };
  }
  const { hash, digest, signature, bytes } = content.message;
  if (bytes !== undefined) {
    const digests = [...digestsOf(bytes).values()];
    const isDigest = (other: Buffer) => digests.includes(other.toString('hex'));
    return {
      signature,
      compareSignature: (other) => other.equals(signature),
      compareDigest: isDigest,
      compareSignedDigest: isDigest,
      verifySignature: (key) => verifyBytes(key, bytes, signature, { curves }),
    };
  }
  return {
    signature,
    compareSignature: (other) => other.equals(signature),
    compareDigest: (other) => other.equals(digest),
    compareSignedDigest: (other) => other.equals(digest),
    verifySignature: (key) => curves !== undefined && verifyDigest(curves, key, digest, hash, signature),
  };
}

/**
 * The same of a payload that is left in its file: of what is signed there is a digest, by each hash
 * that its key may take.
 */
async function storedContent(payload: StoredPayload, bundle: Bundle, attestor: Attestor): Promise<Content> {
  const { content, material } = bundle;
  const { signature, payloadType } =
    content.kind === 'envelope' ? content.envelope : { ...content.message, payloadType: '' };
  const curves = await loadCurves();
  const kind = kindOfSigner(material, attestor);
  // Logs have the SHA-256 of what is signed.
  const hashes = new Set<HashName>(['sha256', ...(kind === undefined ? [] : hashesFor(kind))]);
  const digests = new Map<HashName, Buffer>();
  for (const hash of hashes) digests.set(hash, await payload.signedDigest(hash, payloadType));
  return {
    signature,
    compareSignature: (other) => other.equals(signature),
    compareDigest: (digest) => digest.equals(payload.sha256),
    compareSignedDigest: (digest) => digests.get('sha256')?.equals(digest) === true,
    verifySignature: (key) => [...digests].some(([hash, digest]) => verifyDigest(curves, key, digest, hash, signature)),
  };
}

/** What Node cannot do by itself: signatures over a digest, and Ed25519ph. */
async function curvesFor({ content, material }: Bundle, attestor: Attestor): Promise<Curves | undefined> {
  if (content.kind === 'message' && content.message.bytes === undefined) return loadCurves();
  return kindOfSigner(material, attestor) === 'Ed25519' ? loadCurves() : undefined;
}

function kindOfSigner(material: Bundle['material'], attestor: Attestor): PublicKeyKind | undefined {
  if (attestor.kind === 'key') return parsePublicKey(attestor.pem, attestor.name).kind;
  const [leaf] = material.kind === 'certificate' ? material.certificates : [];
  return leaf === undefined ? undefined : kindOfKey(parseCertificate(leaf).publicKey);
}
