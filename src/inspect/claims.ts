import { parseBundle, subjectNames } from '../evidence/index.ts';
import { nodeCrypto } from '../library/index.ts';

/**
 * A signature, an attestation or a list of components that was found. Nothing of it was verified.
 */
export interface Claim {
  /** File, or manifest. */
  readonly where: string;
  readonly kind: 'signature' | 'attestation' | 'sbom';
  /** Predicate type, where it has one. */
  readonly type?: string;
  /** Who says to have signed. */
  readonly signer?: string;
  readonly issuer?: string;
}

const SBOM_TYPES = /spdx|cyclonedx/i;
const FULCIO_ISSUER = '1.3.6.1.4.1.57264.1.8';

/**
 * What a file claims that may be a signature or a list of components, by its name.
 *
 * @returns undefined for another one
 */
export function claimOf(where: string, bytes: Buffer): Claim | undefined {
  if (/\.(spdx|cdx|cyclonedx)\.json$|(^|\/)(sbom|bom)\.json$/i.test(where)) return { where, kind: 'sbom' };
  if (!/(\.sig|\.sigstore(\.json)?|\.bundle|\.intoto\.jsonl|\.att)$/i.test(where)) return undefined;
  try {
    return bundleClaim(where, bytes);
  } catch {
    return { where, kind: 'signature' };
  }
}

/** What a bundle of Sigstore claims. @throws MalformedError */
export function bundleClaim(where: string, bytes: Uint8Array): Claim {
  const { material, content } = parseBundle(bytes);
  const payload = content.kind === 'envelope' ? content.envelope.payload : undefined;
  const type = payload === undefined ? undefined : predicateType(Buffer.from(payload as unknown as Uint8Array));
  const isSignature = type === undefined || /model_signing|cosign\/sign/.test(type);
  const kind = isSignature ? 'signature' : SBOM_TYPES.test(type ?? '') ? 'sbom' : 'attestation';
  const who =
    material.kind === 'key'
      ? { signer: `key ${material.hint}`.slice(0, 100) }
      : certificateClaim(material.certificates[0] ?? Buffer.alloc(0));
  return { where, kind, ...(type === undefined ? {} : { type }), ...who };
}

function predicateType(payload: Buffer): string | undefined {
  const { predicateType: type } = JSON.parse(payload.toString('utf8')) as { predicateType?: unknown };
  return typeof type === 'string' ? type.slice(0, 200) : undefined;
}

function certificateClaim(der: Buffer): Pick<Claim, 'signer' | 'issuer'> {
  const certificate = new (nodeCrypto().X509Certificate)(der);
  const [name = certificate.subject] = subjectNames(certificate);
  // The issuer of the identity is text within an extension that Fulcio defines; it is shown as it
  // stands there.
  const text = der.toString('latin1');
  const issuer = /https:\/\/[\x21-\x7e]{4,200}/.exec(text.slice(text.indexOf(oidBytes(FULCIO_ISSUER))))?.[0];
  return { signer: name.slice(0, 300), ...(issuer === undefined ? {} : { issuer }) };
}

function oidBytes(oid: string): string {
  const [a = 0, b = 0, ...rest] = oid.split('.').map(Number);
  const bytes = [40 * a + b];
  for (const one of rest) {
    const groups = [one & 0x7f];
    for (let left = one >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return String.fromCharCode(...bytes);
}
