import type { TLogAuthority } from '@sigstore/verify/dist/trust/index.js';
import { library, sha256 } from '../library/index.ts';
import { countDistinct } from '../trust/index.ts';
import { untrusted } from './signer.ts';
import { logLabels } from './transparency.ts';

/**
 * Verifies the signed certificate timestamps in a certificate (RFC 6962 section 3.2). One of a log
 * that is not known says nothing; a wrong one of a known log is refused.
 *
 * @returns how many different logs have seen the certificate
 * @throws EvidenceError
 */
export async function countCertificateLogs(
  leafDer: Uint8Array,
  issuerDer: Uint8Array,
  trusted: readonly TLogAuthority[],
): Promise<number> {
  const { ByteStream, EXTENSION_OID_SCT, X509Certificate, X509SCTExtension } = await library('sigstore');
  const leaf = X509Certificate.parse(Buffer.from(leafDer));
  const issuer = X509Certificate.parse(Buffer.from(issuerDer));
  // The log signed the certificate as it was before the timestamps were put into it.
  const before = leaf.clone();
  const at = before.extensions.findIndex((extension) => extension.subs[0]?.toOID() === EXTENSION_OID_SCT);
  const [extension] = at < 0 ? [] : before.extensions.splice(at, 1);
  if (extension === undefined) return 0;
  const tbs = before.tbsCertificate.toDER();
  const signed = new ByteStream();
  signed.appendView(sha256(issuer.publicKey));
  signed.appendUint24(tbs.length);
  signed.appendView(tbs);
  const logs: TLogAuthority[] = [];
  for (const sct of new X509SCTExtension(extension).signedCertificateTimestamps) {
    const known = trusted.filter(({ logID }) => logID.equals(sct.logID));
    if (known.length === 0) continue;
    const holds = known.some(
      ({ publicKey, validFor }) =>
        validFor.start <= sct.datetime && sct.datetime <= validFor.end && sct.verify(signed.buffer, publicKey),
    );
    if (!holds) throw untrusted('a certificate log does not vouch for its certificate');
    logs.push(...known.slice(0, 1));
  }
  return countDistinct(logs.map(logLabels));
}
