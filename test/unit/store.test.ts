// What URLs of stores mean, which files of them are wanted, and which names become paths.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { FileCollector } from '../../src/store/collect.ts';
import { openStore, parseStoreLocation, storeSettings } from '../../src/store/index.ts';
import { matchesPattern } from '../../src/store/patterns.ts';
import { S3Credentials } from '../../src/store/s3-credentials.ts';
import { s3Settings } from '../../src/store/s3-settings.ts';

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

describe('a listing', () => {
  const collected = (nameOf: (i: number) => string): number => {
    const files = new FileCollector(100_000, { include: [], exclude: ['*'] }, 16 << 20);
    for (let i = 0; ; i++) {
      try {
        files.add({ name: nameOf(i), key: `${i}`, size: 1 });
      } catch (error) {
        assert.ok(error instanceof WeighlockError && error.code === 'LIMIT_EXCEEDED', `${error}`);
        assert.match(error.message, /larger than may be kept in memory/);
        return i;
      }
    }
  };

  it('18: has as many names as fit into memory, wanted or not, and no name is as large as a page', () => {
    const long = collected((i) => `${i}/${'x'.repeat(1000)}`);
    assert.ok(long > 5000 && long < 5500, `${long}`);
    const short = collected((i) => `${i}`);
    assert.ok(short > 60_000 && short < 66_000, `${short}`);
    assert.equal(
      collected((i) => `${i}${'x'.repeat(16 << 20)}`),
      0,
    );
  });
});

describe('18: one half of a pair of keys', () => {
  for (const given of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    it(`18: ${given} alone is a configuration error, and nobody else is asked for keys`, async () => {
      const others = { AWS_WEB_IDENTITY_TOKEN_FILE: '/t', AWS_ROLE_ARN: 'arn:aws:iam::1:role/x' };
      for (const more of [{}, others, { AWS_EC2_METADATA_DISABLED: 'true' }])
        await assert.rejects(
          new S3Credentials(s3Settings({ [given]: 'hunter2', ...more }), 'r', undefined as never).keys(),
          (error: WeighlockError) => error.code === 'CONFIG_INVALID' && error.message.startsWith(`${given} is set`),
        );
    });
});

describe('18: a secret that no header can have', () => {
  const tools = { transport: undefined as never, notice: () => {}, maxFiles: 1 };
  const open = (url: string, scheme: 'hf' | 'azure', environment: Record<string, string>) =>
    openStore(parseStoreLocation(scheme, url, { include: [], exclude: [] }), storeSettings(environment), tools);
  for (const secret of ['hunter2\nx: y', 'hunter2 x', 'hunter2\u20ac', 'hunter2\u0000'])
    it(`18: ${JSON.stringify(secret)} is a configuration error that does not show it`, async () => {
      const azure = 'https://acme.blob.core.windows.net/models/';
      const keys = (environment: Record<string, string>) =>
        new S3Credentials(s3Settings(environment), 'r', undefined as never).keys();
      for (const attempt of [
        async () => open('hf://acme/model', 'hf', { HF_TOKEN: secret }),
        async () => open(azure, 'azure', { AZURE_STORAGE_SAS_TOKEN: secret }),
        () => keys({ AWS_ACCESS_KEY_ID: secret, AWS_SECRET_ACCESS_KEY: 'x' }),
        () => keys({ AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: secret }),
        () => keys({ AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_SESSION_TOKEN: secret }),
      ])
        await assert.rejects(attempt, (error: WeighlockError) => {
          assert.equal(error.code, 'CONFIG_INVALID');
          return !`${error.message} ${error.remedy} ${error.found}`.includes('hunter2');
        });
    });
});
