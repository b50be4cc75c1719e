// Under which terms receipts count when several policies speak of them.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Policy, type Requirement, receiptSettings } from '../../src/plan/index.ts';
import { requireOwnKey } from '../../src/plan/receipt-settings.ts';
import { fingerprintOf } from '../../src/trust/index.ts';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [ours, other] = [pair(), pair()];

function policy(
  terms: { maxAge?: number; spotCheck?: number; readOnly?: boolean; key?: typeof ours } | undefined,
): Policy {
  if (terms === undefined) return {} as Policy;
  const { maxAge = 1000, spotCheck, readOnly = false, key = ours } = terms;
  const attestor = { kind: 'key', name: 'x', pem: '', fingerprint: fingerprintOf(key.publicKey) };
  const share = spotCheck === undefined ? {} : { spotCheck };
  return { receipts: { maxAge, attestor, areVolumesReadOnly: readOnly, ...share } } as unknown as Policy;
}

const folder = '/receipts';

describe('19: terms of receipts', () => {
  it('19: are the strictest of all policies', () => {
    const policies = [
      policy({ maxAge: 10, readOnly: true }),
      policy({ maxAge: 5, spotCheck: 0.1 }),
      policy({ maxAge: 7, spotCheck: 0.5 }),
    ];
    const { maxAge, spotCheck, areVolumesReadOnly } = receiptSettings(policies, { folder }) ?? {};
    assert.deepEqual([maxAge, spotCheck, areVolumesReadOnly], [5, 0.5, false]);
    assert.equal(receiptSettings([policy({ readOnly: true })], { folder })?.areVolumesReadOnly, true);
  });

  it('19: are said by every policy, of one key, or there are none', () => {
    const refused = (policies: readonly Policy[], why: RegExp, flags = {}) =>
      assert.throws(() => receiptSettings(policies, { folder, ...flags }), why);
    refused([], /does not allow/);
    refused([policy(undefined)], /does not allow/);
    refused([policy({}), policy(undefined)], /does not allow/);
    refused([policy({}), policy({ key: other })], /different keys/);
    refused([policy({})], /would not count/, { signer: other.privateKey });
    assert.throws(() => receiptSettings([policy({})], { signer: ours.privateKey }), /without --receipts/);
    assert.ok(receiptSettings([policy({})], { folder, signer: ours.privateKey })?.signer);
    assert.equal(receiptSettings([policy({})], {}), undefined);
  });

  const by = (key: typeof ours, kind = 'signature') =>
    ({
      kind,
      attestors: [other, key].map(({ publicKey }) => ({
        kind: 'key',
        name: 'ml',
        fingerprint: fingerprintOf(publicKey),
      })),
    }) as unknown as Requirement;
  for (const [what, requirement, isRefused] of [
    ['a signature', by(ours), true],
    ['one of several signatures', { kind: 'anyOf', options: [{ kind: 'sha256' }, by(ours)] }, true],
    ['a signed listing', { kind: 'checksums', signature: by(ours) }, true],
    ['a listing that is pinned', { kind: 'checksums' }, false],
    ['a signature of somebody else', by(other), false],
    ['a verdict, as a verifier may', by(ours, 'attestation'), false],
  ] as const)
    it(`19: are ${isRefused ? 'none' : 'those'} of a key that signs ${what}`, () => {
      const settings = receiptSettings([policy({})], { folder });
      assert.ok(settings);
      const check = () => requireOwnKey(settings, [{ requirements: [requirement as Requirement] }]);
      if (isRefused) assert.throws(check, { code: 'CONFIG_INVALID', message: /that of ml, who signs/ });
      else check();
    });
});
