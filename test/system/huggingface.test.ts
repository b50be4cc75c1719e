// Layouts that huggingface_hub itself makes, with its own functions: its cache, and what it keeps
// beside a download.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../integration/cli.ts';
import { NO_PYTHON, PYTHON } from './stores/python.ts';

const SCRIPT = fileURLToPath(new URL('huggingface.py', import.meta.url));

describe('18: huggingface_hub', { skip: NO_PYTHON }, () => {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-huggingface-'));
  after(() => rmSync(work, { recursive: true, force: true }));
  const [cache, local] = [join(work, 'cache'), join(work, 'local')];
  let made: { snapshot: string; files: string[]; warnings: string[]; isShared: boolean };

  before(() => {
    made = JSON.parse(execFileSync(PYTHON, [SCRIPT, cache, local], { encoding: 'utf8' }));
    assert.deepEqual(made.warnings, []);
    assert.equal(made.files.length, 4);
  });

  const digest = async (path: string, ...more: string[]) => {
    const { status, stdout, stderr } = await run(['digest', path, ...more]);
    assert.equal(status, 0, stdout + stderr);
    return stdout.trim();
  };

  it('18: a snapshot of its cache has the digest that sha256sum finds behind its links', async () => {
    const listing =
      "find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1";
    const expected = execFileSync('sh', ['-c', listing], { cwd: made.snapshot, encoding: 'utf8' }).trim();
    assert.equal(await digest(made.snapshot), expected);
    const destination = join(work, 'published');
    const { status, stdout } = await run(['verify', `file://${made.snapshot}`, destination, '--sha256', expected]);
    assert.equal(status, 0, stdout);
    assert.equal(await digest(destination), expected);
  });

  it('18: what it keeps beside a download is left out by its preset, and nothing else is', async () => {
    const pin = await digest(made.snapshot);
    assert.equal(await digest(local, '--storage-preset', 'huggingface'), pin);
    assert.notEqual(await digest(local), pin);
    const verify = ['verify', local, '--sha256', pin, '--storage-preset', 'huggingface'];
    assert.equal((await run(verify)).status, 0);
    writeFileSync(join(local, '.cache/huggingface/download/evil.py'), 'x');
    assert.deepEqual((await run(verify)).codes, ['DIGEST_MISMATCH']);
  });
});
