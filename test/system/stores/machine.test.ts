// Credentials of the machine and of the pod at the addresses where they are, and buckets at the
// names that they have: in a network of its own, which needs root, with no setting that a pod would
// not have.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { certificate } from '../registry.ts';

const NAMES = ['s3.eu-central-1.amazonaws.com', 'storage.googleapis.com', 'acmemodels.blob.core.windows.net'] as const;

/** What the clouds and the agents of ECS and EKS have on a link. */
const ADDRESSES = ['169.254.169.254', '169.254.170.2', '169.254.170.23'];

const ALONE = ['unshare', ['--net', '--mount', 'true']] as const;
const skip = spawnSync(...ALONE).status === 0 ? false : 'it needs root, unshare and a network of its own';

interface Result {
  readonly status: number;
  readonly output: string;
  /** What the metadata was asked. */
  readonly asked: readonly string[];
}

describe('18: a machine of a cloud', { skip }, () => {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-machine-'));
  let results: Readonly<Record<string, Result>>;
  before(() => {
    certificate(work, ...NAMES);
    writeFileSync(join(work, 'hosts'), `127.0.0.1 localhost ${NAMES.join(' ')}\n`);
    const script = [
      'mount --make-rprivate /',
      `mount --bind ${work}/hosts /etc/hosts`,
      'ip link set lo up',
      ...ADDRESSES.map((address) => `ip address add ${address}/32 dev lo`),
      'exec "$@"',
    ].join(' && ');
    const program = [process.execPath, join(import.meta.dirname, 'machine.ts'), work];
    const output = execFileSync('unshare', ['--net', '--mount', 'sh', '-c', script, 'sh', ...program], {
      encoding: 'utf8',
      timeout: 300_000,
      env: { PATH: process.env['PATH'] },
    });
    results = JSON.parse(output);
  });
  after(() => rmSync(work, { recursive: true, force: true }));

  const of = (name: string): Result => results[name] ?? assert.fail(`no ${name}`);
  const roles = 'GET /latest/meta-data/iam/security-credentials/';

  for (const [name, first] of [
    ['EC2', 'PUT /latest/api/token'],
    ['ECS', 'GET /credentials/task'],
    ['EKS', 'GET /credentials/pod'],
    ['GCE', 'GET /computeMetadata/v1/instance/service-accounts/default/token?scopes='],
    ['Azure', 'GET /metadata/identity/oauth2/token?api-version='],
  ] as const)
    it(`18: ${name}: a model by the identity of the machine or pod, through no proxy, and no secret is shown`, () => {
      const { status, output, asked } = of(name);
      assert.equal(status, 0, output);
      assert.ok(asked[0]?.startsWith(first), asked.join());
      assert.doesNotMatch(output, /hunter2/);
    });

  it('18: EC2: each keeper of credentials asks version 2 alone, in its order', () => {
    assert.deepEqual(of('EC2').asked.slice(0, 3), ['PUT /latest/api/token', roles, `${roles}weighlock-nodes`]);
  });

  for (const [name, status] of [
    ['EC2 without its metadata', 75],
    ['GCE without its metadata', 75],
    ['Azure elsewhere', 75],
    ['Azure by a signature', 0],
    ['Azure in public', 0],
  ] as const)
    it(`18: ${name}: the metadata is not asked, and the run ends with ${status}`, () => {
      const result = of(name);
      assert.deepEqual([result.status, result.asked], [status, []], result.output);
      assert.doesNotMatch(result.output, /hunter2/);
    });
});
