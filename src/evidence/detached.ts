import { type Attestor, type HashName, hashesFor, kindOfKey, parsePublicKey } from '../trust/index.ts';
import type { DetachedSignature } from './blob-forms.ts';
import type { Bundle } from './bundle.ts';
import { certificatesIn, parseCertificate } from './certificate.ts';
import type { Digests } from './digests.ts';
import { invalidSignature } from './signer.ts';

/**
 * Hashes that a detached signature may have been made over: nothing in it says which one, so that
 * the key does, as for cosign. The key is that of the attestor, or of the certificate that the
 * signature is by.
 */
export function hashesOf({ certificate }: DetachedSignature, attestor: Attestor): readonly HashName[] {
  if (attestor.kind === 'key') return hashesFor(parsePublicKey(attestor.pem, attestor.name).kind);
  try {
    const [leaf] = attestor.leaf === undefined ? [] : certificatesIn(attestor.leaf);
    const signer = leaf ?? (certificate === undefined ? undefined : parseCertificate(certificate));
    const kind = signer === undefined ? undefined : kindOfKey(signer.publicKey);
    return kind === undefined ? ['sha256'] : hashesFor(kind);
  } catch {
    // What is wrong with the certificate is said when the signature is verified.
    return ['sha256'];
  }
}

/**
 * Tries the hashes of the key, its own first.
 *
 * @param prove - verifies the signature over one digest
 * @throws EvidenceError and whatever `prove` throws, for the first hash, when none is the right one
 */
export async function proveDetached<T>(
  signature: DetachedSignature,
  attestor: Attestor,
  digests: Digests,
  prove: (bundle: Bundle) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const hash of hashesOf(signature, attestor)) {
    const digest = digests.get(hash);
    try {
      if (digest === undefined)
        throw invalidSignature(`its key signs ${hash}, and other signatures ask for another hash: verify it by itself`);
      return await prove(signature.over(hash, digest));
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
