// Referrers: the registry client itself.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WeighlockError } from '../../src/error/index.ts';
import { type Digest, parseReference, type Referrers, Repository } from '../../src/registry/index.ts';
import { download } from '../../src/transfer/index.ts';
import { FakeRegistry, type Handler } from '../registry/fake.ts';

const SUBJECT = `sha256:${'a'.repeat(64)}` as Digest;
const INDEX = 'application/vnd.oci.image.index.v1+json';
const entry = (n: number) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${n.toString(16).padStart(64, '0')}`,
  size: 1,
});
const page = (...manifests: object[]) => JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });

async function referrers(handler: Handler | ((registry: FakeRegistry) => void)): Promise<Referrers> {
  const registry = await FakeRegistry.start();
  if (handler.length === 1) (handler as (registry: FakeRegistry) => void)(registry);
  else registry.handler = handler as Handler;
  const settings = {
    credentials: { named: [], usual: [] },
    caFiles: [],
    plainHttp: [registry.host],
    mirrors: new Map(),
    proxy: { noProxy: '' },
  };
  const repository = new Repository(
    parseReference(`${registry.host}/models/m`),
    settings,
    () => {},
    download,
    async () => {},
  );
  try {
    return await repository.referrers(SUBJECT, AbortSignal.timeout(20_000));
  } finally {
    await repository.close();
  }
}

const send = (response: Parameters<Handler>[1], body: string, headers: Record<string, string> = {}) =>
  void response.writeHead(200, { 'content-type': INDEX, ...headers }).end(body);
const codesOf = (faults: readonly WeighlockError[]) => faults.map(({ code }) => code);

describe('referrers', () => {
  it('are read from the API over all its pages', async () => {
    const found = await referrers((request, response, _next) => {
      if (request.url?.includes('last=')) send(response, page(entry(2)));
      else send(response, page(entry(1)), { link: `</v2/models/m/referrers/${SUBJECT}?last=1>; rel="next"` });
    });
    assert.equal(found.descriptors.length, 2);
  });

  it('are read from the tag where there is no API', async () => {
    const found = await referrers(
      (registry: FakeRegistry) =>
        void registry.addManifest(Buffer.from(page(entry(1), entry(2), entry(3))), `sha256-${'a'.repeat(64)}`, INDEX),
    );
    assert.equal(found.descriptors.length, 3);
    assert.deepEqual(await referrers((_registry: FakeRegistry) => {}), { descriptors: [], faults: [] });
  });

  it('that cannot be asked for are told as faults, never as none', async () => {
    for (const status of [401, 403, 500]) {
      const { faults } = await referrers((_request, response, _next) => void response.writeHead(status).end());
      // The API, and the tag in its place.
      assert.deepEqual(codesOf(faults), ['SOURCE_UNAVAILABLE', 'SOURCE_UNAVAILABLE']);
    }
  });

  it('that never end, or go round in a circle, or are too many, are read up to a limit (S10, ghsa-298f-872v-2rcx)', async () => {
    let n = 0;
    const link = (query: string) => ({ link: `</v2/models/m/referrers/${SUBJECT}?${query}>; rel="next"` });
    const endless = await referrers((_request, response, _next) => send(response, page(), link(`n=${n++}`)));
    assert.deepEqual(codesOf(endless.faults), ['LIMIT_EXCEEDED']);
    assert.ok(n <= 110);
    const circle = await referrers((_request, response, _next) => send(response, page(entry(1)), link('same')));
    assert.deepEqual(codesOf(circle.faults), ['LIMIT_EXCEEDED']);
    const many = Array.from({ length: 900 }, (_, i) => entry(i));
    const full = await referrers((_request, response, _next) => send(response, page(...many), link(`m=${n++}`)));
    assert.deepEqual([codesOf(full.faults), full.descriptors.length], [['LIMIT_EXCEEDED'], 1000]);
  });

  it('15.27: whose next page has a name longer than any, which would be slow to read, are told as faults', async () => {
    const found = await referrers((_request, response) =>
      send(response, page(entry(1)), { link: `${'<a>;'.repeat(1025)}<a>; rel="next"` }),
    );
    assert.equal(found.descriptors.length, 1);
    assert.match(found.faults[0]?.message ?? '', /too great a length/);
  });

  it('whose next page lies elsewhere are not asked for there (ghsa-h7vf-4x9w-h99v)', async () => {
    for (const target of [
      'http://127.0.0.1:1/v2/models/m/referrers/x',
      '/v2/other/m/referrers/x',
      '//evil.example/v2/models/m/x',
    ]) {
      const { descriptors, faults } = await referrers((_request, response, _next) =>
        send(response, page(entry(1)), { link: `<${target}>; rel="next"` }),
      );
      assert.deepEqual([descriptors.length, codesOf(faults)], [1, ['SOURCE_UNAVAILABLE']]);
    }
  });
});
