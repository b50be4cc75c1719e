import { X509Certificate } from 'node:crypto';
import { type Identity, matchesPattern, type TextPattern } from '../trust/index.ts';
import { EvidenceError, invalidSignature, untrusted } from './signer.ts';

/** RFC 5280 section 4.2.1.12. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';

/** Longest chain between a leaf and a root. */
const MAX_CHAIN = 8;

/** Parses a certificate of somebody else. */
export function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (error) {
    throw invalidSignature('the certificate does not parse', error);
  }
}

/** The names in a certificate, by kind (RFC 5280 section 4.2.1.6), with Fulcio's `otherName`. */
export function subjectNames(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName ?? '';
  const names: string[] = [];
  // Node's text form: `URI:..., email:...`; a name with special characters is quoted as JSON.
  for (const [, kind = '', quoted, plain = ''] of text.matchAll(
    /(?:^|, )(URI|email|DNS|IP Address|othername):(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g,
  )) {
    const value = quoted === undefined ? plain : unquote(quoted);
    if (value === undefined) continue;
    if (kind === 'othername') {
      const [, user] = /^1\.3\.6\.1\.4\.1\.57264\.1\.7;UTF8:(.*)$/s.exec(value) ?? [];
      if (user !== undefined) names.push(user);
    } else names.push(value);
  }
  return names;
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

/** @throws EvidenceError `SIGNER_UNTRUSTED` unless one name and the issuer are those of one identity */
export async function requireIdentity(
  identities: readonly Identity[],
  names: readonly string[],
  issuer: string,
): Promise<string> {
  for (const identity of identities) {
    if (!(await matchesPattern(identity.issuer, issuer))) continue;
    for (const name of names) if (await matchesPattern(identity.subject, name)) return name;
  }
  const found = names.length === 0 ? 'nobody' : names.map((name) => name.slice(0, 300)).join(', ');
  throw untrusted(`signed by ${found}, vouched for by ${issuer === '' ? 'nobody' : issuer.slice(0, 300)}`);
}

/**
 * Builds the path from a leaf to one of the explicit roots, by signatures and not by names; what lies between comes from
 * the signature and is never an anchor. Every certificate must be valid at the time (S8).
 */
export function requirePath(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  time: Date,
): void {
  let current = leaf;
  requireValidAt(current, time);
  for (let length = 0; length < MAX_CHAIN; length++) {
    const root = roots.find((one) => isIssuer(one, current));
    if (root !== undefined) {
      requireValidAt(root, time);
      return;
    }
    const next = between.find((one) => one !== current && one.ca && isIssuer(one, current));
    if (next === undefined) break;
    requireValidAt(next, time);
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
