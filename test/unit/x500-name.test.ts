// Names of certificates in every string that X.520 has: what says the same is the same name.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ASN1Obj } from '@sigstore/core';
import { readName } from '../../src/evidence/x509/x500-name.ts';
import { der, oid, seq, set } from '../evidence/certificates.ts';

const commonName = (tag: number, value: Buffer) =>
  readName(ASN1Obj.parseBuffer(seq(set(seq(oid('2.5.4.3'), der(tag, value))))));
const ucs4 = (...codes: number[]) => Buffer.from(Uint32Array.of(...codes).buffer).swap32();
const codesOf = (text: string) => [...text].map((letter) => letter.codePointAt(0) ?? 0);

it('a name is the same in each of the strings of X.520', () => {
  const text = 'Ruth \u00c4';
  const latin1 = Buffer.from(text, 'latin1');
  const expected = commonName(0x0c, Buffer.from(text));
  for (const [tag, value] of [
    [0x13, latin1],
    [0x14, latin1],
    [0x16, latin1],
    [0x1a, latin1],
    [0x1c, ucs4(...codesOf(text))],
    [0x1e, Buffer.from(text, 'utf16le').swap16()],
    [0x0c, Buffer.from(' ruth\t \u00c4 ')],
  ] as const)
    assert.deepEqual(commonName(tag, value), expected, String(tag));
  assert.notDeepEqual(commonName(0x0c, Buffer.from('Ruth A')), expected);
});

it('a string that is cut, or has letters that there are not, is a name all the same, and another one', () => {
  const half = commonName(0x1e, Buffer.from('0041004', 'latin1').subarray(0, 3));
  const none = commonName(0x1c, ucs4(0x41, 0x7fffffff));
  const cut = commonName(0x1c, ucs4(0x41, 0x42).subarray(0, 7));
  const other = commonName(0x04, Buffer.from('A'));
  const names = [half, none, cut, other].map((name) => JSON.stringify(name));
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(cut, commonName(0x0c, Buffer.from('A')));
  assert.match(names[3] ?? '', /#0401/, 'what is no string is compared by its bytes');
});
