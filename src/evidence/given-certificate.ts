import type { Attestor } from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import { certificatesIn } from './certificate.ts';
import { untrusted } from './signer.ts';

/**
 * The signature as if it carried the certificate that is given beside it (cosign's
 * `--certificate`). The certificate is evidence and no trust: it is held against CAs and identity
 * like one that a signature carries. Of an attestor that is a certificate by itself, the signature
 * may carry that one.
 *
 * @throws EvidenceError `SIGNER_UNTRUSTED` for a signature that carries another one
 */
export function withCertificate(bundle: Bundle, attestor: Attestor): Bundle {
  const { leaf } = attestor;
  if (leaf === undefined) return bundle;
  const [given] = certificatesIn(leaf);
  if (given === undefined) throw untrusted('the certificate that is given is none');
  const { material } = bundle;
  if (material.kind === 'certificate') {
    if (material.certificates[0]?.equals(given.raw) !== true)
      throw untrusted('it carries another certificate than the one that is given');
    // What is pinned is its key.
    return attestor.kind === 'key' ? { ...bundle, material: { kind: 'key', hint: '' } } : bundle;
  }
  // One that names its key is no signature without a signer.
  if (attestor.kind === 'key' || material.hint !== '') return bundle;
  return { ...bundle, material: { kind: 'certificate', certificates: [given.raw] } };
}
