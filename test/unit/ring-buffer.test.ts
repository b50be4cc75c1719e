// Streams that one thread sends and another hashes: any lengths, in any order, begun anew, given
// up.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, mock } from 'node:test';
import {
  closeRing,
  createRing,
  type EngineName,
  PIECE_BYTES,
  RingSender,
  type RingStream,
  type RingStreams,
} from '../../src/hash/index.ts';
import type { KernelChoice } from '../../src/hash/lanes/index.ts';
import { WIDE_KERNEL } from '../../src/hash/lanes/wide-kernel.ts';
import { STREAM_AT } from '../../src/hash/ring-buffer.ts';
import { serveRing } from '../../src/hash/ring-server.ts';
import { HashPool } from '../../src/transfer/index.ts';

interface Kind {
  readonly engine: EngineName;
  readonly streams: RingStreams;
  readonly kernel?: KernelChoice;
}

const wide = new WebAssembly.Module(Buffer.from(WIDE_KERNEL, 'base64'));
const broken = Buffer.from(WIDE_KERNEL, 'base64');
broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;

const KINDS: Readonly<Record<string, Kind>> = {
  'the wasm engine': { engine: 'wasm', streams: 4 },
  'the native engine': { engine: 'native', streams: 4 },
  'a single stream': { engine: 'native', streams: 1 },
  'a single stream and the wasm engine': { engine: 'wasm', streams: 1 },
  'eight lanes': { engine: 'wasm', streams: 8, kernel: { lanes: 8, wide, reason: '' } },
  'eight streams and a kernel that computes wrongly': {
    engine: 'wasm',
    streams: 8,
    kernel: { lanes: 8, wide: new WebAssembly.Module(broken), reason: '' },
  },
};

async function withLine(
  { engine, streams, kernel }: Kind,
  action: (sender: RingSender) => Promise<void>,
): Promise<void> {
  const pool = new HashPool();
  const ring = createRing(streams);
  const served = pool.serveRing(1, ring, engine, kernel);
  try {
    await action(new RingSender(ring));
    closeRing(ring);
    await served;
  } finally {
    await stop(pool);
  }
}

/** Threads that have nothing to do are left to the end of the process; this one goes on. */
async function stop(pool: HashPool): Promise<void> {
  void pool.serveRing(1, createRing(), 'native');
  await pool.stop();
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function hash(stream: RingStream, bytes: Buffer, step: number): Promise<string> {
  stream.init();
  for (let at = 0; at < bytes.length; at += step) {
    stream.update(bytes.subarray(at, at + step));
    if (stream.isShort) await stream.room();
  }
  return Buffer.from(await stream.digest()).toString('hex');
}

/** The same numbers at every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

for (const [name, kind] of Object.entries(KINDS))
  describe(`a ring with ${name}`, () => {
    const { streams: count } = kind;

    it('gives the digest of every stream, whatever their lengths', async () => {
      const random = numbers(7);
      const next = (most: number) => Math.floor((random.next().value ?? 0) * most);
      const content = Buffer.alloc(5 << 20, 'weights of a model, not all the same ');
      const borders = [0, 1, 63, 64, 65, 119, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES];
      await withLine(kind, async (sender) => {
        const lane = async (lengths: readonly number[]) => {
          for (const length of lengths) {
            const stream = sender.open();
            const at = next(1000);
            const bytes = content.subarray(at, at + length);
            assert.equal(await hash(stream, bytes, 1 + next(600_000)), sha256(bytes), `${length} bytes from ${at}`);
            stream.close();
          }
        };
        const lengths = [...borders, ...Array.from({ length: 30 }, () => next(4 << 20))];
        await Promise.all(Array.from({ length: count }, (_, i) => lane(lengths.filter((_, n) => n % count === i))));
      });
    });

    it('forgets what was begun anew, or given up', async () => {
      await withLine(kind, async (sender) => {
        const junk = Buffer.alloc(1 << 20, 'junk');
        const good = Buffer.alloc(2_500_000, 'good');
        for (let round = 0; round < 20; round++) {
          const stream = sender.open();
          stream.init();
          for (let n = 0; n < round % 5; n++) {
            stream.update(junk.subarray(0, 1 + n * 200_000));
            if (stream.isShort) await stream.room();
          }
          // Given up in every third round: whoever gets the stream next finds nothing of it.
          if (round % 3 !== 0) assert.equal(await hash(stream, good, 300_001), sha256(good));
          else void stream.digest();
          stream.close();
        }
      });
    });

    it('has so many streams and no more', async () => {
      await withLine(kind, async (sender) => {
        const streams = Array.from({ length: count }, () => sender.open());
        assert.throws(() => sender.open(), /no more streams/);
        for (const stream of streams) stream.close();
      });
    });
  });

it('a digest that was given up is not taken for a later one of the same stream', () => {
  const ring = createRing(1);
  const sender = new RingSender(ring);
  const given = (text: string) => createHash('sha256').update(text).digest();
  const stream = sender.open();
  stream.init();
  stream.update(Buffer.from('old'));
  void stream.digest();
  let ends = 0;
  let waitsFor = 0;
  const hashers = {
    begin() {},
    feed: (_: number, bytes: Buffer) => bytes.length,
    isFull: true,
    run() {},
    drop() {},
    end() {
      ends++;
      if (ends === 2) {
        closeRing(ring);
        return given('new');
      }
      // While the first digest is computed its stream is given up, and another one is sent whole.
      stream.close();
      const next = sender.open();
      next.init();
      next.update(Buffer.from('new'));
      void next.digest();
      return given('old');
    },
  };
  serveRing(ring, hashers, () => {
    if (ends === 1) waitsFor = Atomics.load(ring.words, STREAM_AT);
  });
  assert.notEqual(waitsFor, 0, 'the second one is still waited for');
  assert.deepEqual(Buffer.from(ring.digests), given('new'));
  assert.equal(Atomics.load(ring.words, STREAM_AT), 0);
});

describe('streams that are hashed together', () => {
  /**
   * What the hashing end does with some bytes of one of four streams, in order; `more` comes while
   * it looks.
   */
  const eventsOf = (send: (streams: readonly RingStream[]) => void, more: (streams: readonly RingStream[]) => void) => {
    const ring = createRing(4);
    const sender = new RingSender(ring);
    const streams = Array.from({ length: 4 }, () => sender.open());
    for (const stream of streams) stream.init();
    const events: string[] = [];
    const fed = new Set<number>();
    let left = 0;
    let looks = 0;
    const hashers = {
      begin() {},
      get isFull() {
        looks++;
        if (looks === 1) {
          more(streams);
          closeRing(ring);
        }
        return fed.size === 4;
      },
      feed(stream: number, bytes: Buffer) {
        fed.add(stream);
        left += bytes.length;
        return bytes.length;
      },
      run() {
        if (left > 0) events.push(`hash ${fed.size}`);
        left = 0;
      },
      end: () => Buffer.alloc(32),
      drop() {},
    };
    const wait = (words: Int32Array, index: number, value: number) => {
      if (left > 0) events.push('wait');
      return Atomics.load(words, index) === value ? 'timed-out' : 'not-equal';
    };
    const waits = mock.method(Atomics, 'wait', wait as typeof Atomics.wait);
    try {
      send(streams);
      serveRing(ring, hashers, () => {});
    } finally {
      waits.mock.restore();
    }
    return events;
  };
  const bytes = Buffer.alloc(100);
  const put = (stream: RingStream | undefined) => {
    stream?.update(bytes);
    stream?.flush();
  };

  it('wait for each other', () => {
    const all = eventsOf(
      ([first]) => put(first),
      (streams) => streams.slice(1).forEach(put),
    );
    assert.deepEqual(all, ['wait', 'hash 4']);
  });

  it('wait no longer than a while', () => {
    const some = eventsOf(
      ([first, second]) => [first, second].forEach(put),
      () => {},
    );
    assert.deepEqual(some, ['wait', 'hash 2']);
  });

  it('do not wait where somebody waits for a digest', () => {
    const one = eventsOf(
      ([first]) => {
        put(first);
        first?.end();
      },
      () => {},
    );
    assert.deepEqual(one, ['hash 1']);
  });
});

it('a ring that nobody closes ends with the run', async () => {
  const pool = new HashPool();
  const ring = createRing();
  void pool.serveRing(0, ring, 'wasm').catch(() => {});
  const stream = new RingSender(ring).open();
  stream.init();
  stream.update(Buffer.alloc(PIECE_BYTES));
  // It would wait for the end of the ring, and the test with it.
  await pool.stop();
});
