import type { X509Certificate } from 'node:crypto';
import { library, nodeCrypto } from '../library/index.ts';
import { type Identity, matchesPattern, type TextPattern } from '../trust/index.ts';
import { EvidenceError, invalidSignature, untrusted } from './signer.ts';

/** RFC 5280 section 4.2.1.12. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** Longest chain between a leaf and a root. */
const MAX_CHAIN = 8;

/** Parses a certificate of somebody else. */
export function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new (nodeCrypto().X509Certificate)(der);
  } catch (error) {
    throw invalidSignature('the certificate does not parse', error);
  }
}

/** The certificates in a PEM text; what stands between them does not count. Throws what Node does for one that is none. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new (nodeCrypto().X509Certificate)(block));
}

/** One name in Node's text form; a value with special characters is quoted as JSON (CVE-2021-44532). */
const NAME = /([A-Za-z][A-Za-z ]*):(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?:, |$)/y;

/**
 * The names in a certificate (RFC 5280 section 4.2.1.6) that identify somebody: URI, email, DNS and IP. When one of them
 * cannot be told apart from the next, there are none.
 */
export function subjectNames({ subjectAltName }: Pick<X509Certificate, 'subjectAltName'>): string[] {
  const text = subjectAltName ?? '';
  const names: string[] = [];
  NAME.lastIndex = 0;
  while (NAME.lastIndex < text.length) {
    const [, kind = '', quoted, plain = ''] = NAME.exec(text) ?? [];
    const value = quoted === undefined ? plain : unquote(quoted);
    if (kind === '' || value === undefined) return [];
    if (['URI', 'email', 'DNS', 'IP Address'].includes(kind)) names.push(value);
  }
  return names;
}

/** Fulcio's `otherName` for user names (fulcio, docs/oid-info.md, 1.3.6.1.4.1.57264.1.7), which Node does not read. */
export async function otherNames(der: Buffer): Promise<string[]> {
  const { X509Certificate: Parsed } = await library('sigstore');
  const name = Parsed.parse(Buffer.from(der)).extSubjectAltName?.otherName('1.3.6.1.4.1.57264.1.7');
  return name === undefined ? [] : [name];
}

function unquote(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

/** S36: made to sign code, and not, say, to serve web pages. */
export function requireCodeSigning(certificate: X509Certificate): void {
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages === undefined || !usages.includes(CODE_SIGNING))
    throw untrusted('the certificate is not one for signing code');
}

/** Fulcio's extensions (fulcio, docs/oid-info.md). */
const FULCIO = '1.3.6.1.4.1.57264.1.';

/** The ones up to here are the text itself, later ones a DER UTF8String. */
const LAST_RAW = 7;

/** What Fulcio wrote into a certificate beside the names, by OID. */
export async function fulcioExtensions(der: Buffer): Promise<ReadonlyMap<string, string>> {
  const { X509Certificate: certificates } = await library('sigstore');
  const found = new Map<string, string>();
  for (const { subs } of certificates.parse(Buffer.from(der)).extensions) {
    const oid = subs[0]?.toOID() ?? '';
    const value = subs.at(-1);
    if (!oid.startsWith(FULCIO) || value === undefined) continue;
    const bytes = Number(oid.slice(FULCIO.length)) <= LAST_RAW ? value.value : value.subs[0]?.value;
    // S15: nothing is read as if it were ASCII.
    if (bytes !== undefined && isUtf8(bytes)) found.set(oid, bytes.toString('utf8'));
  }
  return found;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}

/**
 * @param extensions - of the certificate, by OID
 * @throws EvidenceError `SIGNER_UNTRUSTED` unless one name, the issuer and all extensions are those of one identity
 */
export async function requireIdentity(
  identities: readonly Identity[],
  names: readonly string[],
  extensions: ReadonlyMap<string, string>,
): Promise<{ subject: string; issuer: string }> {
  const issuer = extensions.get(`${FULCIO}8`) ?? extensions.get(`${FULCIO}1`) ?? '';
  let different = '';
  for (const identity of identities) {
    if (!(await matchesPattern(identity.issuer, issuer))) continue;
    for (const subject of names) {
      if (!(await matchesPattern(identity.subject, subject))) continue;
      // S16: whatever is asked for is looked at.
      const wrong = [...(identity.extensions ?? [])].find(([oid, value]) => extensions.get(oid) !== value);
      if (wrong === undefined) return { subject, issuer };
      different = `, with ${extensions.get(wrong[0])?.slice(0, 300) ?? 'nothing'} as ${wrong[0]}`;
    }
  }
  const found = names.length === 0 ? 'nobody' : names.map((name) => name.slice(0, 300)).join(', ');
  const by = issuer === '' ? 'nobody' : issuer.slice(0, 300);
  throw untrusted(`signed by ${found}, vouched for by ${by}${different}`);
}

/**
 * Builds the path from a leaf to one of the explicit roots, by signatures and not by names; what lies between comes from
 * the signature and is never an anchor. Every certificate must be valid at the time (S8).
 *
 * @returns the path, leaf first, root last
 */
export function requirePath(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  time: Date,
): readonly X509Certificate[] {
  let current = leaf;
  requireValidAt(current, time);
  const path = [leaf];
  while (path.length <= MAX_CHAIN) {
    const root = roots.find((one) => isIssuer(one, current));
    if (root !== undefined) {
      requireValidAt(root, time);
      return [...path, root];
    }
    const next = between.find((one) => one !== current && one.ca && isIssuer(one, current));
    if (next === undefined) break;
    requireValidAt(next, time);
    path.push(next);
    current = next;
  }
  throw untrusted('the certificate does not lead to a trusted root');
}

function isIssuer(candidate: X509Certificate, certificate: X509Certificate): boolean {
  return candidate.ca && certificate.checkIssued(candidate) && certificate.verify(candidate.publicKey);
}

function requireValidAt({ validFromDate, validToDate }: X509Certificate, time: Date): void {
  if (time >= validFromDate && time <= validToDate) return;
  const when = `${validFromDate.toISOString()} to ${validToDate.toISOString()}`;
  throw new EvidenceError('SIGNER_UNTRUSTED', `a certificate was valid from ${when}, not at ${time.toISOString()}`);
}

/** @throws EvidenceError `SIGNER_UNTRUSTED` unless one of the leaf's names is the one that is asked for */
export async function requireSubject(subject: TextPattern | undefined, leaf: X509Certificate): Promise<string> {
  const names = [...subjectNames(leaf), leaf.subject.replaceAll('\n', ',')];
  if (subject === undefined) return names[0] ?? '';
  for (const name of names) if (await matchesPattern(subject, name)) return name;
  throw untrusted(`the certificate is for ${names.join(', ').slice(0, 500)}`);
}
