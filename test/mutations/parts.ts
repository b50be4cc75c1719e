import type { Mutation } from '../../scripts/mutate/mutation.ts';

const PARTS = ['test/integration/parts.test.ts'];
const MERGE = {
  file: 'src/receipt/merge-parts.ts',
  tests: PARTS,
  name: 'is merged of all parts|not merged of a part',
} as const;

export default [
  { ...MERGE, id: '19-part-missing', from: 'if (missing.length > 0)', to: 'if (missing.length > 1)' },
  { ...MERGE, id: '19-part-twice', from: 'if (other !== undefined) throw', to: 'if (other === null) throw' },
  { ...MERGE, id: '19-part-of-others', from: 'if (part.of !== of)', to: 'if (part.of < 0)' },
  { ...MERGE, id: '19-part-common', from: 'if (different !== undefined)', to: 'if (different === null)' },
  { ...MERGE, id: '19-part-signer', from: '{ predicateType: PARTIAL_TYPE });', to: "{ predicateType: 'x' });" },
  {
    ...MERGE,
    id: '19-part-pin',
    from: 'pins.find((pin) => pin !== digest)',
    to: "pins.find((pin) => pin === '')",
    name: 'holds a pin',
  },
  {
    id: '19-part-version',
    file: 'src/receipt/partial-statement.ts',
    from: 'if (version !== VERSION)',
    to: "if (version === '')",
    tests: PARTS,
    name: 'tampered',
  },
  {
    id: '19-part-failed',
    file: 'src/receipt/partial-statement.ts',
    from: "if (fields.text('verificationResult') !== 'PASSED')",
    to: "if (fields.text('verificationResult') === '')",
    tests: PARTS,
    name: 'tampered',
  },
  {
    id: '19-part-gate',
    file: 'src/commands/verify.ts',
    from: 'policies.every(({ allowsParts }) => allowsParts === true)',
    to: 'policies.some(({ allowsParts }) => allowsParts === true)',
    tests: PARTS,
    name: 'no gate',
  },
  {
    id: '19-part-mixed',
    file: 'src/verdict/judge-signature.ts',
    from: 'const isMixed = measured.isPart === true && failures.length > 0;',
    to: 'const isMixed = false;',
    tests: PARTS,
    name: 'no two lists',
  },
  {
    id: '19-part-taken-for-hashed',
    file: 'src/run/part.ts',
    from: 'for (const index of others) files.hashed[index] = 0;',
    to: 'for (const index of others) files.hashed[index] = 1;',
    tests: PARTS,
    name: 'comes to the verdict',
  },
  {
    id: '19-part-leaves-failure',
    file: 'src/receipt/partial-verdict.ts',
    from: "result === 'PASSED' && part !== undefined",
    to: 'part !== undefined',
    tests: PARTS,
    name: 'refuses what a part',
  },
] satisfies readonly Mutation[];
