// The hub of our tests against the real huggingface_hub, which downloads from it what weighlock
// does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { run } from '../../integration/cli.ts';
import { FakeHub } from '../../store/hub.ts';
import { treeOf } from './cases.ts';
import { NO_PYTHON, PYTHON } from './python.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-stores-'));
after(() => rmSync(work, { recursive: true, force: true }));

describe('huggingface_hub', { skip: NO_PYTHON }, () => {
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
