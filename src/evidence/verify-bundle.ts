import type { KeyObject, X509Certificate } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { sha256 } from '../library/index.ts';
import {
  type Attestor,
  fingerprintOf,
  type PublicKeyKind,
  parsePublicKey,
  pemHint,
  trustMaterial,
  type ValidityWindow,
} from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import {
  certificatesIn,
  fulcioExtensions,
  otherNames,
  parseCertificate,
  requireIdentity,
  requireSubject,
  subjectNames,
} from './certificate.ts';
import { countCertificateLogs } from './certificate-log.ts';
import { contentOf } from './content.ts';
import { withCertificate } from './given-certificate.ts';
import { requireNotRevoked } from './revocation.ts';
import { EvidenceError, invalidSignature, type Signer, untrusted } from './signer.ts';
import { type Content, verifyWitnesses } from './witnesses.ts';
import { requirePath } from './x509/certificate-path.ts';

type KeyAttestor = Attestor & { kind: 'key' };
type KeylessAttestor = Attestor & { kind: 'keyless' };
type CertificateAttestor = Attestor & { kind: 'certificate' };

/** How it was signed, where that is not said by the bundle. */
interface Method {
  /** By a method of OpenSSF Model Signing with a key or certificate, for which no log exists. */
  readonly logless?: boolean;
  /** In the encoding of model_signing 0.2. */
  readonly legacy?: boolean;
}

/**
 * Verifies that an attestor made the signature in a bundle. What was signed is then in the bundle's
 * content: the payload of its envelope, or a digest that the artifact must have.
 *
 * @throws EvidenceError
 */
export async function verifyBundle(
  stored: Bundle,
  attestor: Attestor,
  { logless = false, legacy = false }: Method = {},
): Promise<Signer> {
  const bundle = withCertificate(stored, attestor);
  try {
    const content = await contentOf(bundle, attestor, legacy);
    if (attestor.kind === 'key') return await verifyByKey(bundle, content, attestor, logless);
    if (attestor.kind === 'certificate') return await verifyByCertificate(bundle, content, attestor, logless);
    return await verifyKeyless(bundle, content, attestor);
  } catch (error) {
    if (error instanceof EvidenceError || error instanceof WeighlockError) throw error;
    // Whatever a library throws at crafted bytes: it is not a valid signature (S28).
    throw invalidSignature(error instanceof Error ? error.message : 'the signature cannot be verified', error);
  }
}

async function verifyByKey(bundle: Bundle, content: Content, attestor: KeyAttestor, logless: boolean): Promise<Signer> {
  // S6: a certificate says nothing about a key, and the other way round.
  if (bundle.material.kind !== 'key') throw untrusted('it carries a certificate, and a key is asked for');
  const { key, kind, fingerprint } = parsePublicKey(attestor.pem, attestor.name);
  if (!content.verifySignature(key)) throw notByKey(bundle, kind);
  const deviations: string[] = [];
  const { hint } = bundle.material;
  if (hint !== '' && !hintsOf(key).includes(hint)) deviations.push('its hint names another key than the one it is by');
  const { times, ...witnessed } = await verifyWitnesses(bundle, content, attestor, key, logless);
  requireInForce(attestor.validFor, times);
  return {
    attestor: attestor.name,
    fingerprint,
    ...timeOf(times),
    ...witnessed,
    deviations: [...deviations, ...witnessed.deviations],
  };
}

function notByKey({ content }: Bundle, kind: PublicKeyKind): EvidenceError {
  const isUnknowable = kind === 'Ed25519' && content.kind === 'message' && content.message.bytes === undefined;
  const hint = isUnknowable
    ? ': pure Ed25519 over a file cannot be verified from its digest; sign a statement of it (cosign attest-blob), or with another key'
    : '';
  return invalidSignature(`it is not a signature by this key${hint}`);
}

/**
 * S30: a key that was replaced signs nothing after that, and one that is new signed nothing before.
 */
function requireInForce(window: ValidityWindow | undefined, times: readonly Date[]): void {
  const { start, end } = window ?? {};
  for (const time of times.length > 0 ? times : [new Date()]) {
    if ((start === undefined || start <= time) && (end === undefined || time <= end)) continue;
    const what = times.length > 0 ? 'it was made at' : 'its time is not verified, and it is now';
    throw untrusted(`${what} ${time.toISOString()}, and the key counts ${windowText(start, end)}`);
  }
}

function windowText(start: Date | undefined, end: Date | undefined): string {
  const from = start === undefined ? '' : `from ${start.toISOString()}`;
  return `${from}${end === undefined ? '' : ` until ${end.toISOString()}`}`.trim();
}

/** Ways to call a key: OMS takes its PEM text, cosign its DER, both as it is encoded. */
export function hintsOf(key: KeyObject): string[] {
  const der = sha256(key.export({ type: 'spki', format: 'der' }));
  return [pemHint(key), der.toString('hex'), der.toString('base64')];
}

async function verifyByCertificate(
  bundle: Bundle,
  content: Content,
  attestor: CertificateAttestor,
  logless: boolean,
): Promise<Signer> {
  if (bundle.material.kind !== 'certificate') throw untrusted('it carries no certificate, and one is asked for');
  const [leaf, ...carried] = bundle.material.certificates.map(parseCertificate);
  if (leaf === undefined) throw untrusted('it carries no certificate');
  const { times, ...witnessed } = await verifyWitnesses(bundle, content, attestor, leaf.publicKey, logless);
  const roots = certificatesIn(attestor.roots);
  const between = [...carried, ...certificatesIn(attestor.intermediates ?? '')];
  let path: readonly X509Certificate[] = [];
  // S8: the whole path, at every time that somebody confirmed; now, when nobody has.
  for (const time of times.length > 0 ? times : [new Date()])
    path = await requirePath({ leaf, between, roots, time, purpose: 'codeSigning' });
  if (attestor.crls !== undefined) await requireNotRevoked(path, attestor.crls);
  const subject = await requireSubject(attestor.subject, leaf);
  if (!content.verifySignature(leaf.publicKey)) throw invalidSignature('it is not a signature by its certificate');
  return {
    attestor: attestor.name,
    fingerprint: fingerprintOf(leaf.publicKey),
    subject,
    names: namesOf(leaf),
    issuer: leaf.issuer.replaceAll('\n', ','),
    ...timeOf(times),
    ...witnessed,
  };
}

async function verifyKeyless(bundle: Bundle, content: Content, attestor: KeylessAttestor): Promise<Signer> {
  if (bundle.material.kind !== 'certificate') throw untrusted('it carries a key, and an identity is asked for');
  const [der = Buffer.alloc(0)] = bundle.material.certificates;
  const leaf = parseCertificate(der);
  if (!content.verifySignature(leaf.publicKey)) throw invalidSignature('it is not a signature by its certificate');
  const { times, ...witnessed } = await verifyWitnesses(bundle, content, attestor, leaf.publicKey, false);
  // A certificate of ten minutes means nothing without the time of the signature.
  if (times.length === 0) throw invalidSignature('nobody that is trusted confirmed when it was made: no timestamps');
  await requireFulcio(leaf, times, attestor);
  const names = [...subjectNames(leaf), ...(await otherNames(der))];
  const { subject, issuer } = await requireIdentity(attestor.identities, names, await fulcioExtensions(der));
  return {
    attestor: attestor.name,
    fingerprint: fingerprintOf(leaf.publicKey),
    subject,
    names: [...names, ...namesOf(leaf)],
    issuer,
    ...timeOf(times),
    ...witnessed,
  };
}

/**
 * The chain to a CA of the trusted root, at every time of the signature, and the logs that saw the
 * certificate.
 */
async function requireFulcio(leaf: X509Certificate, times: readonly Date[], attestor: Attestor): Promise<void> {
  const { certificateLogs } = attestor.logs;
  const trusted = await trustMaterial(attestor.trustedRoot);
  for (const time of times) {
    const [, issuer = leaf] = await requireFulcioPath(leaf, time, trusted.certificateAuthorities);
    if (certificateLogs === 0) continue;
    const found = await countCertificateLogs(leaf.raw, issuer.raw, trusted.ctlogs);
    if (found < certificateLogs)
      throw untrusted(`${found} certificate logs that are trusted saw its certificate, not ${certificateLogs}`);
  }
}

/**
 * By one of the authorities that counted at that time; the last certificate of each is its anchor.
 */
async function requireFulcioPath(
  leaf: X509Certificate,
  time: Date,
  authorities: Awaited<ReturnType<typeof trustMaterial>>['certificateAuthorities'],
): Promise<readonly X509Certificate[]> {
  let failure: EvidenceError | undefined;
  for (const { certChain, validFor } of authorities) {
    if (time < validFor.start || time > validFor.end) continue;
    const chain = certChain.map((one) => parseCertificate(one.root.toDER()));
    try {
      return await requirePath({ leaf, between: chain, roots: chain.slice(-1), time, purpose: 'codeSigning' });
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      failure ??= error;
    }
  }
  throw failure ?? untrusted('no authority of the trusted root counted when it was made');
}

/** Alternative names, and the subject as a whole where there is one. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const subject = (leaf.subject ?? '').replaceAll('\n', ',');
  return [...subjectNames(leaf), ...(subject === '' ? [] : [subject])];
}

/** The earliest of the times that were verified. */
function timeOf(times: readonly Date[]): Pick<Signer, 'time'> {
  const [time] = [...times].sort((a, b) => a.getTime() - b.getTime());
  return time === undefined ? {} : { time };
}
