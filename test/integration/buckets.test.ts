// s3://, gs:// and Azure: objects of a bucket or container, each in the version that was listed,
// pinned by what they hold.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeAzure } from '../store/azure.ts';
import { CLOUDS, type FakeBucket, type Files, type Listed } from '../store/buckets.ts';
import { FakeGcs } from '../store/gcs.ts';
import { pointerOf, sendJson } from '../store/hub.ts';
import { type Finished, run, workFolder } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': randomBytes(100_000), 'weights/b c+d%.bin': randomBytes(50_000) };

function treeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
  const lines = Object.keys(files).sort();
  return sha256(lines.map((name) => `${sha256(files[name] ?? '')}  ${name}\n`).join(''));
}

interface Fetched extends Finished {
  readonly path: string;
  readonly report: { artifacts: { files?: Record<string, unknown>[] }[] };
}

async function fetchModel(
  fake: FakeBucket,
  source: string,
  options: { pin?: string; flags?: readonly string[]; environment?: Record<string, string> } = {},
): Promise<Fetched> {
  const { pin = treeOf(FILES), flags = [], environment = fake.environment } = options;
  const path = join(workFolder(), 'model');
  const report = join(workFolder(), 'report.json');
  const words = ['verify', source, path, '--plain-http', fake.host, '--report', report, '--sha256', pin, ...flags];
  const result = await run(words, { environment: { NO_GCE_CHECK: 'true', ...environment } });
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '{"artifacts":[]}';
  assert.doesNotMatch(result.stdout + result.stderr + text, /hunter2/);
  return { ...result, path, report: JSON.parse(text) };
}

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

describe('credentials of Google Cloud', () => {
  /** A service account whose tokens this server gives. */
  async function withKey(tokens: readonly string[]) {
    const fake = await FakeGcs.start();
    after(() => fake.close());
    fake.add('models', Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`llama/${name}`, content])));
    let asked = 0;
    fake.handler = (request, response, next) => {
      if (request.method !== 'POST') return next();
      const token = tokens[asked++] ?? '';
      fake.tokens = new Set([token]);
      sendJson(response, { access_token: token, token_type: 'Bearer', expires_in: 3600 });
    };
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = join(workFolder(), 'key.json');
    const key = {
      type: 'service_account',
      project_id: 'p',
      private_key_id: 'k',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      client_email: 'reader@p.iam.gserviceaccount.com',
      token_uri: `http://${fake.host}/token`,
    };
    writeFileSync(file, JSON.stringify(key));
    return {
      fake,
      environment: { ...fake.environment, GOOGLE_APPLICATION_CREDENTIALS: file },
      asked: () => asked,
      key,
    };
  }

  it('18: an external account gives its token through our own transport, and a new one where that has ended', async () => {
    const { fake } = await withKey([]);
    const subject = join(workFolder(), 'subject');
    writeFileSync(subject, 'jwt-hunter2');
    let asked = 0;
    let isOver = false;
    fake.handler = (request, response, next) => {
      if (request.method === 'POST') {
        const token = `token-hunter2-${++asked}`;
        fake.tokens = (fake.tokens ?? new Set()).add(token);
        sendJson(response, {
          access_token: token,
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: 3600,
        });
        return;
      }
      if (!isOver && /alt=media/.test(request.url ?? '')) {
        isOver = true;
        fake.tokens?.clear();
      }
      next();
    };
    const file = join(workFolder(), 'external.json');
    const external = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://${fake.host}/v1/token`,
      credential_source: { file: subject },
    };
    writeFileSync(file, JSON.stringify(external));
    const environment = { ...fake.environment, GOOGLE_APPLICATION_CREDENTIALS: file };
    const result = await fetchModel(fake, 'gs://models/llama/', { environment });
    assert.equal(result.status, 0, result.stdout + result.stderr);
    assert.ok(asked >= 2);
  });

  it('18: a token server that redirects does not get the assertion there', async () => {
    const { fake, environment } = await withKey(['unused']);
    const elsewhere = await FakeGcs.start();
    after(() => elsewhere.close());
    for (const status of [302, 307, 308]) {
      fake.handler = (request, response, next) => {
        if (request.method !== 'POST') return next();
        response.writeHead(status, { location: `http://${elsewhere.host}/token` }).end();
      };
      assert.notEqual((await fetchModel(fake, 'gs://models/llama/', { environment })).status, 0);
    }
    assert.deepEqual(elsewhere.requests, []);
  });

  it('18: a file of credentials that is none is a configuration error, and no part of it is shown', async () => {
    for (const [text, why] of [
      ['{"private_key": "hunter2', /no JSON/],
      ['{"type": "hunter2"}', /its type is not known/],
      ['[]', /its type is not known/],
      [
        '{"type": "external_account", "credential_source": {"executable": {"command": "hunter2"}}}',
        /it names a program to run/,
      ],
    ] as const) {
      const { fake } = await withKey([]);
      const file = join(workFolder(), 'bad.json');
      writeFileSync(file, text);
      const environment = { ...fake.environment, GOOGLE_APPLICATION_CREDENTIALS: file };
      const { status, codes, stdout } = await fetchModel(fake, 'gs://models/llama/', { environment });
      assert.deepEqual([status, codes], [78, ['CONFIG_INVALID']], text);
      assert.match(stdout, why);
    }
  });
});

describe('credentials of Azure', () => {
  async function container(access: FakeAzure['access']): Promise<FakeAzure> {
    const fake = await FakeAzure.start();
    after(() => fake.close());
    fake.access = access;
    fake.add('models', Object.fromEntries(Object.entries(FILES).map(([name, content]) => [`llama/${name}`, content])));
    return fake;
  }

  it("18: requests are signed with the account's key, which counts for no other account", async () => {
    const fake = await container('key');
    assert.equal((await fetchModel(fake, `${fake.url}/models/llama/`)).status, 0);
    const other = fake.environment['AZURE_STORAGE_CONNECTION_STRING']?.replace('AccountKey=', 'AccountKey=AAAA');
    const wrong = await fetchModel(fake, `${fake.url}/models/llama/`, {
      environment: { AZURE_STORAGE_CONNECTION_STRING: other ?? '' },
    });
    assert.deepEqual(wrong.codes, ['SOURCE_UNAVAILABLE']);
  });

  it('18: a signature is sent as it was given, and shown nowhere', async () => {
    const sas = 'sv=2022-11-02&sr=c&sp=rl&sig=hunter2%2Fhunter2%3D';
    const fake = await container({ sas });
    const given = `${fake.environment['AZURE_STORAGE_CONNECTION_STRING']};SharedAccessSignature=${sas}`;
    const environment = { AZURE_STORAGE_CONNECTION_STRING: given };
    const result = await fetchModel(fake, `${fake.url}/models/llama`, { environment });
    assert.equal(result.status, 0, result.stdout);
    assert.ok(fake.requests.every(({ line }) => line.endsWith(sas)));
  });

  it('18: a signature in the URL goes to its host, and not to an address that the environment names', async () => {
    const fake = await container('public');
    const result = await fetchModel(fake, `${fake.url}/models/llama?sv=2022-11-02&sig=hunter2`);
    assert.deepEqual([result.status, result.codes, fake.requests], [78, ['CONFIG_INVALID'], []]);
  });

  it('18: a service account is exchanged for a token, and again where that has ended', async () => {
    const issued = new Set<string>();
    const fake = await container({ tokens: issued });
    const file = join(workFolder(), 'token');
    writeFileSync(file, 'jwt-hunter2');
    let asked = 0;
    let isOver = false;
    fake.handler = (request, response, next) => {
      if (request.method === 'POST') {
        const token = `token-hunter2-${++asked}`;
        issued.add(token);
        assert.equal(request.url, '/tenant-1/oauth2/v2.0/token');
        sendJson(response, { access_token: token, expires_in: 3600 });
        return;
      }
      if (!isOver && request.headers['if-match'] !== undefined) {
        isOver = true;
        issued.clear();
      }
      next();
    };
    const identity = {
      AZURE_TENANT_ID: 'tenant-1',
      AZURE_CLIENT_ID: 'client-1',
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_AUTHORITY_HOST: `http://${fake.host}/`,
    };
    const environment = { ...fake.environment, ...identity };
    const result = await fetchModel(fake, `${fake.url}/models/llama/`, { environment });
    assert.equal(result.status, 0, result.stdout + result.stderr);
    assert.ok(asked >= 2);
  });

  it('18: an authority that redirects does not get the assertion there', async () => {
    const fake = await container({ tokens: new Set() });
    const elsewhere = await container('public');
    const file = join(workFolder(), 'token');
    writeFileSync(file, 'jwt-hunter2');
    fake.handler = (request, response, next) => {
      if (request.method !== 'POST') return next();
      response.writeHead(307, { location: `http://${elsewhere.host}/` }).end();
    };
    const identity = {
      AZURE_TENANT_ID: 'tenant-1',
      AZURE_CLIENT_ID: 'client-1',
      AZURE_FEDERATED_TOKEN_FILE: file,
      AZURE_AUTHORITY_HOST: `http://${fake.host}/`,
    };
    const result = await fetchModel(fake, `${fake.url}/models/llama/`, {
      environment: { ...fake.environment, ...identity },
    });
    assert.notEqual(result.status, 0);
    assert.equal(elsewhere.requests.length, 0);
  });
});
