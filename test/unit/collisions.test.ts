// Issue 18: two names that one file system takes for one are never both in an artifact.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collisionKey } from '../../src/archive/index.ts';
import { fromText } from '../../src/fs/index.ts';

const keyOf = (name: string) => collisionKey(fromText(name));

describe('18: two names', () => {
  for (const [one, other, where] of [
    ['Model.bin', 'model.BIN', 'case'],
    ['stra\u00dfe', 'STRASSE', 'case of one letter that is two'],
    ['\u017f', 's', 'the long s'],
    ['\u212a', 'k', 'the sign of Kelvin'],
    ['\u03a3\u03c3\u03c2', '\u03c3\u03a3\u03c3', 'sigma at the end'],
    ['\ufb01le', 'file', 'a ligature'],
    ['caf\u00e9', 'cafe\u0301', 'composed and decomposed'],
    ['\u1e69', 's\u0307\u0323', 'the order of marks'],
    ['\uff4d\uff4f\uff44', 'mod', 'full width'],
    ['a\u200bb', 'ab', 'drawn as nothing (ext4 with casefold)'],
    ['a\u00adb', 'ab', 'a soft hyphen (ext4 with casefold)'],
    ['a\ufe0f', 'a', 'a variation selector (ext4 with casefold)'],
    ['weights.', 'weights', 'a dot at the end (SMB)'],
    ['weights ', 'weights', 'a blank at the end (SMB)'],
    ['a. ./b', 'a/b', 'both at the end of a folder (SMB)'],
  ] as const)
    it(`that are one: ${where}`, () => assert.equal(keyOf(one), keyOf(other)));

  for (const [one, other] of [
    ['model-1', 'model-2'],
    ['a.b', 'ab'],
    ['a b', 'ab'],
    ['.a', 'a'],
    ['a/b', 'ab'],
    ['..data', 'data'],
    ['\u00e9', 'e'],
  ] as const)
    it(`that are two: ${one}, ${other}`, () => assert.notEqual(keyOf(one), keyOf(other)));
});
