import type { Mutation } from '../../scripts/mutate/mutation.ts';

export default [
  {
    id: 'archive-path-dots',
    file: 'src/archive/entry-path.ts',
    from: "'..'",
    to: "'...'",
    tests: ['test/unit/archive.test.ts'],
  },
] satisfies Mutation[];
