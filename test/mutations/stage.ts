// What may lie in an artifact without being listed, what is staged, and what is published.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const UNLISTED = { file: 'src/verdict/unlisted.ts', tests: ['test/unit/unlisted.test.ts'] } as const;

export default [
  {
    id: '15.2-evidence-name',
    ...UNLISTED,
    from: 'if (!EVIDENCE_NAME.test(name))',
    to: 'if (false)',
  },
  { id: '15.2-evidence-link', ...UNLISTED, from: 'if (files.targets.has(index))', to: 'if (false)' },
  { id: '15.2-evidence-hard-link', ...UNLISTED, from: 'if (links > 1)', to: 'if (links > 2)' },
  { id: '15.2-evidence-bytes', ...UNLISTED, from: 'if (hexAt(files, index) !== sha256)', to: 'if (false)' },
  {
    id: '15.2-evidence-path',
    ...UNLISTED,
    from: 'find((one) => one.name === name)',
    to: 'find((one) => one.name !== undefined)',
  },
  {
    id: '15.11-ignored-by-signer',
    ...UNLISTED,
    from: 'atOrAbove(name, new Set(rules.ignorePaths))',
    to: 'atOrAbove(name, rules.leftOut ?? new Set())',
  },
  {
    id: '15.11-empty-named',
    ...UNLISTED,
    from: 'rules.emptyFiles?.has(name) === true',
    to: 'rules.emptyFiles !== undefined',
  },
  {
    id: '15.11-empty-size',
    ...UNLISTED,
    from: 'if (files.size[index] === 0 && rules.emptyFiles?.has',
    to: 'if (rules.emptyFiles?.has',
  },
  {
    id: '15.11-ignore-pattern',
    file: 'src/plan/ignored-paths.ts',
    from: 'if (/[*?[\\]]/.test(text))',
    to: 'if (false)',
    tests: ['test/unit/unlisted.test.ts'],
  },
  {
    id: 'verdict-other-hash',
    file: 'src/verdict/compare.ts',
    from: 'found === undefined && files.hashed[i] !== 0',
    to: 'false',
    tests: ['test/unit/unlisted.test.ts'],
  },
] satisfies Mutation[];
