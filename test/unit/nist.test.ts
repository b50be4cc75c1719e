// NIST's SHA-256 vectors (CAVP: all short messages, all long ones, the Monte Carlo chain of 100
// times 1,000 digests) for every engine and for every lane of every kernel.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createEngine } from '../../src/hash/index.ts';
import { chooseKernel, LaneHasher } from '../../src/hash/lanes/index.ts';
import { WIDE_KERNEL } from '../../src/hash/lanes/wide-kernel.ts';

/** The values of one name in a response file, in their order. */
function valuesOf(file: string, name: string): string[] {
  const text = readFileSync(new URL(`../fixtures/nist/SHA256${file}.rsp`, import.meta.url), 'latin1');
  return [...text.matchAll(new RegExp(`^${name} = ([0-9a-f]+)`, 'gm'))].map(([, value]) => value ?? '');
}

/**
 * Messages and digests: the length is in bits, and an empty message is written as one zero byte.
 */
function vectorsOf(file: string): { message: Uint8Array; digest: string }[] {
  const [lengths, messages, digests] = ['Len', 'Msg', 'MD'].map((name) => valuesOf(file, name)) as [
    string[],
    string[],
    string[],
  ];
  assert.equal(lengths.length, digests.length);
  return digests.map((digest, i) => {
    const message = Buffer.from(messages[i] ?? '', 'hex').subarray(0, Number(lengths[i]) / 8);
    return { message, digest };
  });
}

/** Hashes messages, all at the same time where it can. */
type HashAll = (messages: readonly Uint8Array[]) => string[];

const hex = (digest: Uint8Array) => Buffer.from(digest).toString('hex');

async function hashWith(name: 'wasm' | 'native'): Promise<HashAll> {
  const engine = await createEngine(name);
  return (messages) =>
    messages.map((message) => {
      engine.init();
      engine.update(message);
      const digest = hex(engine.digest());
      assert.equal(hex(engine.digestOf(message)), digest);
      return digest;
    });
}

/** Each message in a lane of its own; as many messages as lanes. */
function hashInLanes(hasher: LaneHasher): HashAll {
  return (messages) => {
    for (const [lane, message] of messages.entries()) {
      hasher.begin(lane);
      hasher.room(lane).set(message);
      hasher.add(lane, message.length);
      hasher.end(lane);
    }
    while (messages.some((_, lane) => !hasher.isIdle(lane))) hasher.run();
    return messages.map((_, lane) => hex(hasher.digest(lane)));
  };
}

const wide = (await chooseKernel()).wide ?? new WebAssembly.Module(Buffer.from(WIDE_KERNEL, 'base64'));
const contestants: readonly (readonly [string, number, HashAll])[] = [
  ['hash-wasm', 1, await hashWith('wasm')],
  ['OpenSSL', 1, await hashWith('native')],
  ...([4, 5, 8] as const).map(
    (lanes) => [`${lanes} lanes`, lanes, hashInLanes(new LaneHasher({ lanes, wide }))] as const,
  ),
];

for (const [name, width, hashAll] of contestants) {
  describe(`${name}: NIST's vectors`, () => {
    for (const [file, count] of [
      ['ShortMsg', 65],
      ['LongMsg', 64],
    ] as const) {
      it(`SHA256${file}, every message in every lane`, () => {
        const vectors = vectorsOf(file);
        assert.equal(vectors.length, count);
        for (const i of vectors.keys()) {
          const some = Array.from({ length: width }, (_, lane) => vectors[(i + lane) % count] ?? assert.fail());
          assert.deepEqual(
            hashAll(some.map(({ message }) => message)),
            some.map(({ digest }) => digest),
          );
        }
      });
    }

    it('SHA256Monte, the same chain in every lane', () => {
      const digests = valuesOf('Monte', 'MD');
      assert.equal(digests.length, 100);
      let seed = Buffer.from(valuesOf('Monte', 'Seed')[0] ?? '', 'hex');
      for (const expected of digests) {
        let last = [seed, seed, seed];
        for (let i = 0; i < 1000; i++) {
          const message = Buffer.concat(last);
          const found = hashAll(new Array<Uint8Array>(width).fill(message));
          assert.equal(new Set(found).size, 1);
          last = [...last.slice(1), Buffer.from(found[0] ?? '', 'hex')];
        }
        assert.equal(last[2]?.toString('hex'), expected);
        seed = last[2] ?? seed;
      }
    });
  });
}
