import type { Mutation } from '../../scripts/mutate/mutation.ts';

const ATTACKS = ['test/integration/verdict-attacks.test.ts'];

export default [
  {
    id: '19-verdict-beside-policy',
    file: 'src/commands/verdict-file.ts',
    from: 'if (policies.length > 0 && (artifact.policies ?? []).length === 0) return false;',
    to: '',
    tests: ATTACKS,
    name: 'beside the policy',
  },
  {
    id: '19-verdict-run-failed',
    file: 'src/commands/verdict-file.ts',
    from: "return result !== 'PASSED' || failures.length === 0;",
    to: 'return failures !== undefined && result !== undefined;',
    tests: ATTACKS,
    name: 'no artifact in particular',
  },
  {
    id: '19-verdict-stale',
    file: 'src/commands/verdict-file.ts',
    from: 'if (payloads.length === 0) rmSync(path, { force: true });',
    to: 'if (payloads.length === 0) return;',
    tests: ATTACKS,
    name: 'an earlier run',
  },
  {
    id: '19-verdict-of-manifest',
    file: 'src/receipt/verdict-payload.ts',
    from: 'manifest === undefined || !isOfManifest ?',
    to: 'manifest === undefined ?',
    tests: ATTACKS,
    name: 'names no manifest',
  },
  {
    id: '19-verdict-of-type',
    file: 'src/evidence/verdict-terms.ts',
    from: 'if (terms === undefined && !isOld && type !== VERDICT_TYPE) return undefined;',
    to: 'if (terms === undefined) return undefined;',
    tests: ATTACKS,
    name: 'no evidence for whoever asks',
  },
  {
    id: '19-verdict-of-old-type',
    file: 'src/evidence/verdict-terms.ts',
    from: "const isOld = OLD_TYPE.test(type ?? '');",
    to: 'const isOld = false;',
    tests: ATTACKS,
    name: 'no evidence for whoever asks',
  },
] satisfies readonly Mutation[];
