import type { Mutation } from '../../scripts/mutate/mutation.ts';

export default [
  {
    id: 'private-path-root-valid',
    file: 'src/evidence/certificate.ts',
    from: 'requireValidAt(root, time);',
    to: '',
    tests: ['test/unit/certificate.test.ts'],
  },
  {
    id: 'archive-path-dots',
    file: 'src/archive/entry-path.ts',
    from: "'..'",
    to: "'...'",
    tests: ['test/unit/archive.test.ts'],
  },
] satisfies Mutation[];
