// What a platform's policy makes of pods: it only ever adds, and no value of a pod's weakens it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { keyBundle, modelStatement } from '../evidence/world.ts';
import { type Finished, type Invocation, passed, recipe, refused, run, workFolder } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa' };
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const work = workFolder();

/** A folder in which `signer`, if any, signed the files. */
function model(name: string, signer?: KeyObject, files: Record<string, string> = FILES): string {
  const path = join(work, name);
  rmSync(path, { recursive: true, force: true });
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), content);
  }
  if (signer !== undefined)
    writeFileSync(join(path, 'model.sig'), JSON.stringify(keyBundle(modelStatement(files), signer)));
  return path;
}

const ATTESTORS = [
  { name: 'release', cosign: { key: { data: pemOf(publicKey) }, ctlog: { insecureIgnoreTlog: true } } },
  { name: 'second', cosign: { key: { data: pemOf(second.publicKey) }, ctlog: { insecureIgnoreTlog: true } } },
];
const SIGNED = { signature: { attestors: ['release'] } };
const PINNED = { sha256: { fromEnv: 'DATASET_SHA256' } };

/** A trust folder with a policy in it. */
function trust(name: string, artifacts: object[], spec: object = {}): string {
  const folder = join(work, `trust-${name}`);
  mkdirSync(folder, { recursive: true });
  const policy = {
    apiVersion: 'weighlock.dev/v1alpha1',
    kind: 'VerificationPolicy',
    metadata: { name },
    spec: { attestors: ATTESTORS, artifacts, ...spec },
  };
  writeFileSync(join(folder, 'policy.yaml'), stringify(policy));
  return folder;
}

const EACH = [{ name: 'mounted', each: 'targets', require: [{ anyOf: [SIGNED, PINNED] }] }];

/** As an injecting policy starts the verifier. */
function injected(folder: string, targets: readonly string[], more: Record<string, string> = {}): Promise<Finished> {
  return run(['verify'], { environment: { WEIGHLOCK_TRUST: folder, WEIGHLOCK_TARGETS: targets.join(':'), ...more } });
}

describe('each target', () => {
  const folder = trust('each', EACH);

  it('is signed, or has the digest that the pod promises', async () => {
    const signed = model('signed', privateKey);
    const pinned = model('pinned', undefined, { x: 'data' });
    passed(await injected(folder, [signed]));
    passed(await injected(folder, [signed, pinned], { DATASET_SHA256: recipe(pinned) }));
    refused(await injected(folder, [signed, pinned]), 'SIGNATURE_MISSING');
    refused(await injected(folder, [signed, pinned], { DATASET_SHA256: recipe(signed) }), 'DIGEST_MISMATCH');
  });

  it('that is neither says why not, for each alternative', async () => {
    const foreign = model('foreign', second.privateKey);
    const result = await injected(folder, [foreign], { DATASET_SHA256: 'a'.repeat(64) });
    refused(result, 'SIGNATURE_INVALID', /alternative 1 of 2/);
    refused(result, 'DIGEST_MISMATCH', /alternative 2 of 2/);
  });

  it('may be anything but what the pod promises: a promise that nothing keeps blocks', async () => {
    const signed = model('signed', privateKey);
    const other = model('signed-2', privateKey, { other: 'x' });
    refused(
      await injected(folder, [signed, other], { MODEL_SHA256: 'b'.repeat(64) }),
      'DIGEST_MISMATCH',
      /nothing that was verified has the digest MODEL_SHA256/,
    );
    passed(await injected(folder, [signed, other], { MODEL_SHA256: recipe(other) }));
  });

  it('that was tampered with, is empty, absent or listed twice blocks', async () => {
    const signed = model('signed', privateKey);
    writeFileSync(join(signed, 'weights/a.bin'), 'aaab');
    refused(await injected(folder, [signed]), 'DIGEST_MISMATCH', /weights\/a\.bin/);
    mkdirSync(join(work, 'empty'), { recursive: true });
    refused(await injected(folder, [join(work, 'empty')]), 'SIGNATURE_MISSING');
    refused(await injected(folder, [join(work, 'absent')]), 'FILE_MISSING');
    refused(await injected(folder, [signed, signed]), 'USAGE', /listed twice/, 64);
    refused(await injected(folder, ['relative']), 'USAGE', /absolute/, 64);
  });

  it('is there: a policy that speaks of nothing blocks', async () => {
    refused(await run(['verify'], { environment: { WEIGHLOCK_TRUST: folder } }), 'CONFIG_INVALID', /there is none/, 78);
    assert.equal((await injected(folder, [])).status, 78);
  });

  it('is also what the arguments and the variables of a pod name', async () => {
    const signed = model('signed', privateKey);
    const foreign = model('foreign', second.privateKey);
    passed(await run(['verify', signed, '--trust', folder]));
    refused(await run(['verify', foreign, '--trust', folder]), 'SIGNATURE_INVALID');
    const environment = { MODEL_PATH: foreign, MODEL_SHA256: recipe(foreign), WEIGHLOCK_TRUST: folder };
    refused(await run(['verify'], { environment }), 'SIGNATURE_INVALID');
  });

  it('without any policy has a digest that the pod promises', async () => {
    const a = model('a', undefined, { a: '1' });
    const b = model('b', undefined, { b: '2' });
    const targets = `${a}:${b}`;
    const check = (more: Record<string, string>) =>
      run(['verify'], { environment: { WEIGHLOCK_TARGETS: targets, ...more } });
    passed(await check({ MODEL_SHA256: recipe(a), DATASET_SHA256: recipe(b) }));
    refused(await check({ MODEL_SHA256: recipe(a) }), 'DIGEST_MISMATCH');
    refused(await check({}), 'CONFIG_INVALID', /nothing is required/, 78);
  });

  it('where the content came from is not fetched again', async () => {
    const signed = model('signed', privateKey);
    passed(await injected(folder, [signed], { MODEL_SOURCE_URL: 'oci://nowhere.invalid/m:v1' }));
  });
});

describe('an artifact that a policy names', () => {
  const signed = model('named', privateKey);
  const folder = trust('named', [{ name: 'weights', path: signed, require: [SIGNED] }]);

  it('is verified without being asked for, and the report says by which policy', async () => {
    const report = join(work, 'report.json');
    passed(await run(['verify', '--trust', folder, '--report', report]));
    const { artifacts } = JSON.parse(readFileSync(report, 'utf8'));
    assert.equal(artifacts[0].name, 'weights');
    assert.match(artifacts[0].requirements[0].origin, /policy named/);
    assert.equal(artifacts[0].requirements[0].signers[0].attestor, 'release');
  });

  it('gets more requirements from the pod, never fewer', async () => {
    passed(await run(['verify', signed, '--sha256', recipe(signed), '--trust', folder]));
    refused(await run(['verify', signed, '--sha256', 'c'.repeat(64), '--trust', folder]), 'DIGEST_MISMATCH');
    const unsigned = model('named-unsigned');
    const strict = trust('unsigned', [{ name: 'w', path: unsigned, require: [SIGNED] }]);
    refused(await run(['verify', unsigned, '--sha256', recipe(unsigned), '--trust', strict]), 'SIGNATURE_MISSING');
  });

  it('comes from where the policy says', async () => {
    const here = trust('source', [
      { name: 'w', source: 'oci://registry.example.com/m:v1', path: join(work, 'dest'), require: [SIGNED] },
    ]);
    refused(
      await run(['verify', 'oci://evil.example.com/m:v1', join(work, 'dest'), '--trust', here]),
      'CONFIG_INVALID',
      /comes from elsewhere/,
      78,
    );
  });

  it('whose variable the pod left out is a configuration error', async () => {
    const pinned = trust('pinned', [{ name: 'd', path: signed, require: [PINNED] }]);
    refused(await run(['verify', '--trust', pinned]), 'CONFIG_INVALID', /requires DATASET_SHA256 of d/, 78);
    const environment = (value: string) => ({ environment: { DATASET_SHA256: value } });
    passed(await run(['verify', '--trust', pinned], environment(recipe(signed))));
    refused(await run(['verify', '--trust', pinned], environment('d'.repeat(64))), 'DIGEST_MISMATCH');
    refused(await run(['verify', '--trust', pinned], environment('A'.repeat(64))), 'CONFIG_INVALID', /upper/, 78);
  });

  it('needs as many signers as the threshold says', async () => {
    const both = { signature: { attestors: ['release', 'second'], threshold: 2 } };
    refused(
      await run(['verify', '--trust', trust('two', [{ name: 'w', path: signed, require: [both] }])]),
      'SIGNATURE_INVALID',
      /2 of release/,
    );
  });
});

describe('strictness', () => {
  const foreign = model('strict', second.privateKey);
  const audit = trust('audit', [{ name: 'w', path: foreign, require: [SIGNED] }], { mode: 'Audit' });
  const enforce = trust('enforce', [{ name: 'w', path: foreign, require: [SIGNED] }]);

  it('is that of the policy; a pod can only ask for more', async () => {
    passed(await run(['verify', '--trust', audit]));
    refused(await run(['verify', '--trust', audit, '--mode', 'Enforce']), 'SIGNATURE_INVALID');
    refused(await run(['verify', '--trust', enforce, '--mode', 'Audit']), 'SIGNATURE_INVALID');
    const environment = { WEIGHLOCK_MODE: 'Audit' };
    refused(await run(['verify', '--trust', enforce], { environment }), 'SIGNATURE_INVALID');
  });

  it('17: has the engine that the policy names, unless somebody asks for another one', async () => {
    const signed = model('engine', privateKey);
    for (const [named, engine] of [
      [{ hasher: 'native' }, 'native'],
      [{ hasher: 'auto' }, 'auto'],
      [{}, 'wasm'],
    ] as const) {
      const folder = trust(`engine-${engine}`, [{ name: 'w', path: signed, require: [SIGNED] }], named);
      for (const [asked, expected] of [
        [[], engine],
        [['--hasher=native'], 'native'],
      ] as const) {
        const finished = await run(['verify', '--trust', folder, '--format=json', ...asked]);
        passed(finished);
        assert.equal(JSON.parse(finished.stdout.split('\n')[0] ?? '').hasher, expected);
      }
    }
    const unknown = trust('md5', [{ name: 'w', path: signed, require: [SIGNED] }], { hasher: 'md5' });
    refused(await run(['verify', '--trust', unknown]), 'CONFIG_INVALID', /spec.hasher: it cannot be/, 78);
  });

  it('of several policies is the strictest, and all their requirements count', async () => {
    const policies = [audit, enforce].flatMap((folder) => ['--policy', join(folder, 'policy.yaml')]);
    refused(await run(['verify', ...policies]), 'SIGNATURE_INVALID');
    const signedByBoth = model('both', privateKey);
    const first = trust('first', [{ name: 'w', path: signedByBoth, require: [SIGNED] }]);
    const also = trust('also', [{ name: 'x', path: signedByBoth, require: [{ sha256: 'e'.repeat(64) }] }]);
    passed(await run(['verify', '--policy', join(first, 'policy.yaml')]));
    refused(
      await run(['verify', '--policy', join(first, 'policy.yaml'), '--policy', join(also, 'policy.yaml')]),
      'DIGEST_MISMATCH',
    );
  });
});

describe('trust', () => {
  const signed = model('trusted', privateKey);

  it('that is missing or empty blocks', async () => {
    refused(await injected(join(work, 'no-such-folder'), [signed]), 'CONFIG_INVALID', /ENOENT/, 78);
    mkdirSync(join(work, 'empty-trust'));
    refused(await injected(join(work, 'empty-trust'), [signed]), 'CONFIG_INVALID', /has no policy/, 78);
    refused(await run(['verify', signed, '--policy', join(work, 'absent.yaml')]), 'CONFIG_INVALID', /ENOENT/, 78);
  });

  it('is found behind the links that a ConfigMap is made of', async () => {
    const real = trust('configmap', EACH);
    const mounted = join(work, 'mounted');
    mkdirSync(join(mounted, '..2026'), { recursive: true });
    cpSync(join(real, 'policy.yaml'), join(mounted, '..2026/policy.yaml'));
    symlinkSync('..2026', join(mounted, '..data'));
    symlinkSync('..data/policy.yaml', join(mounted, 'policy.yaml'));
    passed(await injected(mounted, [signed]));
  });

  it('on the volume that it is to verify is refused, through links too', async () => {
    const inside = model('inside', privateKey);
    cpSync(join(trust('inside', EACH), 'policy.yaml'), join(inside, 'policy.yaml'));
    refused(
      await run(['verify', inside, '--policy', join(inside, 'policy.yaml')]),
      'CONFIG_INVALID',
      /inside the artifact/,
      78,
    );
    const link = join(work, 'link.yaml');
    symlinkSync(join(inside, 'policy.yaml'), link);
    refused(await run(['verify', inside, '--policy', link]), 'CONFIG_INVALID', /inside the artifact/, 78);
    const key = trust('key-inside', EACH, {
      attestors: [{ name: 'release', cosign: { key: { file: join(inside, 'k.pub') } } }],
    });
    writeFileSync(join(inside, 'k.pub'), pemOf(second.publicKey));
    refused(await injected(key, [inside]), 'CONFIG_INVALID', /inside the artifact/, 78);
  });

  it('that is larger than any policy, or not text, is refused', async () => {
    const large = join(work, 'large.yaml');
    writeFileSync(large, Buffer.alloc(10 << 20, '# x\n'));
    refused(await run(['verify', signed, '--policy', large]), 'CONFIG_INVALID', /more than 1048576 bytes/, 78);
    writeFileSync(large, Buffer.from([0xff, 0xfe, 0x00]));
    refused(await run(['verify', signed, '--policy', large]), 'CONFIG_INVALID', /not UTF-8/, 78);
    execFileSync('mkfifo', [join(work, 'fifo.yaml')]);
    refused(await run(['verify', signed, '--policy', join(work, 'fifo.yaml')]), 'CONFIG_INVALID', /not a file/, 78);
  });

  it('may have to be signed itself', async () => {
    const policy = join(trust('signed-policy', EACH), 'policy.yaml');
    const key = join(work, 'platform.pub');
    writeFileSync(key, pemOf(second.publicKey));
    const check = (...more: string[]) => run(['verify', signed, '--policy', policy, '--policy-key', key, ...more]);
    refused(await check(), 'CONFIG_INVALID', /not signed/, 78);
    const sign = async (signer: KeyObject) => {
      writeFileSync(join(work, 'signer.key'), signer.export({ type: 'pkcs8', format: 'pem' }));
      rmSync(`${policy}.sigstore.json`, { force: true });
      const { status, stderr } = await run(['sign', policy, '--key', join(work, 'signer.key')]);
      assert.equal(status, 0, stderr);
    };
    await sign(privateKey);
    refused(await check(), 'CONFIG_INVALID', /not signed/, 78);
    await sign(second.privateKey);
    passed(await check());
    cpSync(`${policy}.sigstore.json`, join(work, 'elsewhere.json'));
    passed(await check('--policy-signature', join(work, 'elsewhere.json')));
    writeFileSync(policy, `${readFileSync(policy, 'utf8')}# changed\n`);
    refused(await check(), 'CONFIG_INVALID', /not signed/, 78);
    refused(
      await run(['verify', signed, '--policy', policy, '--policy-signature', 'x']),
      'CONFIG_INVALID',
      /policy-key/,
      78,
    );
  });
});

describe('weighlock policy', () => {
  const folder = trust('words', EACH);
  const file = join(folder, 'policy.yaml');
  const policy = (args: string[], invocation?: Invocation) => run(['policy', ...args], invocation);

  it('checks policies, and shows all that is wrong with each', async () => {
    const good = await policy(['check', file]);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /policy words is valid: Enforce, 1 artifacts/);
    const wrong = join(work, 'wrong.yaml');
    writeFileSync(wrong, readFileSync(file, 'utf8').replace('anyOf', 'anyof').replace('name: release', 'nam: release'));
    const bad = await policy(['check', wrong, file]);
    assert.equal(bad.status, 78);
    assert.match(bad.stderr, /wrong\.yaml:\d+:\d+: .*did you mean anyOf/);
    assert.match(bad.stderr, /did you mean name/);
    assert.equal(bad.stdout, '');
  });

  it('explains a policy in words', async () => {
    const { status, stdout } = await policy(['explain', file]);
    assert.equal(status, 0);
    assert.match(stdout, /A pod does not start \(exit 65\)/);
    assert.match(stdout, /each path that the pod brings/);
    assert.match(stdout, /it is signed:\n.*by release \(key [0-9a-f]{16}\)/);
  });

  it('wants to know what to do with which file', async () => {
    assert.equal((await policy([])).status, 64);
    assert.equal((await policy(['check'])).status, 64);
    assert.equal((await policy(['explode', file])).status, 64);
    assert.equal((await policy(['check', join(work, 'absent.yaml')])).status, 78);
  });
});
