// Issue 16: what the disk below the staging folder may do to whoever writes: few bytes, none,
// errors in the middle, at the sync and at the close. Never a file of which less was written than
// was hashed, and never a hang.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs, { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { createEngine } from '../../src/hash/index.ts';
import { openPlain, WriteBehind } from '../../src/transfer/index.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-writes-'));
after(() => rmSync(work, { recursive: true, force: true }));
let files = 0;
const newFile = () => Buffer.from(join(work, `${files++}`));

const { writeSync, write, fdatasync, closeSync } = fs;
const real = { writeSync, write, fdatasync, closeSync };
type Call = keyof typeof real;
/** As Node calls back. */
type Done = (error: unknown, written?: number, bytes?: Buffer) => void;

/** Replaces system calls until the test ends. */
function replace(calls: Partial<Record<Call, unknown>>): void {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
}
afterEach(() => {
  Object.assign(fs, real);
  syncBuiltinESMExports();
});

const failure = (code: string) => Object.assign(new Error(code), { code, syscall: 'write', errno: -1 });

/** What a write does: how many bytes it takes of so many, or what it fails with. */
type Disk = (length: number, nth: number) => number | Error;

function writesTo(disk: Disk): void {
  let nth = 0;
  const most = (length: number) => {
    const taken = disk(length, nth++);
    if (typeof taken !== 'number') throw taken;
    return Math.min(length, taken);
  };
  const none = (length: number) => (length === 0 ? 0 : undefined);
  replace({
    writeSync: (file: number, bytes: Uint8Array, from: number, length: number, at: number | null) => {
      const taken = most(length);
      return none(taken) ?? real.writeSync(file, bytes, from, taken, at);
    },
    write: (file: number, bytes: Buffer, from: number, length: number, at: number, done: Done) => {
      try {
        const taken = most(length);
        if (taken === 0) setImmediate(() => done(null, 0, bytes));
        else real.write(file, bytes, from, taken, at, done as never);
      } catch (error) {
        setImmediate(() => done(error, 0, bytes));
      }
    },
  });
}

const PIECES = Array.from({ length: 5 }, (_, i) => Buffer.alloc(1 << 20, i + 1));
const WHOLE = Buffer.concat(PIECES);
const SHA256 = createHash('sha256').update(WHOLE).digest('hex');

/** The ways that bytes go into a staged file. @returns the digest of what was written */
const WAYS: Readonly<Record<string, (path: Buffer) => Promise<string>>> = {
  'at once': (path) => plainly(path, async (writer, piece) => void (await writer.write(piece))),
  'while they are hashed': (path) => plainly(path, (writer, piece) => writer.writeKept(piece)),
  'behind what is unpacked': async (path) => {
    const behind = new WriteBehind();
    const file = openSync(path, 'wx');
    const hash = createHash('sha256');
    try {
      let at = 0;
      for (const bytes of PIECES) {
        const piece = behind.take();
        bytes.copy(piece);
        hash.update(piece);
        behind.write(file, piece, at);
        at += bytes.length;
        await behind.room();
      }
    } finally {
      behind.close(file);
      await behind.settle();
    }
    await behind.drain();
    return hash.digest('hex');
  },
};

async function plainly(
  path: Buffer,
  put: (writer: ReturnType<typeof openPlain>, piece: Buffer) => Promise<void>,
): Promise<string> {
  const writer = openPlain(path, await createEngine('native'), () => {});
  try {
    for (const piece of PIECES) await put(writer, piece);
    return await writer.finish();
  } finally {
    await writer.close();
  }
}

async function fails(way: (path: Buffer) => Promise<string>, code: string): Promise<void> {
  await assert.rejects(way(newFile()), (error) => {
    assert.ok(error instanceof WeighlockError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

for (const [name, way] of Object.entries(WAYS)) {
  describe(`16: bytes that are written ${name}`, () => {
    for (const [what, disk] of Object.entries<Disk>({
      whole: (length) => length,
      'one byte less each time': (length) => Math.max(1, length - 1),
      'a page at a time': () => 4096,
      'all but the first few': (length, nth) => (nth % 2 === 0 ? 1 : length),
    })) {
      it(`${what}: the file has what was hashed`, async () => {
        writesTo(disk);
        const path = newFile();
        assert.equal(await way(path), SHA256);
        assert.ok(readFileSync(path).equals(WHOLE));
      });
    }

    for (const [what, disk, code] of [
      ['none at all', () => 0, 'SOURCE_UNAVAILABLE'],
      ['none any more in the middle', (length, nth) => (nth === 2 ? 0 : length), 'SOURCE_UNAVAILABLE'],
      ['no room', () => failure('ENOSPC'), 'NO_SPACE'],
      ['no room after a part', (length, nth) => (nth === 0 ? length >> 1 : failure('ENOSPC')), 'NO_SPACE'],
      ['no quota in the middle', (length, nth) => (nth < 3 ? length : failure('EDQUOT')), 'NO_SPACE'],
      ['a broken disk at the end', (length, nth) => (nth < 4 ? length : failure('EIO')), 'SOURCE_UNAVAILABLE'],
    ] as const satisfies readonly (readonly [string, Disk, string])[]) {
      it(`${what}: refused as ${code}`, async () => {
        writesTo(disk);
        await fails(way, code);
      });
    }
  });
}

describe('16: a disk that tells later', () => {
  it('at the sync: refused, and what lacks the call is none', async () => {
    for (const [code, told] of [
      ['EIO', 'SOURCE_UNAVAILABLE'],
      ['ENOSPC', 'NO_SPACE'],
    ] as const) {
      replace({ fdatasync: (_: number, done: Done) => setImmediate(() => done(failure(code))) });
      await fails(WAYS['at once'] as never, told);
    }
    replace({ fdatasync: (_: number, done: Done) => setImmediate(() => done(failure('EINVAL'))) });
    assert.equal(await WAYS['at once']?.(newFile()), SHA256);
  });

  it('at the close of a file that is written behind: refused', async () => {
    replace({
      closeSync: (file: number) => {
        real.closeSync(file);
        throw failure('EDQUOT');
      },
    });
    await fails(WAYS['behind what is unpacked'] as never, 'NO_SPACE');
  });
});
