// Hostile text of a megabyte takes no longer than other text of a megabyte. The time-out of the
// test is the only clock: what takes the square of a megabyte does not end within it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ASN1Obj } from '@sigstore/core';
import { safePath } from '../../src/archive/index.ts';
import { addEnvironment } from '../../src/commands/option-variables.ts';
import { subjectNames } from '../../src/evidence/certificate.ts';
import { ChecksumsParser } from '../../src/evidence/checksums.ts';
import { readModelSignature } from '../../src/evidence/model-signature.ts';
import { hasFormOf, isUserName } from '../../src/evidence/name-forms.ts';
import { readName } from '../../src/evidence/x509/x500-name.ts';
import { layoutReferenceText, parseLayoutReference } from '../../src/image-layout/reference.ts';
import { hasFlushList } from '../../src/inject/manifest.ts';
import { layOut } from '../../src/layout/index.ts';
import { parseDuration } from '../../src/plan/duration.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { matchAuths, normalise, parseDockerConfig } from '../../src/registry/docker-config.ts';
import { nextLink } from '../../src/registry/link.ts';
import { parseManifest } from '../../src/registry/manifest.ts';
import { bypasses } from '../../src/registry/proxy.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { parseRetryAfter } from '../../src/registry/retry.ts';
import { parseLocation } from '../../src/source/location.ts';
import { parsePublicKey } from '../../src/trust/index.ts';
import { visible } from '../../src/visible-text.ts';
import { withoutEnd } from '../../src/without-end.ts';
import { withoutSecrets } from '../../src/without-secrets.ts';
import { nameOf } from '../evidence/certificates.ts';

const LENGTH = 1 << 20;
const HEX = 'ab'.repeat(32);

/** A megabyte of something, and what keeps it from being the end. */
const much = (piece: string) => `a${piece.repeat(LENGTH / piece.length)}/x\u0001`;

const digest = `sha256:${'cd'.repeat(32)}`;
const layer = { mediaType: 'application/vnd.kitops.modelkit.model.v1.tar', digest, size: 3 };
const kit = parseManifest(
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: { ...layer, mediaType: 'application/vnd.kitops.modelkit.config.v1+json' },
      layers: [layer],
    }),
  ),
  undefined,
);
const shard = (name: string) => {
  const statement = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://model_signing/signature/v1.0',
      subject: [{ name: 'm', digest: { sha256: HEX } }],
      predicate: {
        serialization: { method: 'shards', hash_type: 'sha256', shard_size: 9, allow_symlinks: false },
        resources: [{ name, algorithm: 'sha256-sharded-9', digest: HEX }],
      },
    }),
  );
  const pieces = async function* () {
    yield statement;
  };
  return { length: statement.length, pieces };
};

type Row = readonly [what: string, pieces: readonly string[], parse: (text: string) => unknown];

/** Each parser with what its patterns look for. */
const PARSERS: readonly Row[] = [
  ['the path of an entry', ['/', './'], (text) => safePath(Buffer.from(text))],
  ['a reference', ['a-', 'a/', ':', '@'], parseReference],
  ['a location', ['/', ':', '@'], (text) => [withoutSecrets(`https://${text}`), parseLocation(`https://${text}`)]],
  ['a layout', ['/', '@', ':', '@/'], (text) => layoutReferenceText(parseLayoutReference(`oci-layout:///${text}`))],
  [
    'a challenge',
    ['\\"', ',', 'a='],
    (text) => parseChallenges(['', 'Bearer ', 'Bearer realm="'].map((start) => start + text)),
  ],
  [
    'a link',
    ['<', '\\"', ',', ' <a>', ';'],
    (text) => [text, `</a>; rel="next"; x="${text}`, `</a>; ${text}; rel=next`].map(nextLink),
  ],
  ['a pause', ['0', ' '], (text) => parseRetryAfter(text, 0)],
  [
    'a Docker configuration',
    ['/', '\0', '.', '*', ':0'],
    (text) => {
      const auth = Buffer.from(`${text}:`).toString('base64');
      const auths = { [text]: { auth }, [`a.b/${text}`]: { username: 'u' } };
      return [matchAuths(parseDockerConfig(JSON.stringify({ auths }), 'config.json'), 'a.b', 'c'), normalise(text)];
    },
  ],
  ['NO_PROXY', ['/', ':', '0', ']'], (text) => bypasses(new URL('https://example.com'), text)],
  ['a duration', ['0', '1s', '.'], parseDuration],
  ['a variable', ['_', '_SERVICE_PORT_'], (text) => addEnvironment([], {}, { [`WEIGHLOCK_${text}`]: '1' })],
  [
    'a file of checksums',
    ['\n', ' ', '/'],
    (text) => {
      const parser = new ChecksumsParser('SHA256SUMS');
      for (let at = 0; at < text.length; at += 65_536) parser.push(Buffer.from(text.slice(at, at + 65_536)));
      parser.end();
    },
  ],
  [
    'a line of checksums',
    ['/', './', '\\\\'],
    (text) => new ChecksumsParser('SHA256SUMS').push(Buffer.from(`${HEX}  ${text}\n`)),
  ],
  ['a key', ['-', '-----BEGIN '], (text) => parsePublicKey(text, 'key.pem')],
  ['alternative names', [',', '\\"', ': '], (text) => subjectNames({ subjectAltName: `DNS:a, email:"${text}` })],
  [
    'a name of a certificate',
    ['!', '@', '.', '-'],
    (text) => [isUserName(text), ['email', 'DNS', 'URI', 'IP Address'].map((kind) => hasFormOf(kind, text))],
  ],
  ['a distinguished name', [' ', '\t'], (text) => readName(ASN1Obj.parseBuffer(nameOf([['CN', text]])))],
  ['a shard', [':', ':0', ':1000000000'], (text) => readModelSignature(shard(`${text}:0:9`))],
  [
    'the parent of a ModelKit',
    [':', '@', '/', '@/'],
    (text) => kit.kind === 'manifest' && layOut(kit, { model: { path: text } }, false),
  ],
  ['a manifest of Kubernetes', [':', ' ', ':\t', ':#\r', '\n'], hasFlushList],
  ['text for people', ['\n', '\u009b'], visible],
];

describe('15.27: a megabyte of what it looks for takes no more than a pass over it', () => {
  for (const [what, pieces, parse] of PARSERS)
    it(what, async () => {
      for (const piece of pieces) {
        try {
          await parse(much(piece));
        } catch (error) {
          // It may be refused for whatever it is; but a pattern that runs out of stack is not a
          // refusal.
          assert.ok(!(error instanceof RangeError), String(error));
        }
      }
    });
});

it('15.27: a name of a megabyte is refused by its length, before anything looks at what is in it', () => {
  const slashes = '/'.repeat(LENGTH);
  for (const name of [`a${slashes}b`, slashes, `./${slashes}`, './'.repeat(1 << 19), `${'a/'.repeat(1 << 19)}b`])
    assert.deepEqual(safePath(Buffer.from(name)), { fault: 'is longer than 4095 bytes' });
});

it('15.27: a reference of a megabyte is refused by its length', () => {
  assert.throws(() => parseReference(`${'a/'.repeat(LENGTH / 2)}a`), /longer than 512 characters/);
});

it('15.27: a certificate with more names than anybody has is for nobody: each would be matched for itself', () => {
  const names = (count: number) => subjectNames({ subjectAltName: 'DNS:a.example, '.repeat(count) });
  assert.deepEqual([names(1000).length, names(1001).length, names(1 << 16).length], [1000, 0, 0]);
});

it('15.27: what is cut off at the end of a text is what a pattern would cut off', () => {
  for (const text of ['', '/', '//', 'a', 'a/', 'a//', '/a', '//a//', 'a/b', 'a/ /'])
    assert.equal(withoutEnd(text, '/'), text.replace(/\/+$/, ''));
  assert.equal(withoutEnd('a \0 \0', '\0 '), 'a');
});
