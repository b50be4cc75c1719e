// Who counts as somebody else, for every number of signers, logs and authorities that is asked for.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseBundle } from '../../src/evidence/bundle.ts';
import type { Signer } from '../../src/evidence/index.ts';
import { logLabels } from '../../src/evidence/transparency.ts';
import { verifyBundle } from '../../src/evidence/verify-bundle.ts';
import type { SignatureRequirement } from '../../src/plan/index.ts';
import { type Attestor, countDistinct, fingerprintOf, mostSigners } from '../../src/trust/index.ts';
import { tooFewSigners } from '../../src/verdict/index.ts';
import { keyBundle } from '../evidence/world.ts';

/** How many of these signers meet: the highest threshold that is met. */
function met(signers: readonly Partial<Signer>[]): number {
  const proofs = signers.map((signer, i) => ({
    signer: { attestor: `attestor ${i}`, fingerprint: `key ${i}`, deviations: [], ...signer },
    binding: { kind: 'manifest' } as const,
    where: 'here',
  }));
  const requirement = { kind: 'signature', attestors: [], files: [], conditions: [], origin: 'a signature' } as const;
  for (let threshold = signers.length; threshold > 0; threshold--) {
    const asked: SignatureRequirement = { ...requirement, threshold };
    if (tooFewSigners(asked, { proofs, rejected: [] }) === undefined) return threshold;
  }
  return 0;
}

describe('15.7: signers', () => {
  it('15.7: are different by attestor, by key and by every name of theirs', () => {
    const cases: readonly (readonly [number, string, readonly Partial<Signer>[]])[] = [
      [2, 'two keys', [{}, {}]],
      [1, 'one key under two attestors', [{ fingerprint: 'k' }, { fingerprint: 'k' }]],
      [1, 'two keys of one attestor', [{ attestor: 'a' }, { attestor: 'a' }]],
      [2, 'two people', [{ subject: 'a' }, { subject: 'b' }]],
      [1, 'one person with two keys', [{ subject: 'a' }, { subject: 'a' }]],
      [
        1,
        'one key with two names',
        [
          { subject: 'a', fingerprint: 'k' },
          { subject: 'b', fingerprint: 'k' },
        ],
      ],
      [1, 'a key, and a certificate of it', [{ fingerprint: 'k' }, { fingerprint: 'k', subject: 'a' }]],
      [
        1,
        'two certificates with the same two names',
        [
          { subject: 'a', names: ['a', 'b'] },
          { subject: 'b', names: ['a', 'b'] },
        ],
      ],
      [
        1,
        'two certificates that share a name',
        [
          { subject: 'a', names: ['a', 'shared'] },
          { subject: 'b', names: ['b', 'shared'] },
        ],
      ],
      [1, 'a certificate that also has the name of another', [{ subject: 'a', names: ['a', 'b'] }, { subject: 'b' }]],
      [
        2,
        'two that are different beside one that is both',
        [
          { attestor: 'x', subject: 'a', names: ['a', 'b'] },
          { attestor: 'x', subject: 'a' },
          { attestor: 'y', subject: 'b' },
        ],
      ],
      [
        2,
        'three in a row, each like the next',
        [
          { subject: 'a', names: ['a', 'b'] },
          { subject: 'b', names: ['b', 'c'] },
          { subject: 'c', names: ['c'] },
        ],
      ],
      [1, 'the same signature many times', Array.from({ length: 50 }, () => ({ attestor: 'a', fingerprint: 'k' }))],
      [1, 'many signatures of one person', Array.from({ length: 500 }, () => ({ attestor: 'a', subject: 'a' }))],
    ];
    for (const [expected, name, signers] of cases) assert.equal(met(signers), expected, name);
  });

  it('15.7: are counted in time, and never too high', () => {
    const crosswise = Array.from({ length: 300 }, (_, i) => [`a${i % 17}`, `k${i % 19}`, `n${i % 23}`]);
    const start = process.cpuUsage().user;
    const found = countDistinct(crosswise);
    assert.ok(found >= 8 && found <= 17, String(found));
    assert.ok(process.cpuUsage().user - start < 5_000_000);
    assert.equal(countDistinct([]), 0);
  });

  it('15.7: can be asked for only as many as there are', () => {
    const logs = { transparencyLogs: 1, certificateLogs: 1, timestampAuthorities: 0 };
    const common = { logs, trustedRoot: 'public-good' } as const;
    const key = (name: string, fingerprint: string): Attestor => ({
      ...common,
      kind: 'key',
      name,
      pem: '',
      fingerprint,
    });
    const person = (name: string, subject: string): Attestor => ({
      ...common,
      kind: 'keyless',
      name,
      identities: [{ issuer: { exact: 'i' }, subject: { exact: subject } }],
    });
    assert.equal(mostSigners([key('a', '1'), key('b', '2')]), 2);
    assert.equal(mostSigners([key('a', '1'), key('b', '1')]), 1);
    assert.equal(mostSigners([person('a', 's'), person('b', 's'), key('c', '1')]), 2);
    assert.equal(mostSigners([]), 0);
  });

  it('15.7: and logs are told by name and by key', () => {
    const log = (id: string, publicKey: KeyObject) => logLabels({ logID: Buffer.from(id), publicKey } as never);
    const [a, b] = [generateKeyPairSync('ed25519').publicKey, generateKeyPairSync('ed25519').publicKey];
    assert.equal(countDistinct([log('1', a), log('2', b)]), 2);
    assert.equal(countDistinct([log('1', a), log('2', a)]), 1);
    assert.equal(countDistinct([log('1', a), log('1', b)]), 1);
  });

  it('15.7: a number of logs that was given counts for model signatures by key, too', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bundle = parseBundle(Buffer.from(JSON.stringify(keyBundle('{}', privateKey))));
    const verify = (transparencyLogs: number, isLogRequired: boolean) =>
      verifyBundle(
        bundle,
        {
          kind: 'key',
          name: 'key',
          pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
          fingerprint: fingerprintOf(publicKey),
          trustedRoot: 'public-good',
          logs: { transparencyLogs, certificateLogs: 0, timestampAuthorities: 0, isLogRequired },
        },
        { logless: true },
      );
    assert.equal((await verify(1, false)).attestor, 'key');
    await assert.rejects(verify(1, true), /0 transparency logs/);
    await assert.rejects(verify(2, true), /0 transparency logs/);
    await assert.rejects(verify(32, true), /are asked for, and the trusted root has/);
  });
});
