// What a verdict must not be made to say, or be taken for.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Draft, hex, keyBundle, modelStatement } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { passed, recipe, refused, run, workFolder, write } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa' };
const EVIL = { 'evil.py': 'import os' };
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const SUMMARY = 'https://slsa.dev/verification_summary';
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [verifier, signer] = [pair(), pair()];
const work = workFolder();
const file = (name: string) => join(work, name);
const pem = (key: typeof verifier) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
write(work, {
  'verifier.pub': pem(verifier),
  'verifier.key': verifier.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'signer.pub': pem(signer),
});
const SIGNED = ['--key', file('signer.pub'), '--insecure-ignore-tlog'];
const writing = (out: string) => ['--verdict', out, '--verdict-key', file('verifier.key')];
const accepting = (verdict: string) => ['--accept-verdict', verdict, '--verifier-key', file('verifier.pub')];

function folder(files: Readonly<Record<string, string>> = FILES): string {
  const path = join(workFolder(), 'model');
  write(path, files);
  return path;
}

function signedFolder(): string {
  const path = folder();
  writeFileSync(join(path, 'model.sig'), JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey)));
  return path;
}

/** What verdicts in a file are about, and what they say. */
function said(path: string): { subjects: string[]; result: string }[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const payload = Buffer.from(JSON.parse(line).dsseEnvelope.payload, 'base64').toString();
    const { subject, predicate }: Draft = JSON.parse(payload);
    return { subjects: subject.map((one: Draft) => one.digest.sha256), result: predicate.verificationResult };
  });
}

/** @param where - `each: targets`, or `path: ...` */
function policyFile(where: string, require: string, name = 'platform'): string {
  const trust = workFolder();
  write(trust, {
    'signer.pub': pem(signer),
    'verifier.pub': pem(verifier),
    'policy.yaml': `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: ${name}}
spec:
  attestors:
    - {name: release, cosign: {key: {file: signer.pub}, ctlog: {insecureIgnoreTlog: true}}}
    - {name: verifier, cosign: {key: {file: verifier.pub}, ctlog: {insecureIgnoreTlog: true}}}
  artifacts: [{name: weights, ${where}, require: [${require}]}]
`,
  });
  return join(trust, 'policy.yaml');
}

describe('19: a verdict is not made to say', () => {
  it('19: that something passed which the pod brought beside the policy, with a pin of its own', async () => {
    const [path, evil] = [signedFolder(), folder(EVIL)];
    const policy = policyFile(`path: ${path}`, '{signature: {attestors: [release]}}');
    const out = file('beside.json');
    const environment = { DATASET_PATH: evil, DATASET_SHA256: recipe(evil) };
    passed(await run(['verify', '--policy', policy, ...writing(out)], { environment }));
    assert.deepEqual(said(out), [{ subjects: [recipe(path)], result: 'PASSED' }]);
    refused(await run(['verify', evil, ...accepting(out)]), 'DIGEST_MISMATCH');
  });

  it('19: that anything passed in a run in which a pin of no artifact in particular was not met', async () => {
    const targets = [signedFolder(), signedFolder()];
    const policy = policyFile('each: targets', '{signature: {attestors: [release]}}');
    const out = file('pins.json');
    const verify = (digest: string) =>
      run(['verify', '--policy', policy, '--targets', targets.join(':'), ...writing(out)], {
        environment: { MODEL_SHA256: digest },
      });
    passed(await verify(recipe(targets[0] ?? '')));
    assert.equal(said(out).length, 2);
    refused(await verify('0'.repeat(64)), 'DIGEST_MISMATCH');
    assert.equal(existsSync(out), false);
  });

  it('19: what an earlier run said, where this one says nothing', async () => {
    const path = folder();
    const out = file('stale.json');
    const cases = [
      ['/nowhere', '--sha256', '0'.repeat(64)],
      [path, '--policy', '/nowhere'],
    ];
    for (const more of cases) {
      passed(await run(['verify', path, '--sha256', recipe(path), ...writing(out)]));
      assert.equal(said(out).length, 1);
      assert.notEqual((await run(['verify', ...more, ...writing(out), '--failure-policy', 'Ignore'])).status, 0);
      assert.equal(existsSync(out), false, more.join(' '));
    }
    mkdirSync(file('a-folder'));
    const ended = await run(['verify', '/nowhere', '--sha256', '0'.repeat(64), ...writing(file('a-folder'))]);
    assert.ok(ended.codes.includes('REPORT_UNWRITABLE'), ended.stdout);
  });
});

describe('19: a verdict about an artifact of a registry', () => {
  const push = (registry: FakeRegistry, files: Readonly<Record<string, string>>) =>
    registry.add(
      Object.entries(files).map(([title, text]) => ({
        mediaType: 'application/octet-stream',
        bytes: Buffer.from(text),
        annotations: { 'org.opencontainers.image.title': title },
      })),
    );

  function attach(registry: FakeRegistry, digest: string, bundle: string): void {
    const subject = { mediaType: MANIFEST, digest, size: registry.manifests.get(digest)?.bytes.length };
    const bytes = Buffer.from(bundle);
    const referrer = registry.add([{ mediaType: BUNDLE, bytes }], `ref-${hex(bytes)}`, {
      artifactType: BUNDLE,
      subject,
    });
    const { length } = registry.manifests.get(referrer)?.bytes ?? Buffer.alloc(0);
    const manifests = [{ mediaType: MANIFEST, digest: referrer, size: length, artifactType: BUNDLE }];
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
    registry.addManifest(index, digest.replace(':', '-'), INDEX);
  }

  const ask = (registry: FakeRegistry, destination: string, ...more: string[]) =>
    run([
      'verify',
      `oci://${registry.host}/models/m:v1`,
      destination,
      '--plain-http',
      registry.host,
      ...SIGNED,
      ...more,
    ]);

  it('19: names the manifest that the content is of', async () => {
    const registry = await FakeRegistry.start();
    const digest = push(registry, FILES);
    attach(registry, digest, JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey)));
    const destination = join(workFolder(), 'm');
    for (const out of [file('fetched.json'), file('there.json')]) {
      passed(await ask(registry, destination, ...writing(out)));
      assert.deepEqual(said(out)[0]?.subjects, [recipe(destination), digest.slice(7)]);
    }
  });

  it('19: names no manifest beside content that was there already and is not of it', async () => {
    const registry = await FakeRegistry.start();
    const digest = push(registry, EVIL);
    // Signed, and of the files that are there: put beside another manifest by whoever writes to the
    // repository.
    attach(registry, digest, JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey)));
    const there = folder();
    const out = file('replayed.json');
    passed(await ask(registry, there, ...writing(out)));
    assert.deepEqual(said(out)[0]?.subjects, [recipe(there)]);
    attach(registry, digest, readFileSync(out, 'utf8').trimEnd());
    const destination = join(workFolder(), 'm');
    const source = `source: "oci://${registry.host}/models/m:v1", path: ${destination}`;
    const policy = policyFile(source, '{verdict: {attestors: [verifier]}}');
    const taken = await run(['verify', '--policy', policy, '--plain-http', registry.host]);
    assert.equal(taken.status, 65, taken.stdout);
    assert.equal(existsSync(destination), false);
  });
});

describe('19: a verdict that something failed', () => {
  const say = (version: string, digest: string, predicate: Draft) =>
    JSON.stringify(
      keyBundle(
        {
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ name: 'x', digest: { sha256: digest } }],
          predicateType: `${SUMMARY}/${version}`,
          predicate,
        },
        verifier.privateKey,
      ),
    );
  const full = (verificationResult: string) => ({
    verifier: { id: 'https://ci.example' },
    timeVerified: new Date().toISOString(),
    verificationResult,
    verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
  });

  it('19: is no evidence for whoever asks for an attestation of its type, and says no more', async () => {
    const cases: [string, Draft, string | undefined][] = [
      ['v1', full('PASSED'), undefined],
      ['v1', full('FAILED'), 'CONDITION_FAILED'],
      ['v1', { ...full('PASSED'), verifiedLevels: ['FAILED'] }, 'CONDITION_FAILED'],
      ['v1', {}, 'CONDITION_FAILED'],
      ['v0.2', { verification_result: 'PASSED' }, undefined],
      ['v0.2', { verification_result: 'FAILED' }, 'CONDITION_FAILED'],
      ['v0.1', { verificationResult: 'PASSED' }, 'CONDITION_FAILED'],
    ];
    for (const [version, predicate, code] of cases) {
      const path = folder(EVIL);
      writeFileSync(`${path}.sigstore.json`, say(version, recipe(path), predicate));
      const type = `${SUMMARY}/${version}`;
      const byFlags = await run([
        'verify',
        path,
        '--type',
        type,
        '--key',
        file('verifier.pub'),
        '--insecure-ignore-tlog',
      ]);
      const policy = policyFile(`path: ${path}`, `{attestation: {type: ${type}, attestors: [verifier]}}`);
      for (const ended of [byFlags, await run(['verify', '--policy', policy])]) {
        if (code === undefined) passed(ended);
        else refused(ended, code);
      }
    }
  });

  it('19: that a run wrote by itself is none either', async () => {
    const path = folder(EVIL);
    const out = `${path}.sigstore.json`;
    refused(await run(['verify', path, '--sha256', '0'.repeat(64), ...writing(out)]), 'DIGEST_MISMATCH');
    assert.equal(said(out)[0]?.result, 'FAILED');
    const trust = ['--key', file('verifier.pub'), '--insecure-ignore-tlog'];
    refused(await run(['verify', path, '--type', `${SUMMARY}/v1`, ...trust]), 'CONDITION_FAILED', /not PASSED/);
  });
});
