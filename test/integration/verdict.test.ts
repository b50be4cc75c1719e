// The signed verdict: what it says, and whose counts for evidence.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify as verifySignature } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { type Draft, hex, keyBundle, modelStatement, pae } from '../evidence/world.ts';
import { passed, recipe, refused, run, workFolder, write } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa' };
const VERDICT = 'https://slsa.dev/verification_summary/v1';
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [verifier, signer, stranger] = [pair(), pair(), pair()];
const work = workFolder();
const pem = (key: typeof verifier) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const file = (name: string) => join(work, name);
write(work, {
  'verifier.pub': pem(verifier),
  'verifier.key': verifier.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'signer.pub': pem(signer),
  'stranger.pub': pem(stranger),
});

function folder(files: Readonly<Record<string, string>> = FILES): string {
  const path = join(workFolder(), 'model');
  write(path, files);
  return path;
}

const writing = (out: string) => ['--verdict', out, '--verdict-key', file('verifier.key')];
const accepting = (verdict: string, key = 'verifier.pub') => ['--accept-verdict', verdict, '--verifier-key', file(key)];

/** The statement in a bundle whose signature this key made. */
function statementIn(text: string): Draft {
  const { dsseEnvelope } = JSON.parse(text);
  const payload = Buffer.from(dsseEnvelope.payload, 'base64');
  const key = createPublicKey(pem(verifier));
  assert.ok(verifySignature('sha256', pae(payload), key, Buffer.from(dsseEnvelope.signatures[0].sig, 'base64')));
  return JSON.parse(payload.toString());
}

describe('19: the verdict of a run', () => {
  it('19: says what was verified, by which policy, when, by whom and from what', async () => {
    const path = folder();
    const signed = JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey));
    writeFileSync(join(path, 'model.sig'), signed);
    const policy = join(workFolder(), 'policy.yaml');
    write(dirname(policy), { 'signer.pub': pem(signer) });
    const text = `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: platform}
spec:
  attestors: [{name: release, cosign: {key: {file: signer.pub}, ctlog: {insecureIgnoreTlog: true}}}]
  artifacts: [{name: weights, path: ${path}, require: [{signature: {attestors: [release]}}]}]
`;
    writeFileSync(policy, text);
    const out = file('v1.json');
    const image = `sha256:${'a'.repeat(64)}`;
    passed(await run(['verify', '--policy', policy, ...writing(out), '--verifier-image', image]));
    const { subject, predicateType, predicate, _type } = statementIn(readFileSync(out, 'utf8'));
    assert.deepEqual(
      [_type, predicateType, subject],
      ['https://in-toto.io/Statement/v1', VERDICT, [{ name: 'weights', digest: { sha256: recipe(path) } }]],
    );
    const { timeVerified, ...rest } = predicate;
    assert.ok(Math.abs(Date.parse(timeVerified) - Date.now()) < 600_000);
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(rest, {
      verifier: { id: 'https://weighlock.dev/verifier', version: { weighlock: version, image } },
      resourceUri: path,
      policy: {
        uri: 'https://weighlock.dev/policies/platform',
        digest: { sha256: hex(`${hex(text)}  -\n${hex(pem(signer))}  signer.pub\n`) },
      },
      inputAttestations: [{ uri: join(path, 'model.sig'), digest: { sha256: hex(signed) } }],
      verificationResult: 'PASSED',
      verifiedLevels: ['WEIGHLOCK_CONTENT', 'WEIGHLOCK_SIGNED'],
      slsaVersion: '1.1',
    });
  });

  it('19: is of another policy when a key or a root that it names was replaced', async () => {
    const path = folder();
    const other = pair();
    const signatures = [signer, other].map((key) => JSON.stringify(keyBundle(modelStatement(FILES), key.privateKey)));
    writeFileSync(join(path, 'model.sig'), `${signatures.join('\n')}\n`);
    const root = new URL('../../src/library/public-good.json', import.meta.url);
    const at = workFolder();
    const policy = join(at, 'policy.yaml');
    writeFileSync(
      policy,
      `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: platform}
spec:
  trustedRoot: {file: root.json}
  attestors: [{name: release, cosign: {key: {file: keys/release.pub}, ctlog: {insecureIgnoreTlog: true}}}]
  artifacts: [{name: weights, path: ${path}, require: [{signature: {attestors: [release]}}]}]
`,
    );
    const digests = new Map<string, string>();
    const verdict = async (name: string, key: string, trusted: string) => {
      write(at, { 'keys/release.pub': key, 'root.json': trusted });
      const out = file(`${name}.json`);
      passed(await run(['verify', '--policy', policy, ...writing(out)]));
      const { sha256 } = statementIn(readFileSync(out, 'utf8')).predicate.policy.digest;
      digests.set(name, sha256);
      assert.match((await run(['policy', 'check', policy])).stdout, new RegExp(`in verdicts it is sha256:${sha256}`));
      return out;
    };
    const text = readFileSync(root, 'utf8');
    const first = await verdict('key', pem(signer), text);
    const listing = [readFileSync(policy, 'utf8'), pem(signer), text].map((one) => hex(one));
    const names = ['-', 'keys/release.pub', 'root.json'];
    assert.equal(digests.get('key'), hex(listing.map((one, i) => `${one}  ${names[i]}\n`).join('')));
    await verdict('another key', pem(other), text);
    await verdict('another root', pem(signer), `${text}\n`);
    await verdict('the key again', pem(signer), text);
    assert.equal(new Set(digests.values()).size, 3);
    // Whoever pins the policy takes the verdict by the old key for none.
    for (const [name, status] of [
      ['key', 0],
      ['another key', 65],
    ] as const)
      assert.equal(
        (await run(['verify', path, ...accepting(first), '--verdict-policy', `${digests.get(name)}`])).status,
        status,
      );
  });

  it('18: names what the platform has left out, and counts for evidence all the same', async () => {
    const path = folder({ ...FILES, '.git/HEAD': 'ref: refs/heads/main\n', '.git/config': 'x', 'notes.txt': 'n' });
    const out = file('left-out.json');
    const rules = ['--storage-preset', 'git', '--omit-paths', 'notes.txt'];
    passed(await run(['verify', path, '--sha256', recipe(folder()), ...rules, ...writing(out)]));
    const { predicate, subject } = statementIn(readFileSync(out, 'utf8'));
    assert.equal(subject[0].digest.sha256, recipe(folder()));
    assert.deepEqual(predicate['https://weighlock.dev/left-out/v1'], {
      paths: 2,
      entries: [
        { path: '.git', by: 'git', entries: 2, bytes: 22 },
        { path: 'notes.txt', by: 'omit-paths', entries: 1, bytes: 1 },
      ],
    });
    passed(await run(['verify', path, ...rules, ...accepting(out)]));
    assert.notEqual((await run(['verify', path, ...accepting(out)])).status, 0);
  });

  it('19: says FAILED of what failed, and that is no evidence', async () => {
    const path = folder();
    const out = file('failed.json');
    refused(await run(['verify', path, '--sha256', '0'.repeat(64), ...writing(out)]), 'DIGEST_MISMATCH');
    const { predicate } = statementIn(readFileSync(out, 'utf8'));
    assert.deepEqual([predicate.verificationResult, predicate.verifiedLevels], ['FAILED', ['FAILED']]);
    refused(await run(['verify', path, ...accepting(out)]), 'CONDITION_FAILED', /not PASSED/);
  });

  it('19: says nothing of what could not be measured', async () => {
    const out = file('none.json');
    assert.equal((await run(['verify', '/nowhere', '--sha256', '0'.repeat(64), ...writing(out)])).status, 65);
    assert.equal(existsSync(out), false);
  });

  it('19: of several artifacts is one on each line, and each counts for its own', async () => {
    const [a, b] = [folder(), folder({ 'other.bin': 'other' })];
    const out = file('two.jsonl');
    passed(await run(['verify', a, b, '--sha256', recipe(a), '--sha256', recipe(b), ...writing(out)]));
    assert.equal(readFileSync(out, 'utf8').trimEnd().split('\n').length, 2);
    passed(await run(['verify', a, b, ...accepting(out)]));
    writeFileSync(join(b, 'other.bin'), 'othex');
    refused(await run(['verify', a, b, ...accepting(out)]), 'DIGEST_MISMATCH');
  });

  it('19: has the digest of what is signed in shards, too', async () => {
    const path = folder();
    write(work, { 'shard.key': signer.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
    passed(await run(['sign', path, '--key', file('shard.key'), '--shard-size', '1M']));
    const out = file('shards.json');
    const ask = ['verify', path, '--key', file('signer.pub'), '--insecure-ignore-tlog'];
    passed(await run([...ask, ...writing(out)]));
    assert.equal(statementIn(readFileSync(out, 'utf8')).subject[0].digest.sha256, recipe(path));
  });

  it('19: lies outside of what it is about, and has a key', async () => {
    const path = folder();
    const ask = ['verify', path, '--sha256', recipe(path)];
    const cases: [number, string[]][] = [
      [78, writing(join(path, 'verdict.json'))],
      [78, [...ask.slice(4), '--verdict', file('x.json'), '--verdict-key', '/nowhere']],
      [78, ['--verdict', file('verifier.key'), '--verdict-key', file('verifier.key')]],
      [64, ['--verdict', file('x.json')]],
      [64, ['--verdict-key', file('verifier.key')]],
      [64, [...writing(file('x.json')), '--verifier-image', 'latest']],
    ];
    for (const [status, more] of cases) {
      const ended = await run([...ask, ...more]);
      assert.equal(ended.status, status, `${more.join(' ')}: ${ended.stdout}${ended.stderr}`);
    }
    assert.equal(existsSync(file('x.json')), false);
  });

  it('19: that cannot be written is an answer that is missing', async () => {
    const path = folder();
    const readOnly = join(workFolder(), 'gone');
    const ended = await run(['verify', path, '--sha256', recipe(path), ...writing(join(readOnly, 'v.json'))]);
    refused(ended, 'REPORT_UNWRITABLE', /write/, 75);
  });
});

describe('19: a verdict for evidence', () => {
  const day = 24 * 3_600_000;
  const say = (digest: string, change: Draft = {}, key = verifier, type = VERDICT) => {
    const predicate = {
      verifier: { id: 'https://weighlock.dev/verifier', version: {} },
      timeVerified: new Date().toISOString(),
      resourceUri: 'x',
      policy: { uri: 'p', digest: { sha256: 'a'.repeat(64) } },
      verificationResult: 'PASSED',
      verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
      ...change,
    };
    const subject = [{ name: 'x', digest: { sha256: digest } }];
    const _type = 'https://in-toto.io/Statement/v1';
    return JSON.stringify(keyBundle({ _type, subject, predicateType: type, predicate }, key.privateKey));
  };
  const at = (offset: number) => ({ timeVerified: new Date(Date.now() + offset).toISOString() });

  it('19: counts by who signed it, what it says, when, and by which policy', async () => {
    const path = folder();
    const digest = recipe(path);
    const good = say(digest);
    const cases: [string, string | undefined, string[]?][] = [
      [good, undefined],
      [good, undefined, ['--verdict-max-age', '1h', '--verifier-id', 'https://weighlock.dev/verifier']],
      [good, undefined, ['--verdict-policy', 'a'.repeat(64)]],
      [say(digest, at(-20 * day)), undefined],
      [say(digest, at(-20 * day)), 'CONDITION_FAILED', ['--verdict-max-age', '1h']],
      [say(digest, at(day)), 'CONDITION_FAILED'],
      [say(digest, { timeVerified: 'yesterday' }), 'CONDITION_FAILED'],
      [say(digest, { timeVerified: '2026' }), 'CONDITION_FAILED'],
      [say(digest, { timeVerified: undefined }), 'CONDITION_FAILED'],
      [good, 'CONDITION_FAILED', ['--verifier-id', 'https://weighlock.dev/other']],
      [good, 'CONDITION_FAILED', ['--verdict-policy', 'b'.repeat(64)]],
      [say(digest, { policy: undefined }), 'CONDITION_FAILED', ['--verdict-policy', 'a'.repeat(64)]],
      [say(digest, { verificationResult: 'FAILED' }), 'CONDITION_FAILED'],
      [say(digest, { verificationResult: 'passed' }), 'CONDITION_FAILED'],
      [say(digest, { verificationResult: undefined }), 'CONDITION_FAILED'],
      [say(digest, { verifiedLevels: ['FAILED'] }), 'CONDITION_FAILED'],
      [say(digest, { verifiedLevels: undefined }), 'CONDITION_FAILED'],
      [say(digest, { verifier: 'x' }), 'CONDITION_FAILED'],
      [say(digest, {}, stranger), 'SIGNATURE_INVALID'],
      [say(digest, {}, signer), 'SIGNATURE_INVALID'],
      [say('b'.repeat(64)), 'DIGEST_MISMATCH'],
      [say(digest, {}, verifier, 'https://slsa.dev/verification_summary/v0.2'), 'ATTESTATION_MISSING'],
      [say(digest, {}, verifier, 'https://weighlock.dev/receipt/v1'), 'ATTESTATION_MISSING'],
      ['{}', 'SIGNATURE_INVALID'],
      ['', 'SIGNATURE_INVALID'],
    ];
    for (const [text, code, more = []] of cases) {
      const verdict = join(workFolder(), 'v.json');
      writeFileSync(verdict, text);
      const ended = await run(['verify', path, ...accepting(verdict), ...more]);
      if (code === undefined) passed(ended);
      else refused(ended, code);
    }
  });

  it('19: is asked for completely, or the run does not begin', async () => {
    const path = folder();
    const cases = [
      ['--accept-verdict', file('v1.json')],
      ['--verifier-key', file('verifier.pub')],
      ['--verifier-id', 'x', '--sha256', recipe(path)],
      ['--verdict-max-age', '1h', '--sha256', recipe(path)],
    ];
    for (const more of cases) assert.equal((await run(['verify', path, ...more])).status, 78, more.join(' '));
    mkdirSync(join(path, 'keys'));
    write(path, { 'keys/verifier.pub': pem(verifier) });
    const inside = ['--accept-verdict', file('v1.json'), '--verifier-key', join(path, 'keys/verifier.pub')];
    assert.equal((await run(['verify', path, ...inside])).status, 78);
  });

  it('19: may be what a policy requires, with its levels', async () => {
    const path = folder();
    const trust = workFolder();
    write(trust, { 'verifier.pub': pem(verifier) });
    const policy = (terms: string) => {
      writeFileSync(
        join(trust, 'policy.yaml'),
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: second}
spec:
  attestors: [{name: first, cosign: {key: {file: verifier.pub}, ctlog: {insecureIgnoreTlog: true}}}]
  artifacts: [{name: weights, path: ${path}, require: [{verdict: {attestors: [first]${terms}}}]}]
`,
      );
      return run(['verify', '--policy', join(trust, 'policy.yaml')]);
    };
    writeFileSync(`${path}.sigstore.json`, say(recipe(path)));
    passed(await policy(''));
    passed(await policy(', maxAge: 1h, levels: [SLSA_BUILD_LEVEL_3], verifier: "https://weighlock.dev/verifier"'));
    passed(await policy(`, policy: {sha256: ${'a'.repeat(64)}}`));
    refused(await policy(', levels: [SLSA_BUILD_LEVEL_4]'), 'CONDITION_FAILED');
    refused(await policy(`, policy: {sha256: ${'c'.repeat(64)}}`), 'CONDITION_FAILED');
    for (const wrong of [
      ', level: [x]',
      ', maxAge: 0',
      ', policy: {sha256: x}',
      ', policy: {}',
      ', levels: []',
      ', type: x',
    ])
      refused(await policy(wrong), 'CONFIG_INVALID', /./, 78);
  });
});
