// hf://: models and datasets of a hub, listed at one commit and pinned by what they hold.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { safetensors, soundSafetensors, zip } from '../content/build.ts';
import { FakeHub, type Handler, pointerOf, refuse, sendBytes } from '../store/hub.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const FILES = {
  'config.json': '{"model_type":"llama"}',
  'README.md': '# A model',
  'weights/model-1.safetensors': randomBytes(200_000),
  'weights/model-2.safetensors': randomBytes(70_000),
};

const LARGEST = createHash('sha256').update(FILES['weights/model-1.safetensors']).digest('hex');

/** The tree digest by its definition. */
function treeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const listing = Object.entries(files)
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
  return createHash('sha256').update(listing.join('')).digest('hex');
}

async function hub(files: Readonly<Record<string, string | Buffer>> = FILES, id = 'acme/model'): Promise<FakeHub> {
  const fake = await FakeHub.start();
  after(() => fake.close());
  fake.add(id, files);
  return fake;
}

interface Fetched extends Finished {
  readonly path: string;
  readonly volume: string;
  readonly report: { artifacts: Record<string, unknown>[] };
}

async function fetchModel(
  fake: FakeHub,
  source = 'hf://acme/model',
  {
    pin = treeOf(FILES),
    flags = [],
    environment = {},
    volume = workFolder(),
  }: { pin?: string; flags?: string[]; environment?: Record<string, string>; volume?: string } = {},
): Promise<Fetched> {
  const path = join(volume, 'model');
  const report = join(workFolder(), 'report.json');
  const result = await run(
    [
      'verify',
      source,
      path,
      '--plain-http',
      fake.host,
      '--report',
      report,
      ...(pin === '' ? [] : ['--sha256', pin]),
      ...flags,
    ],
    { environment: { ...fake.environment, HF_TOKEN: 'hf_hunter2', ...environment } },
  );
  assert.doesNotMatch(result.stdout + result.stderr, /hunter2/);
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '{"artifacts":[]}';
  assert.doesNotMatch(text, /hunter2/);
  return { ...result, path, volume, report: JSON.parse(text) };
}

describe('hf://', () => {
  it('of thousands of files is published whole', async () => {
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`${i}`.padStart(4, '0'), `${i}`]));
    const fake = await hub(many, 'acme/many');
    const result = await fetchModel(fake, 'hf://acme/many', { pin: treeOf(many) });
    passed(result);
    assert.equal(readdirSync(result.path).length, 1100);
  });

  it('18: is listed at one commit, fetched, verified by its tree digest and published', async () => {
    const fake = await hub();
    fake.pageSize = 2;
    const commit = fake.repositories.get('models/acme/model')?.commit ?? '';
    const result = await fetchModel(fake);
    assert.equal(result.status, 0, result.stdout);
    for (const [name, content] of Object.entries(FILES))
      assert.ok(readFileSync(join(result.path, name)).equals(Buffer.from(content)), name);
    const [artifact] = result.report.artifacts;
    assert.deepEqual(artifact?.['store'], { revision: commit, include: [], exclude: [] });
    const [readme] = (artifact?.['files'] ?? []) as { name: string; version: string; promised: object }[];
    assert.deepEqual([readme?.name, readme?.version], ['README.md', commit]);
    assert.deepEqual(Object.keys(readme?.promised ?? {}), ['algorithm', 'digest']);
    assert.equal(fake.asked(/\/resolve\/main\//).length, 0, 'every file is asked for by the commit');
    assert.equal(fake.asked(/\/revision\//).length, 1);
  });

  it('18: what lies at the destination already is verified there, and the hub is not asked', async () => {
    const fake = await hub();
    const path = join(workFolder(), 'model');
    for (const [name, content] of Object.entries(FILES)) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), content);
    }
    const words = ['verify', 'hf://acme/model', path, '--plain-http', fake.host, '--sha256', treeOf(FILES)];
    assert.equal((await run(words, { environment: fake.environment })).status, 0);
    assert.equal(fake.requests.length, 0);
  });

  it('18: the token goes to the hub alone, and not to the storage that it redirects to', async () => {
    const fake = await hub();
    await fetchModel(fake);
    assert.ok(fake.requests.some(({ isStorage }) => isStorage));
    for (const { isStorage, authorization, line } of fake.requests)
      assert.equal(authorization, isStorage ? undefined : 'Bearer hf_hunter2', line);
  });

  it('18: `weighlock digest` prints what to pin, writes nothing and says at which commit', async () => {
    const fake = await hub();
    const result = await run(['digest', 'hf://acme/model:main', '--plain-http', fake.host], {
      environment: fake.environment,
    });
    assert.equal(result.stdout, `${treeOf(FILES)}\n`);
    assert.match(result.stderr, new RegExp(fake.repositories.get('models/acme/model')?.commit ?? '-'));
  });

  it('18: --include and --exclude choose files, and stand in the report', async () => {
    const fake = await hub();
    const chosen = { 'weights/model-1.safetensors': FILES['weights/model-1.safetensors'] };
    const flags = ['--include', '*.safetensors', '--exclude', 'weights/*-2.*'];
    const result = await fetchModel(fake, 'hf://acme/model', { pin: treeOf(chosen), flags });
    assert.equal(result.status, 0, result.stdout);
    assert.equal(existsSync(join(result.path, 'README.md')), false);
    const { include, exclude } = (result.report.artifacts[0]?.['store'] ?? {}) as Record<string, string[]>;
    assert.deepEqual([include, exclude], [['*.safetensors'], ['weights/*-2.*']]);
    const none = await fetchModel(fake, 'hf://acme/model', { flags: ['--include', '*.gguf'] });
    assert.deepEqual([none.status, none.codes], [65, ['SOURCE_EMPTY']]);
  });

  it('18: a dataset, a tag, and a revision with a slash', async () => {
    const fake = await hub();
    fake.add('datasets/acme/data', { 'train.csv': 'a,b\n' }, ['v1.0', 'refs/pr/1']);
    for (const source of ['hf://datasets/acme/data:v1.0', 'hf://datasets/acme/data@refs/pr/1']) {
      const result = await fetchModel(fake, source, { pin: treeOf({ 'train.csv': 'a,b\n' }) });
      assert.equal(result.status, 0, result.stdout);
    }
  });

  it('18: a commit is no requirement by itself; with one, it is the commit that has to be there', async () => {
    const fake = await hub();
    const commit = fake.repositories.get('models/acme/model')?.commit ?? '';
    const unpinned = await fetchModel(fake, `hf://acme/model@${commit}`, { pin: '' });
    assert.equal(unpinned.status, 78);
    const pinned = await fetchModel(fake, `hf://acme/model@${commit}`);
    assert.equal(pinned.status, 0, pinned.stdout);
    // A branch that is called like a commit.
    fake.repositories.set('models/acme/model', { commit: 'f'.repeat(40), names: [commit], files: new Map() });
    const moved = await fetchModel(fake, `hf://acme/model@${commit}`);
    assert.deepEqual([moved.status, moved.codes], [65, ['DIGEST_MISMATCH']]);
  });

  it('18: model.sig is fetched and judged first: a wrong one costs no other file', async () => {
    const fixtures = fileURLToPath(new URL('../fixtures/model-signing/', import.meta.url));
    const names = readdirSync(join(fixtures, 'model'), { recursive: true, withFileTypes: true });
    const files: Record<string, Buffer> = {};
    for (const one of names.filter((entry) => entry.isFile())) {
      const path = join(one.parentPath, one.name);
      files[relative(join(fixtures, 'model'), path)] = readFileSync(path);
    }
    const signed = { ...files, 'model.sig': readFileSync(join(fixtures, 'prime256v1.sig')) };
    const flags = ['--key', join(fixtures, 'keys/prime256v1.pub'), '--insecure-ignore-tlog'];
    const good = await fetchModel(await hub(signed), 'hf://acme/model', { pin: '', flags });
    assert.equal(good.status, 0, good.stdout);
    const others = ['--key', join(fixtures, 'keys/secp384r1.pub'), '--insecure-ignore-tlog'];
    const bad = await hub(signed);
    const refused = await fetchModel(bad, 'hf://acme/model', { pin: '', flags: others });
    assert.equal(refused.status, 65, refused.stdout);
    assert.deepEqual(
      bad.asked(/\/resolve\//).map((line) => line.replace(/.*\//, '')),
      ['model.sig'],
    );
    const more = await hub({ ...signed, 'extra.bin': 'x' });
    const unexpected = await fetchModel(more, 'hf://acme/model', { pin: '', flags });
    assert.deepEqual([unexpected.status, unexpected.codes], [65, ['FILE_UNEXPECTED']]);
    assert.equal(more.asked(/\/resolve\//).length, 1, 'names alone prove it');
    const without = await fetchModel(await hub(files), 'hf://acme/model', { pin: '', flags });
    assert.deepEqual([without.status, without.codes], [65, ['SIGNATURE_MISSING']]);
  });

  it('18: a large file comes by several ranges, all of one commit', async () => {
    const large = { 'model.gguf': randomBytes(20 << 20) };
    const fake = await hub(large);
    const result = await fetchModel(fake, 'hf://acme/model', { pin: treeOf(large) });
    assert.equal(result.status, 0, result.stdout);
    assert.ok(fake.requests.filter(({ isStorage }) => isStorage).length >= 4);
  });

  it('18: content that is not what the hub itself says is asked for twice, and refused', async () => {
    for (const isStorage of [true, false]) {
      const fake = await hub();
      const lie: Handler = (request, response, next) => {
        if (isStorage) sendBytes(request, response, Buffer.alloc(request.url?.includes('x') ? 0 : 200_000));
        else if (request.url?.endsWith('config.json')) sendBytes(request, response, Buffer.alloc(22));
        else next();
      };
      if (isStorage)
        fake.storageHandler = (request, response, next) =>
          request.url?.startsWith(`/${LARGEST}`) ? lie(request, response, next) : next();
      else fake.handler = lie;
      const result = await fetchModel(fake);
      assert.equal(result.status, 65, result.stdout);
      assert.match(result.stdout, /not what the store itself says/);
      assert.equal(fake.asked(isStorage ? new RegExp(LARGEST) : /config\.json/).length, 2);
    }
  });

  it('18: a gated repository names the page where its conditions are accepted, and nothing is published', async () => {
    const fake = await hub();
    fake.handler = (_, response) => refuse(response, 403, 'GatedRepo');
    const result = await fetchModel(fake);
    assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']]);
    assert.match(result.stdout, new RegExp(`accept them at http://${fake.host}/acme/model`));
    assert.equal(existsSync(result.path), false);
  });

  it('18: a Git LFS pointer in the place of the content is called one', async () => {
    const fake = await hub();
    const pointer = pointerOf(FILES['weights/model-1.safetensors']);
    fake.handler = (request, response, next) =>
      request.url?.endsWith('model-1.safetensors') ? sendBytes(request, response, pointer) : next();
    const result = await fetchModel(fake);
    assert.equal(result.status, 65, result.stdout);
    assert.match(result.stdout, /Git LFS pointer came in the place/);
  });

  it('18: a hub that limits requests is asked again when it says', async () => {
    const fake = await hub();
    let refused = 0;
    fake.handler = (request, response, next) => {
      if (refused++ > 0 || !/\/tree\//.test(request.url ?? '')) return next();
      return response.writeHead(429, { ratelimit: '"api";r=0;t=1' }).end();
    };
    const result = await fetchModel(fake);
    assert.equal(result.status, 0, result.stdout);
  });
});

/** A tensor of so many bytes. */
function weights(data: Buffer): Buffer {
  return safetensors({ t: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }, data);
}

/** One whose end is a zip file with a program in it. */
const polyglot = (bytes: number) => weights(Buffer.concat([Buffer.alloc(bytes), zip({ 'a/data.pkl': PICKLE })]));

const PICKLE = Buffer.concat([Buffer.from('cos\nsystem\n(S"id"\ntR.'), Buffer.alloc(200_000, 'x')]);

/**
 * Of each size that files come in: from the hub itself, whole from its storage, and by ranges into
 * threads that hash.
 */
const CONTENT: readonly (readonly [what: string, weights: Buffer, says: RegExp | undefined])[] = [
  ['sound weights', weights(Buffer.alloc(200_000, 1)), undefined],
  ['few sound weights', soundSafetensors(), undefined],
  ['sound weights of 20 MiB', weights(Buffer.alloc(20 << 20, 1)), undefined],
  ['a pickle', PICKLE, /is pickle, which is not allowed/],
  ['a small pickle', PICKLE.subarray(0, 100), /is pickle/],
  ['a polyglot', polyglot(200_000), /a zip file as well/],
  ['a polyglot of 20 MiB', polyglot(20 << 20), /a zip file as well/],
];

describe('hf:// with a rule about content', () => {
  const flags = ['--allow-formats', 'safetensors,json'];
  const fetching = (fake: FakeHub, volume = workFolder()) =>
    fetchModel(fake, 'hf://acme/model', { pin: '', flags, volume });

  /** What is published is what is allowed, and nothing is of what is not. */
  function judged(result: Fetched, bytes: Buffer, says: RegExp | undefined): void {
    if (says !== undefined) {
      refused(result, 'CONTENT_REFUSED', says);
      assert.equal(existsSync(result.path), false);
      return;
    }
    passed(result);
    assert.ok(readFileSync(join(result.path, 'm.safetensors')).equals(bytes));
    const content = result.report.artifacts[0]?.['content'] as { formats?: object } | undefined;
    assert.deepEqual(content?.formats, { safetensors: 1, json: 1 });
  }

  for (const [what, bytes, says] of CONTENT)
    it(`21: ${what} called m.safetensors: ${says === undefined ? 'published' : 'refused'}`, async () => {
      judged(await fetching(await hub({ 'config.json': '{}', 'm.safetensors': bytes })), bytes, says);
    });

  const named = (...names: string[]) => CONTENT.filter(([what]) => names.includes(what));

  for (const [what, bytes, says] of named('sound weights', 'a pickle', 'a polyglot of 20 MiB'))
    it(`21: ${what} that an earlier run without the rule brought whole: looked at all the same`, async () => {
      const files = { 'config.json': '{}', 'm.safetensors': bytes };
      const fake = await hub(files);
      const volume = workFolder();
      fake.handler = (request, response, next) =>
        request.url?.endsWith('config.json') ? refuse(response, 403, 'GatedRepo') : next();
      const first = await fetchModel(fake, 'hf://acme/model', { pin: treeOf(files), volume });
      refused(first, 'SOURCE_UNAVAILABLE', /./, 75);
      const before = fake.requests.filter(({ isStorage }) => isStorage).length;
      assert.ok(before > 0);
      fake.handler = (_request, _response, next) => next();
      judged(await fetching(fake, volume), bytes, says);
      assert.equal(fake.requests.filter(({ isStorage }) => isStorage).length, before, 'it lay there already');
    });

  for (const [what, bytes, says] of named('sound weights', 'a polyglot'))
    it(`21: ${what} that an earlier run brought half of: looked at from the first byte`, async () => {
      const fake = await hub({ 'config.json': '{}', 'm.safetensors': bytes });
      const volume = workFolder();
      let times = 0;
      fake.storageHandler = (_request, response) => {
        if (times++ > 0) return void response.writeHead(403).end();
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
      };
      refused(await fetching(fake, volume), 'SOURCE_UNAVAILABLE', /./, 75);
      const ranges: (string | undefined)[] = [];
      fake.storageHandler = (request, _response, next) => {
        ranges.push(request.headers.range);
        next();
      };
      judged(await fetching(fake, volume), bytes, says);
      assert.match(ranges.join(), /^bytes=[1-9]\d*-/);
    });
});
