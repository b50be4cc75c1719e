// Certificates as a test wants them, rightly or not: every field of RFC 5280 section 4 can be set.
import { createHash, type KeyObject, sign } from 'node:crypto';

export const der = (tag: number, ...parts: readonly Uint8Array[]) => {
  const body = Buffer.concat(parts);
  const bytes: number[] = [];
  for (let left = body.length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  const size = body.length < 0x80 ? [body.length] : [0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
export const seq = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]) => der(0x31, ...parts);
export const octets = (bytes: Uint8Array) => der(0x04, bytes);
export const integer = (value: number) => der(0x02, Buffer.from(value < 0x80 ? [value & 0xff] : [0, value & 0xff]));
export const boolean = (value: boolean) => der(0x01, Buffer.from([value ? 0xff : 0]));
export const context = (number: number, bytes: Uint8Array, constructed = true) =>
  der((constructed ? 0xa0 : 0x80) | number, bytes);

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return der(0x06, Buffer.from(bytes));
}

const ATTRIBUTES = { CN: '2.5.4.3', O: '2.5.4.10', C: '2.5.4.6', E: '1.2.840.113549.1.9.1' };
const STRINGS = { utf8: 0x0c, printable: 0x13, ia5: 0x16 };

/** `['O', 'Acme']`, or with a type of string. */
export type Attribute = readonly [keyof typeof ATTRIBUTES, string, (keyof typeof STRINGS)?];
export type Name = readonly Attribute[];

export const nameOf = (name: Name) =>
  seq(
    ...name.map(([type, text, kind = 'utf8']) =>
      set(seq(oid(ATTRIBUTES[type]), der(STRINGS[kind], Buffer.from(text)))),
    ),
  );

/** Forms of a general name; an address is given as hex. */
export const general = {
  email: (text: string) => context(1, Buffer.from(text), false),
  dns: (text: string) => context(2, Buffer.from(text), false),
  uri: (text: string) => context(6, Buffer.from(text), false),
  ip: (hex: string) => context(7, Buffer.from(hex, 'hex'), false),
  directory: (name: Name) => context(4, nameOf(name)),
  registered: (id: string) => context(8, oid(id).subarray(2), false),
  other: (id: string, text: string) => context(0, Buffer.concat([oid(id), context(0, der(0x0c, Buffer.from(text)))])),
};

export type Extension = { readonly id: string; readonly critical: boolean; readonly value: Buffer };
const extension = (id: string, critical: boolean, value: Buffer): Extension => ({ id, critical, value });
export const ID = { ku: '2.5.29.15', san: '2.5.29.17', bc: '2.5.29.19', nc: '2.5.29.30', eku: '2.5.29.37' };

export function bc(ca: boolean, pathLength?: number, critical = true): Extension {
  const parts = [...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return extension(ID.bc, critical, seq(...parts));
}

/**
 * Bits by number: 0 digitalSignature, 1 contentCommitment, 2 keyEncipherment, 5 keyCertSign, 6
 * cRLSign.
 */
export function ku(bits: readonly number[], critical = true): Extension {
  const byte = bits.reduce((all, bit) => all | (0x80 >> bit), 0);
  const unused = bits.length === 0 ? 0 : 7 - Math.max(...bits);
  return extension(ID.ku, critical, der(0x03, Buffer.from(bits.length === 0 ? [0] : [unused, byte])));
}

export const PURPOSE = {
  server: '1.3.6.1.5.5.7.3.1',
  code: '1.3.6.1.5.5.7.3.3',
  mail: '1.3.6.1.5.5.7.3.4',
  time: '1.3.6.1.5.5.7.3.8',
  any: '2.5.29.37.0',
};
export const eku = (purposes: readonly (keyof typeof PURPOSE)[], critical = false) =>
  extension(ID.eku, critical, seq(...purposes.map((one) => oid(PURPOSE[one]))));
export const san = (names: readonly Buffer[], critical = false) => extension(ID.san, critical, seq(...names));

export function nc(permitted: readonly Buffer[], excluded: readonly Buffer[] = [], critical = true): Extension {
  const list = (tag: number, bases: readonly Buffer[]) =>
    bases.length === 0 ? [] : [context(tag, Buffer.concat(bases.map((base) => seq(base))))];
  return extension(ID.nc, critical, seq(...list(0, permitted), ...list(1, excluded)));
}

const keyId = (key: KeyObject) =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
export const ski = (key: KeyObject, critical = false) => extension('2.5.29.14', critical, octets(keyId(key)));
export const aki = (key: KeyObject, critical = false) =>
  extension('2.5.29.35', critical, seq(context(0, keyId(key), false)));
export const raw = (id: string, critical: boolean, value: Buffer) => extension(id, critical, value);

/** How a certificate is signed. */
export interface Algorithm {
  readonly identifier: Buffer;
  readonly hash: string | null;
}
const NULL = der(0x05);
export const ALGORITHM = {
  ecSha256: { identifier: seq(oid('1.2.840.10045.4.3.2')), hash: 'sha256' },
  ecSha384: { identifier: seq(oid('1.2.840.10045.4.3.3')), hash: 'sha384' },
  ecSha1: { identifier: seq(oid('1.2.840.10045.4.1')), hash: 'sha1' },
  rsaSha256: { identifier: seq(oid('1.2.840.113549.1.1.11'), NULL), hash: 'sha256' },
  rsaSha1: { identifier: seq(oid('1.2.840.113549.1.1.5'), NULL), hash: 'sha1' },
  rsaMd5: { identifier: seq(oid('1.2.840.113549.1.1.4'), NULL), hash: 'md5' },
  ed25519: { identifier: seq(oid('1.3.101.112')), hash: null },
} satisfies Record<string, Algorithm>;

export interface Draft {
  readonly subject: Name;
  readonly issuer: Name;
  readonly key: KeyObject;
  readonly extensions: readonly Extension[];
  readonly from: Date;
  readonly to: Date;
  readonly serial: number;
  readonly algorithm: Algorithm;
  /** Of what is signed, where it is to differ. */
  readonly innerAlgorithm?: Algorithm;
  readonly version?: 1 | 3;
}

/** A certificate, DER. */
export function certificate(draft: Draft, signer: KeyObject): Buffer {
  const { algorithm, innerAlgorithm = algorithm, extensions, version = 3 } = draft;
  const list = extensions.map(({ id, critical, value }) =>
    seq(oid(id), ...(critical ? [boolean(true)] : []), octets(value)),
  );
  const tbs = seq(
    ...(version === 1 ? [] : [context(0, integer(2))]),
    integer(draft.serial),
    innerAlgorithm.identifier,
    nameOf(draft.issuer),
    seq(time(draft.from), time(draft.to)),
    nameOf(draft.subject),
    draft.key.export({ type: 'spki', format: 'der' }),
    ...(list.length === 0 ? [] : [context(3, seq(...list))]),
  );
  const signature = signed(algorithm, tbs, signer);
  return seq(tbs, algorithm.identifier, der(0x03, Buffer.from([0]), signature));
}

/**
 * The same bytes by the same key have the same signature here, so that hundreds of chains share
 * their certificates.
 */
const signatures = new Map<string, Buffer>();

function signed({ hash }: Algorithm, tbs: Buffer, signer: KeyObject): Buffer {
  const key = `${hash} ${tbs.toString('base64')} ${signer.export({ type: 'pkcs8', format: 'der' }).toString('base64')}`;
  const signature = signatures.get(key) ?? sign(hash, tbs, signer);
  signatures.set(key, signature);
  return signature;
}

function time(date: Date): Buffer {
  const text = `${date
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
    .slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}
