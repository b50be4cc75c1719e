import type { X509Certificate } from 'node:crypto';
import type { ASN1Obj } from '@sigstore/core';
import { child, derOf } from '../der.ts';
import { MalformedError } from '../strict-json.ts';
import { type GeneralName, type NameConstraints, readGeneralName, readNameConstraints } from './general-name.ts';
import { readName, type X500Name } from './x500-name.ts';

/** Bits of a key usage (RFC 5280 section 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, contentCommitment: 1, keyCertSign: 5, cRLSign: 6 } as const;

/** What a certificate says, as far as a path depends on it (RFC 5280 section 4). */
export interface CertificateFields {
  readonly certificate: X509Certificate;
  readonly subject: X500Name;
  readonly issuer: X500Name;
  /** AlgorithmIdentifier of the issuer's signature. */
  readonly signatureAlgorithm: ASN1Obj;
  /** Undefined for a certificate that does not say whether it is an authority's, and so is none. */
  readonly basicConstraints?: { readonly isAuthority: boolean; readonly pathLength?: number };
  /** Numbers of the bits that are set; undefined where every use is allowed. */
  readonly keyUsage?: ReadonlySet<number>;
  /** OIDs, and whether nobody may overlook them; undefined where every use is allowed. */
  readonly extendedKeyUsage?: { readonly purposes: readonly string[]; readonly isCritical: boolean };
  readonly alternativeNames: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
}

const OID = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
};

/**
 * What may be critical: everything that is processed. No policy is asked for, so any one that is
 * named is right.
 */
const PROCESSED: ReadonlySet<string> = new Set(Object.values(OID));

/**
 * What changes the meaning of a whole path even where it is not critical, and is not processed:
 * policies that must be known, proxies (RFC 3820) and address blocks (RFC 3779).
 */
const REFUSED: ReadonlySet<string> = new Set([
  '2.5.29.36',
  '1.3.6.1.5.5.7.1.14',
  '1.3.6.1.5.5.7.1.7',
  '1.3.6.1.5.5.7.1.8',
]);

/** Nobody's certificate has more. */
const MAX_EXTENSIONS = 64;

/** Fits every chain that there can be. */
const MAX_PATH_LENGTH = 255;

/**
 * Reads a certificate that OpenSSL has read, stricter than it.
 *
 * @throws MalformedError for what is not version 3, says something twice, or says something that
 * must be understood and is not
 */
export function readCertificateFields(
  certificate: X509Certificate,
  parse: (der: Buffer) => ASN1Obj,
): CertificateFields {
  const outer = parse(Buffer.from(certificate.raw));
  const tbs = child(outer, 0);
  if (!tbs.subs[0]?.tag.isContextSpecific(0) || child(child(tbs, 0), 0).toInteger() !== 2n)
    throw new MalformedError('it is not of version 3');
  const signatureAlgorithm = child(outer, 1);
  // What is signed must say the same as what is not (RFC 5280 section 4.1.1.2).
  if (!derOf(child(tbs, 2)).equals(derOf(signatureAlgorithm)))
    throw new MalformedError('its signature algorithm is not the one that was signed');
  const extensions = readExtensions(tbs, parse);
  const subject = readName(child(tbs, 5));
  const san = extensions.get(OID.subjectAltName);
  if (subject.length === 0 && san?.isCritical !== true) throw new MalformedError('it is of nobody');
  const [constraints, usage, purposes, names] = [
    extensions.get(OID.basicConstraints),
    extensions.get(OID.keyUsage),
    extensions.get(OID.extendedKeyUsage),
    extensions.get(OID.nameConstraints),
  ];
  if (san !== undefined && san.value.subs.length === 0) throw new MalformedError('its list of names is empty');
  return {
    certificate,
    subject,
    issuer: readName(child(tbs, 3)),
    signatureAlgorithm,
    ...(constraints === undefined ? {} : { basicConstraints: readBasicConstraints(constraints.value) }),
    ...(usage === undefined ? {} : { keyUsage: readBits(usage.value) }),
    ...(purposes === undefined ? {} : { extendedKeyUsage: readPurposes(purposes) }),
    alternativeNames: (san?.value.subs ?? []).map(readGeneralName),
    ...(names === undefined ? {} : { nameConstraints: readNameConstraints(names.value) }),
  };
}

interface Extension {
  readonly isCritical: boolean;
  readonly value: ASN1Obj;
}

function readExtensions(tbs: ASN1Obj, parse: (der: Buffer) => ASN1Obj): ReadonlyMap<string, Extension> {
  const found = new Map<string, Extension>();
  const lists = tbs.subs.filter(({ tag }) => tag.isContextSpecific(3));
  if (lists.length > 1) throw new MalformedError('it has two lists of extensions');
  const [list] = lists;
  const entries = list === undefined ? [] : child(list, 0).subs;
  if (entries.length > MAX_EXTENSIONS) throw new MalformedError('it has too many extensions');
  const seen = new Set<string>();
  for (const { subs } of entries) {
    const oid = subs[0]?.toOID() ?? '';
    const isCritical = subs.length === 3 && subs[1]?.toBoolean() === true;
    if (seen.has(oid)) throw new MalformedError(`it has the extension ${oid} twice`);
    seen.add(oid);
    if (REFUSED.has(oid)) throw new MalformedError(`it has the extension ${oid}, which is not supported`);
    if (isCritical && !PROCESSED.has(oid))
      throw new MalformedError(`it has the critical extension ${oid}, which is not known`);
    const content = subs.at(-1);
    if (content?.tag.isOctetString() !== true) throw new MalformedError('an extension is cut off');
    if (PROCESSED.has(oid)) found.set(oid, { isCritical, value: parse(content.value) });
  }
  return found;
}

function readBasicConstraints(value: ASN1Obj): { isAuthority: boolean; pathLength?: number } {
  const [first, ...rest] = value.subs;
  const isAuthority = first?.tag.isBoolean() === true && first.toBoolean();
  const length = first?.tag.isBoolean() === true ? rest : value.subs;
  if (length.length > 1) throw new MalformedError('its basic constraints are none');
  if (length[0] === undefined) return { isAuthority };
  const pathLength = length[0].toInteger();
  if (!isAuthority || pathLength < 0n) throw new MalformedError('its path length is none');
  return { isAuthority, pathLength: pathLength > MAX_PATH_LENGTH ? MAX_PATH_LENGTH : Number(pathLength) };
}

function readBits(value: ASN1Obj): ReadonlySet<number> {
  const bits = value.toBitString().flatMap((bit, i) => (bit === 1 ? [i] : []));
  if (bits.length === 0) throw new MalformedError('its key is for nothing');
  return new Set(bits);
}

function readPurposes({ value, isCritical }: Extension): { purposes: readonly string[]; isCritical: boolean } {
  if (value.subs.length === 0) throw new MalformedError('its key is for nothing');
  return { purposes: value.subs.map((one) => one.toOID()), isCritical };
}
