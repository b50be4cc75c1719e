// Issue 21: a rule about what files are, on every way that an artifact goes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { safetensors, soundSafetensors, zip } from '../content/build.ts';
import { tarOf } from '../content/tar.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { descriptor, sha256, titled } from '../registry/push.ts';
import { type Finished, passed, refused, run, workFolder, write } from './cli.ts';

const PICKLE = 'cos\nsystem\n(S"id"\ntR.';
/**
 * Weights large enough that lanes are used, and hashed by another thread than the one that receives
 * them.
 */
const WEIGHTS = (() => {
  const bytes = 9 << 20;
  return safetensors({ w: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } }, Buffer.alloc(bytes, 1));
})();
const MODEL = {
  'model.safetensors': WEIGHTS,
  'small.safetensors': soundSafetensors(),
  'config.json': JSON.stringify({ architectures: ['LlamaForCausalLM'], max_position_embeddings: 4096 }),
  'README.md': '---\nlicense: apache-2.0\n---\n# Model\n',
};
const ALLOW = ['--allow-formats', 'safetensors,json,text'];

/** What is in a model, and what is said of it. */
const BAD: readonly (readonly [what: string, files: Record<string, string | Buffer>, says: RegExp])[] = [
  ['a pickle called .safetensors', { 'b.safetensors': PICKLE }, /is pickle, which is not allowed/],
  ['code beside the weights', { 'modeling_x.py': 'import os\n' }, /is python/],
  ['auto_map', { 'a/config.json': '{"auto_map": {"AutoModel": "modeling_x.X"}}' }, /auto-map, which is not allowed/],
  ['a template that leaves the sandbox', { 't.json': '{"chat_template": "{{ x.__class__ }}"}' }, /has jinja/],
  ['a header that is not sound', { 'b.safetensors': soundSafetensors().subarray(0, -1) }, /no sound safetensors/],
  ['a zip in a .bin', { 'pytorch_model.bin': zip({ 'a/data.pkl': PICKLE }) }, /is torch/],
  ['a tar in gzip in a .pt', { 'm.pt': gzipSync(tarOf({ 'data.pkl': PICKLE })) }, /is compressed/],
  ['a polyglot', { 'b.safetensors': polyglot() }, /a zip file as well/],
  ['a polyglot of 9 MiB', { 'b.safetensors': polyglot(9 << 20) }, /a zip file as well/],
];

function polyglot(before = 8): Buffer {
  const hidden = Buffer.concat([Buffer.alloc(before), zip({ 'a/data.pkl': PICKLE })]);
  return safetensors({ t: { dtype: 'U8', shape: [hidden.length], data_offsets: [0, hidden.length] } }, hidden);
}

function model(more: Record<string, string | Buffer> = {}): string {
  const folder = workFolder();
  write(folder, { ...MODEL, ...more });
  return folder;
}

describe('21: a volume with a rule about its content', () => {
  for (const hasher of ['wasm', 'native'])
    it(`passes where every file is allowed, by ${hasher}`, async () => {
      passed(await run(['verify', model(), ...ALLOW, '--hasher', hasher]));
    });

  for (const [what, files, says] of BAD)
    it(`is refused with ${what}`, async () => {
      const result = await run(['verify', model(files), ...ALLOW]);
      refused(result, 'CONTENT_REFUSED', says);
    });

  it('is refused by a file that is alone', async () => {
    const folder = workFolder();
    write(folder, { 'model.safetensors': PICKLE, 'good.safetensors': soundSafetensors() });
    refused(await run(['verify', join(folder, 'model.safetensors'), ...ALLOW]), 'CONTENT_REFUSED');
    passed(await run(['verify', join(folder, 'good.safetensors'), ...ALLOW]));
  });

  it('is refused among many small files, whichever it is', async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`d/${i}.json`, `{"i":${i}}`]));
    refused(await run(['verify', model({ ...many, 'd/2999.json': PICKLE }), ...ALLOW]), 'CONTENT_REFUSED', /2999/);
    passed(await run(['verify', model(many), ...ALLOW]));
  });

  it('is looked at by each of its names, also where several lead to one file', async () => {
    const folder = model();
    symlinkSync('README.md', join(folder, 'a.md'));
    passed(await run(['verify', folder, ...ALLOW, '--allow-symlinks']));
    symlinkSync('README.md', join(folder, 'modeling.py'));
    refused(await run(['verify', folder, ...ALLOW, '--allow-symlinks']), 'CONTENT_REFUSED', /modeling\.py/);
  });

  it('publishes no copy of what is refused', async () => {
    const destination = join(workFolder(), 'm');
    const policy = policyFile({ path: destination, source: model({ 'b.bin': PICKLE }) });
    const result = await run(['verify', '--policy', policy]);
    refused(result, 'CONTENT_REFUSED');
    assert.ok(!existsSync(destination));
  });

  it('is judged beside a pin, each by itself', async () => {
    const folder = model({ 'b.bin': PICKLE });
    const digest = (await run(['digest', folder])).stdout.slice(0, 64);
    refused(await run(['verify', folder, '--sha256', digest, ...ALLOW]), 'CONTENT_REFUSED');
    passed(await run(['verify', folder, '--sha256', digest, ...ALLOW, '--allow-formats-in', 'b.bin=pickle']));
    refused(await run(['verify', folder, '--sha256', 'a'.repeat(64), ...ALLOW]), 'DIGEST_MISMATCH');
  });

  it('names exceptions by whole paths', async () => {
    const folder = model({ 'code/a.py': 'pass\n', 'code/b/c.py': 'pass\n' });
    const allowing = (pattern: string) => run(['verify', folder, ...ALLOW, '--allow-formats-in', `${pattern}=python`]);
    refused(await allowing('*.py'), 'CONTENT_REFUSED');
    refused(await allowing('code/*.py'), 'CONTENT_REFUSED', /code\/b\/c\.py/);
    passed(await allowing('code/**'));
    passed(await allowing('**/*.py'));
    refused(await allowing('**/a.py'), 'CONTENT_REFUSED', /c\.py/);
  });

  it('lets no exception pass what is not sound, or two things at once', async () => {
    const words = [...ALLOW, '--allow-formats', 'zip,torch,pickle', '--allow-formats-in', '**=zip,torch,pickle'];
    refused(await run(['verify', model({ 'b.safetensors': polyglot() }), ...words]), 'CONTENT_REFUSED');
  });

  for (const words of [
    ['--allow-formats', 'safetensor'],
    ['--allow-formats', ''],
    ['--allow-formats-in', 'a=json'],
    [...ALLOW, '--allow-formats-in', '../a=json'],
    [...ALLOW, '--allow-formats-in', 'json'],
  ])
    it(`says what is wrong with ${words.join(' ')}`, async () =>
      assert.equal((await run(['verify', model(), ...words])).status, 64));

  it('says in its report what the files are', async () => {
    const report = join(workFolder(), 'report.json');
    passed(await run(['verify', model(), ...ALLOW, '--report', report]));
    const [artifact] = JSON.parse(readFileSync(report, 'utf8')).artifacts;
    const { formats, parameters, licence, architecture } = artifact.content;
    assert.deepEqual(formats, { safetensors: 2, json: 1, text: 1 });
    assert.deepEqual([parameters, licence, architecture], [(9 << 20) + 3, 'apache-2.0', 'LlamaForCausalLM']);
  });
});

/** A policy of one artifact that requires its content, and perhaps more. */
function policyFile(
  { path, source }: { path: string; source?: string },
  content = 'formats: [safetensors, json, text]',
): string {
  const folder = workFolder();
  write(folder, {
    'policy.yaml': `
apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: content}
spec:
  artifacts:
    - name: model
      path: ${path}
      ${source === undefined ? '' : `source: ${source}`}
      require:
        - content: {${content}}
`,
  });
  return join(folder, 'policy.yaml');
}

describe('21: a policy with a rule about content', () => {
  const verifying = (folder: string, content: string) =>
    run(['verify', '--policy', policyFile({ path: folder }, content)]);
  const FORMATS = 'formats: [safetensors, json, text]';

  it('names exceptions', async () => {
    const folder = model({ 'x/modeling.py': 'pass\n' });
    refused(await verifying(folder, FORMATS), 'CONTENT_REFUSED');
    passed(await verifying(folder, `${FORMATS}, except: [{paths: ["x/*.py"], formats: [python]}]`));
  });

  for (const condition of [
    'content.parameters < 100e9',
    'content.parameters > 9000000.0',
    'content.licence in ["mit", "apache-2.0"]',
    'content.contextLength >= 4096',
    'content.formats.all(f, f in ["safetensors", "json", "text"])',
    'content.architecture == "LlamaForCausalLM" && content.modelCard && content.sound',
    '"pickle" in content.formats == false',
    'content.types == ["F32", "U8"]',
  ])
    it(`lets pass what meets ${condition}`, async () =>
      passed(await verifying(model(), `${FORMATS}, conditions: ['${condition}']`)));

  for (const condition of ['content.parameters < 1e6', 'content.licence == "mit"', 'content.nothing == 1'])
    it(`refuses what does not meet ${condition}`, async () =>
      refused(await verifying(model(), `${FORMATS}, conditions: ['${condition}']`), 'CONDITION_FAILED'));

  for (const [content, says] of [
    ['formats: []', /formats/],
    ['formats: [safetensor]', /did you mean safetensors/],
    [`${FORMATS}, conditions: ["predicate.x == 1"]`, /condition/],
    [`${FORMATS}, except: [{paths: ["/x"], formats: [json]}]`, /root of the artifact/],
    [`${FORMATS}, allow: x`, /allow/],
  ] as const)
    it(`is an error with ${content}`, async () => {
      const result = await verifying(model(), content);
      assert.equal(result.status, 78, result.stdout);
      assert.match(result.stdout, says);
    });

  it('is explained', async () => {
    const file = policyFile({ path: '/m' }, `${FORMATS}, conditions: ["content.parameters < 1e9"]`);
    const { stdout } = await run(['policy', 'explain', file]);
    assert.match(stdout, /every file is one of safetensors, json, text, by its bytes, and sound/);
    assert.match(stdout, /content\.parameters < 1e9/);
  });
});

describe('21: what is fetched with a rule about its content', () => {
  const pulled = async (
    registry: FakeRegistry,
    words: readonly string[] = [],
  ): Promise<Finished & { path: string }> => {
    const path = join(workFolder(), 'm');
    const source = `oci://${registry.host}/models/m:v1`;
    const pin = ['--plain-http', registry.host, ...ALLOW, ...words];
    return { ...(await run(['verify', source, path, ...pin])), path };
  };

  it('from a registry is published where it is allowed, and then verified in place', async () => {
    const registry = await FakeRegistry.start();
    registry.add(Object.entries(MODEL).map(([name, bytes]) => titled(name, bytes)));
    const result = await pulled(registry);
    passed(result);
    assert.ok(readFileSync(join(result.path, 'model.safetensors')).equals(WEIGHTS));
    passed(await run(['verify', result.path, ...ALLOW]));
  });

  for (const [what, files, says] of BAD)
    it(`from a registry is not published with ${what}`, async () => {
      const registry = await FakeRegistry.start();
      registry.add(Object.entries({ ...MODEL, ...files }).map(([name, bytes]) => titled(name, bytes)));
      const result = await pulled(registry);
      refused(result, 'CONTENT_REFUSED', says);
      assert.ok(!existsSync(result.path));
    });

  for (const [what, files, says] of BAD.slice(0, 5))
    it(`in an archive of a registry is not published with ${what}`, async () => {
      const registry = await FakeRegistry.start();
      const unpacked = tarOf({ 'config.json': '{}', ...files });
      const config = Buffer.from(JSON.stringify({ modelfs: { type: 'layers', diffIds: [sha256(unpacked)] } }));
      registry.blobs.set(sha256(config), config);
      const mediaType = 'application/vnd.cncf.model.config.v1+json';
      registry.add([{ mediaType: 'application/vnd.cncf.model.weight.v1.tar+gzip', bytes: gzipSync(unpacked) }], 'v1', {
        config: descriptor({ mediaType, bytes: config }),
      });
      const result = await pulled(registry);
      refused(result, 'CONTENT_REFUSED', says);
      assert.ok(!existsSync(result.path));
    });

  it('from a server is published where it is allowed, and not where it is not', async () => {
    for (const [bytes, isAllowed] of [
      [WEIGHTS, true],
      [Buffer.from(PICKLE), false],
      [polyglot(9 << 20), false],
    ] as const) {
      const server = await FakeRegistry.start();
      server.handler = (_, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      const path = join(workFolder(), 'model.safetensors');
      const pin = sha256(bytes).slice('sha256:'.length);
      const words = ['--plain-http', server.host, '--sha256', pin, ...ALLOW];
      const result = await run(['verify', `http://${server.host}/model.safetensors`, path, ...words]);
      if (isAllowed) passed(result);
      else refused(result, 'CONTENT_REFUSED');
      assert.equal(existsSync(path), isAllowed);
    }
  });

  it('from an archive of a server is held against it, member by member', async () => {
    for (const [files, isAllowed] of [
      [MODEL, true],
      [{ ...MODEL, 'b.bin': PICKLE }, false],
    ] as const) {
      const bytes = gzipSync(tarOf(files), { level: 1 });
      const server = await FakeRegistry.start();
      server.handler = (_, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      const path = join(workFolder(), 'm');
      const pin = sha256(bytes).slice('sha256:'.length);
      const words = ['--plain-http', server.host, '--sha256', pin, '--unpack', ...ALLOW];
      const result = await run(['verify', `http://${server.host}/m.tgz`, path, ...words]);
      if (isAllowed) passed(result);
      else refused(result, 'CONTENT_REFUSED', /b\.bin/);
      assert.equal(existsSync(path), isAllowed);
    }
  });
});
