// What a registry, a token server or a configuration of credentials says.
import fc from 'fast-check';
import { layOut } from '../../src/layout/index.ts';
import { Authenticator } from '../../src/registry/auth.ts';
import { Body } from '../../src/registry/body.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { Deadline } from '../../src/registry/deadline.ts';
import { matchAuths, parseDockerConfig } from '../../src/registry/docker-config.ts';
import { parseJson, parseManifest, parseReferrers } from '../../src/registry/manifest.ts';
import { contentRangeFault } from '../../src/registry/range.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { parseRetryAfter } from '../../src/registry/retry.ts';
import type { Answer, Transport } from '../../src/registry/transport.ts';
import { parseLocation } from '../../src/source/index.ts';
import { bytesOf, damaged, fixture, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const digest = `sha256:${'cd'.repeat(32)}`;
const stored = JSON.parse(fixture('cosign/registry.json').toString()) as Record<
  string,
  { manifests: Record<string, { type: string; bytes: string }> }
>;
const layer = (mediaType: string, annotations: Record<string, string> = {}) => ({
  mediaType,
  digest,
  size: 3,
  annotations,
});
const manifest = (config: string, ...layers: object[]) => ({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: layer(config),
  layers,
});
const manifests = [
  ...Object.values(stored).flatMap(({ manifests }) =>
    Object.values(manifests).map(({ bytes }) => JSON.parse(Buffer.from(bytes, 'base64').toString())),
  ),
  manifest(
    'application/vnd.cncf.model.config.v1+json',
    layer('application/vnd.cncf.model.weight.v1.raw', { 'org.cncf.model.filepath': 'a/b' }),
    layer('application/vnd.cncf.model.weight.v1.tar+gzip'),
  ),
  manifest('application/vnd.kitops.modelkit.config.v1+json', layer('application/vnd.kitops.modelkit.model.v1.tar')),
  manifest(
    'application/vnd.docker.ai.model.config.v0.1+json',
    layer('application/vnd.docker.ai.gguf.v3'),
    layer('application/vnd.docker.ai.license'),
  ),
  manifest('application/vnd.docker.container.image.v1+json', layer('application/vnd.ollama.image.model')),
  manifest('application/vnd.oci.image.config.v1+json', layer('application/vnd.oci.image.layer.v1.tar+zstd')),
  manifest(
    'application/vnd.oci.empty.v1+json',
    layer('text/plain', {
      'org.opencontainers.image.title': 'dir',
      'io.deis.oras.content.unpack': 'true',
      'io.deis.oras.content.digest': digest,
    }),
  ),
  {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      { ...layer('application/vnd.oci.image.manifest.v1+json'), platform: { os: 'linux', architecture: 'amd64' } },
    ],
  },
];

const config = {
  auths: {
    'https://index.docker.io/v1/': { auth: 'dTpw' },
    '*.example.com:5000/a': { username: 'u', password: 'p', identitytoken: 't' },
  },
  credHelpers: { 'gcr.io': 'gcloud' },
  credsStore: 'pass',
};
const header = fc
  .array(
    fc.constantFrom(
      'Bearer ',
      'Basic ',
      'realm=',
      '"https://a/t"',
      ',',
      ' ',
      '=',
      '"',
      '\\',
      '\\"',
      'service="b"',
      'scope=',
      'x',
      '\t',
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

/** An answer of a token server. */
function answerWith(bytes: Buffer, url: URL, headers: Answer['headers'] = {}, status = 200): Answer {
  const body = new Body({ pause() {}, resume() {}, abort() {} } as never);
  body.push(bytes);
  body.end();
  return { status, headers, body, url, hops: [url], deadline: new Deadline(0), onRead() {} };
}

export const registry: readonly Target[] = [
  {
    name: 'manifest',
    input: fc.oneof(reshaped(manifests), damaged(manifests.map((one) => Buffer.from(JSON.stringify(one))))),
    parse: (bytes) => {
      const parsed = parseManifest(bytes, undefined);
      return parsed.kind === 'manifest' ? layOut(parsed, {}, false) : parsed;
    },
  },
  {
    name: 'layout',
    input: reshaped(
      manifests.flatMap((one) => [
        {
          one,
          config: { modelfs: { diffIds: [digest, digest] }, rootfs: { diff_ids: [digest] }, model: { path: 'a' } },
        },
      ]),
    ),
    parse: (bytes) => {
      const { one, config: content } = JSON.parse(bytes.toString());
      const parsed = parseManifest(Buffer.from(JSON.stringify(one ?? null)), undefined);
      return parsed.kind === 'manifest'
        ? layOut(parsed, parseJson(Buffer.from(JSON.stringify(content ?? null))), true)
        : parsed;
    },
  },
  { name: 'referrers', input: fc.oneof(reshaped(manifests.slice(-1)), noise), parse: parseReferrers },
  {
    name: 'reference',
    input: fc.oneof(
      bytesOf(
        fc
          .array(
            fc.constantFrom(
              'oci://',
              'a',
              'A',
              '/',
              ':',
              '@',
              '.',
              '-',
              '_',
              '__',
              'sha256:',
              'ab'.repeat(32),
              '[::1]',
              '5000',
              'localhost',
              '%',
            ),
            { maxLength: 24 },
          )
          .map((parts) => parts.join('')),
      ),
      damaged([
        Buffer.from(`oci://registry.example.com:5000/a/b-c_d:v1@${digest}`),
        Buffer.from(`${'a-'.repeat(100)}a`),
      ]),
      bytesOf(fc.string({ unit: 'binary', maxLength: 40 })),
    ),
    parse: (bytes) => parseReference(bytes.toString()),
  },
  {
    name: 'location',
    input: fc.oneof(
      damaged(
        ['https://u:p@example.com/a?b#c', 'oci://a/b:c', 's3://b/k', 'file:///a%2fb', 'pvc://a'].map((one) =>
          Buffer.from(one),
        ),
      ),
      bytesOf(fc.webUrl({ withFragments: true, withQueryParameters: true })),
    ),
    parse: (bytes) => parseLocation(bytes.toString()),
  },
  {
    name: 'docker-config',
    input: fc.oneof(reshaped([config, config.auths]), damaged([Buffer.from(JSON.stringify(config))])),
    parse: (bytes) =>
      matchAuths(parseDockerConfig(bytes.toString(), 'config.json'), 'registry.example.com:5000', 'a/b'),
  },
  {
    name: 'challenge',
    input: fc.oneof(
      bytesOf(header),
      damaged([Buffer.from('Bearer realm="https://a/token",service="a b\\"",scope=x, Basic realm=y')]),
      bytesOf(fc.string({ unit: 'binary' })),
    ),
    parse: (bytes) => parseChallenges(bytes.toString('latin1')),
  },
  {
    name: 'token',
    input: fc.oneof(
      reshaped([{ token: 'abc', access_token: 'def', expires_in: 300, issued_at: '2026-01-01T00:00:00Z' }]),
      damaged([Buffer.from('{"token":"abc"}')]),
      noise,
    ),
    parse: async (bytes) => {
      const [url, realm] = [new URL('https://registry.example.com/v2/'), new URL('https://auth.example.com/token')];
      const transport = {
        ask: async () => answerWith(bytes, realm),
        allowsPlainHttp: () => false,
        placeOf: () => ({ url }),
      };
      const authenticator = new Authenticator(transport as unknown as Transport, url, 'a/b', async () => []);
      const refusal = answerWith(Buffer.alloc(0), url, { 'www-authenticate': `Bearer realm="${realm.href}"` }, 401);
      await authenticator.answer(refusal, undefined, new AbortController().signal);
      // What comes of it goes into a header.
      new Headers(authenticator.headers());
    },
  },
  {
    name: 'content-range',
    input: fc.oneof(
      bytesOf(fc.tuple(fc.nat(), fc.nat(), fc.nat()).map(([a, b, c]) => `bytes ${a}-${b}/${c}`)),
      damaged([Buffer.from('bytes 5-9/10')]),
    ),
    parse: (bytes) => contentRangeFault(bytes.toString('latin1'), 5, 10),
  },
  {
    name: 'retry-after',
    input: fc.oneof(damaged([Buffer.from('120'), Buffer.from('Wed, 21 Oct 2026 07:28:00 GMT')]), noise),
    parse: (bytes) => parseRetryAfter(bytes.toString('latin1'), 0),
  },
];
