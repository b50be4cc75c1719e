import type { X509Certificate } from 'node:crypto';
import type { ASN1Obj } from '@sigstore/core';
import { library } from '../library/index.ts';
import { child, derParser, encodeDer, type SignatureAlgorithm, signatureAlgorithmOf, verifySigned } from './der.ts';
import { untrusted } from './signer.ts';
import { MalformedError } from './strict-json.ts';
import { KEY_USAGE, readCertificateFields } from './x509/certificate-fields.ts';

/** A certificate revocation list (RFC 5280 section 5). */
interface RevocationList {
  /** The name of who issued it, DER without its header. */
  readonly issuer: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Serial numbers, as hex of the DER integer. */
  readonly revoked: ReadonlySet<string>;
  readonly algorithm: SignatureAlgorithm;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Lists of the platform are read once for all signatures of a run. */
const parsed = new Map<string, Promise<readonly RevocationList[]>>();

/**
 * Refuses a path with a revoked certificate in it. Each CA in it must have a list of its own that
 * is signed by it and in force now; what was revoked does not count any more, whenever the
 * signature was made.
 *
 * @param path - leaf first, root last
 * @param pem - the lists
 * @throws EvidenceError `SIGNER_UNTRUSTED`
 */
export async function requireNotRevoked(path: readonly X509Certificate[], pem: string): Promise<void> {
  const lists = parsed.get(pem) ?? parseRevocationLists(pem);
  parsed.set(pem, lists);
  const { X509Certificate: certificates } = await library('sigstore');
  const now = new Date();
  for (const [i, certificate] of path.slice(0, -1).entries()) {
    const { issuer, serialNumber } = certificates.parse(Buffer.from(certificate.raw));
    const above = path[i + 1];
    const key = above?.publicKey;
    const parse = await derParser();
    // RFC 5280 section 6.3.3 (f): the key of an authority may be for certificates alone.
    const usage = above === undefined ? undefined : readCertificateFields(above, parse).keyUsage;
    const own = (await lists).filter(
      (list) =>
        key !== undefined &&
        usage?.has(KEY_USAGE.cRLSign) !== false &&
        list.issuer.equals(issuer) &&
        verifySigned(list.algorithm, list.signed, key, list.signature),
    );
    const current = own.filter(({ thisUpdate, nextUpdate }) => thisUpdate <= now && now <= nextUpdate);
    const name = certificate.issuer.replaceAll('\n', ',');
    if (own.length === 0) throw untrusted(`there is no revocation list of ${name}`);
    if (current.length === 0)
      throw untrusted(`the revocation list of ${name} was to be replaced at ${own[0]?.nextUpdate.toISOString()}`);
    if (current.some(({ revoked }) => revoked.has(serialNumber.toString('hex'))))
      throw untrusted(`the certificate ${certificate.serialNumber} of ${name} was revoked`);
  }
}

/**
 * Parses PEM blocks `X509 CRL`.
 *
 * @throws MalformedError for one that does not parse, and for kinds that would have to be
 * understood to be used: deltas,
 *   lists of a part of the certificates, lists in the name of others
 */
export async function parseRevocationLists(pem: string): Promise<readonly RevocationList[]> {
  const parse = await derParser();
  const blocks = pem.match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g) ?? [];
  return blocks.map((block) => {
    const der = Buffer.from(block.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    return readList(parse(der));
  });
}

function readList(list: ASN1Obj): RevocationList {
  const tbs = child(list, 0);
  const [first] = tbs.subs;
  const rest = first?.tag.isInteger() === true ? tbs.subs.slice(1) : [...tbs.subs];
  const [, issuer, thisUpdate, ...more] = rest;
  const nextUpdate = more[0]?.tag.isUTCTime() || more[0]?.tag.isGeneralizedTime() ? more.shift() : undefined;
  if (issuer === undefined || thisUpdate === undefined) throw new MalformedError('a revocation list is cut off');
  if (nextUpdate === undefined) throw new MalformedError('a revocation list does not say how long it counts');
  const extensions = more.find(({ tag }) => tag.isContextSpecific(0));
  const entries = more.find(({ tag }) => !tag.isContextSpecific())?.subs ?? [];
  for (const extension of extensions === undefined ? [] : child(extensions, 0).subs) refuseCritical(extension);
  const revoked = entries.map((entry) => {
    for (const extension of entry.subs[2]?.subs ?? []) refuseCritical(extension);
    return child(entry, 0).value.toString('hex');
  });
  return {
    issuer: issuer.value,
    thisUpdate: thisUpdate.toDate(),
    nextUpdate: nextUpdate.toDate(),
    revoked: new Set(revoked),
    algorithm: signatureAlgorithmOf(child(list, 1)),
    signed: encodeDer(0x30, tbs.value),
    // The first byte of a bit string counts its unused bits.
    signature: child(list, 2).value.subarray(1),
  };
}

function refuseCritical({ subs }: ASN1Obj): void {
  if (subs.length === 3 && subs[1]?.toBoolean() === true)
    throw new MalformedError(`a revocation list has the extension ${subs[0]?.toOID()}, which is not supported`);
}
