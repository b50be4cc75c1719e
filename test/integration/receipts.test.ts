// Receipts from the command line: what the policy says, where they lie, and what is said of them.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { keyBundle, modelStatement } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { passed, recipe, refused, run, workFolder, write } from './cli.ts';

// Of what lies in memory there are none, and on many machines /tmp does.
process.env['TMPDIR'] = '/var/tmp';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa', 'weights/b.bin': 'bbbbbb' };
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [platform, signer] = [pair(), pair()];
const pem = (key: typeof platform) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const secret = (key: typeof platform) => key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const trust = workFolder();
write(trust, {
  'receipts.pub': pem(platform),
  'receipts.key': secret(platform),
  'signer.pub': pem(signer),
  'signer.key': secret(signer),
});

/** Longer than the grain of any clock: younger files have no receipt. */
const OLD_ENOUGH = 2_100;

interface Setup {
  readonly path: string;
  readonly receipts: string;
}
const prepared = Array.from({ length: 9 }, (): Setup => {
  const path = join(workFolder(), 'model');
  write(path, { ...FILES, 'model.sig': JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey)) });
  return { path, receipts: workFolder() };
});

function setup(): Setup {
  const next = prepared.pop();
  assert.ok(next, 'prepare more');
  return next;
}

/** Old enough for a receipt, and with a file that nobody signed. */
const evil = setup();
write(evil.path, { 'evil.py': '' });

before(() => delay(OLD_ENOUGH));

const USUAL = 'maxAge: 1h, key: {file: receipts.pub}, volumes: ReadOnly';

function policyFor(path: string, receipts: string | undefined = USUAL): string {
  const file = join(workFolder(), 'policy.yaml');
  write(dirname(file), { 'receipts.pub': pem(platform), 'signer.pub': pem(signer), 'receipts.key': secret(platform) });
  writeFileSync(
    file,
    `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: platform}
spec:
  attestors: [{name: release, cosign: {key: {file: signer.pub}, ctlog: {insecureIgnoreTlog: true}}}]
${receipts === '' ? '' : `  receipts: {${receipts}}\n`}  artifacts: [{name: weights, path: ${path}, require: [{signature: {attestors: [release]}}]}]
`,
  );
  return file;
}

async function verify({ path, receipts }: Setup, options: { policy?: string; flags?: string[] } = {}) {
  const report = join(workFolder(), 'report.json');
  const key = ['--receipt-key', join(trust, 'receipts.key')];
  const flags = options.flags ?? key;
  const policy = options.policy ?? policyFor(path);
  const ended = await run(['verify', '--policy', policy, '--receipts', receipts, ...flags, '--report', report]);
  const receipt =
    ended.status === 0 || ended.status === 65
      ? JSON.parse(readFileSync(report, 'utf8')).artifacts[0]?.receipt
      : undefined;
  return { ended, receipt, bytes: ended.events.find(({ event }) => event === 'verdict')?.['bytes'] };
}

/** What was fetched from a registry that has the signature too. */
async function fetched(): Promise<{ one: Setup; options: { policy: string; flags: string[] } }> {
  const registry = await FakeRegistry.start();
  const bundle = JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey));
  const layers = Object.entries({ ...FILES, 'model.sig': bundle }).map(([name, bytes]) => ({
    mediaType: 'application/octet-stream',
    bytes: Buffer.from(bytes),
    annotations: { 'org.opencontainers.image.title': name },
  }));
  const source = `oci://${registry.host}/models/m@${registry.add(layers)}`;
  const one = { path: join(workFolder(), 'm'), receipts: workFolder() };
  const policy = policyFor(`${one.path}, source: '${source}'`);
  const flags = ['--receipt-key', join(trust, 'receipts.key'), '--plain-http', registry.host];
  passed((await verify(one, { policy, flags })).ended);
  return { one, options: { policy, flags } };
}

describe('19: receipts', () => {
  it('19: make the second verification read nothing, and a change is refused all the same', async () => {
    const one = setup();
    const first = await verify(one);
    passed(first.ended);
    assert.match(first.receipt.why, /there is no receipt/);
    assert.match(first.ended.stdout, /everything is hashed: there is no receipt/);
    const second = await verify(one);
    passed(second.ended);
    assert.deepEqual([second.receipt.isUsed, second.receipt.files, second.bytes], [true, 4, 0]);
    writeFileSync(join(one.path, 'weights/a.bin'), 'aaaA');
    const third = await verify(one);
    refused(third.ended, 'DIGEST_MISMATCH');
    assert.match(third.receipt.why, /time of weights\/a\.bin/);
  });

  it('19: are left by whoever has the key, and count for those who have not', async () => {
    const one = setup();
    passed((await verify(one, { flags: [] })).ended);
    assert.deepEqual(readdirSync(one.receipts), []);
    passed((await verify(one)).ended);
    const second = await verify(one, { flags: [] });
    passed(second.ended);
    assert.equal(second.receipt.isUsed, true);
  });

  it('19: are left by no verification that failed', async () => {
    refused((await verify(evil)).ended, 'FILE_UNEXPECTED');
    assert.deepEqual(readdirSync(evil.receipts), []);
    // It is the file that is in the way, and not that it is young.
    rmSync(join(evil.path, 'evil.py'));
    passed((await verify(evil)).ended);
    assert.equal(readdirSync(evil.receipts).length, 1);
  });

  it('19: count for what lies where it was fetched to, with the signatures that a registry has of it', async () => {
    const { one, options } = await fetched();
    await delay(OLD_ENOUGH);
    const first = await verify(one, options);
    passed(first.ended);
    assert.equal(first.receipt.isUsed, false);
    const second = await verify(one, options);
    passed(second.ended);
    assert.deepEqual([second.receipt.isUsed, second.receipt.files, second.bytes], [true, 4, 0]);
    writeFileSync(join(one.path, 'weights/a.bin'), 'aaaA');
    const third = await verify(one, options);
    refused(third.ended, 'DIGEST_MISMATCH');
    assert.equal(third.receipt.isUsed, false);
  });

  const hasMemory = existsSync('/dev/shm') && statfsSync('/dev/shm').type === 0x01021994;
  it('19: are left of nothing that a program can change unseen', { skip: !hasMemory && 'no tmpfs' }, async () => {
    const folder = mkdtempSync('/dev/shm/weighlock-test-');
    after(() => rmSync(folder, { recursive: true }));
    const one = { path: join(folder, 'model'), receipts: workFolder() };
    write(one.path, { ...FILES, 'model.sig': JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey)) });
    await delay(OLD_ENOUGH);
    const { ended } = await verify(one);
    passed(ended);
    assert.match(ended.stdout, /no receipt: config\.json lies in memory/);
    assert.deepEqual(readdirSync(one.receipts), []);
  });

  it('19: say nothing of who signed: that is judged each time', async () => {
    const one = setup();
    passed((await verify(one)).ended);
    const broken = readFileSync(join(one.path, 'model.sig'), 'utf8').replace(/"sig":"....../, '"sig":"AAAAAA');
    writeFileSync(join(one.path, 'model.sig'), broken);
    refused((await verify(one)).ended, 'SIGNATURE_INVALID');
  });

  it('19: are hashed all the same where the platform has it spot-checked', async () => {
    const one = setup();
    const policy = policyFor(one.path, `${USUAL}, spotCheck: 100%`);
    passed((await verify(one, { policy })).ended);
    const second = await verify(one, { policy });
    passed(second.ended);
    assert.equal(second.receipt.isUsed, true);
    assert.ok(Number(second.bytes) > 0);
  });

  it('19: of another policy do not count', async () => {
    const one = setup();
    passed((await verify(one)).ended);
    const policy = policyFor(one.path);
    writeFileSync(
      policy,
      readFileSync(policy, 'utf8').replace('attestors: [release]', 'attestors: [release], ignorePaths: [x]'),
    );
    const second = await verify(one, { policy });
    passed(second.ended);
    assert.equal(second.receipt.isUsed, false);
  });

  it('21: are left aside where the content is looked into, and none is left of it', async () => {
    const one = setup();
    passed((await verify(one)).ended);
    const policy = policyFor(one.path);
    const content = '{content: {formats: [json, text]}}, {signature:';
    writeFileSync(policy, readFileSync(policy, 'utf8').replace('{signature:', content));
    for (const _ of ['first', 'again']) {
      const { ended, receipt, bytes } = await verify(one, { policy });
      passed(ended);
      assert.equal(receipt.isUsed, false);
      assert.match(receipt.why, /looked into/);
      assert.ok(Number(bytes) > 0);
    }
  });

  it('19: are what a policy allows, completely, or the run does not begin', async () => {
    const one = setup();
    const { path } = one;
    const cases: [string, RegExp][] = [
      ['', /does not allow/],
      ['key: {file: receipts.pub}', /maxAge is missing/],
      ['maxAge: 1h', /key is missing/],
      ['maxAge: 0, key: {file: receipts.pub}', /maxAge/],
      ['maxAge: 1h, key: {file: receipts.key}', /private key/],
      ['maxAge: 1h, key: {file: signer.pub}', /would not count/],
      ...['0%', '101%', '-1%', '1', 'all', '1e9%'].map((share): [string, RegExp] => [
        `${USUAL}, spotCheck: ${share}`,
        /spotCheck/,
      ]),
      [`${USUAL}, volumes: ReadWrite`.replace('volumes: ReadOnly, ', ''), /volumes/],
      [`${USUAL}, forever: true`, /unknown key/],
      [`${USUAL}, maxAge: .nan`.replace('maxAge: 1h, ', ''), /maxAge/],
    ];
    for (const [terms, message] of cases) {
      const { ended } = await verify(one, { policy: policyFor(path, terms) });
      refused(ended, 'CONFIG_INVALID', message, 78);
    }
    refused(
      await run(['verify', path, '--sha256', recipe(path), '--receipts', one.receipts]),
      'CONFIG_INVALID',
      /policy/,
      78,
    );
    const signers = policyFor(path, 'maxAge: 1h, key: {file: signer.pub}, volumes: ReadOnly');
    refused((await verify(one, { policy: signers, flags: [] })).ended, 'CONFIG_INVALID', /signs what is verified/, 78);
    for (const receipts of [path, join(path, 'sub')]) {
      mkdirSync(receipts, { recursive: true });
      refused((await verify({ path, receipts })).ended, 'CONFIG_INVALID', /--receipts/, 78);
    }
    refused(
      (await verify(one, { flags: ['--receipt-key', join(trust, 'signer.key')] })).ended,
      'CONFIG_INVALID',
      /would not count/,
      78,
    );
    const missing = await verify({ path, receipts: '/nowhere/receipts' });
    passed(missing.ended);
    assert.equal(missing.receipt.isUsed, false);
  });
});
