// Conditions are bounded: what an attestation says can make a condition slow, never the pod wait
// for ever.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileConditions } from '../../src/evidence/index.ts';

const signer = { attestor: 'ci', fingerprint: 'x', deviations: [] };

async function verdict(source: string, predicate: unknown): Promise<string | undefined> {
  const [condition] = await compileConditions([source]);
  const statement = { predicateType: 't', predicate, subjects: [] } as never;
  return condition?.(statement, signer as never);
}

describe('a condition', () => {
  it('is met by true alone', async () => {
    assert.equal(await verdict('predicate.a == 1.0', { a: 1 }), undefined);
    for (const [source, predicate] of [
      ['predicate.a == 2.0', { a: 1 }],
      ['predicate.a', { a: 'true' }],
      ['predicate.absent.deeper == 1', {}],
      ['predicate.a > 1', { a: 'text' }],
    ] as const)
      assert.notEqual(await verdict(source, predicate), undefined, source);
  });

  it('that does not end in time is not met', async () => {
    const items = Array.from({ length: 3000 }, (_, i) => i);
    const source = 'predicate.items.all(a, predicate.items.all(b, predicate.items.all(c, a + b + c >= 0.0)))';
    assert.match((await verdict(source, { items })) ?? 'met', /cannot be told of it/);
  });
});
