// Signatures with the image in real pods, and both ways with the reference implementation of
// OpenSSF Model Signing.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeModel } from '../../examples/demo/make-artifacts.ts';
import { type Finished, run } from '../integration/cli.ts';
import { Pusher, titled } from '../registry/push.ts';
import { fillVolume, type PodResult, readExample, runPod } from './pod.ts';
import { startRegistry } from './registry.ts';

const UID = 65532;
const work = mkdtempSync(join(tmpdir(), 'weighlock-signature-'));
after(() => rmSync(work, { recursive: true, force: true }));

async function keyPair(name: string): Promise<{ key: string; pub: string }> {
  const prefix = join(work, name);
  if (!existsSync(`${prefix}.key`)) passed(await run(['keygen', '--output', prefix]));
  return { key: `${prefix}.key`, pub: `${prefix}.pub` };
}

function passed(result: Finished): void {
  assert.equal(result.status, 0, result.stdout + result.stderr);
}

describe('examples/inference-pod-signed.yaml', () => {
  /** Signs the model with one key, mounts the public one of another into the pod, and plays it. */
  async function runSigned(
    signedBy: string,
    trusted: string,
    damage: (folder: string) => void = () => {},
  ): Promise<PodResult> {
    const model = join(mkdtempSync(join(work, 'model-')), 'm');
    makeModel(model);
    const { key } = await keyPair(signedBy);
    passed(await run(['sign', model, '--key', key]));
    fillVolume('models', UID, (volume) => {
      cpSync(model, join(volume, 'mistral-small'), { recursive: true });
      damage(join(volume, 'mistral-small'));
      chownSync(join(volume, 'mistral-small/model.sig'), UID, UID);
    });
    const manifests = readExample('inference-pod-signed.yaml');
    for (const manifest of manifests) {
      if (manifest.kind !== 'ConfigMap') continue;
      manifest['data'] = { 'release.pub': readFileSync((await keyPair(trusted)).pub, 'utf8') };
    }
    return runPod(manifests);
  }

  it('starts the server on a model that was signed', async () => {
    const result = await runSigned('release', 'release');
    assert.equal(result.exitCode, 0, result.log);
    assert.equal(result.started, true);
  });

  it('does not start it on one that somebody else signed, or that was changed afterwards', async () => {
    const stranger = await runSigned('mallory', 'release');
    assert.deepEqual([stranger.exitCode, stranger.started], [65, false]);
    assert.match(stranger.message, /SIGNATURE_INVALID/);
    const changed = await runSigned('release', 'release', (folder) => writeFileSync(join(folder, 'config.json'), '{}'));
    assert.deepEqual([changed.exitCode, changed.started], [65, false]);
    assert.match(changed.message, /DIGEST_MISMATCH.*config\.json/s);
  });
});

describe('the image', () => {
  const fixtures = join(work, 'fixtures');
  const version = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version as string;

  /**
   * The program as it is shipped, without a network: what few runs need is bundled by itself there.
   */
  function inImage(...args: string[]) {
    if (!existsSync(fixtures)) {
      cpSync(fileURLToPath(new URL('../fixtures', import.meta.url)), fixtures, { recursive: true });
      execFileSync('chmod', ['-R', 'a+rX', work]);
    }
    const image = `ghcr.io/weighlock/weighlock:${version}`;
    const podman = ['run', '--rm', '--network=none', '--volume', `${fixtures}:/f:ro`, image, 'verify', ...args];
    return spawnSync('podman', podman, { encoding: 'utf8', timeout: 60_000 });
  }

  it('has everything that signatures need', () => {
    const cosign = ['--key=/f/cosign/cosign.pub', '--insecure-ignore-tlog'];
    const oms = '--key=/f/model-signing/keys/prime256v1.pub';
    const identity = ['--certificate-identity=a@tny.town', '--certificate-oidc-issuer=https://github.com/login/oauth'];
    const card = ['--type=custom', '--condition=predicate.Data != ""', '--signature=/f/cosign/data.attestation.json'];
    for (const args of [
      ['/f/public-good/a.txt', '--signature=/f/public-good/a.txt.sigstore', ...identity],
      ['/f/cosign/data.bin', '--signature=/f/cosign/data.sig', ...cosign],
      ['/f/cosign/data.bin', ...card, ...cosign],
      ['/f/model-signing/model', '--signature=/f/model-signing/shards-blake2.sig', '--ignore-paths=empty', oms],
      ['/f/model-signing/model', '--signature=/f/model-signing/files-blake3.sig', oms],
    ]) {
      const { status, stdout, stderr } = inImage(...args);
      assert.equal(status, 0, `${args.join(' ')}\n${stdout}${stderr}`);
    }
    const wrong = inImage('/f/cosign/data.bin', '--signature=/f/public-good/a.txt.sigstore', ...identity);
    assert.equal(wrong.status, 65, wrong.stdout);
  });
});

/** A Python with model-signing, made by .ci/run. */
const PYTHON =
  process.env['MODEL_SIGNING_PYTHON'] ??
  fileURLToPath(new URL('../../build/model-signing/bin/python', import.meta.url));
const hasReference = spawnSync(PYTHON, ['-c', 'import model_signing']).status === 0;

describe('model_signing', { skip: hasReference ? false : 'there is no Python with model-signing here' }, () => {
  const reference = (...args: string[]) => spawnSync(PYTHON, ['-m', 'model_signing', ...args], { encoding: 'utf8' });

  async function signedFolder(name: string): Promise<string> {
    const model = join(work, name);
    makeModel(model);
    mkdirSync(join(model, '.git'), { recursive: true });
    writeFileSync(join(model, '.git/HEAD'), 'x');
    return model;
  }

  it('verifies what weighlock signs', async () => {
    const { key, pub } = await keyPair('ours');
    const model = await signedFolder('ours-model');
    // Letters like others, to both.
    for (const name of ['c:x', 'a\\b', 'two\nlines', 'é']) writeFileSync(join(model, name), name);
    // What the reference leaves out by itself.
    passed(await run(['sign', model, '--key', key, '--ignore-git-paths']));
    const verify = () =>
      reference('verify', 'key', model, '--signature', join(model, 'model.sig'), '--public_key', pub);
    const result = verify();
    assert.equal(result.status, 0, result.stdout + result.stderr);
    writeFileSync(join(model, 'config.json'), '{}');
    assert.notEqual(verify().status, 0);
  });

  it('verifies, by its interface for Python, the shards that weighlock signs', async () => {
    const { key, pub } = await keyPair('shards');
    const model = await signedFolder('shards-model');
    passed(await run(['sign', model, '--key', key, '--shard-size=1M', '--ignore-git-paths']));
    const script =
      'import sys; from model_signing import verifying; ' +
      'verifying.Config().use_elliptic_key_verifier(public_key=sys.argv[1]).verify(sys.argv[2], sys.argv[3])';
    const verify = () => spawnSync(PYTHON, ['-c', script, pub, model, join(model, 'model.sig')], { encoding: 'utf8' });
    const result = verify();
    assert.equal(result.status, 0, result.stdout + result.stderr);
    writeFileSync(join(model, 'config.json'), '{}');
    assert.notEqual(verify().status, 0);
  });

  it('signs what weighlock verifies', async () => {
    const { pub } = await keyPair('theirs');
    const model = await signedFolder('theirs-model');
    const signature = join(model, 'model.sig');
    const result = reference('sign', 'key', model, '--signature', signature, '--private_key', join(work, 'theirs.key'));
    assert.equal(result.status, 0, result.stdout + result.stderr);
    // The reference leaves out what git keeps; here the platform has to say that it may be there.
    assert.deepEqual((await run(['verify', model, '--key', pub])).codes, ['FILE_UNEXPECTED']);
    const words = ['verify', model, '--key', pub, '--ignore-paths=.git'];
    passed(await run(words));
    writeFileSync(join(model, 'extra.py'), '');
    assert.deepEqual((await run(words)).codes, ['FILE_UNEXPECTED']);
  });
});

const hasCosign = spawnSync('cosign', ['version']).status === 0;

describe('cosign', { skip: hasCosign ? false : 'there is no cosign here; its fixtures are in test/fixtures' }, () => {
  it('signs, on a real registry, what weighlock verifies', async () => {
    const registry = await startRegistry(5076);
    const host = `127.0.0.1:${registry.port}`;
    const { digest } = await new Pusher(registry.origin).artifact('models/m', 'v1', [
      titled('w', Buffer.from('weights')),
    ]);
    const environment = { ...process.env, COSIGN_PASSWORD: 'x' };
    execFileSync('cosign', ['generate-key-pair'], { cwd: work, env: environment, stdio: 'ignore' });
    const nothing =
      '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{"selector":"ANY"},"tsaConfig":{"selector":"ANY"}}';
    writeFileSync(join(work, 'signing.json'), nothing);
    const source = `oci://${host}/models/m@${digest}`;
    const flags = ['--plain-http', host, '--key', join(work, 'cosign.pub'), '--insecure-ignore-tlog'];
    assert.deepEqual((await run(['verify', source, join(work, 'before'), ...flags])).codes, ['SIGNATURE_MISSING']);
    execFileSync(
      'cosign',
      ['sign', '--key=cosign.key', '--signing-config=signing.json', '--yes', `${host}/models/m@${digest}`],
      { cwd: work, env: environment, stdio: 'ignore' },
    );
    passed(await run(['verify', source, join(work, 'after'), ...flags]));
  });
});
