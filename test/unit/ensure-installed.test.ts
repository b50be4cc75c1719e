// What newcomers see whose machine is not as the scripts need it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/ensure-installed.mjs', import.meta.url));

/** Runs the script as another version of Node would, in a checkout of its own without packages. */
function runAs(version: string, npm: string): { status: number | null; stderr: string } {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock größe -'));
  after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'scripts'));
  copyFileSync(SCRIPT, join(folder, 'scripts/ensure-installed.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 });
  const versions = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  const words = ['--import', `data:text/javascript,${encodeURIComponent(versions)}`, 'scripts/ensure-installed.mjs'];
  const { status, stderr } = spawnSync(process.execPath, words, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env['PATH']}` },
  });
  return { status, stderr };
}

describe('20: a fresh clone', () => {
  it('on a Node that is too old says which one to install, and installs nothing', () => {
    for (const version of ['18.20.8', '16.0.0', '19.9.0']) {
      const { status, stderr } = runAs(version, 'echo npm was started >&2');
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`Node 20 or newer, and this is Node ${version}: install one`));
      assert.doesNotMatch(stderr, /npm was started/);
    }
  });

  it('is installed by npm on any other, and what cannot be installed ends the script', () => {
    for (const version of ['20.0.0', '26.10.0']) {
      assert.deepEqual(runAs(version, 'exit 0'), { status: 0, stderr: '' });
      const { status, stderr } = runAs(version, 'exit 7');
      assert.equal(status, 7);
      assert.match(stderr, /needs the network once/);
    }
  });
});
