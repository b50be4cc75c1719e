// Who counts as somebody else, for every number of signers, logs and authorities that is asked for.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseBundle } from '../../src/evidence/bundle.ts';
import type { Signer } from '../../src/evidence/index.ts';
import { logLabels } from '../../src/evidence/transparency.ts';
import { verifyBundle } from '../../src/evidence/verify-bundle.ts';
import type { SignatureRequirement } from '../../src/plan/index.ts';
import { type Attestor, countDistinct, fingerprintOf, mostSigners, parsePublicKey } from '../../src/trust/index.ts';
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
      [1, 'one name in two spellings', [{ subject: 'Release@Acme.example' }, { subject: 'release@acme.example' }]],
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
    const of = (name: string, roots: string, subject: string): Attestor => ({
      ...common,
      kind: 'certificate',
      name,
      roots,
      subject: { exact: subject },
    });
    assert.equal(mostSigners([of('a', 'CA', 's'), of('b', 'CA ', 's')]), 1, 'one name under two CAs');
    assert.equal(mostSigners([of('a', 'CA', 's'), person('b', 's')]), 1, 'one name of a CA and of Fulcio');
    assert.equal(mostSigners([of('a', 'CA', 's@a.example'), of('b', 'CA', 'S@A.example')]), 1, 'one name in capitals');
    assert.equal(mostSigners([of('a', 'CA', 's'), of('b', 'CA', 't')]), 2);
    const elsewhere = { issuer: { exact: 'j' }, subject: { exact: 's' } };
    assert.equal(
      mostSigners([person('a', 's'), { ...common, kind: 'keyless', name: 'b', identities: [elsewhere] }]),
      1,
      'one name by two providers',
    );
  });

  it('15.7: one key is one key, however it is encoded', () => {
    const sequence = (...parts: readonly Buffer[]) => {
      const content = Buffer.concat(parts);
      const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
      return Buffer.concat([Buffer.from([0x30, ...length]), content]);
    };
    const fingerprint = (der: Buffer | string) => parsePublicKey(der, 'the key').fingerprint;
    const algorithms = [
      ['P-256', '301306072a8648ce3d020106082a8648ce3d030107'],
      ['P-384', '301006072a8648ce3d020106052b81040022'],
      ['P-521', '301006072a8648ce3d020106052b81040023'],
    ] as const;
    for (const [curve, algorithm] of algorithms) {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
      const usual = publicKey.export({ type: 'spki', format: 'der' });
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
      const [first, second] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
      const parity = (second.at(-1) ?? 0) & 1;
      const point = (form: number, ...coordinates: readonly Buffer[]) => {
        const bytes = Buffer.concat([Buffer.from([0, form]), ...coordinates]);
        const length = bytes.length < 128 ? [bytes.length] : [0x81, bytes.length];
        return sequence(Buffer.from(algorithm, 'hex'), Buffer.from([3, ...length]), bytes);
      };
      assert.equal(fingerprint(usual), createHash('sha256').update(usual).digest('hex'), 'as "openssl dgst" has it');
      assert.equal(fingerprint(point(2 + parity, first)), fingerprint(usual), `${curve} compressed`);
      if (usual.length < 128)
        assert.equal(fingerprint(point(6 + parity, first, second)), fingerprint(usual), `${curve} hybrid`);
    }
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const usual = publicKey.export({ type: 'spki', format: 'der' });
    // SEQUENCE (4 bytes), the algorithm (15), the key.
    const as = (algorithm: string) => sequence(Buffer.from(algorithm, 'hex'), usual.subarray(19));
    assert.equal(fingerprint(usual), createHash('sha256').update(usual).digest('hex'));
    assert.equal(fingerprint(publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()), fingerprint(usual));
    assert.equal(fingerprint(as('300b06092a864886f70d01010a')), fingerprint(usual), 'for PSS');
    assert.equal(fingerprint(as('300d06092a864886f70d01010a3000')), fingerprint(usual), 'for PSS, with parameters');
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    assert.notEqual(fingerprintOf(other), fingerprint(usual));
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
