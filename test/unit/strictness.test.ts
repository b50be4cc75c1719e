// Nothing that a pod says, and no second policy, makes a policy less strict than it is.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Policy, strictest } from '../../src/plan/index.ts';

const policies = (...list: [Policy['mode'], Policy['failurePolicy']][]) =>
  list.map(([mode, failurePolicy]) => ({ mode, failurePolicy }) as Policy);

describe('the strictness of a run', () => {
  for (const [said, asked, expected] of [
    [[], {}, ['Enforce', 'Fail']],
    [[], { mode: 'Audit', failurePolicy: 'Ignore' }, ['Audit', 'Ignore']],
    [[['Enforce', 'Fail']], { mode: 'Audit', failurePolicy: 'Ignore' }, ['Enforce', 'Fail']],
    [[['Audit', 'Ignore']], {}, ['Audit', 'Ignore']],
    [[['Audit', 'Ignore']], { mode: 'Enforce' }, ['Enforce', 'Ignore']],
    [[['Audit', 'Ignore']], { failurePolicy: 'Fail' }, ['Audit', 'Fail']],
    [
      [
        ['Audit', 'Fail'],
        ['Enforce', 'Ignore'],
      ],
      {},
      ['Enforce', 'Fail'],
    ],
    [
      [
        ['Audit', 'Ignore'],
        ['Audit', 'Ignore'],
      ],
      { mode: 'Audit' },
      ['Audit', 'Ignore'],
    ],
  ] as const)
    it(`of policies ${JSON.stringify(said)} and flags ${JSON.stringify(asked)} is ${expected.join(', ')}`, () => {
      const { mode, failurePolicy } = strictest(policies(...(said as [])), asked);
      assert.deepEqual([mode, failurePolicy], expected);
    });
});
