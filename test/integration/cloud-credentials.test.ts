// Whose credentials are shown to Google Cloud Storage and Azure, and to nobody else.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeAzure } from '../store/azure.ts';
import { FakeGcs } from '../store/gcs.ts';
import { sendJson } from '../store/hub.ts';
import { workFolder } from './cli.ts';
import { FILES, fetchModel } from './fetch-model.ts';

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
