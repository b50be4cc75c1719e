// s3://: objects of a bucket, each in the version that was listed, pinned by what they hold.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { soundSafetensors } from '../content/build.ts';
import { type Handler, sendJson } from '../store/hub.ts';
import { FakeS3, fail } from '../store/s3.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': randomBytes(100_000), 'weights/b c+d.bin': randomBytes(50_000) };

function treeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const listing = Object.keys(files)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(files[name] ?? '')
          .digest('hex')}  ${name}\n`,
    );
  return createHash('sha256').update(listing.join('')).digest('hex');
}

async function bucket(files: Readonly<Record<string, string | Buffer>> = FILES, handler?: Handler): Promise<FakeS3> {
  const fake = await FakeS3.start();
  after(() => fake.close());
  fake.add('models', Object.fromEntries(Object.entries(files).map(([name, content]) => [`llama/${name}`, content])));
  if (handler !== undefined) fake.handler = handler;
  return fake;
}

interface Options {
  readonly source?: string;
  readonly pin?: string;
  readonly flags?: readonly string[];
  readonly environment?: Record<string, string>;
}

interface Fetched extends Finished {
  readonly path: string;
  readonly report: { artifacts: Record<string, unknown>[] };
}

async function fetchModel(fake: FakeS3, options: Options = {}): Promise<Fetched> {
  const { source = 's3://models/llama/', pin = treeOf(FILES), flags = [], environment = fake.environment } = options;
  const path = join(workFolder(), 'model');
  const report = join(workFolder(), 'report.json');
  const words = ['verify', source, path, '--plain-http', fake.host, '--report', report, '--sha256', pin, ...flags];
  const result = await run(words, { environment });
  const text = existsSync(report) ? readFileSync(report, 'utf8') : '{"artifacts":[]}';
  assert.doesNotMatch(result.stdout + result.stderr + text, /hunter2/);
  return { ...result, path, report: JSON.parse(text) };
}

describe('s3://', () => {
  it('18: a token that ends in the middle is fetched anew, from the service account of the pod', async () => {
    const fake = await bucket();
    const token = join(workFolder(), 'token');
    writeFileSync(token, 'jwt-hunter2');
    const {
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_SESSION_TOKEN: session,
      ...others
    } = fake.environment;
    let exchanges = 0;
    let isOver = false;
    fake.handler = (request, response, next) => {
      if (request.method === 'POST') {
        exchanges += 1;
        isOver = false;
        response.writeHead(200, { 'content-type': 'text/xml' });
        response.end(
          `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey><SessionToken>${session}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        );
      } else if (isOver) fail(response, 400, 'ExpiredToken');
      else {
        isOver = exchanges === 1 && /list-type/.test(request.url ?? '');
        next();
      }
    };
    const environment = {
      ...others,
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/models',
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_ENDPOINT_URL_STS: `http://${fake.host}`,
    };
    const result = await fetchModel(fake, { environment });
    assert.equal(result.status, 0, result.stdout + result.stderr);
    assert.ok(exchanges >= 2);
  });

  it('18: a token service that redirects does not get the token of the pod there', async () => {
    const [fake, elsewhere] = [await bucket(), await bucket()];
    const token = join(workFolder(), 'token');
    writeFileSync(token, 'jwt-hunter2');
    for (const status of [302, 307, 308]) {
      fake.handler = (_request, response) =>
        response.writeHead(status, { location: `http://${elsewhere.host}/` }).end();
      const environment = {
        AWS_ENDPOINT_URL: `http://${fake.host}`,
        AWS_ENDPOINT_URL_STS: `http://${fake.host}`,
        AWS_REGION: 'eu-central-1',
        AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/models',
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
      };
      const result = await fetchModel(fake, { environment });
      assert.deepEqual([result.status, result.codes], [75, ['SOURCE_UNAVAILABLE']]);
    }
    assert.deepEqual(elsewhere.requests, []);
  });

  it("18: the container's provider gives keys at an address of this node, and no other", async () => {
    const fake = await bucket();
    const {
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_SESSION_TOKEN: session,
      ...others
    } = fake.environment;
    fake.handler = (request, response, next) =>
      request.url === '/keys'
        ? sendJson(response, {
            AccessKeyId: id,
            SecretAccessKey: secret,
            Token: session,
            Expiration: '2099-01-01T00:00:00Z',
          })
        : next();
    const own = { ...others, AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${fake.host}/keys` };
    assert.equal((await fetchModel(fake, { environment: own })).status, 0);
    const foreign = { ...others, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://10.0.0.1/keys' };
    const refused = await fetchModel(fake, { environment: foreign });
    assert.deepEqual([refused.status, refused.codes], [78, ['CONFIG_INVALID']]);
  });

  it('18: a file of AWS that names a program to run is not read', async () => {
    const fake = await bucket();
    const work = workFolder();
    const trap = join(work, 'trap');
    const config = join(work, 'config');
    writeFileSync(config, `[default]\ncredential_process = /bin/sh -c "touch ${trap}"\nregion = eu-central-1\n`);
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, AWS_SESSION_TOKEN: ___, ...others } = fake.environment;
    const files = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: config, AWS_PROFILE: 'default' };
    const result = await fetchModel(fake, { environment: { ...others, ...files } });
    assert.deepEqual([result.status, existsSync(trap)], [75, false]);
    assert.match(result.stdout, /no credentials for S3/);
  });

  it('21: weights that are sound are published by a rule about content, and a pickle of their name is not', async () => {
    const sound = soundSafetensors();
    for (const bytes of [sound, Buffer.from('cos\nsystem\n(S"id"\ntR.')]) {
      const files = { 'config.json': '{}', 'm.safetensors': bytes };
      const flags = ['--allow-formats', 'safetensors,json'];
      const result = await fetchModel(await bucket(files), { pin: treeOf(files), flags });
      if (bytes === sound) passed(result);
      else refused(result, 'CONTENT_REFUSED', /is pickle, which is not allowed/);
      assert.equal(existsSync(result.path), bytes === sound);
    }
  });
});
