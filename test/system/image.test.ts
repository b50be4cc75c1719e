// The image as it is published: packed into build/image by image/build.sh.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { recipe } from '../integration/cli.ts';

const LAYOUT = fileURLToPath(new URL('../../build/image', import.meta.url));
const NAME = 'localhost/weighlock-packed:test';

describe('the packed image', () => {
  after(() => spawnSync('podman', ['rmi', '--force', NAME], { stdio: 'ignore' }));

  it('is at most 40 MB to pull', () => {
    const manifest = JSON.parse(
      execFileSync('skopeo', ['inspect', '--raw', `oci:${LAYOUT}`], { encoding: 'utf8' }),
    ) as {
      layers: { mediaType: string; digest: string; size: number }[];
    };
    for (const { mediaType, digest, size } of manifest.layers) {
      assert.equal(mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd');
      assert.equal(statSync(join(LAYOUT, 'blobs', ...digest.split(':'))).size, size);
    }
    const bytes = manifest.layers.reduce((sum, { size }) => sum + size, 0);
    assert.ok(bytes <= 40e6, `${bytes} bytes`);
  });

  it('runs, and holds the same program as the one that was built', () => {
    execFileSync('skopeo', ['copy', '--quiet', `oci:${LAYOUT}`, `containers-storage:${NAME}`]);
    const run = (image: string, ...args: string[]) =>
      execFileSync('podman', ['run', '--rm', '--network=none', image, ...args], { encoding: 'utf8' });
    assert.match(run(NAME, '--version'), /^\d+\.\d+\.\d+/);
    const layers = (image: string) =>
      execFileSync('podman', ['image', 'inspect', '--format', '{{.RootFS.Layers}}', image], { encoding: 'utf8' });
    const { version } = JSON.parse(execFileSync('npm', ['pkg', 'get', '--json'], { encoding: 'utf8' })) as {
      version: string;
    };
    assert.equal(layers(NAME), layers(`ghcr.io/weighlock/weighlock:${version}`));
  });

  it('verifies more than a GiB within 128 MiB of memory, with every engine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weighlock-memory-'));
    try {
      chmodSync(folder, 0o755);
      for (let i = 0; i < 16; i++) {
        const path = join(folder, `shard-${i}.bin`);
        writeFileSync(path, `shard ${i}`);
        truncateSync(path, 80 << 20);
      }
      const pin = recipe(folder);
      for (const hasher of ['wasm', 'native', 'auto'])
        execFileSync(
          'podman',
          [
            ...['run', '--rm', '--network=none', '--read-only', '--memory=128m', '--memory-swap=128m'],
            ...['--volume', `${folder}:/models:ro`, NAME, 'verify', '/models', `--sha256=${pin}`, `--hasher=${hasher}`],
          ],
          { stdio: 'pipe' },
        );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
