// A cluster that has everything an evidence page can show, hostile text included.
import type { FakeApi, Json } from './fake-api.ts';
import { fill, message, pod } from './pods.ts';

/** What runs in a page that takes text for markup. */
export const HOSTILE = `</td><script>document.title='owned'</script><img src=x onerror="document.title='owned'">'"\`&amp;\u202e`;

const CI = 'ci: https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main';

function one(name: string, code: number, said: string, more: Json = {}): Json {
  const made = pod(name, code, said);
  made.metadata.annotations = {
    'model.ai/source': 'oci://user:secret@registry.example.com/models/mistral:v1?token=secret',
  };
  return { ...made, ...more, metadata: { ...made.metadata, ...more.metadata } };
}

export function fillForEvidence(api: FakeApi): void {
  const weights = {
    name: 'mistral-small',
    result: 'PASSED',
    sha256: 'b'.repeat(64),
    manifest: `sha256:${'d'.repeat(64)}`,
  };
  const signed = message('PASSED', 0, [], [{ ...weights, signers: [CI], policies: ['platform'] }]);
  const failed = message('FAILED', 65, ['DIGEST_MISMATCH'], [{ ...weights, result: 'FAILED', sha256: 'c'.repeat(64) }]);
  const odd = message('FAILED', 65, ['FILE_UNEXPECTED'], [{ name: HOSTILE.slice(0, 40), result: 'FAILED' }]);
  fill(
    api,
    ...Array.from({ length: 15 }, (_, i) => one(`server-${i}`, 0, signed)),
    one('train-7', 65, failed),
    one('odd', 65, `weighlock FAILED\nmodel: FILE_UNEXPECTED ${HOSTILE}\n${odd.trimEnd().split('\n').at(-1)}\n`),
    one('slow', 75, message('UNEVALUATED', 75, ['TIMEOUT'], [{ ...weights, result: 'UNEVALUATED' }])),
    one('audited', 0, message('FAILED', 0, ['SIGNATURE_MISSING'], [{ ...weights, result: 'FAILED' }])),
    pod('starting', 0, '', { state: { running: {} } }),
    { metadata: { name: 'web', namespace: 'ml' }, spec: { containers: [{ name: 'app' }] } },
  );
}
