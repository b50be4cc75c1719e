// What is got ready before anything is listed: threads and the choice of a kernel, for what seems
// to be much; and nothing depends on it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MOST_SEEN, peek } from '../../src/fs/index.ts';
import { createRing } from '../../src/hash/index.ts';
import { HashPool } from '../../src/transfer/index.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-ready-'));
const at = (name: string) => join(work, name);

/** A file of so many bytes, of which none is written. */
function hole(path: string, bytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}

before(() => {
  hole(at('large'), 1 << 30);
  hole(at('small'), 1 << 20);
  mkdirSync(at('few large'));
  for (let i = 0; i < 8; i++) hole(at(`few large/shard-${i}`), 128 << 20);
  mkdirSync(at('few small'));
  for (let i = 0; i < 8; i++) writeFileSync(at(`few small/${i}`), `${i}`);
  mkdirSync(at('many'));
  for (let i = 0; i < 1000; i++) mkdirSync(at(`many/class-${i}`));
  mkdirSync(at('links'));
  for (let i = 0; i < 8; i++) symlinkSync('../large', at(`links/${i}`));
  symlinkSync('large', at('link'));
});

after(() => rmSync(work, { recursive: true }));

describe('a peek', () => {
  for (const [name, seen] of [
    ['large', { entries: 1, bytes: 1 << 30 }],
    ['few large', { entries: 8, bytes: 1 << 30 }],
    ['few small', { entries: 8, bytes: 8 }],
    ['many', { entries: MOST_SEEN, bytes: 0 }],
    ['links', { entries: 8, bytes: 0 }],
    ['link', { entries: 1, bytes: 0 }],
    ['nothing', { entries: 0, bytes: 0 }],
    ['large/below a file', { entries: 0, bytes: 0 }],
  ] as const)
    it(`sees of "${name}" what there is, without following links`, async () => {
      assert.deepEqual(await peek(at(name)), seen);
    });
});

describe('what is got ready', () => {
  for (const [name, engine, mostWorkers, workers, choices] of [
    ['large', 'wasm', 2, 1, 0],
    ['large', 'native', 8, 1, 0],
    ['large', 'native', 1, 1, 0],
    ['few large', 'wasm', 3, 3, 1],
    ['few large', 'wasm', 1, 1, 1],
    ['few large', 'native', 3, 3, 0],
    ['few small', 'wasm', 3, 1, 0],
    ['small', 'wasm', 3, 1, 0],
    ['many', 'wasm', 2, 2, 0],
    ['nothing', 'wasm', 2, 1, 0],
  ] as const)
    it(`for "${name}" and ${engine}, with ${mostWorkers} threads at most: ${workers}, and ${choices} kernels`, async () => {
      let chosen = 0;
      const pool = new HashPool(engine, async () => {
        chosen++;
        throw new Error('nobody may hear of it');
      });
      await pool.getReady(at(name), engine, mostWorkers);
      assert.equal(pool.workers, workers);
      assert.equal(chosen, choices);
      assert.equal(pool.kernelReason, undefined);
      await stop(pool);
    });

  it('comes too late for what is being hashed', async () => {
    const pool = new HashPool('native');
    const listing = await pool.list({ path: at('few small'), allowSymlinks: false, maxFiles: 100 });
    assert.deepEqual((await pool.hash([{ listing }], 'native', 3)).failures, [[]]);
    await pool.getReady(at('few large'), 'native', 3);
    assert.equal(pool.workers, 1);
    await stop(pool);
  });

  it('is used by a listing that has begun', async () => {
    for (let i = 0; i < 5000; i++) writeFileSync(at(`many/class-${i % 1000}/${i}`), `${i}`);
    const pool = new HashPool('native');
    const listed = pool.listHashing({ path: at('many'), allowSymlinks: false, maxFiles: 10_000 }, 'native', 2);
    await pool.getReady(at('many'), 'native', 2);
    const { files } = await listed;
    assert.equal(files.count, 5000);
    assert.ok(files.hashed.every((hashed) => hashed === 1));
    assert.equal(pool.workers, 2);
    await stop(pool);
  });
});

/** Threads that have nothing to do are left to the end of the process, so each gets something. */
async function stop(pool: HashPool): Promise<void> {
  for (let thread = 0; thread < pool.workers; thread++) pool.serveRing(thread, createRing(), 'native').catch(() => {});
  await pool.stop();
}
