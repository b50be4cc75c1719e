// Folders that are large enough for the multi-buffer hasher: every file gets its own digest,
// whatever lies beside it.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { passed, recipe, refused, run, whenOpen, workFolder, write } from './cli.ts';

const BORDER = 1 << 17;
const work = workFolder();
const folder = join(work, 'model');
write(
  folder,
  Object.fromEntries(
    [
      0,
      1,
      55,
      56,
      63,
      64,
      65,
      BORDER - 1,
      BORDER,
      BORDER + 1,
      3 * BORDER + 7,
      9 << 20,
      2 << 20,
      2 << 20,
      2 << 20,
      1 << 20,
    ].map((size, i) => [`part-${i}/${size}.bin`, randomBytes(size)]),
  ),
);

describe('one large file', () => {
  it('is read by one thread and hashed by another, with the same digest and the same checks', async () => {
    const path = join(work, 'large.gguf');
    const bytes = randomBytes(70 << 20);
    writeFileSync(path, bytes.subarray(0, -1));
    const pin = createHash('sha256').update(bytes.subarray(0, -1)).digest('hex');
    for (const [hasher, kernel] of [
      ['wasm', 'multi-buffer'],
      ['native', 'openssl'],
    ]) {
      const copy = join(work, `copy-of-${hasher}`);
      const result = await run(['verify', `file://${path}`, copy, '--sha256', pin, `--hasher=${hasher}`]);
      passed(result);
      assert.deepEqual(result.events.find(({ event }) => event === 'verdict')?.['kernels'], [kernel]);
      assert.ok(readFileSync(copy).equals(bytes.subarray(0, -1)));
      assert.equal((await run(['digest', path, `--hasher=${hasher}`, '--concurrency=1'])).stdout.trim(), pin);
    }
    writeFileSync(path, bytes);
    refused(await run(['verify', path, '--sha256', pin]), 'DIGEST_MISMATCH');
    chmodSync(path, 0);
    for (const folder of [work]) chmodSync(folder, 0o755);
    assert.equal((await run(['verify', path, '--sha256', pin], { uid: 65_532 })).status, 65);
    const stopped = await run(['verify', path, '--sha256', pin, '--io-rate=2M'], {
      during: (child) => void whenOpen(child, path).then(() => child.kill('SIGTERM')),
    });
    assert.equal(stopped.status, 143, stopped.stdout);
    // All of it would take 35 s.
    assert.ok(stopped.milliseconds < 30_000);
  });
});

describe('many files at once', () => {
  it('have the digest that coreutils computes, with any number of workers', async () => {
    const expected = recipe(folder);
    for (const concurrency of ['1', '2', '3', '64']) {
      const { stdout, stderr } = await run(['digest', folder, '--concurrency', concurrency]);
      assert.equal(stdout.trim(), expected, stderr);
    }
    assert.equal((await run(['digest', folder, '--hasher', 'native'])).stdout.trim(), expected);
  });

  it('are hashed by what this processor can do, and the report says by what', async () => {
    const pin = recipe(folder);
    const kernels = async (hasher: string, nodeFlags: readonly string[] = []) => {
      const result = await run(['verify', folder, '--sha256', pin, `--hasher=${hasher}`], { nodeFlags });
      passed(result);
      return result.events.find(({ event }) => event === 'verdict')?.['kernels'];
    };
    assert.deepEqual(await kernels('wasm'), ['multi-buffer']);
    assert.deepEqual(await kernels('native'), ['openssl']);
    // A processor without 128-bit SIMD, as far as V8 is told.
    assert.deepEqual(await kernels('wasm', ['--no-enable-sse4-1', '--no-enable-ssse3']), ['hash-wasm']);
  });

  it('are copied to their own places', async () => {
    const pin = recipe(folder);
    passed(await run(['verify', `file://${folder}`, join(work, 'copy'), '--sha256', pin]));
    assert.equal(recipe(join(work, 'copy')), pin);
  });

  it('are told apart when one is changed, and when one cannot be read', async () => {
    const listing = (await run(['digest', '--list', folder])).stdout;
    writeFileSync(join(work, 'SHA256SUMS'), listing);
    const pin = (await run(['digest', join(work, 'SHA256SUMS')])).stdout.trim();
    const check = (uid?: number) =>
      run(
        ['verify', folder, '--checksums', join(work, 'SHA256SUMS'), '--checksums-sha256', pin],
        uid === undefined ? {} : { uid },
      );
    passed(await check());
    for (const name of [`part-8/${BORDER}.bin`, 'part-12/2097152.bin']) {
      const path = join(folder, name);
      const good = readFileSync(path);
      const bad = Buffer.from(good);
      bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1;
      writeFileSync(path, bad);
      const result = await check();
      refused(result, 'DIGEST_MISMATCH');
      assert.deepEqual(
        result.events.filter(({ event }) => event === 'failure').map(({ file }) => file),
        [name],
      );
      writeFileSync(path, good);
    }
    const secret = join(folder, 'part-13/2097152.bin');
    chmodSync(secret, 0);
    for (const path of [work, folder]) chmodSync(path, 0o755);
    const unreadable = await check(65_532);
    assert.equal(unreadable.status, 65, unreadable.stdout);
    assert.deepEqual(
      [...new Set(unreadable.events.filter(({ event }) => event === 'failure').map(({ file }) => file))],
      ['part-13/2097152.bin'],
    );
    chmodSync(secret, 0o644);
    truncateSync(join(folder, 'part-14/2097152.bin'), 100);
    refused(await check(), 'DIGEST_MISMATCH', /part-14/);
  });
});
