// The runtime verifier in its image: as a container beside a workload, read-only root, nobody's
// user.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { recipe } from '../integration/cli.ts';

const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string;
const NAME = 'weighlock-watch-test';
const work = mkdtempSync(join(tmpdir(), 'weighlock-watch-'));
after(() => {
  spawnSync('podman', ['rm', '--force', '--time', '0', NAME]);
  rmSync(work, { recursive: true, force: true });
});

describe('weighlock watch in the image', () => {
  it('tells probes what the volume is worth, and ends when it is told to', async () => {
    chmodSync(work, 0o755);
    writeFileSync(join(work, 'weights.bin'), Buffer.alloc(1 << 20, 7));
    const flags = [
      '--read-only',
      '--cap-drop=ALL',
      '--memory=128m',
      '--network=host',
      '--volume',
      `${work}:/models:ro`,
    ];
    const command = ['watch', '/models', `--sha256=${recipe(work)}`, '--interval=1s', '--listen=127.0.0.1:8791'];
    const podman = ['run', '--detach', '--name', NAME, ...flags, `ghcr.io/weighlock/weighlock:${version}`, ...command];
    execFileSync('podman', podman, { stdio: 'pipe' });
    const status = (path: string) =>
      fetch(`http://127.0.0.1:8791${path}`).then(
        (one) => one.status,
        () => 0,
      );
    while ((await status('/readyz')) !== 200) await delay(100);
    writeFileSync(join(work, 'weights.bin'), Buffer.alloc(1 << 20, 8));
    while ((await status('/readyz')) !== 503) await delay(100);
    assert.equal(await status('/healthz'), 200);
    execFileSync('podman', ['stop', '--time', '10', NAME], { stdio: 'pipe' });
    const code = execFileSync('podman', ['inspect', '--format', '{{.State.ExitCode}}', NAME], { encoding: 'utf8' });
    assert.equal(code.trim(), '143', 'by itself, not killed');
  });
});
