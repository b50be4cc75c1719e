// What URLs of stores mean, which files of them are wanted, and which names become paths.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { parseStoreLocation } from '../../src/store/index.ts';
import { matchesPattern } from '../../src/store/patterns.ts';

const textOf = (url: string) => parseStoreLocation('hf', url, { include: [], exclude: [] }).text;

describe('a URL of a hub', () => {
  for (const [url, text] of [
    ['hf://acme/model', 'hf://acme/model'],
    ['HF://acme/model:main', 'hf://acme/model'],
    ['hf://acme/model:v1.0', 'hf://acme/model@v1.0'],
    ['hf://acme/model@refs/pr/1', 'hf://acme/model@refs/pr/1'],
    ['hf://gpt2', 'hf://gpt2'],
    ['hf://datasets/acme/data@main', 'hf://datasets/acme/data'],
    [`hf://acme/model@${'a'.repeat(40)}`, `hf://acme/model@${'a'.repeat(40)}`],
  ] as const)
    it(`18: ${url} is ${text}`, () => assert.equal(textOf(url), text));

  for (const url of [
    'hf://',
    'hf:///model',
    'hf://acme/',
    'hf://acme/../x',
    'hf://acme/a--b',
    'hf://acme/.model',
    'hf://acme/model/config.json',
    'hf://spaces/acme/demo',
    'hf://datasets',
    'hf://acme/model:',
    'hf://acme/model@../main',
    'hf://acme/model@a b',
    'hf://acme/model@-x',
    'hf://acme/mod%65l',
    'hf://acme/model?x=1',
    `hf://acme/${'m'.repeat(97)}`,
  ])
    it(`18: ${url.slice(0, 40)} is refused`, () =>
      assert.throws(
        () => textOf(url),
        (error) => error instanceof WeighlockError && error.code === 'CONFIG_INVALID',
      ));
});

describe('a pattern', () => {
  // Each line is what Python 3.13 says: fnmatch.fnmatchcase(text, pattern).
  for (const [text, pattern, fits] of [
    ['weights/a.bin', '*.bin', true],
    ['weights/a.bin', 'weights/*', true],
    ['weights/a/b.bin', 'weights/?/b.bin', true],
    ['a.bin', '?.bin', true],
    ['ab.bin', '?.bin', false],
    ['a.bin', '[a-c].bin', true],
    ['d.bin', '[a-c].bin', false],
    ['d.bin', '[!a-c].bin', true],
    ['].bin', '[]].bin', true],
    ['[x', '[x', true],
    ['-', '[a-]', true],
    ['A.bin', 'a.bin', false],
    ['', '*', true],
    ['x', '', false],
    ['a*b', 'a[*]b', true],
    ['axb', 'a[*]b', false],
    ['\u{1f600}.bin', '?.bin', true],
    ['a\nb', 'a*b', true],
  ] as const)
    it(`18: ${JSON.stringify(pattern)} ${fits ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, () =>
      assert.equal(matchesPattern(text, pattern), fits));

  it('18: with many stars is matched in no more than the product of the lengths', () => {
    assert.equal(matchesPattern('a'.repeat(4000), `${'*a'.repeat(2000)}b`), false);
  });
});
