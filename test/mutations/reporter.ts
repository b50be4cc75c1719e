// Whose message counts, and that what was not written is not forgotten.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const IMAGE = ['test/unit/verifier-image.test.ts'];
const WRITES = ['test/unit/reporter.test.ts'];
const QUEUE = ['test/unit/write-queue.test.ts'];
const PODS = ['test/integration/pods.test.ts'];
const LEASE = ['test/unit/lease.test.ts'];

const mutation = (id: string, file: string, from: string, to: string, tests: readonly string[], name?: string) =>
  ({
    id: `17.6-${id}`,
    file: `src/cluster/${file}`,
    from,
    to,
    tests,
    ...(name === undefined ? {} : { name }),
  }) as const;

export default [
  mutation('image-listed', 'verifier-image.ts', '!digests.includes(digest)', 'false', IMAGE),
  mutation('image-pin', 'verifier-image.ts', 'digests.includes(pin)', 'true', IMAGE),
  mutation('image-whole', 'verifier-image.ts', '([a-f0-9]{64})$/', '([a-f0-9]{64})/', IMAGE),
  mutation('image-anchored', 'verifier-image.ts', '/^(?:docker-pullable', '/(?:docker-pullable', IMAGE),
  mutation('signers', 'pod-verdict.ts', 'artifacts: unvouched };\n  const why', 'artifacts };\n  const why', IMAGE),
  mutation('counted', 'pod-verdict.ts', "if (verdict !== 'pass') return", 'if (true) return', IMAGE),
  mutation('artifact-counted', 'objects.ts', "return isCounted ? 'pass' : 'warn'", "return 'pass'", [
    'test/unit/report-objects.test.ts',
  ]),
  mutation('whole-result', 'objects.ts', 'if (named.some(({ result }) => result === verdict.result))', 'if (true)', [
    'test/unit/report-objects.test.ts',
  ]),
  mutation('again', 'write-queue.ts', 'this.#waiting.set(write.key, entry);\n\n', '\n', QUEUE),
  mutation('newest', 'write-queue.ts', 'if (this.#waiting.has(write.key) || entry', 'if (entry', QUEUE),
  mutation(
    'said-once',
    'write-queue.ts',
    'kindOf(before.why) !== kindOf(why)',
    'before.why !== why',
    WRITES,
    'says so once',
  ),
  mutation('lost', 'reporter.ts', 'this.queue.counts.lost +', '0 +', WRITES, 'ends --once'),
  mutation('cut-line', 'api.ts', "if (rest !== '') throw", "if (rest === '!') throw", ['test/unit/api.test.ts']),
  mutation('lease-held', 'lease.ts', 'if (!isFree) {', 'if (false) {', LEASE),
  mutation(
    'lease-conflict',
    'lease.ts',
    'if (answer.status === 409) return false;',
    'if (answer.status === 409) return true;',
    LEASE,
  ),
  mutation('lease-writes', 'write-queue.ts', 'this.#options.mayWrite?.() === false', 'false', LEASE),
  mutation('rows-confirmed', 'pod-rows.ts', "own.result === 'pass' && !isConfirmed", 'false', PODS),
  mutation('rows-exit-code', 'pod-rows.ts', "(worst === 'pass' && exitCode !== 0)", 'false', PODS),
  mutation('rows-current', 'pod-rows.ts', 'timestamp?.seconds === seconds', 'true', PODS),
  mutation('token-tls', 'kubeconfig-user.ts', "!server.startsWith('https:')", 'false', [
    'test/unit/kubeconfig.test.ts',
  ]),
  mutation(
    'list-border',
    'item-ends.ts',
    'JSON.parse(text) as Record',
    "JSON.parse(`${text}`.slice(0, 1) + '}') as Record",
    ['test/unit/list-stream.test.ts'],
  ),
  mutation('list-managed', 'item-ends.ts', 'if (Array.isArray(metadata?.managedFields))', 'if (false)', [
    'test/unit/list-stream.test.ts',
  ]),
  mutation('list-last', 'list-stream.ts', '    this.#advance(true);\n', '', ['test/unit/list-stream.test.ts']),
  {
    id: '17-page-escape',
    file: 'src/html.ts',
    from: 'return escaped(visible(String(part)));',
    to: 'return visible(String(part));',
    tests: ['test/unit/evidence-page.test.ts'],
  },
  {
    id: '17-page-policy',
    file: 'src/cluster/evidence-page.ts',
    from: "default-src 'none'; ",
    to: '',
    tests: ['test/unit/evidence-page.test.ts'],
  },
] satisfies Mutation[];
