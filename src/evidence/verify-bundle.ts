import type { KeyObject, X509Certificate } from 'node:crypto';
import type { Bundle as LibraryBundle } from '@sigstore/bundle';
import type { SignedEntity } from '@sigstore/verify';
import { library, sha256 } from '../library/index.ts';
import {
  type Attestor,
  type Curves,
  fingerprintOf,
  loadCurves,
  loadTrustedRoot,
  parsePublicKey,
  pemHint,
  verifyBytes,
  verifyDigest,
} from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import {
  certificatesIn,
  otherNames,
  parseCertificate,
  requireCodeSigning,
  requireIdentity,
  requirePath,
  requireSubject,
  subjectNames,
} from './certificate.ts';
import { preAuthEncoding } from './dsse.ts';
import { isOldAttestation, requireSameEnvelope, requireSameKey } from './log-entry.ts';
import { EvidenceError, invalidSignature, type Signer, untrusted } from './signer.ts';

type KeyAttestor = Attestor & { kind: 'key' };
type KeylessAttestor = Attestor & { kind: 'keyless' };
type CertificateAttestor = Attestor & { kind: 'certificate' };

/**
 * What is signed, for the library: an envelope, or a digest that stands for bytes of any number.
 */
interface Content {
  readonly signature: Buffer;
  compareSignature(other: Buffer): boolean;
  /** SHA-256 of the payload, or the digest of the message. */
  compareDigest(digest: Buffer): boolean;
  /** SHA-256 of what the signature is over. */
  compareSignedDigest(digest: Buffer): boolean;
  verifySignature(key: KeyObject): boolean;
}

/**
 * Verifies that an attestor made the signature in a bundle. What was signed is then in the bundle's content: the payload
 * of its envelope, or a digest that the artifact must have.
 *
 * @param logless - methods of OpenSSF Model Signing with a key or certificate, for which no log exists
 * @throws EvidenceError
 */
export async function verifyBundle(bundle: Bundle, attestor: Attestor, logless = false): Promise<Signer> {
  const content = contentOf(bundle, await curvesFor(bundle));
  try {
    if (attestor.kind === 'key') return await verifyByKey(bundle, content, attestor, logless);
    if (attestor.kind === 'certificate') return await verifyByCertificate(bundle, content, attestor);
    return await verifyKeyless(bundle, content, attestor);
  } catch (error) {
    if (error instanceof EvidenceError) throw error;
    // Whatever a library throws at crafted bytes: it is not a valid signature (S28).
    throw invalidSignature(error instanceof Error ? error.message : 'the signature cannot be verified', error);
  }
}

async function curvesFor({ content }: Bundle): Promise<Curves | undefined> {
  return content.kind === 'message' ? loadCurves() : undefined;
}

function contentOf({ content }: Bundle, curves: Curves | undefined): Content {
  if (content.kind === 'envelope') {
    const { payload, signature } = content.envelope;
    const signed = preAuthEncoding(content.envelope);
    return {
      signature,
      compareSignature: (other) => other.equals(signature),
      compareDigest: (digest) => digest.equals(sha256(payload)),
      compareSignedDigest: (digest) => digest.equals(sha256(signed)),
      verifySignature: (key) => verifyBytes(key, signed, signature),
    };
  }
  const { hash, digest, signature } = content.message;
  return {
    signature,
    compareSignature: (other) => other.equals(signature),
    compareDigest: (other) => other.equals(digest),
    compareSignedDigest: (other) => other.equals(digest),
    verifySignature: (key) => curves !== undefined && verifyDigest(curves, key, digest, hash, signature),
  };
}

async function verifyByKey(bundle: Bundle, content: Content, attestor: KeyAttestor, logless: boolean): Promise<Signer> {
  // S6: a certificate says nothing about a key, and the other way round.
  if (bundle.material.kind !== 'key') throw untrusted('it carries a certificate, and a key is asked for');
  const { key, fingerprint } = parsePublicKey(attestor.pem, attestor.name);
  if (!content.verifySignature(key)) throw invalidSignature('it is not a signature by this key');
  const deviations: string[] = [];
  const { hint } = bundle.material;
  if (hint !== '' && !hintsOf(key).includes(hint)) deviations.push('its hint names another key than the one it is by');
  const signer = { attestor: attestor.name, fingerprint, deviations };
  if (logless || attestor.logs.transparencyLog === 'ignored') return signer;
  const verified = await verifyWithLogs(bundle, content, attestor, key);
  return { ...signer, ...verified };
}

/** Ways to call a key: OMS takes its PEM text, cosign its DER. */
function hintsOf(key: KeyObject): string[] {
  const der = Buffer.from(fingerprintOf(key), 'hex');
  return [pemHint(key), der.toString('hex'), der.toString('base64')];
}

async function verifyByCertificate(bundle: Bundle, content: Content, attestor: CertificateAttestor): Promise<Signer> {
  if (bundle.material.kind !== 'certificate') throw untrusted('it carries no certificate, and one is asked for');
  const [leaf, ...between] = bundle.material.certificates.map(parseCertificate);
  if (leaf === undefined) throw untrusted('it carries no certificate');
  const roots = certificatesIn(attestor.roots);
  requirePath(leaf, between, roots, new Date());
  requireSigningUsage(leaf);
  const subject = await requireSubject(attestor.subject, leaf);
  if (!content.verifySignature(leaf.publicKey)) throw invalidSignature('it is not a signature by its certificate');
  return {
    attestor: attestor.name,
    fingerprint: fingerprintOf(leaf.publicKey),
    subject,
    issuer: leaf.issuer.replaceAll('\n', ','),
    deviations: [],
  };
}

/** A private PKI's leaf may have no extended key usage at all; if it has one, it must be for code (S36). */
function requireSigningUsage(leaf: X509Certificate): void {
  const usages = leaf.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && usages.length > 0) requireCodeSigning(leaf);
}

async function verifyKeyless(bundle: Bundle, content: Content, attestor: KeylessAttestor): Promise<Signer> {
  if (bundle.material.kind !== 'certificate') throw untrusted('it carries a key, and an identity is asked for');
  const [der = Buffer.alloc(0)] = bundle.material.certificates;
  const leaf = parseCertificate(der);
  const { issuer, ...verified } = await verifyWithLogs(bundle, content, attestor, undefined);
  requireCodeSigning(leaf);
  const names = [...subjectNames(leaf), ...(await otherNames(der))];
  const subject = await requireIdentity(attestor.identities, names, issuer ?? '');
  return {
    attestor: attestor.name,
    fingerprint: fingerprintOf(leaf.publicKey),
    subject,
    ...(issuer === undefined ? {} : { issuer }),
    ...verified,
    deviations: [],
  };
}

/** Everything that the library does well: chains, transparency logs, timestamps; and the checks that it leaves out. */
async function verifyWithLogs(
  bundle: Bundle,
  content: Content,
  attestor: KeyAttestor | KeylessAttestor,
  key: KeyObject | undefined,
): Promise<Pick<Signer, 'issuer' | 'time' | 'logIndex'>> {
  const { logs } = attestor;
  const { bundleFromJSON, toSignedEntity, toTrustMaterial, Verifier, verifyTLogInclusion } = await library('sigstore');
  const root = await loadTrustedRoot(attestor.trustedRoot);
  const parsed = bundleFromJSON(bundle.json);
  const entity = entityOf(toSignedEntity(parsed), content, logs);
  const forKey = () => ({
    publicKey: key ?? unknownKey(),
    validFor: () => true,
  });
  const trusted = toTrustMaterial(root, forKey);
  const old = entity.tlogEntries.filter(isOldAttestation);
  for (const entry of old) {
    verifyTLogInclusion(entry, trusted.tlogs);
    if (bundle.content.kind !== 'envelope') throw invalidSignature('a log entry of an attestation, and none is here');
    requireSameEnvelope(entry.canonicalizedBody, bundle.envelopeBytes, bundle.content.envelope.payload);
  }
  const verifier = new Verifier(trusted, {
    tlogThreshold: logs.transparencyLog === 'required' && old.length === 0 ? 1 : 0,
    ctlogThreshold: logs.certificateLog === 'required' ? 1 : 0,
    timestampThreshold: key === undefined ? 1 : 0,
  });
  const { identity } = verifier.verify({
    ...entity,
    tlogEntries: entity.tlogEntries.filter((entry) => !isOldAttestation(entry)),
  });
  const signingKey = key ?? leafKey(parsed);
  for (const entry of entity.tlogEntries) requireSameKey(entry.canonicalizedBody, signingKey);
  const issuer = identity?.extensions?.issuer;
  const time = timeOf(entity);
  const logIndex = entity.tlogEntries[0]?.logIndex;
  return {
    ...(issuer === undefined ? {} : { issuer }),
    ...(time === undefined ? {} : { time }),
    ...(logIndex === undefined ? {} : { logIndex }),
  };
}

/** S14: entries that do not count take their times with them. */
function entityOf(entity: SignedEntity, content: Content, logs: Attestor['logs']): SignedEntity {
  const ignoresLog = logs.transparencyLog === 'ignored';
  const onlyAuthority = ignoresLog || logs.time === 'timestamp-authority';
  return {
    ...entity,
    signature: content,
    tlogEntries: ignoresLog ? [] : entity.tlogEntries,
    timestamps: entity.timestamps.filter(({ $case }) => !onlyAuthority || $case === 'timestamp-authority'),
  };
}

function leafKey(library: LibraryBundle): KeyObject {
  const { content } = library.verificationMaterial;
  const der =
    content.$case === 'certificate'
      ? content.certificate.rawBytes
      : content.$case === 'x509CertificateChain'
        ? content.x509CertificateChain.certificates[0]?.rawBytes
        : undefined;
  return parseCertificate(der ?? Buffer.alloc(0)).publicKey;
}

function unknownKey(): KeyObject {
  throw untrusted('it is by a key, and an identity is asked for');
}

/** The earliest of the times that were verified. */
function timeOf({ timestamps }: SignedEntity): Date | undefined {
  const times = timestamps.flatMap((stamp) => {
    if (stamp.$case === 'timestamp-authority') return [stamp.timestamp.signingTime];
    return stamp.tlogEntry.inclusionPromise === undefined
      ? []
      : [new Date(Number(stamp.tlogEntry.integratedTime) * 1000)];
  });
  return times.sort((a, b) => a.getTime() - b.getTime())[0];
}
