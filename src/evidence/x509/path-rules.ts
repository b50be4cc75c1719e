import { weaknessOf } from '../../trust/index.ts';
import { requireStrongAlgorithm } from '../der.ts';
import { untrusted } from '../signer.ts';
import { type CertificateFields, KEY_USAGE } from './certificate-fields.ts';
import { violationOf } from './name-constraints.ts';
import { isSameName } from './x500-name.ts';

/** What the leaf is to do. */
export type Purpose = 'codeSigning' | 'timeStamping';

/** RFC 5280 section 4.2.1.12. */
export const PURPOSE_OID: Readonly<Record<Purpose, string>> = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
};

const ANY_PURPOSE = '2.5.29.37.0';

/**
 * Holds a path whose signatures and names were verified against RFC 5280 section 6.1: time,
 * constraints, usages, strength. The anchor is held against all of it like the others: what it says
 * of itself is what its owner wanted.
 *
 * @param path - leaf first, root last; a single certificate is no path
 * @throws EvidenceError `SIGNER_UNTRUSTED`
 */
export function requireRules(path: readonly CertificateFields[], time: Date, purpose: Purpose): void {
  for (const [i, fields] of path.entries()) {
    requireValidAt(fields, time);
    requireStrong(fields, i === path.length - 1);
    if (i === 0) requireLeaf(fields, purpose);
    else requireAuthority(fields, path.slice(1, i), purpose);
    const { nameConstraints } = fields;
    if (nameConstraints === undefined) continue;
    for (const [j, below] of path.slice(0, i).entries()) {
      // A certificate of an authority for itself is bound by nobody's names but its own.
      if (j > 0 && isSelfIssued(below)) continue;
      const violation = violationOf(below, nameConstraints, j === 0);
      if (violation !== undefined) throw untrusted(`a name constraint is violated: ${violation}`);
    }
  }
}

function requireValidAt({ certificate }: CertificateFields, time: Date): void {
  const { validFromDate, validToDate } = certificate;
  // Never true of a date that is none.
  if (time >= validFromDate && time < validToDate) return;
  const when = `${validFromDate.toISOString()} to ${validToDate.toISOString()}`;
  throw untrusted(`a certificate was valid from ${when}, not at ${time.toISOString()}`);
}

function requireStrong({ certificate, signatureAlgorithm }: CertificateFields, isAnchor: boolean): void {
  const weak = (why: string) => untrusted(`the certificate ${nameOf(certificate)} is too weak: ${why}`);
  const weakness = weaknessOf(certificate.publicKey);
  if (weakness !== undefined) throw weak(weakness);
  // Nobody relies on the signature of an anchor over itself.
  if (isAnchor) return;
  try {
    requireStrongAlgorithm(signatureAlgorithm);
  } catch (error) {
    throw weak((error as Error).message);
  }
}

/** RFC 5280 section 6.1.4 (k) to (n), and the nesting of purposes that everybody expects. */
function requireAuthority(fields: CertificateFields, below: readonly CertificateFields[], purpose: Purpose): void {
  const { basicConstraints, keyUsage, extendedKeyUsage, subject, certificate } = fields;
  const name = nameOf(certificate);
  if (basicConstraints?.isAuthority !== true) throw untrusted(`${name} is no certificate of an authority`);
  if (subject.length === 0) throw untrusted('an authority has no name');
  if (keyUsage?.has(KEY_USAGE.keyCertSign) === false) throw untrusted(`${name} is not to sign certificates`);
  const { pathLength } = basicConstraints;
  const between = below.filter((one) => !isSelfIssued(one)).length;
  if (pathLength !== undefined && between > pathLength)
    throw untrusted(`${name} allows ${pathLength} authorities below it, and there are ${between}`);
  const purposes = extendedKeyUsage?.purposes;
  if (purposes !== undefined && !purposes.includes(PURPOSE_OID[purpose]) && !purposes.includes(ANY_PURPOSE))
    throw untrusted(`${name} is not for ${wordsOf(purpose)}`);
}

function requireLeaf({ basicConstraints, keyUsage, extendedKeyUsage }: CertificateFields, purpose: Purpose): void {
  const { digitalSignature, contentCommitment, keyCertSign } = KEY_USAGE;
  if (basicConstraints?.isAuthority !== true && keyUsage?.has(keyCertSign) === true)
    throw untrusted('the certificate is to sign certificates, and is not one of an authority');
  const purposes = extendedKeyUsage?.purposes;
  if (purpose === 'timeStamping') {
    // RFC 3161 section 2.3: for time stamping and nothing else, and so that nobody overlooks it.
    if (purposes?.length !== 1 || purposes[0] !== PURPOSE_OID.timeStamping || extendedKeyUsage?.isCritical !== true)
      throw untrusted('the certificate is not one for time stamping alone');
    if (keyUsage !== undefined && ![...keyUsage].every((bit) => bit === digitalSignature || bit === contentCommitment))
      throw untrusted('the key of the authority is for more than signatures');
    return;
  }
  if (keyUsage?.has(digitalSignature) === false) throw untrusted('the key of the certificate is not for signatures');
  // S36: a certificate for web pages signs no model.
  if (purposes !== undefined ? !purposes.includes(PURPOSE_OID.codeSigning) : keyUsage === undefined)
    throw untrusted('the certificate is not one for signing code');
}

const isSelfIssued = ({ subject, issuer }: CertificateFields) => isSameName(subject, issuer);

const wordsOf = (purpose: Purpose) => (purpose === 'codeSigning' ? 'signing code' : 'time stamping');

export function nameOf({ subject }: { readonly subject: string }): string {
  return (subject || 'without a subject').replaceAll('\n', ',').slice(0, 200);
}
