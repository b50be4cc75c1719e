import type { X509Certificate } from 'node:crypto';
import type { ASN1Obj, X509Certificate as X509Certificate_ } from '@sigstore/core';
import { library, nodeCrypto } from '../library/index.ts';
import type { HashName } from '../trust/index.ts';
import { parseCertificate } from './certificate.ts';
import {
  child,
  context,
  derOf,
  derParser,
  encodeDer,
  hashOf,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
  verifySigned,
} from './der.ts';
import { EvidenceError, invalidSignature } from './signer.ts';
import { requirePath } from './x509/certificate-path.ts';

/** Somebody whose word on the time counts: leaf first where it is pinned, the anchor last. */
export interface TimestampAuthority {
  readonly chain: readonly X509Certificate[];
  readonly validFor: { readonly start: Date; readonly end: Date };
}

/** A time that an authority confirmed. */
export interface Stamp {
  readonly time: Date;
  /** Which of the authorities, to count different ones. */
  readonly authority: TimestampAuthority;
  /** The certificate that it signed with. */
  readonly leaf: X509Certificate;
}

/** A token has some 5 KB: certificates, and one signature. */
const MAX_TOKEN_BYTES = 256 << 10;

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
/**
 * RFC 5035 and RFC 2634: the certificate that the signer used, by its hash; the first form only
 * knows SHA-1.
 */
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';

/**
 * Verifies an RFC 3161 time-stamp response over a signature: of any authority whose certificates
 * are trusted, with ECDSA, RSA or Ed25519, and any fraction of a second. A token of somebody who is
 * not known says nothing, and is not refused; one of a known authority that does not verify is.
 *
 * @param signed - what was stamped
 * @returns undefined when the token is by none of the authorities
 * @throws EvidenceError
 */
export async function verifyTimestamp(
  token: Buffer,
  signed: Buffer,
  authorities: readonly TimestampAuthority[],
): Promise<Stamp | undefined> {
  if (token.length > MAX_TOKEN_BYTES) throw invalidTimestamp('it is too large');
  const { X509Certificate: certificates } = await library('sigstore');
  const parsed = parseToken(token, await derParser(), (der) => certificates.parse(Buffer.from(der)));
  let failure: unknown;
  for (const authority of authorities) {
    const leaf = await leafOf(parsed, authority);
    if (leaf === undefined) continue;
    try {
      verifyToken(parsed, signed, leaf);
      const { start, end } = authority.validFor;
      if (parsed.time < start || parsed.time > end) throw invalidTimestamp('its authority did not count at that time');
      return { time: parsed.time, authority, leaf };
    } catch (error) {
      // Two authorities may have certificates of the same name and number.
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

/** What a signer says of its certificate. */
type ParsedName = Pick<X509Certificate_, 'issuer' | 'serialNumber'>;

interface Token {
  readonly time: Date;
  readonly imprint: { readonly hash: HashName; readonly digest: Buffer };
  /** TSTInfo, byte for byte. */
  readonly info: Buffer;
  /** True for the certificate that the signer says is its own. */
  readonly isBy: (certificate: X509Certificate) => boolean;
  readonly digestHash: HashName;
  readonly algorithm: SignatureAlgorithm;
  readonly attributes: ReadonlyMap<string, ASN1Obj>;
  /** Signed attributes as they are signed: as a SET (RFC 5652 section 5.4). */
  readonly signedAttributes: Buffer;
  readonly signature: Buffer;
  readonly certificates: readonly Buffer[];
}

function parseToken(bytes: Buffer, parse: (der: Buffer) => ASN1Obj, certificate: (der: Buffer) => ParsedName): Token {
  const response = parse(bytes);
  const status = child(child(response, 0), 0).toInteger();
  if (status !== 0n && status !== 1n) throw invalidTimestamp('the authority refused it');
  const contentInfo = child(response, 1);
  if (child(contentInfo, 0).toOID() !== SIGNED_DATA) throw invalidTimestamp('it is no signed data');
  const signedData = child(context(contentInfo, 0), 0);
  const content = child(signedData, 2);
  if (child(content, 0).toOID() !== TST_INFO) throw invalidTimestamp('it is about something else than a time');
  const info = child(context(content, 0), 0).value;
  const tst = parse(info);
  const imprint = child(tst, 2);
  const signers = child(signedData, signedData.subs.length - 1);
  if (signers.subs.length !== 1) throw invalidTimestamp(`it has ${signers.subs.length} signers, not one`);
  const signer = child(signers, 0);
  const identifier = child(signer, 1);
  const attributes = child(signer, 3);
  if (!attributes.tag.isContextSpecific(0)) throw invalidTimestamp('it has no signed attributes');
  const carried = signedData.subs.slice(3, -1).find(({ tag }) => tag.isContextSpecific(0));
  return {
    time: generalizedTime(child(tst, 4)),
    imprint: { hash: hashOf(child(imprint, 0)), digest: child(imprint, 1).value },
    info,
    isBy: ({ raw }) => {
      const { issuer, serialNumber } = certificate(raw);
      return issuer.equals(child(identifier, 0).value) && serialNumber.equals(child(identifier, 1).value);
    },
    digestHash: hashOf(child(signer, 2)),
    algorithm: signatureAlgorithmOf(child(signer, 4)),
    attributes: attributesOf(attributes),
    signedAttributes: encodeDer(0x31, attributes.value),
    signature: child(signer, 5).value,
    certificates: (carried?.subs ?? []).slice(0, 16).map(derOf),
  };
}

/** Each attribute may be there once, with one value (RFC 5652 section 11). */
function attributesOf(set: ASN1Obj): ReadonlyMap<string, ASN1Obj> {
  const attributes = new Map<string, ASN1Obj>();
  for (const attribute of set.subs) {
    const oid = child(attribute, 0).toOID();
    const values = child(attribute, 1).subs;
    if (attributes.has(oid)) throw invalidTimestamp('a signed attribute is there twice');
    if (values[0] !== undefined && values.length === 1) attributes.set(oid, values[0]);
  }
  return attributes;
}

function verifyToken(token: Token, signed: Buffer, leaf: X509Certificate): void {
  const digest = (hash: HashName, bytes: Buffer) => nodeCrypto().createHash(hash).update(bytes).digest();
  const { imprint, attributes, digestHash, algorithm } = token;
  if (!digest(imprint.hash, signed).equals(imprint.digest)) throw invalidTimestamp('it is of another signature');
  if (attributes.get(CONTENT_TYPE)?.toOID() !== TST_INFO) throw invalidTimestamp('its content type is not signed');
  const messageDigest = attributes.get(MESSAGE_DIGEST)?.value;
  if (messageDigest === undefined || !digest(digestHash, token.info).equals(messageDigest))
    throw invalidTimestamp('what is signed is not the time');
  requireSameCertificate(attributes, leaf);
  if (!verifySigned({ hash: digestHash, ...algorithm }, token.signedAttributes, leaf.publicKey, token.signature))
    throw invalidTimestamp('its signature does not verify');
}

/**
 * RFC 3161 section 2.4.2 wants one of them, and RFC 5816 the newer one: without, another
 * certificate of the same key would do.
 */
function requireSameCertificate(attributes: Token['attributes'], leaf: X509Certificate): void {
  const [newer, older] = [attributes.get(SIGNING_CERTIFICATE_V2), attributes.get(SIGNING_CERTIFICATE)];
  const same = (attribute: ASN1Obj, hashed: (id: ASN1Obj) => readonly [string, ASN1Obj | undefined]) => {
    const [name, hash] = hashed(child(child(attribute, 0), 0));
    const found = nodeCrypto().createHash(name).update(leaf.raw).digest();
    if (hash === undefined || !found.equals(hash.value))
      throw invalidTimestamp('it was made with another certificate than it says');
  };
  if (newer === undefined && older === undefined) throw invalidTimestamp('it does not say with which certificate');
  if (older !== undefined) same(older, ({ subs }) => ['sha1', subs[0]]);
  // SHA-256 unless another hash is named.
  if (newer !== undefined)
    same(newer, ({ subs: [first, second] }) =>
      first?.tag.isOctetString() === false ? [hashOf(first), second] : ['sha256', first],
    );
}

/**
 * The certificate that the authority signed with: the one that is pinned, or one in the token that
 * leads to the authority's anchor.
 */
async function leafOf(token: Token, { chain }: TimestampAuthority): Promise<X509Certificate | undefined> {
  const [first] = chain;
  const anchor = chain.at(-1);
  if (first === undefined || anchor === undefined) return undefined;
  const inToken = first.ca ? token.certificates.map(parseCertificate) : [];
  const leaf = first.ca ? inToken.find((one) => !one.ca && token.isBy(one)) : token.isBy(first) ? first : undefined;
  if (leaf === undefined) return undefined;
  try {
    const between = [...chain, ...inToken];
    await requirePath({ leaf, between, roots: [anchor], time: token.time, purpose: 'timeStamping' });
    return leaf;
  } catch (error) {
    if (error instanceof EvidenceError) return undefined;
    throw error;
  }
}

/** RFC 5280 section 4.1.2.5.2, with the fractions of RFC 3161 section 2.4.2. */
function generalizedTime(value: ASN1Obj): Date {
  if (!value.tag.isGeneralizedTime()) throw invalidTimestamp('it has no time');
  const text = value.value.toString('latin1');
  const [, date = '', fraction = ''] = /^(\d{14})(\.\d{1,9})?Z$/.exec(text) ?? [];
  const [year, month, day, hour, minute, second] = [
    date.slice(0, 4),
    ...[4, 6, 8, 10, 12].map((at) => date.slice(at, at + 2)),
  ];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (date === '' || Number.isNaN(time.getTime())) throw invalidTimestamp('its time is none');
  return time;
}

function invalidTimestamp(why: string): EvidenceError {
  return invalidSignature(`its timestamp does not count: ${why}`);
}
