import type { X509Certificate } from 'node:crypto';
import { library, nodeCrypto } from '../library/index.ts';
import { type Identity, matchesPattern, type TextPattern } from '../trust/index.ts';
import { hasFormOf, isUserName } from './name-forms.ts';
import { invalidSignature, untrusted } from './signer.ts';

/** Parses a certificate of somebody else. */
export function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new (nodeCrypto().X509Certificate)(der);
  } catch (error) {
    throw invalidSignature('the certificate does not parse', error);
  }
}

/**
 * The certificates in a PEM text; what stands between them does not count. Throws what Node does
 * for one that is none.
 */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new (nodeCrypto().X509Certificate)(block));
}

/**
 * One name in Node's text form; a value with special characters is quoted as JSON (CVE-2021-44532).
 */
const NAME = /([A-Za-z][A-Za-z ]*):(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?:, |$)/y;

/**
 * Each is held against each identity, with a time limit of its own; public authorities issue for at
 * most a hundred.
 */
const MAX_NAMES = 1000;

/**
 * The names in a certificate (RFC 5280 section 4.2.1.6) that identify somebody: URI, email, DNS and
 * IP. When one of them cannot be told apart from the next, or there are too many, there are none;
 * one that is not of the form of its kind is left out.
 */
export function subjectNames({ subjectAltName }: Pick<X509Certificate, 'subjectAltName'>): string[] {
  const text = subjectAltName ?? '';
  const names: string[] = [];
  NAME.lastIndex = 0;
  while (NAME.lastIndex < text.length) {
    const [, kind = '', quoted, plain = ''] = NAME.exec(text) ?? [];
    const value = quoted === undefined ? plain : unquote(quoted);
    if (kind === '' || value === undefined || names.length === MAX_NAMES) return [];
    if (hasFormOf(kind, value)) names.push(value);
  }
  return names;
}

/**
 * Fulcio's `otherName` for user names (fulcio, docs/oid-info.md, 1.3.6.1.4.1.57264.1.7), which Node
 * does not read.
 */
export async function otherNames(der: Buffer): Promise<string[]> {
  const { X509Certificate: Parsed } = await library('sigstore');
  const name = Parsed.parse(Buffer.from(der)).extSubjectAltName?.otherName('1.3.6.1.4.1.57264.1.7');
  return name === undefined || !isUserName(name) ? [] : [name];
}

function unquote(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

/** Fulcio's extensions (fulcio, docs/oid-info.md). */
const FULCIO = '1.3.6.1.4.1.57264.1.';

/** The ones up to here are the text itself, later ones a DER UTF8String. */
const LAST_RAW = 7;

/**
 * What Fulcio wrote into a certificate beside the names, by OID; undefined for what is there and is
 * no text.
 */
export type FulcioExtensions = ReadonlyMap<string, string | undefined>;

export async function fulcioExtensions(der: Buffer): Promise<FulcioExtensions> {
  const { X509Certificate: certificates } = await library('sigstore');
  const found = new Map<string, string | undefined>();
  for (const { subs } of certificates.parse(Buffer.from(der)).extensions) {
    const oid = subs[0]?.toOID() ?? '';
    const value = subs.at(-1);
    if (!oid.startsWith(FULCIO)) continue;
    const bytes = Number(oid.slice(FULCIO.length)) <= LAST_RAW ? value?.value : value?.subs[0]?.value;
    // S15: nothing is read as if it were ASCII.
    found.set(oid, bytes !== undefined && isUtf8(bytes) ? bytes.toString('utf8') : undefined);
  }
  return found;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}

/** Where Fulcio writes the issuer; the later one counts before the former. */
const ISSUER_OIDS = [`${FULCIO}8`, `${FULCIO}1`] as const;

/**
 * The OIDC issuer of a certificate; nothing for one that names none. One that is there and cannot
 * be read, or is empty, is not the same as none.
 *
 * @throws EvidenceError `SIGNER_UNTRUSTED`
 */
function issuerOf(extensions: FulcioExtensions): string {
  const present = ISSUER_OIDS.filter((oid) => extensions.has(oid));
  const values = present.map((oid) => extensions.get(oid));
  if (values.some((value) => value === undefined || value === ''))
    throw untrusted('its certificate has an OIDC issuer that is no text');
  return values[0] ?? '';
}

/**
 * @param extensions - of the certificate, by OID
 * @throws EvidenceError `SIGNER_UNTRUSTED` unless one name, the issuer and all extensions are those
 * of one identity
 */
export async function requireIdentity(
  identities: readonly Identity[],
  names: readonly string[],
  extensions: FulcioExtensions,
): Promise<{ subject: string; issuer: string }> {
  const issuer = issuerOf(extensions);
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

/** How a distinguished name begins, in the way that OpenSSL and Node write it. */
const DISTINGUISHED_NAME =
  /^(?:CN|C|DC|L|O|OU|SN|ST|GN|UID|street|title|emailAddress|serialNumber|organizationIdentifier)=/;

/**
 * An alternative name is what an authority vouches for. A subject counts where somebody wrote a
 * distinguished name, and then as a whole: a common name alone may be anything (RFC 6125 section
 * 2.3), and no alternative name is taken for one.
 *
 * @throws EvidenceError `SIGNER_UNTRUSTED` unless one of the leaf's names is the one that is asked
 * for
 */
export async function requireSubject(subject: TextPattern | undefined, leaf: X509Certificate): Promise<string> {
  const whole = leaf.subject.replaceAll('\n', ',');
  const alternatives = subjectNames(leaf);
  if (subject === undefined) return alternatives[0] ?? whole;
  const asked = 'exact' in subject ? subject.exact : subject.regexp.replace(/^\^?(?:\(\?:|\()*/, '');
  for (const name of DISTINGUISHED_NAME.test(asked) ? [whole] : alternatives)
    if (await matchesPattern(subject, name)) return name;
  throw untrusted(`the certificate is for ${[...alternatives, whole].join(', ').slice(0, 500)}`);
}
