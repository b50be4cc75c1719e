// s3://, gs:// and Azure: objects of a bucket or container, each in the version that was listed,
// pinned by what they hold.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CLOUDS, type Files, type Listed } from '../store/buckets.ts';
import { FakeGcs } from '../store/gcs.ts';
import { pointerOf } from '../store/hub.ts';
import { run } from './cli.ts';
import { FILES, fetchModel, treeOf } from './fetch-model.ts';

for (const cloud of CLOUDS) {
  const bucket = async (files: Files = FILES) => {
    const fake = await cloud.start();
    after(() => fake.close());
    cloud.put(fake, Object.fromEntries(Object.entries(files).map(([name, content]) => [`llama/${name}`, content])));
    return fake;
  };

  describe(cloud.name, () => {
    it('18: a prefix is listed page by page, fetched, verified, published; the report has each version and what the store says', async () => {
      const fake = await bucket();
      fake.pageSize = 2;
      cloud.put(fake, { 'llama-2/x.bin': 'x', 'llama/': '', 'llama/weights/': '' });
      const result = await fetchModel(fake, cloud.source(fake, 'llama/'));
      assert.equal(result.status, 0, result.stdout);
      for (const [name, content] of Object.entries(FILES))
        assert.ok(readFileSync(join(result.path, name)).equals(Buffer.from(content)), name);
      const [first] = result.report.artifacts[0]?.files ?? [];
      assert.match(`${first?.['version']}`, cloud.reported.version);
      assert.match(`${first?.['etag']}`, cloud.reported.etag);
      const md5 = createHash('md5').update('{}').digest('base64');
      assert.deepEqual(first?.['checksums'], cloud.hasSums ? { md5 } : undefined);
      const words = ['digest', cloud.source(fake, 'llama'), '--plain-http', fake.host];
      assert.equal((await run(words, { environment: fake.environment })).stdout, `${treeOf(FILES)}\n`);
    });

    it('18: an object is a file, by several ranges, each of the version that was listed', async () => {
      const bytes = randomBytes(20 << 20);
      const fake = await bucket({ 'model.gguf': bytes });
      const pin = createHash('sha256').update(bytes).digest('hex');
      const result = await fetchModel(fake, cloud.source(fake, 'llama/model.gguf'), { pin });
      assert.equal(result.status, 0, result.stdout);
      assert.ok(readFileSync(result.path).equals(bytes));
      const parts = fake.requests.filter(({ line, headers }) => cloud.isRead(line, headers));
      assert.ok(parts.length >= 4);
      const version = cloud.versionOf(fake, 'llama/model.gguf');
      for (const { line, headers } of parts)
        if (fake instanceof FakeGcs)
          assert.ok(line.includes(`generation=${version}&ifGenerationMatch=${version}`), line);
        else assert.equal(headers['if-match'], version);
    });

    it('18: an object that is stored as gzip is taken as it is stored, as a whole and by ranges', async () => {
      const files = { 'a.txt': gzipSync('a'), 'b.bin': gzipSync(randomBytes(20 << 20), { level: 0 }) };
      const fake = await bucket(files);
      fake.handler = (request, response, next) => {
        // "Transcoding of gzip-compressed files": Google Cloud unpacks it for who takes no gzip.
        const isPacked = !(fake instanceof FakeGcs) || /gzip/.test(`${request.headers['accept-encoding']}`);
        if (!cloud.isRead(request.url ?? '', request.headers)) next();
        else if (isPacked) {
          response.setHeader('content-encoding', 'gzip');
          next();
        } else response.writeHead(200).end('a');
      };
      const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { pin: treeOf(files) });
      assert.equal(result.status, 0, result.stdout);
      for (const [name, bytes] of Object.entries(files)) assert.ok(readFileSync(join(result.path, name)).equals(bytes));
    });

    it('18: an object that is replaced between listing and reading is begun anew once; replaced for good, it is 75', async () => {
      for (const isForGood of [false, true]) {
        const fake = await bucket({ 'a.bin': randomBytes(5000) });
        let replaced = 0;
        fake.handler = (request, _response, next) => {
          const isRead = cloud.isRead(request.url ?? '', request.headers);
          if (isRead && (replaced === 0 || isForGood)) cloud.put(fake, { 'llama/a.bin': `new ${replaced++}` });
          next();
        };
        const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { pin: treeOf({ 'a.bin': 'new 0' }) });
        assert.equal(result.status, isForGood ? 75 : 0, result.stdout);
        assert.deepEqual(result.codes, isForGood ? ['SOURCE_UNAVAILABLE'] : []);
      }
    });

    it('18: an object that is replaced by a larger one is not fetched: --max-bytes and room are for what was listed', async () => {
      const fake = await bucket({ 'a.bin': 'x', b: 'y' });
      let reads = 0;
      fake.handler = (request, _response, next) => {
        if (cloud.isRead(request.url ?? '', request.headers) && reads++ === 0)
          cloud.put(fake, { 'llama/a.bin': randomBytes(2 << 20), 'llama/b': 'yy' });
        next();
      };
      const flags = ['--max-bytes', '1M'];
      const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { flags });
      assert.deepEqual([result.status, result.codes.every((code) => code === 'SOURCE_UNAVAILABLE')], [75, true]);
      assert.match(result.stdout, /replaced by a larger one/);
      assert.ok(Number(result.events.find(({ event }) => event === 'verdict')?.['bytes']) <= 4);
    });

    it('18: an object that is replaced between two of its ranges is never made of both', async () => {
      const [before, behind] = [randomBytes(20 << 20), randomBytes(20 << 20)];
      const fake = await bucket({ 'a.bin': before });
      let reads = 0;
      fake.handler = (request, _response, next) => {
        if (cloud.isRead(request.url ?? '', request.headers) && ++reads === 3)
          cloud.put(fake, { 'llama/a.bin': behind });
        next();
      };
      const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { pin: treeOf({ 'a.bin': behind }) });
      assert.equal(result.status, 0, result.stdout);
      assert.ok(readFileSync(join(result.path, 'a.bin')).equals(behind));
    });

    it('18: a server that sends another version than was asked for is not believed', async () => {
      const fake = await bucket({ 'a.bin': 'honest' });
      fake.handler = (request, response, next) => {
        if (!cloud.isRead(request.url ?? '', request.headers)) return next();
        response.writeHead(200, { 'content-length': 6, etag: '"0xOTHER"', 'x-goog-generation': '1' }).end('honest');
      };
      const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { pin: treeOf({ 'a.bin': 'honest' }) });
      assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']]);
    });

    const listed = (...names: string[]): Listed[] => names.map((name) => ({ name, bytes: Buffer.from('x') }));
    const below = (...names: string[]) => listed(...names.map((name) => `llama/${name}`));
    for (const [what, all, code] of [
      ['a key with ..', below('../x'), 'UNSAFE_ENTRY'],
      ['a key that begins with a slash', below('/x'), 'UNSAFE_ENTRY'],
      ['a key with two slashes', below('a//b'), 'UNSAFE_ENTRY'],
      ['a key with a control character', below('a\tb'), 'UNSAFE_ENTRY'],
      ['a key of 1,024 bytes', below('x'.repeat(1018)), 'UNSAFE_ENTRY'],
      ['two keys that are one on some file systems', below('A.bin', 'a.bin'), 'UNSAFE_ENTRY'],
      ['two keys of one name in Unicode', below('\u00e9', 'e\u0301'), 'UNSAFE_ENTRY'],
      ['the same key twice', below('a', 'a'), 'UNSAFE_ENTRY'],
      ['a file that is a folder', below('a', 'a/b'), 'UNSAFE_ENTRY'],
      ['what was not asked for', listed('llama-2/x'), 'SOURCE_UNAVAILABLE'],
      ['no version', cloud.cut.map((version) => ({ name: 'llama/x', bytes: Buffer.from('x'), version })), undefined],
    ] as const)
      for (const [at, files] of (code === undefined ? all.map((one) => [one]) : [all]).entries())
        it(`18: ${what}${at > 0 ? `, cut off otherwise (${at})` : ''}, is refused`, async () => {
          const fake = await bucket();
          fake.handler = (request, response, next) =>
            cloud.isListing.test(request.url ?? '') ? cloud.list(response, files) : next();
          const { status, codes, stdout, path } = await fetchModel(fake, cloud.source(fake, 'llama/'));
          const expected = code ?? 'SOURCE_UNAVAILABLE';
          assert.deepEqual([status, codes], [expected === 'UNSAFE_ENTRY' ? 65 : 75, [expected]], stdout);
          assert.equal(existsSync(path), false);
        });

    it('18: a listing that does not end is asked for no more', async () => {
      for (const [names, next, says, most] of [
        [(page: number) => [`${page}`], () => 'again', /does not go on/, 2],
        [() => [], (page: number) => `page-${page}`, /does not go on/, 120],
        [(page: number) => [`${page}`], (page: number) => `page-${page}`, /--max-files/, 30],
      ] as const) {
        const fake = await bucket();
        let page = 0;
        fake.handler = (request, response, go) => {
          if (!cloud.isListing.test(request.url ?? '')) return go();
          page += 1;
          cloud.list(response, below(...names(page)), next(page));
        };
        const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { flags: ['--max-files', '20'] });
        assert.notEqual(result.status, 0);
        assert.match(result.stdout, says);
        assert.ok(page <= most, `${page} pages`);
      }
    });

    it('18: a key that two pages list is refused', async () => {
      const fake = await bucket();
      let page = 0;
      fake.handler = (request, response, go) => {
        if (!cloud.isListing.test(request.url ?? '')) return go();
        page += 1;
        cloud.list(response, below('x'), page === 1 ? 'more' : undefined);
      };
      assert.deepEqual((await fetchModel(fake, cloud.source(fake, 'llama/'))).codes, ['UNSAFE_ENTRY']);
    });

    it('18: a server that is busy is asked again when it says, and waited for no longer than that', async () => {
      for (const isListing of [true, false]) {
        const fake = await bucket();
        let refused = 0;
        fake.handler = (request, response, next) => {
          if (cloud.isListing.test(request.url ?? '') !== isListing || refused > 0) return next();
          refused += 1;
          response.writeHead(429, { 'retry-after': '0' }).end();
        };
        assert.equal((await fetchModel(fake, cloud.source(fake, 'llama/'))).status, 0);
        fake.handler = (_request, response) => response.writeHead(429, { 'retry-after': '86400' }).end();
        const result = await fetchModel(fake, cloud.source(fake, 'llama/'));
        assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']]);
        assert.match(result.stdout, /rate limit/);
      }
    });

    it('18: a server that sends us elsewhere does not send the credentials there', async () => {
      const fake = await bucket();
      const environment = cloud.lock(fake);
      const elsewhere = await bucket();
      elsewhere.handler = (_request, response) => response.writeHead(410).end();
      for (const isListing of [true, false]) {
        fake.handler = (request, response, next) =>
          cloud.isListing.test(request.url ?? '') === isListing
            ? response
                .writeHead(307, { location: `http://${elsewhere.host.replace('127.0.0.1', 'localhost')}/x` })
                .end()
            : next();
        const result = await fetchModel(fake, cloud.source(fake, 'llama/'), { environment });
        assert.equal(result.status, 75, result.stdout);
      }
      assert.ok(elsewhere.requests.length > 0);
      for (const { line, headers } of elsewhere.requests) {
        assert.deepEqual([headers.authorization, headers['x-amz-security-token']], [undefined, undefined]);
        assert.doesNotMatch(line, /hunter2/);
      }
    });

    it('18: a Git LFS pointer in the place of the content is called one', async () => {
      const content = randomBytes(5000);
      const fake = await bucket({ 'a.bin': pointerOf(content) });
      const pin = createHash('sha256').update(content).digest('hex');
      const result = await fetchModel(fake, cloud.source(fake, 'llama/a.bin'), { pin });
      assert.deepEqual([result.status, result.codes], [65, ['DIGEST_MISMATCH']]);
      assert.match(result.stdout, /Git LFS pointer/);
    });

    it('18: a bucket that does not exist, and one that may not be read, say what to do', async () => {
      for (const [status, remedy] of [
        [404, /check the names? of the/],
        [403, /objectViewer|Storage Blob Data Reader|s3:ListBucket/],
      ] as const) {
        const fake = await bucket();
        fake.handler = (_request, response) => cloud.fail(response, status);
        const result = await fetchModel(fake, cloud.source(fake, 'llama/'));
        assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']]);
        assert.match(`${result.events.find(({ event }) => event === 'failure')?.['remedy']}`, remedy);
      }
    });

    it('18: a prefix with nothing below it is nothing to verify', async () => {
      const fake = await bucket();
      assert.deepEqual((await fetchModel(fake, cloud.source(fake, 'lla'))).codes, ['SOURCE_EMPTY']);
    });
  });
}
