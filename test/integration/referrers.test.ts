// Referrers: the registry client itself, since no command asks for them yet.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { type Digest, parseReference, Repository } from '../../src/registry/index.ts';
import { FakeRegistry, type Handler } from '../registry/fake.ts';

const SUBJECT = `sha256:${'a'.repeat(64)}` as Digest;
const INDEX = 'application/vnd.oci.image.index.v1+json';
const entry = (n: number) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${n.toString(16).padStart(64, '0')}`,
  size: 1,
});
const page = (...manifests: object[]) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });

async function referrers(
  handler: Handler | ((registry: FakeRegistry) => void),
): Promise<readonly { digest: string }[]> {
  const registry = await FakeRegistry.start();
  if (handler.length === 1) (handler as (registry: FakeRegistry) => void)(registry);
  else registry.handler = handler as Handler;
  const settings = {
    credentials: { auths: [], credHelpers: new Map() },
    caFiles: [],
    plainHttp: [registry.host],
    mirrors: new Map(),
    proxy: { noProxy: '' },
  };
  const repository = new Repository(parseReference(`${registry.host}/models/m`), settings, () => {});
  try {
    return await repository.referrers(SUBJECT, AbortSignal.timeout(20_000));
  } finally {
    await repository.close();
  }
}

const send = (response: Parameters<Handler>[1], body: string, headers: Record<string, string> = {}) =>
  void response.writeHead(200, { 'content-type': INDEX, ...headers }).end(body);
const coded = (code: string) => (error: unknown) => error instanceof WeighlockError && error.code === code;

describe('referrers', () => {
  it('are read from the API over all its pages', async () => {
    const found = await referrers((request, response, _next) => {
      if (request.url?.includes('last=')) send(response, page(entry(2)));
      else send(response, page(entry(1)), { link: `</v2/models/m/referrers/${SUBJECT}?last=1>; rel="next"` });
    });
    assert.equal(found.length, 2);
  });

  it('are read from the tag where there is no API', async () => {
    const found = await referrers(
      (registry: FakeRegistry) =>
        void registry.addManifest(Buffer.from(page(entry(1), entry(2), entry(3))), `sha256-${'a'.repeat(64)}`, INDEX),
    );
    assert.equal(found.length, 3);
    assert.deepEqual(await referrers((_registry: FakeRegistry) => {}), []);
  });

  it('that cannot be asked for are an error, never none', async () => {
    for (const status of [401, 403, 500]) {
      await assert.rejects(
        referrers((_request, response, _next) => void response.writeHead(status, { 'retry-after': '1000' }).end()),
        coded('SOURCE_UNAVAILABLE'),
      );
    }
  });

  it('that never end, or go round in a circle, or are too many, are refused (S10, ghsa-298f-872v-2rcx)', async () => {
    let n = 0;
    const link = (query: string) => ({ link: `</v2/models/m/referrers/${SUBJECT}?${query}>; rel="next"` });
    await assert.rejects(
      referrers((_request, response, _next) => send(response, page(), link(`n=${n++}`))),
      coded('LIMIT_EXCEEDED'),
    );
    assert.ok(n <= 110);
    await assert.rejects(
      referrers((_request, response, _next) => send(response, page(), link('same'))),
      coded('LIMIT_EXCEEDED'),
    );
    const many = Array.from({ length: 900 }, (_, i) => entry(i));
    await assert.rejects(
      referrers((_request, response, _next) => send(response, page(...many), link(`m=${n++}`))),
      coded('LIMIT_EXCEEDED'),
    );
  });

  it('whose next page lies elsewhere are refused (ghsa-h7vf-4x9w-h99v)', async () => {
    for (const target of [
      'http://127.0.0.1:1/v2/models/m/referrers/x',
      '/v2/other/m/referrers/x',
      '//evil.example/v2/models/m/x',
    ]) {
      await assert.rejects(
        referrers((_request, response, _next) => send(response, page(), { link: `<${target}>; rel="next"` })),
        coded('SOURCE_UNAVAILABLE'),
      );
    }
  });
});
