import type { ASN1Obj } from '@sigstore/core';
import { child, derOf } from '../der.ts';

/** A distinguished name: the attributes of each of its parts, as text that can be compared. */
export type X500Name = readonly RelativeName[];

interface RelativeName {
  /** Equal for names that RFC 5280 section 7.1 holds equal, in the manner of OpenSSL. */
  readonly key: string;
  /** Equal for even more of them: whoever is excluded cannot evade it by another way of writing. */
  readonly loose: string;
}

/** Strings of X.520 by the number of their tag, and how their bytes are text. */
const DECODERS: Readonly<Record<number, (bytes: Buffer) => string>> = {
  12: (bytes) => bytes.toString('utf8'),
  19: (bytes) => bytes.toString('latin1'),
  20: (bytes) => bytes.toString('latin1'),
  22: (bytes) => bytes.toString('latin1'),
  26: (bytes) => bytes.toString('latin1'),
  28: (bytes) => fromUcs4(bytes),
  30: (bytes) =>
    Buffer.from(bytes.subarray(0, bytes.length & ~1))
      .swap16()
      .toString('utf16le'),
};

/** PKCS #9; mail addresses in names of before there were alternative names. */
const EMAIL = '1.2.840.113549.1.9.1';
const COMMON_NAME = '2.5.4.3';

/** Reads a Name (RFC 5280 section 4.1.2.4). */
export function readName(name: ASN1Obj): X500Name {
  return name.subs.map(({ subs }) => {
    const attributes = subs.map((attribute) => {
      const type = child(attribute, 0).toOID();
      const value = child(attribute, 1);
      const decode = value.tag.isUniversal() ? DECODERS[value.tag.number] : undefined;
      const text = decode?.(value.value);
      const bytes = derOf(value).toString('hex');
      return {
        key: `${type}=${text === undefined ? `#${bytes}` : `"${folded(text)}`}`,
        loose: `${type}=${text === undefined ? `#${bytes}` : `"${folded(text).normalize('NFKC').toLowerCase()}`}`,
      };
    });
    const joined = (which: 'key' | 'loose') => JSON.stringify(attributes.map((one) => one[which]).sort());
    return { key: joined('key'), loose: joined('loose') };
  });
}

/** Without spaces around, with one between, and without capital letters of ASCII. */
function folded(text: string): string {
  return text
    .replace(/[ \t\n\v\f\r]+/g, ' ')
    .replace(/^ | $/g, '')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function fromUcs4(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const code = bytes.readUInt32BE(at);
    text += String.fromCodePoint(code <= 0x10ffff ? code : 0xfffd);
  }
  return text;
}

/** True when the name begins with all parts of the other. */
export function isBelow(name: X500Name, base: X500Name, compare: 'key' | 'loose'): boolean {
  return base.length <= name.length && base.every((part, i) => part[compare] === name[i]?.[compare]);
}

export function isSameName(a: X500Name, b: X500Name): boolean {
  return a.length === b.length && isBelow(a, b, 'key');
}

/** Mail addresses and common names in a name, folded. */
export function attributesOf(name: X500Name, kind: 'email' | 'commonName'): readonly string[] {
  const prefix = `${kind === 'email' ? EMAIL : COMMON_NAME}="`;
  return name
    .flatMap(({ key }) => JSON.parse(key) as string[])
    .flatMap((one) => (one.startsWith(prefix) ? [one.slice(prefix.length)] : []));
}
