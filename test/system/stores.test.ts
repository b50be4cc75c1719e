// Stores as others know them: a server of S3 by moto, which holds every request against its signature, and our hub against the real
// huggingface_hub. Both come from PyPI (`.ci/run`); without them these tests are skipped.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { run } from '../integration/cli.ts';
import { FakeHub } from '../store/hub.ts';

const PYTHON = process.env['STORES_PYTHON'] ?? fileURLToPath(new URL('../../build/stores/bin/python', import.meta.url));
const skip = existsSync(PYTHON) ? false : 'there is no build/stores (moto and huggingface_hub from PyPI): see .ci/run';
const PORT = 5093;
const work = mkdtempSync(join(tmpdir(), 'weighlock-stores-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** What the bucket is filled with, and by whom it may be read, by boto3. */
const FILL = `
import boto3, json, sys, urllib.request
endpoint = sys.argv[1]
own = dict(endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id='root', aws_secret_access_key='root')
s3 = boto3.client('s3', **own)
s3.create_bucket(Bucket='models')
s3.put_bucket_versioning(Bucket='models', VersioningConfiguration={'Status': 'Enabled'})
files = {'llama/config.json': b'{}', 'llama/w/a b+c%25(1).bin': b'b' * 70000, 'llama/\\u00fc.txt': b'u', 'llama-2/x': b'x', 'llama/': b''}
for i in range(1100):
    files['many/%04d' % i] = b'%d' % i
for key, body in files.items():
    s3.put_object(Bucket='models', Key=key, Body=body)
iam = boto3.client('iam', **own)
iam.create_user(UserName='pod')
iam.put_user_policy(UserName='pod', PolicyName='read', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
    {'Effect': 'Allow', 'Action': ['s3:GetObject', 's3:ListBucket'], 'Resource': '*'}]}))
key = iam.create_access_key(UserName='pod')['AccessKey']
head = s3.head_object(Bucket='models', Key='llama/config.json')
urllib.request.urlopen(urllib.request.Request(endpoint + '/moto-api/reset-auth', data=b'0', headers={'Content-Type': 'text/plain'}, method='POST'))
print(json.dumps({'id': key['AccessKeyId'], 'secret': key['SecretAccessKey'], 'version': head['VersionId'], 'etag': head['ETag']}))
`;

const FILES = { 'config.json': '{}', 'w/a b+c%25(1).bin': 'b'.repeat(70_000), 'ü.txt': 'u' };

function treeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const listing = Object.keys(files)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(
      (name) =>
        `${createHash('sha256')
          .update(files[name] ?? '')
          .digest('hex')}  ${name}\n`,
    );
  return createHash('sha256').update(listing.join('')).digest('hex');
}

describe('a server of S3 by moto', { skip }, () => {
  let server: ChildProcess;
  let made: { id: string; secret: string; version: string; etag: string };
  before(async () => {
    server = spawn(PYTHON, ['-m', 'moto.server', '-p', `${PORT}`], { stdio: 'ignore' });
    const origin = `http://127.0.0.1:${PORT}`;
    for (let i = 0; i < 100; i++) {
      if (
        await fetch(`${origin}/moto-api/`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        break;
      await delay(300);
    }
    made = JSON.parse(execFileSync(PYTHON, ['-c', FILL, origin], { encoding: 'utf8', timeout: 120_000 }));
  });
  after(() => server.kill());

  const environment = (more: Record<string, string> = {}) => ({
    AWS_ENDPOINT_URL: `http://127.0.0.1:${PORT}`,
    AWS_ACCESS_KEY_ID: made.id,
    AWS_SECRET_ACCESS_KEY: made.secret,
    ...more,
  });
  const plain = ['--plain-http', `127.0.0.1:${PORT}`];

  it('18: gives a prefix to requests with signatures that it checks, and says each version', async () => {
    const path = join(work, 'llama');
    const report = join(work, 'report.json');
    const words = ['verify', 's3://models/llama', path, '--sha256', treeOf(FILES), '--report', report, ...plain];
    const result = await run(words, { environment: environment() });
    assert.equal(result.status, 0, result.stdout);
    const [config] = JSON.parse(readFileSync(report, 'utf8')).artifacts[0].files;
    assert.deepEqual([config.version, config.etag], [made.version, made.etag]);
  });

  it('18: lists in pages', async () => {
    const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`${i}`.padStart(4, '0'), `${i}`]));
    const result = await run(['digest', 's3://models/many/', ...plain], { environment: environment() });
    assert.equal(result.stdout, `${treeOf(many)}\n`, result.stderr);
  });

  it('18: refuses a wrong key, and a bucket that is not there', async () => {
    const wrong = await run(['digest', 's3://models/llama/', ...plain], {
      environment: environment({ AWS_SECRET_ACCESS_KEY: 'wrong' }),
    });
    assert.equal(wrong.status, 75);
    assert.match(wrong.stderr, /SignatureDoesNotMatch/);
    const none = await run(['digest', 's3://nothing/llama/', ...plain], { environment: environment() });
    assert.equal(none.status, 75);
    assert.match(none.stderr, /NoSuchBucket/);
  });
});

describe('huggingface_hub', { skip }, () => {
  it('18: downloads from our hub what weighlock does, with the same patterns', async () => {
    const hub = await FakeHub.start();
    after(() => hub.close());
    hub.pageSize = 3;
    const files = {
      'config.json': '{}',
      'a/b/c.txt': 'c',
      'w/one.bin': randomBytes(5000),
      'w/two.bin': randomBytes(6000),
    };
    const commit = hub.add('acme/model', files, ['main', 'v1']);
    hub.add('datasets/acme/data', { 'train.csv': 'a,b\n' });
    const client = join(work, 'client');
    const script = `
import sys
from huggingface_hub import snapshot_download
print(snapshot_download('acme/model', revision='v1', local_dir=sys.argv[1], token='hf_x', allow_patterns=['w/', '*.json'], ignore_patterns='*two*'))
print(snapshot_download('acme/data', repo_type='dataset', local_dir=sys.argv[1] + '-data', token='hf_x'))
`;
    const environment = {
      ...hub.environment,
      HF_HUB_DISABLE_TELEMETRY: '1',
      HF_HUB_DISABLE_XET: '1',
      HF_HOME: join(work, 'home'),
      PATH: process.env['PATH'] ?? '',
    };
    await promisify(execFile)(PYTHON, ['-c', script, client], { env: environment, timeout: 120_000 });
    const wanted = { 'config.json': files['config.json'], 'w/one.bin': files['w/one.bin'] };
    for (const [name, content] of Object.entries(wanted))
      assert.ok(readFileSync(join(client, name)).equals(Buffer.from(content)), name);
    assert.deepEqual([existsSync(join(client, 'w/two.bin')), existsSync(join(client, 'a'))], [false, false]);
    const path = join(work, 'hub');
    const words = [
      'verify',
      'hf://acme/model:v1',
      path,
      '--include',
      'w/',
      '--include',
      '*.json',
      '--exclude',
      '*two*',
    ];
    const result = await run([...words, '--sha256', treeOf(wanted), '--plain-http', hub.host], {
      environment: hub.environment,
    });
    assert.equal(result.status, 0, result.stdout);
    assert.ok(hub.asked(new RegExp(`/resolve/${commit}/`)).length > 0);
    assert.equal(readFileSync(join(`${client}-data`, 'train.csv'), 'utf8'), 'a,b\n');
  });
});
