// Issue 21: what is in a model, by its headers alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { safetensors, soundSafetensors } from '../content/build.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { titled } from '../registry/push.ts';
import { CLOUDS, type FakeBucket } from '../store/buckets.ts';
import { FakeHub } from '../store/hub.ts';
import { passed, run, workFolder, write } from './cli.ts';

const BYTES = 24 << 20;
const WEIGHTS = safetensors(
  { w: { dtype: 'BF16', shape: [BYTES / 2], data_offsets: [0, BYTES] } },
  Buffer.alloc(BYTES),
);
const MODEL = {
  'model.safetensors': WEIGHTS,
  'config.json': '{"architectures":["LlamaForCausalLM"],"max_position_embeddings":4096}',
  'README.md': '---\nlicense: apache-2.0\n---\n# Model\n',
};

interface Shown {
  readonly bytes: number;
  readonly bytesRead: number;
  readonly formats: Record<string, number>;
  readonly model: Record<string, unknown>;
  readonly claims: readonly { kind: string; signer?: string; issuer?: string }[];
  readonly files: readonly { name: string; findings: readonly { text: string }[] }[];
}

async function shown(
  source: string,
  words: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Shown> {
  const result = await run(['inspect', source, '--format', 'json', ...words], { environment });
  passed(result);
  return JSON.parse(result.stdout) as Shown;
}

const EXPECTED = {
  parameters: BYTES / 2,
  tensors: 1,
  types: { BF16: 1 },
  architecture: 'LlamaForCausalLM',
  contextLength: 4096,
  licence: 'apache-2.0',
  isModelCard: true,
};

function folder(files: Record<string, string | Buffer> = MODEL): string {
  const made = workFolder();
  write(made, files);
  return made;
}

describe('21: weighlock inspect', () => {
  it('reads the headers of a volume, and no tensors', async () => {
    const { model, formats, bytes, bytesRead } = await shown(folder());
    assert.deepEqual(model, EXPECTED);
    assert.deepEqual(formats, { safetensors: 1, json: 1, text: 1 });
    assert.ok(bytesRead < bytes / 100, `${bytesRead} of ${bytes}`);
  });

  it('reads an artifact of a registry by ranges: fewer than one byte of a hundred', async () => {
    const registry = await FakeRegistry.start();
    registry.add(Object.entries(MODEL).map(([name, bytes]) => titled(name, bytes)));
    let sent = 0;
    registry.handler = (request, response, next) => {
      response.on('finish', () => (sent += Number(response.getHeader('content-length') ?? 0)));
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const blob = registry.blobs.get(request.url?.split('/blobs/')[1] ?? '');
      if (from === undefined || to === undefined || blob === undefined) return next();
      const part = blob.subarray(Number(from), Number(to) + 1);
      const range = `bytes ${from}-${to}/${blob.length}`;
      response.writeHead(206, { 'content-length': part.length, 'content-range': range }).end(part);
    };
    const { model, bytesRead } = await shown(`oci://${registry.host}/models/m:v1`, ['--plain-http', registry.host]);
    assert.deepEqual(model, EXPECTED);
    assert.ok(bytesRead < WEIGHTS.length / 100);
    assert.ok(sent < WEIGHTS.length / 100, `${sent} bytes were sent`);
  });

  it('reads a file of a server by ranges', async () => {
    const server = await FakeRegistry.start();
    let sent = 0;
    server.handler = (request, response) => {
      const [, from = '0', to = ''] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const part = WEIGHTS.subarray(Number(from), Number(to) + 1);
      sent += part.length;
      const range = `bytes ${from}-${Number(from) + part.length - 1}/${WEIGHTS.length}`;
      response.writeHead(206, { 'content-length': part.length, 'content-range': range }).end(part);
    };
    const { model } = await shown(`http://${server.host}/model.safetensors`, ['--plain-http', server.host]);
    assert.equal(model['parameters'], BYTES / 2);
    assert.ok(sent < WEIGHTS.length / 100, `${sent} bytes were sent`);
  });

  for (const cloud of CLOUDS) {
    const bucket = async () => {
      const fake = await cloud.start();
      after(() => fake.close());
      cloud.put(fake, Object.fromEntries(Object.entries(MODEL).map(([name, bytes]) => [`llama/${name}`, bytes])));
      return fake;
    };
    const wordsFor = (fake: FakeBucket) => [cloud.source(fake, 'llama/'), '--plain-http', fake.host] as const;

    it(`reads ${cloud.name} by ranges of the versions that were listed`, async () => {
      const fake = await bucket();
      const [source, ...words] = wordsFor(fake);
      const { model, bytesRead } = await shown(source, words, fake.environment);
      assert.deepEqual(model, EXPECTED);
      assert.ok(bytesRead < WEIGHTS.length / 100);
      const reads = fake.requests.filter(({ line, headers }) => cloud.isRead(line, headers));
      assert.ok(reads.length > 0);
      for (const { headers } of reads) assert.match(headers.range ?? '', /^bytes=\d+-\d+$/);
    });

    it(`${cloud.name}: an object that is replaced, or a server that gives no ranges, is not looked at`, async () => {
      for (const isReplaced of [true, false]) {
        const fake = await bucket();
        fake.handler = (request, _response, next) => {
          if (!cloud.isRead(`${request.method} ${request.url}`, request.headers)) return next();
          if (!isReplaced) {
            delete request.headers.range;
            return next();
          }
          cloud.put(fake, Object.fromEntries(Object.keys(MODEL).map((name) => [`llama/${name}`, `other ${name}`])));
          return next();
        };
        const result = await run(['inspect', ...wordsFor(fake)], { environment: fake.environment });
        assert.equal(result.status, 75, result.stdout + result.stderr);
        assert.match(result.stderr, isReplaced ? /replaced/ : /does not send a part/);
      }
    });
  }

  it('reads hf:// by ranges, at one commit', async () => {
    const fake = await FakeHub.start();
    after(() => fake.close());
    fake.add('acme/model', MODEL);
    const words = ['--plain-http', fake.host, '--exclude', '*.md'];
    const environment = { ...fake.environment, HF_TOKEN: 'hf_hunter2' };
    const result = await run(['inspect', 'hf://acme/model', '--format', 'json', ...words], { environment });
    passed(result);
    assert.doesNotMatch(result.stdout + result.stderr, /hunter2/);
    const { model, bytesRead, formats } = JSON.parse(result.stdout) as Shown;
    assert.equal(model['parameters'], BYTES / 2);
    assert.deepEqual(formats, { safetensors: 1, json: 1 });
    assert.ok(bytesRead < WEIGHTS.length / 100);
    assert.match(result.stderr, /is at the commit [0-9a-f]{40}/);
    assert.equal(fake.asked(/\/resolve\/main\//).length, 0);
  });

  it('says what is wrong with a file', async () => {
    const { files } = await shown(folder({ 'a.safetensors': soundSafetensors().subarray(0, -1) }));
    assert.match(files[0]?.findings[0]?.text ?? '', /ends at 12, and there are 11/);
  });

  it('says who claims to have signed, and that nothing of it was verified', async () => {
    const bundle = readFileSync(new URL('../fixtures/public-good/oci-attestation.sigstore.json', import.meta.url));
    const { claims } = await shown(folder({ ...MODEL, 'model.sig': bundle }));
    assert.ok(claims[0]?.kind === 'signature' || claims[0]?.kind === 'attestation');
    assert.ok((claims[0]?.signer ?? '').length > 0);
    const { stdout } = await run(['inspect', folder({ ...MODEL, 'model.sig': bundle })]);
    assert.match(stdout, /claimed, and not verified here/);
  });

  it('writes text that no file can make a terminal obey', async () => {
    const keys = { __metadata__: { a: '\u001b[2J' }, '\u001b[2J': { dtype: 'F33', shape: [], data_offsets: [0, 0] } };
    const { stdout } = await run(['inspect', folder({ 'a.safetensors': safetensors(keys) })]);
    assert.ok(!stdout.includes('\u001b'), JSON.stringify(stdout));
  });

  it('writes a bill of materials that the schema of CycloneDX 1.6 takes', async () => {
    const { stdout } = await run(['inspect', folder(), '--format', 'cyclonedx']);
    const bom = JSON.parse(stdout) as { metadata: { component: { type: string; licenses: unknown } } };
    const schema = (name: string) =>
      JSON.parse(readFileSync(new URL(`../fixtures/content/cyclonedx/${name}`, import.meta.url), 'utf8'));
    const ajv = new Ajv({ strict: false, validateFormats: false });
    for (const name of ['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json'])
      ajv.addSchema({ ...schema(name), $id: `http://cyclonedx.org/schema/${name}` });
    const validate = ajv.compile(schema('bom-1.6.SNAPSHOT.schema.json'));
    assert.ok(validate(bom), JSON.stringify(validate.errors?.slice(0, 4)));
    assert.equal(bom.metadata.component.type, 'machine-learning-model');
    assert.deepEqual(bom.metadata.component.licenses, [{ license: { id: 'Apache-2.0' } }]);
    bom.metadata.component.type = 'model';
    assert.ok(!validate(bom));
  });

  it('of what is not there ends with a reason', async () => {
    const result = await run(['inspect', join(folder(), 'nothing')]);
    assert.equal(result.status, 65);
    assert.match(result.stderr, /FILE_MISSING/);
  });
});
