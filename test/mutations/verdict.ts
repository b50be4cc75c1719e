import type { Mutation } from '../../scripts/mutate/mutation.ts';

const VERDICT = ['test/integration/verdict.test.ts'];
const COUNTS = { file: 'src/evidence/verdict-terms.ts', tests: VERDICT, name: 'counts by who' } as const;

export default [
  { ...COUNTS, id: '19-verdict-result', from: "return result === 'PASSED' ?", to: "return result !== 'FAILED' ?" },
  { ...COUNTS, id: '19-verdict-levels', from: "if (found.includes('FAILED'))", to: "if (found.includes('NONE'))" },
  { ...COUNTS, id: '19-verdict-verifier', from: 'id !== verifier)', to: 'id === undefined)' },
  { ...COUNTS, id: '19-verdict-time', from: 'if (Number.isNaN(time))', to: "if (text === 'never')" },
  { ...COUNTS, id: '19-verdict-future', from: 'if (time > now + MOST_AHEAD)', to: 'if (time > now * MOST_AHEAD)' },
  { ...COUNTS, id: '19-verdict-age', from: 'now - time > maxAge)', to: 'now - time > maxAge * 1e6)' },
  {
    ...COUNTS,
    id: '19-verdict-policy',
    from: "text('sha256') !== policy)",
    to: "text('sha256') === undefined)",
  },
  {
    ...COUNTS,
    id: '19-verdict-level-asked',
    from: 'missing === undefined ?',
    to: 'missing !== null ?',
    name: 'a policy requires',
  },
  {
    id: '19-verdict-unread',
    file: 'src/run/signature-places.ts',
    from: 'const why = tooOld ?? other ?? untrue;',
    to: 'const why = tooOld ?? untrue;',
    tests: VERDICT,
    name: 'counts by who',
  },
  {
    id: '19-verdict-of-nothing',
    file: 'src/receipt/verdict-payload.ts',
    from: "verifiedLevels: isPassed ? levelsOf(artifact.requirements) : ['FAILED'],",
    to: 'verifiedLevels: levelsOf(artifact.requirements),',
    tests: VERDICT,
    name: 'says FAILED',
  },
  {
    id: '19-policy-digest-keys',
    file: 'src/plan/policy/attestors.ts',
    from: "  const text = readTrust(located(file, files), what);\n  files.digests.set(file, sha256(text).toString('hex'));",
    to: '  const text = readTrust(located(file, files), what);',
    tests: ['test/integration/verdict.test.ts'],
    name: 'was replaced',
  },
  {
    id: '19-policy-digest-root',
    file: 'src/plan/policy/attestors.ts',
    from: "files.digests.set(file, sha256(trusted.json).toString('hex'));",
    to: '',
    tests: ['test/integration/verdict.test.ts'],
    name: 'was replaced',
  },
] satisfies readonly Mutation[];
