// Whether what ran was the verifier: by what the kubelet says ran, and never against what the pod
// says is to run.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from '../../src/cluster/pod-verdict.ts';
import { digestOfImageId, whyNotVerifier } from '../../src/cluster/verifier-image.ts';
import { IMAGE, message, PASSED, pod } from '../kubernetes/pods.ts';
import { NAMESPACE } from '../kyverno/evaluate.ts';

const HEX = '2'.repeat(64);
const IMPORTED = `sha256:${HEX}`;
const OTHER = `sha256:${'3'.repeat(64)}`;
const NAME = 'ghcr.io/weighlock/weighlock';

describe('17.6: the image that ran', () => {
  const ids: readonly [string, string | undefined][] = [
    [`${NAME}@${IMPORTED}`, IMPORTED],
    [`docker-pullable://${NAME}@${IMPORTED}`, IMPORTED],
    [`docker://${IMPORTED}`, IMPORTED],
    [IMPORTED, IMPORTED],
    [HEX, IMPORTED],
    [`docker.io/library/import-2026-11-20@${IMPORTED}`, IMPORTED],
    [`localhost:5000/a/b@${IMPORTED}`, IMPORTED],
    ['', undefined],
    [`${NAME}:0.1.0`, undefined],
    [`${NAME}@${IMPORTED}0`, undefined],
    [`${NAME}@${IMPORTED.slice(0, -1)}`, undefined],
    [`${NAME}@sha512:${HEX}${HEX}`, undefined],
    [`x${HEX}`, undefined],
    [`${NAME}:tag-sha256:${HEX}`, undefined],
    [`${NAME}@${OTHER}@${IMPORTED}`, undefined],
    [`${NAME} @${IMPORTED}`, undefined],
    [`${NAME}@${IMPORTED}\n`, undefined],
  ];
  for (const [id, digest] of ids)
    it(`17.6: ${JSON.stringify(id)} is ${digest?.slice(0, 12) ?? 'none'}`, () =>
      assert.equal(digestOfImageId(id), digest));

  const cases: readonly [what: string, id: string, reference: string, isOurs: boolean][] = [
    ['the pinned one, pulled', `${NAME}@${IMAGE}`, `${NAME}@${IMAGE}`, true],
    ['pulled by a tag', `${NAME}@${IMAGE}`, `${NAME}:0.1.0`, true],
    ['another registry, the same content', `mirror.example.com/w@${IMAGE}`, `${NAME}@${IMAGE}`, true],
    ['imported on the node, as an admin says', IMPORTED, `${NAME}@${IMAGE}`, true],
    ['imported under a made-up name', `docker.io/library/import-2026-11-20@${IMPORTED}`, `${NAME}@${IMAGE}`, true],
    ['imported, and nobody says that it is ours', OTHER, `${NAME}@${IMAGE}`, false],
    ['another image that is pinned to ours afterwards', `evil.example.com/x@${OTHER}`, `${NAME}@${IMAGE}`, false],
    ['ours, and another one that is to run next', `${NAME}@${IMAGE}`, `evil.example.com/x@${OTHER}`, false],
    ['an imported one, with another one in its place', IMPORTED, `evil.example.com/x@${OTHER}`, false],
    ['a name that ends like ours', `evil.example.com/x@sha512:${HEX}${IMAGE}`, `${NAME}@${IMAGE}`, false],
    ['one of which the kubelet says nothing', '', `${NAME}@${IMAGE}`, false],
  ];
  for (const [what, id, reference, isOurs] of cases)
    it(`17.6: ${what} is ${isOurs ? '' : 'not '}the verifier's`, () => {
      assert.equal(whyNotVerifier(id, reference, [IMAGE, IMPORTED]) === undefined, isOurs);
      const one = pod('one', 0, PASSED, { imageID: id });
      one.spec.initContainers[0].image = reference;
      const verdict = verdictOf(one, { images: [IMAGE, IMPORTED], authors: false }, NAMESPACE.metadata);
      assert.equal(verdict?.result, isOurs ? 'pass' : 'fail');
      assert.equal(verdict?.isCounted, isOurs);
    });
});

describe('17.6: a termination message by somebody else', () => {
  const claims = [{ name: 'model', result: 'PASSED', sha256: HEX, signers: ['release: the boss'], policies: ['corp'] }];
  const said = message('PASSED', 0, [], claims);

  it('17.6: names no signer and no policy unless the platform configured the verifier', () => {
    const mine = pod('mine', 0, said);
    mine.spec.initContainers[0].args = ['verify', '/verify/0', '--key', '/tmp/mine.pub'];
    const verdict = verdictOf(mine, { images: [IMAGE], authors: false }, NAMESPACE.metadata);
    assert.equal(verdict?.result, 'warn');
    assert.deepEqual(verdict?.artifacts, [{ name: 'model', result: 'PASSED', sha256: HEX }]);
    const failed = pod('failed', 65, message('FAILED', 65, ['DIGEST_MISMATCH'], claims));
    failed.spec.initContainers[0].args = ['verify', '/tmp'];
    assert.deepEqual(verdictOf(failed, { images: [IMAGE], authors: false }, NAMESPACE.metadata)?.artifacts, [
      { name: 'model', result: 'PASSED', sha256: HEX },
    ]);
    const good = verdictOf(pod('good', 0, said), { images: [IMAGE], authors: false }, NAMESPACE.metadata);
    assert.deepEqual(good?.artifacts, claims);
  });

  it('17.6: says nothing through another image, whatever it says', () => {
    const verdict = verdictOf(pod('other', 0, said, { imageID: `x@${OTHER}` }), { images: [IMAGE], authors: true });
    assert.deepEqual([verdict?.result, verdict?.artifacts], ['fail', []]);
    assert.doesNotMatch(verdict?.message ?? '', /PASSED/);
  });

  it('17.6: counts an artifact for what it is, and a part of the line for no more than it says', () => {
    for (const bad of [
      { artifacts: [{ name: 'a', result: 'PASSED', sha256: 'A'.repeat(64), manifest: 'sha256:x', signers: 'me' }] },
      { artifacts: [{ name: 'a', result: 'PASSED', signers: [1, '', 'x'.repeat(500)], policies: [{}] }] },
    ]) {
      const text = JSON.stringify({ result: 'PASSED', ...bad });
      const verdict = verdictOf(pod('odd', 0, text), { images: [IMAGE], authors: false }, NAMESPACE.metadata);
      assert.deepEqual(verdict?.artifacts, [{ name: 'a', result: 'PASSED' }]);
    }
  });
});
