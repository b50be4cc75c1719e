// Credentials of a machine or a pod, from what answers on its link: bounded in time and size, shown
// nowhere, taken along nowhere.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { Transport } from '../../src/registry/index.ts';
import { azureSettings } from '../../src/store/azure-settings.ts';
import { AzureTokens } from '../../src/store/azure-token.ts';
import { GcsCredentials } from '../../src/store/gcs-credentials.ts';
import { gcsEndpoint, gcsSettings } from '../../src/store/gcs-settings.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { S3Credentials } from '../../src/store/s3-credentials.ts';
import { s3Settings } from '../../src/store/s3-settings.ts';
import type { Handler } from '../store/hub.ts';
import { FakeMetadata, GIVEN } from '../store/metadata.ts';

type Environment = Record<string, string>;

describe('18: credentials of the machine', () => {
  const transport = new Transport({ proxy: { noProxy: '' }, caFiles: [], plainHttp: [] });
  const work = mkdtempSync(join(tmpdir(), 'weighlock-metadata-'));
  let fake: FakeMetadata;
  /** Milliseconds for an answer: of an honest server more than any machine takes. */
  let timeout = 20_000;
  before(async () => {
    fake = await FakeMetadata.start();
  });
  afterEach(() => {
    fake.requests.length = 0;
    timeout = 20_000;
    fake.handler = (_request, _response, next) => next();
    fake.cloud = 'aws';
    fake.aws = GIVEN.aws;
    fake.authorization = undefined;
  });
  after(async () => {
    fake.close();
    await transport.close();
    rmSync(work, { recursive: true });
  });

  const notices: string[] = [];
  const aws = (environment: Environment = {}) =>
    new S3Credentials(s3Settings(environment), 'eu-central-1', transport, new Metadata(fake.origin, timeout));
  const gce = () =>
    new GcsCredentials(gcsSettings({}), transport, (text) => notices.push(text), new Metadata(fake.origin, timeout));
  const azure = (environment: Environment = {}) =>
    new AzureTokens(azureSettings(environment), transport, new Metadata(fake.origin, timeout));
  const container = (more: Environment = {}) => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${fake.origin}/credentials/pod`,
    ...more,
  });
  const expected = {
    accessKeyId: GIVEN.aws.AccessKeyId,
    secretAccessKey: GIVEN.aws.SecretAccessKey,
    sessionToken: GIVEN.aws.Token,
    expiration: new Date(GIVEN.aws.Expiration),
  };
  const header = { authorization: `Bearer ${GIVEN.token}` };

  it('18: EC2: a session first, then the role, then its keys, once for all requests', async () => {
    const credentials = aws();
    assert.deepEqual(await Promise.all([credentials.keys(), credentials.keys()]), [expected, expected]);
    const roles = 'GET /latest/meta-data/iam/security-credentials/';
    assert.deepEqual(fake.lines, ['PUT /latest/api/token', roles, `${roles}weighlock-nodes`]);
  });

  it('18: EC2: keys that end soon are fetched anew, and not for each request', async () => {
    fake.aws = { ...GIVEN.aws, Expiration: new Date(Date.now() + 1000).toISOString() };
    const credentials = aws();
    await credentials.keys();
    await credentials.keys();
    assert.equal(fake.lines.length, 3);
    credentials.forget();
    await credentials.keys();
    assert.equal(fake.lines.length, 6);
  });

  it('18: ECS and EKS: the agent is shown the token of the pod, from its file', async () => {
    const file = join(work, 'token');
    writeFileSync(file, 'jwt-hunter2\n');
    fake.authorization = 'jwt-hunter2';
    assert.deepEqual(await aws(container({ AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file })).keys(), expected);
    fake.authorization = 'Basic hunter2';
    assert.deepEqual(await aws(container({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic hunter2' })).keys(), expected);
  });

  it('18: Compute Engine: a token for reading, fetched once', async () => {
    fake.cloud = 'gce';
    const credentials = gce();
    assert.deepEqual(await credentials.headers(), header);
    assert.deepEqual(await credentials.headers(), header);
    const scope = encodeURIComponent('https://www.googleapis.com/auth/devstorage.read_only');
    assert.deepEqual(fake.lines, [`GET /computeMetadata/v1/instance/service-accounts/default/token?scopes=${scope}`]);
  });

  it('18: Compute Engine: another cloud at that address gives no credentials, and a notice says so', async () => {
    notices.length = 0;
    fake.cloud = 'azure';
    assert.deepEqual(await gce().headers(), {});
    assert.match(notices.join(), /no credentials of Google Cloud/);
  });

  it('18: Azure: the identity of the machine is asked for once what is not public was refused, and not before', async () => {
    fake.cloud = 'azure';
    const tokens = azure({ AZURE_CLIENT_ID: 'c-1' });
    const signal = AbortSignal.timeout(60_000);
    assert.deepEqual(await tokens.headers(signal), {});
    assert.deepEqual(fake.lines, []);
    assert.deepEqual(await Promise.all([tokens.useMachine(), tokens.useMachine()]), [true, true]);
    assert.deepEqual(await tokens.headers(signal), header);
    assert.equal(fake.lines.length, 1);
    assert.match(fake.lines[0] ?? '', /resource=https%3A%2F%2Fstorage\.azure\.com%2F&client_id=c-1$/);
  });

  it('18: Azure: an identity that the environment names is never replaced by that of the machine', async () => {
    fake.cloud = 'azure';
    const named = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 'hunter2' };
    assert.equal(await azure(named).useMachine(), false);
    assert.deepEqual(fake.lines, []);
  });

  /** What an answer may be instead, and what is said of it. */
  const LIES: readonly (readonly [name: string, handler: Handler, said: RegExp])[] = [
    ['says nothing', () => {}, /not answered whole within 0\.3 s|which is too long/],
    [
      'sends a byte at a time',
      (_request, response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write('x'), 100);
        response.on('close', () => clearInterval(timer));
      },
      /not answered whole within 0\.3 s|which is too long/,
    ],
    [
      'sends without end',
      (_request, response) => {
        response.writeHead(200);
        const more = () => {
          while (response.write(Buffer.alloc(16_384, 'x')));
        };
        response.on('drain', more);
        more();
      },
      /more than 65536 bytes/,
    ],
    [
      'sends us elsewhere',
      (request, response) => response.writeHead(307, { location: `http://localhost:1${request.url}` }).end(),
      /elsewhere with a credential/,
    ],
    ['is busy for good', (_request, response) => response.writeHead(503).end('hunter2'), /answered 503/],
    ['does not know us', (_request, response) => response.writeHead(404).end('hunter2'), /answered 404/],
  ];
  const WAYS: readonly (readonly [name: string, keys: () => Promise<unknown>])[] = [
    ['EC2', () => aws().keys()],
    ['a container', () => aws(container({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'hunter2' })).keys()],
  ];
  for (const [way, keys] of WAYS)
    for (const [name, handler, said] of LIES)
      it(`18: ${way}: what ${name} gives no keys, soon, and the error shows no secret`, async () => {
        fake.handler = handler;
        timeout = 300;
        const error = await keys().then(
          () => assert.fail('keys'),
          (reason) => reason,
        );
        assert.ok(error instanceof WeighlockError && error.code === 'SOURCE_UNAVAILABLE', `${error}`);
        assert.match(error.message, said);
        assert.doesNotMatch(`${error.message} ${error.remedy}`, /hunter2/);
      });

  it('18: a metadata server that lies gives Google and Azure no credentials', async () => {
    timeout = 300;
    for (const [, handler] of LIES.slice(2)) {
      fake.handler = handler;
      assert.deepEqual(
        await gce()
          .headers()
          .catch((error) => error.code),
        {},
      );
      assert.equal(await azure().useMachine(), false);
    }
  });

  for (const [name, given] of [
    ['no secret', { ...GIVEN.aws, SecretAccessKey: undefined }],
    ['a line break', { ...GIVEN.aws, Token: 'a\r\nx-evil: 1' }],
    ['a number', { ...GIVEN.aws, AccessKeyId: 7 }],
  ] as const)
    it(`18: keys with ${name} are none`, async () => {
      fake.aws = given;
      await assert.rejects(aws().keys(), /without a token/);
      await assert.rejects(aws(container()).keys(), /without a token/);
    });

  for (const role of ['', '../user-data', 'a/b', 'x'.repeat(65)])
    it(`18: a role named ${JSON.stringify(role.slice(0, 12))} is not asked for`, async () => {
      fake.handler = (request, response, next) => {
        if (request.url?.endsWith('/security-credentials/') === true) response.end(role);
        else next();
      };
      await assert.rejects(aws().keys(), /names no role/);
      assert.equal(fake.lines.length, 2);
    });

  for (const [uri, why] of [
    ['http://10.0.0.1/credentials', /neither https nor an agent/],
    ['http://169.254.169.254/latest', /neither https nor an agent/],
    ['http://127.0.0.1.example.com/', /neither https nor an agent/],
    ['ftp://127.0.0.1/', /neither https nor an agent/],
    ['http://u:hunter2@127.0.0.1/', /no address/],
    ['http://hunter2@127.0.0.1/', /no address/],
    ['nothing', /no address/],
  ] as const)
    it(`18: ${uri.replace('hunter2', '...')} is no provider of a container`, async () => {
      const credentials = aws({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri });
      await assert.rejects(credentials.keys(), (error: WeighlockError) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.match(error.message, why);
        return !JSON.stringify({ ...error, message: error.message }).includes('hunter2');
      });
    });

  it('18: a relative address has its slash, and so names no other host', async () => {
    for (const uri of ['@evil.example.com/', '.evil.example.com/', '1/credentials', ':1/credentials']) {
      const credentials = aws({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: uri });
      await assert.rejects(credentials.keys(), /no address/, uri);
    }
  });

  it('18: a token file that is a device, a folder, too large, empty or not there gives CONFIG_INVALID, and nothing is asked', async () => {
    const [large, empty] = [join(work, 'large'), join(work, 'empty')];
    writeFileSync(large, Buffer.alloc(65_537, 'hunter2'));
    writeFileSync(empty, '\n');
    mkdirSync(join(work, 'folder'));
    for (const file of ['/dev/zero', join(work, 'folder'), large, empty, join(work, 'none')]) {
      const identity = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: 'arn:aws:iam::1:role/r' };
      const federated = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_FEDERATED_TOKEN_FILE: file };
      const external = join(work, 'external.json');
      const document = { type: 'external_account', audience: 'a', credential_source: { file } };
      writeFileSync(external, JSON.stringify(document));
      const google = gcsSettings({ GOOGLE_APPLICATION_CREDENTIALS: external });
      for (const attempt of [
        () => aws(identity).keys(),
        () => aws(container({ AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file })).keys(),
        () => azure(federated).headers(AbortSignal.timeout(60_000)),
        () => new GcsCredentials(google, transport, () => {}).headers(),
      ].slice(0, file === empty ? 3 : 4))
        await assert.rejects(attempt(), (error: WeighlockError) => {
          assert.equal(error.code, 'CONFIG_INVALID', `${file}: ${error.message}`);
          return !error.message.includes('hunter2');
        });
    }
    assert.deepEqual(fake.lines, []);
  });

  it('18: no proxy of the environment learns them', async () => {
    const proxied = new Transport({
      proxy: { http: 'http://127.0.0.1:1', noProxy: '' },
      caFiles: [],
      plainHttp: ['*'],
    });
    const settings = s3Settings({});
    assert.deepEqual(
      await new S3Credentials(settings, 'r', proxied, new Metadata(fake.origin, timeout)).keys(),
      expected,
    );
    await proxied.close();
  });
});

describe('18: the address of an emulator of Google Cloud Storage', () => {
  it('is that of a server, with a slash at its end', () => {
    assert.equal(gcsEndpoint(gcsSettings({})).href, 'https://storage.googleapis.com/');
    for (const [emulator, expected] of [
      ['localhost:4443', 'http://localhost:4443/'],
      ['https://gcs.example/base', 'https://gcs.example/base/'],
    ] as const)
      assert.equal(gcsEndpoint({ ...gcsSettings({}), emulator }).href, expected);
    const wrong = [
      'ftp://x',
      'http://u:p@x',
      'http://x/?a=b',
      'http://x/#a',
      'http://',
      'http://a b',
      'file:///etc/passwd',
    ];
    for (const emulator of wrong)
      assert.throws(() => gcsEndpoint({ ...gcsSettings({}), emulator }), { code: 'CONFIG_INVALID' }, emulator);
  });
});
