// s3:// against servers that others wrote, filled by boto3: moto, which holds requests against
// IAM's users and policies, and Versity's gateway, which holds each against its signature.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeProgram } from './build.ts';
import { describeServer, type RealServer, type Running } from './cases.ts';
import { Filler } from './filler.ts';
import { NO_PYTHON, PYTHON } from './python.ts';
import { freePort, startServer } from './server.ts';

const FILL = join(import.meta.dirname, 'fill-s3.py');

/** A user who may read, and requests that are held against it from then on. */
const POD = `
import boto3, json, sys, urllib.request
endpoint = sys.argv[1]
iam = boto3.client('iam', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id='root', aws_secret_access_key='root')
for name, actions in {'pod': ['s3:GetObject', 's3:ListBucket'], 'root': ['s3:*']}.items():
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName='read', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': actions, 'Resource': '*'}]}))
keys = {name: iam.create_access_key(UserName=name)['AccessKey'] for name in ['pod', 'root']}
urllib.request.urlopen(urllib.request.Request(endpoint + '/moto-api/reset-auth', data=b'0', headers={'Content-Type': 'text/plain'}, method='POST'))
print(json.dumps({name: [key['AccessKeyId'], key['SecretAccessKey']] for name, key in keys.items()}))
`;

type Keys = readonly [id: string, secret: string];

const S3: Pick<RealServer, 'url' | 'ofVersion' | 'says'> = {
  url: (bucket, key) => `s3://${bucket}/${key}`,
  ofVersion: ({ headers }) => headers['if-match'] !== undefined && headers.range !== undefined,
  says: { wrong: /SignatureDoesNotMatch/, noBucket: /NoSuchBucket/ },
};

function reached([id, secret]: Keys): Pick<Running, 'environment' | 'wrong'> {
  const environment = (host: string) => ({
    AWS_ENDPOINT_URL: `http://${host}`,
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
  });
  return {
    environment,
    wrong: (host) => ({ ...environment(host), AWS_SECRET_ACCESS_KEY: 'wrongwrongwrongwrongwrong' }),
  };
}

describeServer({
  ...S3,
  name: 'a server of S3 by moto',
  skip: NO_PYTHON,
  reported: { etag: /^"[0-9a-f]{32}"$/, version: /^[\w.-]{20,}$/ },
  async start() {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const server = await startServer([PYTHON, '-m', 'moto.server', '-p', `${port}`], port);
    const bucket = await Filler.start([PYTHON, FILL, origin, 'root', 'root', 'models']);
    bucket.stop();
    const { pod, root } = JSON.parse(execFileSync(PYTHON, ['-c', POD, origin], { encoding: 'utf8' }));
    const filler = await Filler.start([PYTHON, FILL, origin, ...root]);
    return {
      port,
      put: (files) => filler.put('models', files),
      ...reached(pod),
      stop() {
        filler.stop();
        server.kill();
      },
    };
  },
});

const gateway = storeProgram('versitygw');

describeServer({
  ...S3,
  name: "Versity's gateway of S3",
  skip: NO_PYTHON || (gateway === undefined && 'there is no build/stores-go: see .ci/run'),
  reported: { etag: /^"[0-9a-f]{32}"$/, version: /^[0-9A-Z]{20,}$/ },
  async start() {
    assert.ok(gateway);
    const work = mkdtempSync(join(tmpdir(), 'weighlock-versitygw-'));
    const folder = (name: string) => {
      mkdirSync(join(work, name));
      return join(work, name);
    };
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const keys = ['gatewayroot', 'gateway-secret-gateway-secret'] as const;
    const flags = ['--access', keys[0], '--secret', keys[1], '--port', `127.0.0.1:${port}`, '--quiet'];
    const backend = ['posix', '--sidecar', folder('sidecar'), '--versioning-dir', folder('versions'), folder('data')];
    const server = await startServer([gateway, ...flags, ...backend], port);
    const filler = await Filler.start([PYTHON, FILL, origin, ...keys, 'models']);
    return {
      port,
      put: (files) => filler.put('models', files),
      ...reached(keys),
      stop() {
        filler.stop();
        server.kill();
        rmSync(work, { recursive: true, force: true });
      },
    };
  },
});
