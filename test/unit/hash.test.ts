import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { fromText } from '../../src/fs/index.ts';
import { chooseEngine, createEngine, type Engine } from '../../src/hash/index.ts';
import { knownAnswerFault } from '../../src/hash/known-answer.ts';
import { affordablePullThreads, affordableThreads, memoryLimit } from '../../src/hash/memory.ts';
import { availableProcessors, cpuQuota } from '../../src/hash/processors.ts';
import { checksumLine } from '../../src/hash/tree-digest.ts';

function hexOf(engine: Engine, pieces: readonly Uint8Array[]): string {
  engine.init();
  for (const piece of pieces) engine.update(piece);
  return Buffer.from(engine.digest()).toString('hex');
}

const noise = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * i + (i >> 3)) & 255));

for (const name of ['wasm', 'native'] as const) {
  describe(`the ${name} engine`, () => {
    it('agrees with OpenSSL for every length up to 1000, and around its buffer borders', async () => {
      const engine = await createEngine(name);
      const lengths = [
        ...Array(1001).keys(),
        ...[16_384, 32_768].flatMap((n) => [n - 65, n - 64, n - 9, n - 1, n, n + 1, n + 64]),
      ];
      for (const length of lengths) {
        const message = noise.subarray(0, length);
        assert.equal(hexOf(engine, [message]), createHash('sha256').update(message).digest('hex'), `${length} bytes`);
      }
    });

    it('does not care how a message is cut', async () => {
      const engine = await createEngine(name);
      const expected = hexOf(engine, [noise]);
      for (const size of [1, 63, 64, 65, 4096, 16_384, 16_385]) {
        const pieces: Uint8Array[] = [];
        for (let i = 0; i < noise.length; i += size) pieces.push(noise.subarray(i, i + size));
        assert.equal(hexOf(engine, pieces), expected, `pieces of ${size}`);
      }
    });
  });
}

describe('the known-answer test', () => {
  it('finds an engine that is wrong in one bit, or only across chunks', async () => {
    const good = await createEngine('native');
    assert.equal(knownAnswerFault(good), undefined);
    const wrongBit: Engine = { ...good, digest: () => good.digest().map((byte, i) => (i === 31 ? byte ^ 1 : byte)) };
    assert.match(knownAnswerFault(wrongBit) ?? '', /expected .* found/);
    const wrongAtOnce: Engine = { ...good, digestOf: (message) => good.digestOf(message.subarray(0, 16_384)) };
    assert.match(knownAnswerFault(wrongAtOnce) ?? '', /at once: expected .* found/);
    let updates = 0;
    const wrongAcrossChunks: Engine = {
      ...good,
      init: () => {
        updates = 0;
        good.init();
      },
      update: (chunk) => {
        updates += chunk.length > 0 ? 1 : 0;
        if (updates < 3) good.update(chunk);
      },
    };
    assert.ok(knownAnswerFault(wrongAcrossChunks));
  });
});

describe('--hasher auto', () => {
  it('measures both engines and says what it measured', async () => {
    const choice = await chooseEngine('auto');
    assert.ok(choice.name === 'wasm' || choice.name === 'native');
    assert.match(choice.reason, /measured here: wasm \d+ MB\/s, \d+ with several files at once, native \d+ MB\/s/);
  });
});

describe('the processors of a container', () => {
  const files = (entries: Record<string, string>) => (path: string) => entries[path];

  it('are those of the affinity mask without a quota', () => {
    assert.equal(availableProcessors(files({}), 6), 6);
    assert.equal(availableProcessors(files({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' }), 6), 6);
    assert.equal(
      availableProcessors(
        files({ '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' }),
        6,
      ),
      6,
    );
  });

  it('are limited by cpu.max (cgroup v2), rounded up', () => {
    assert.equal(availableProcessors(files({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' }), 16), 2);
    assert.equal(availableProcessors(files({ '/sys/fs/cgroup/cpu.max': '50000 100000\n' }), 16), 1);
    assert.equal(availableProcessors(files({ '/sys/fs/cgroup/cpu.max': '800000 100000\n' }), 4), 4);
  });

  it('are limited by cpu.cfs_quota_us (cgroup v1)', () => {
    const entries = {
      '/proc/self/cgroup': '9:name=systemd:/\n3:cpu,cpuacct:/kubepods/pod1\n0::/\n',
      '/sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu/kubepods/pod1/cpu.cfs_period_us': '100000\n',
    };
    assert.equal(availableProcessors(files(entries), 16), 2);
  });

  it('are limited by the tightest group above, too', () => {
    const entries = {
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/cpu.max': '100000 100000\n',
      '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
    };
    assert.equal(cpuQuota(files(entries)), 1);
  });

  it('survive nonsense in those files', () => {
    assert.equal(
      availableProcessors(
        files({ '/proc/self/cgroup': '0::/../../x\nnonsense', '/sys/fs/cgroup/cpu.max': 'x y z' }),
        3,
      ),
      3,
    );
  });
});

describe('threads that fit the memory', () => {
  const files = (entries: Record<string, string>) => (path: string) => entries[path];
  const MIB = 2 ** 20;

  it('are not limited where there is no limit', () => {
    assert.equal(memoryLimit(files({})), undefined);
    assert.equal(memoryLimit(files({ '/sys/fs/cgroup/memory.max': 'max\n' })), undefined);
    const none = '9223372036854771712\n';
    assert.equal(memoryLimit(files({ '/sys/fs/cgroup/memory/memory.limit_in_bytes': none })), undefined);
    assert.equal(affordableThreads(undefined), Number.POSITIVE_INFINITY);
  });

  it('are limited by the tightest group (cgroup v2 memory.max, v1 memory.limit_in_bytes)', () => {
    const v2 = {
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/memory.max': `${256 * MIB}\n`,
      '/sys/fs/cgroup/a/b/memory.max': `${512 * MIB}\n`,
    };
    assert.equal(memoryLimit(files(v2)), 256 * MIB);
    const v1 = {
      '/proc/self/cgroup': '9:memory:/kubepods/pod1\n3:cpu,cpuacct:/kubepods/pod1\n0::/\n',
      '/sys/fs/cgroup/memory/kubepods/pod1/memory.limit_in_bytes': `${128 * MIB}\n`,
    };
    assert.equal(memoryLimit(files(v1)), 128 * MIB);
    assert.equal(memoryLimit(files({ '/sys/fs/cgroup/memory.max': 'x y\n' })), undefined);
  });

  it('are one at least, and few where many processors meet little memory', () => {
    assert.deepEqual(
      [0, 64, 128, 256, 1024].map((limit) => affordableThreads(limit * MIB)),
      [1, 1, 2, 13, 77],
    );
    assert.deepEqual(
      [64, 256, 1024].map((limit) => affordablePullThreads(limit * MIB)),
      [2, 4, 24],
    );
  });
});

describe('a line of the listing', () => {
  it('escapes what coreutils escapes', () => {
    const hex = '0'.repeat(64);
    assert.equal(checksumLine(hex, fromText('a b')), `${hex}  a b\n`);
    assert.equal(checksumLine(hex, fromText('a\\b\nc\rd\te')), `\\${hex}  a\\\\b\\nc\\rd\te\n`);
  });
});
