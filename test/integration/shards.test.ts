// Models signed in shards (OpenSSF Model Signing, section 6.4): each shard is hashed by itself, by
// any thread, and a file as a whole only where something else needs its digest.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { type Finished, passed, recipe, refused, run, whenOpen, workFolder, write } from './cli.ts';

const MIB = 2 ** 20;
const work = workFolder();
const model = join(work, 'model');
const key = ['--key', join(work, 'signer.pub'), '--insecure-ignore-tlog'];
const signature = ['--signature', join(model, 'model.sig')];
const SIZES = [20 * MIB, 20 * MIB - 1, 20 * MIB + 1, MIB, 1, 0, 7 * MIB + 333];
const contents: Record<string, Buffer> = Object.fromEntries(
  SIZES.map((size, i) => [`part:${i}/${size}.bin`, randomBytes(size)]),
);

interface Report {
  measurements: { kernels: string[]; files: number; bytes: number };
  artifacts: { digest?: { sha256: string }; files: { name: string; bytes: number; sha256?: string }[] }[];
}

async function verify(flags: readonly string[] = [], path = model): Promise<Finished & { report: Report }> {
  const file = join(work, 'report.json');
  const result = await run(['verify', path, ...key, '--report', file, ...flags]);
  return { ...result, report: JSON.parse(readFileSync(file, 'utf8')) as Report };
}

/** What was signed, without the envelope. */
function statement(): { predicate: { serialization: object; resources: { name: string; algorithm: string }[] } } {
  const { dsseEnvelope } = JSON.parse(readFileSync(join(model, 'model.sig'), 'utf8')) as {
    dsseEnvelope: { payload: string };
  };
  return JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString()) as ReturnType<typeof statement>;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  write(model, contents);
  passed(await run(['keygen', '--output', join(work, 'signer')]));
  passed(await run(['sign', model, '--key', join(work, 'signer.key'), '--shard-size', '1Mi']));
});

describe('weighlock sign --shard-size', () => {
  it('lists every shard of every file, in the order of the specification', () => {
    const { serialization, resources } = statement().predicate;
    assert.deepEqual({ method: 'shards', hash_type: 'sha256', shard_size: MIB, ...serialization }, serialization);
    const names = resources.map(({ name }) => name);
    const expected = Object.entries(contents).flatMap(([name, { length }]) =>
      Array.from(
        { length: Math.ceil(length / MIB) },
        (_, i) => `${name}:${i * MIB}:${Math.min(length, (i + 1) * MIB)}`,
      ),
    );
    assert.deepEqual(names, expected.sort());
    assert.ok(resources.every(({ algorithm }) => algorithm === `sha256-sharded-${MIB}`));
  });

  it('refuses a size that is none', async () => {
    for (const size of ['0', '-1', '1k', '999999', 'many', '1e9', '99999999G', ''])
      assert.equal(
        (await run(['sign', model, '--key', join(work, 'signer.key'), '--shard-size', size])).status,
        64,
        size,
      );
  });
});

describe('a model that was signed in shards', () => {
  it('is verified with every engine and any number of threads, and no large file is hashed as a whole', async () => {
    const signatureBytes = statSync(join(model, 'model.sig')).size;
    for (const [hasher, concurrency, kernel] of [
      ['wasm', '1', 'multi-buffer'],
      ['wasm', '2', 'multi-buffer'],
      ['wasm', '7', 'multi-buffer'],
      ['native', '1', 'openssl'],
      ['native', '3', 'openssl'],
    ] as const) {
      const result = await verify([`--hasher=${hasher}`, `--concurrency=${concurrency}`]);
      passed(result);
      // What every implementation does; nothing else of it is out of the ordinary.
      assert.match(result.stdout, /"deviations":\["its shards name their size in the algorithm"\]/);
      const { measurements, artifacts } = result.report;
      assert.deepEqual(measurements.kernels, [kernel]);
      assert.equal(measurements.files, SIZES.length + 1);
      // Each byte once.
      assert.equal(measurements.bytes, SIZES.reduce((sum, size) => sum + size) + signatureBytes);
      assert.equal(artifacts[0]?.digest, undefined);
      for (const { name, bytes, sha256: found } of artifacts[0]?.files ?? []) {
        const whole = bytes <= MIB ? sha256(readFileSync(join(model, name))) : undefined;
        assert.equal(found, whole, name);
      }
    }
  });

  it('has the digests of whole files where a pin asks for them', async () => {
    const pin = recipe(model);
    const result = await verify(['--sha256', pin]);
    passed(result);
    assert.equal(result.report.artifacts[0]?.digest?.sha256, pin);
    for (const { name, sha256: found } of result.report.artifacts[0]?.files ?? [])
      assert.equal(found, sha256(readFileSync(join(model, name))));
    refused(await verify(['--sha256', '0'.repeat(64)]), 'DIGEST_MISMATCH');
  });

  it('is copied whole, and what was copied is what was verified', async () => {
    passed(await run(['verify', `file://${model}`, join(work, 'copy'), ...key, ...signature]));
    assert.equal(recipe(join(work, 'copy')), recipe(model));
  });

  it('is refused when one byte of one shard differs, and the shard is named', async () => {
    const [name = '', good = Buffer.alloc(0)] = Object.entries(contents)[1] ?? [];
    const shards = Math.ceil(good.length / MIB);
    for (const at of [0, MIB - 1, MIB, 7 * MIB + 5, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      writeFileSync(join(model, name), bad);
      for (const hasher of ['wasm', 'native']) {
        const result = await verify([`--hasher=${hasher}`]);
        refused(result, 'DIGEST_MISMATCH', /the content differs/);
        assert.match(result.stdout, new RegExp(`shard ${Math.floor(at / MIB) + 1} of ${shards}\\)`));
      }
    }
    writeFileSync(join(model, name), good);
  });

  it('is refused when a file is shorter or longer, also by whole shards, or shards are swapped', async () => {
    const [name = '', good = Buffer.alloc(0)] = Object.entries(contents)[0] ?? [];
    const path = join(model, name);
    for (const bad of [
      good.subarray(0, 19 * MIB),
      good.subarray(0, good.length - 1),
      Buffer.concat([good, Buffer.alloc(1)]),
      Buffer.concat([good, good.subarray(0, MIB)]),
      Buffer.concat([good.subarray(MIB, 2 * MIB), good.subarray(0, MIB), good.subarray(2 * MIB)]),
    ]) {
      writeFileSync(path, bad);
      refused(await verify(), 'DIGEST_MISMATCH');
    }
    writeFileSync(path, good);
    passed(await verify());
  });

  it('is refused with a file more, or a file less', async () => {
    const extra = join(work, 'extra');
    const copy = async () => passed(await run(['verify', `file://${model}`, extra, ...key, ...signature]));
    await copy();
    writeFileSync(join(extra, 'extra.bin'), randomBytes(3 * MIB));
    refused(await verify([], extra), 'FILE_UNEXPECTED');
    rmSync(extra, { recursive: true });
    await copy();
    rmSync(join(extra, Object.keys(contents)[3] ?? ''));
    refused(await verify([], extra), 'FILE_MISSING');
  });

  it('that is written to meanwhile is not verified', async () => {
    const path = join(model, Object.keys(contents)[0] ?? '');
    const result = await run(['verify', model, ...key, '--io-rate=20M', '--concurrency=2'], {
      during: (child) => void whenOpen(child, path).then(() => truncateSync(path, 12 * MIB)),
    });
    assert.equal(result.status, 65, result.stdout);
    assert.match(result.stdout, /SOURCE_CHANGED/);
    writeFileSync(path, Object.values(contents)[0] ?? '');
  });
});

describe('shards so small that there would be millions', () => {
  it('are refused before anything is hashed', async () => {
    const file = join(work, 'hole.bin');
    writeFileSync(file, 'x');
    passed(await run(['sign', file, '--key', join(work, 'signer.key'), '--shard-size', '1M']));
    // A hole of 8 TB: nobody reads it.
    truncateSync(file, 8e12);
    for (const flags of [[], ['--sha256', '0'.repeat(64)]]) {
      const result = await verify(flags, file);
      refused(result, 'LIMIT_EXCEEDED', /more than 4194304 of them/);
      assert.equal(result.report.measurements.bytes, 0);
    }
  });
});

describe('one file that was signed in shards', () => {
  it('is verified by several threads, and refused when it differs', async () => {
    const file = join(work, 'dataset.tar');
    const bytes = randomBytes(70 * MIB);
    writeFileSync(file, bytes);
    passed(
      await run(['sign', file, '--key', join(work, 'signer.key'), '--shard-size', '8Mi', '--signature', `${file}.sig`]),
    );
    const check = (hasher: string) => verify(['--signature', `${file}.sig`, `--hasher=${hasher}`], file);
    for (const hasher of ['wasm', 'native']) passed(await check(hasher));
    copyFileSync(file, `${file}.good`);
    bytes[69 * MIB] = (bytes[69 * MIB] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    for (const hasher of ['wasm', 'native']) {
      const result = await check(hasher);
      refused(result, 'DIGEST_MISMATCH');
      assert.match(result.stdout, /shard 9 of 9/);
    }
  });
});
