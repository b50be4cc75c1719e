// What somebody says of a folder on a volume: which digests it may be about, where it may lie, and
// what it does not let pass.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { type Draft, hex, keyBundle, modelStatement } from '../evidence/world.ts';
import { passed, recipe, refused, run, workFolder, write } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa', 'weights/b.bin': 'bbbbbb' };
const TYPE = 'https://slsa.dev/provenance/v1';
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [ours, theirs] = [pair(), pair()];
const work = workFolder();
const pem = (key: typeof ours) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
write(work, {
  'key.pub': pem(ours),
  'their.pub': pem(theirs),
  'key.pem': ours.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'predicate.json': '{"builder": {"id": "https://ci.example"}, "large": 12345678901234567890}',
});
const [publicKey, privateKey, predicate] = ['key.pub', 'key.pem', 'predicate.json'].map((name) => join(work, name));

function folder(files: Readonly<Record<string, string>> = FILES): string {
  const path = join(workFolder(), 'model');
  write(path, files);
  return path;
}

const rootOf = (files: Draft) => modelStatement(files).subject[0].digest.sha256;
const statement = (digest: string, type = TYPE, more = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'model', digest: { sha256: digest } }],
  predicateType: type,
  predicate: { builder: { id: 'https://ci.example' }, ...more },
});
const bundle = (digest: string, type = TYPE, key = ours) =>
  JSON.stringify(keyBundle(statement(digest, type), key.privateKey));

const ask = (path: string, ...more: string[]) =>
  run(['verify', path, '--key', publicKey ?? '', '--insecure-ignore-tlog', '--type', TYPE, ...more]);

describe('19: an attestation of a folder', () => {
  it('19: is about its tree digest, and its conditions are held against it', async () => {
    const path = folder();
    writeFileSync(`${path}.slsa.sigstore.json`, bundle(recipe(path)));
    passed(await ask(path));
    passed(await ask(path, '--condition', "predicate.builder.id == 'https://ci.example'"));
    refused(await ask(path, '--condition', "predicate.builder.id == 'https://evil.example'"), 'CONDITION_FAILED');
  });

  it('19: is found beside the folder and in it, on lines that end either way', async () => {
    const digest = recipe(folder());
    const other = bundle('0'.repeat(64), 'https://spdx.dev/Document');
    const places: [string, string][] = [
      ['../model.sigstore.json', bundle(digest)],
      ['../model.provenance.sigstore.json', bundle(digest)],
      ['../claims.jsonl', `${other}\n${bundle(digest)}\n`],
      ['../model.claims.jsonl', `${other}\r\n${bundle(digest)}\r\n`],
      ['../claims.jsonl', `${bundle(digest)}\r\n${other}`],
      ['provenance.sigstore.json', bundle(digest)],
    ];
    for (const [name, text] of places) {
      const path = folder();
      writeFileSync(join(path, name), text);
      passed(await ask(path));
    }
  });

  it('19: is named by whoever keeps it elsewhere', async () => {
    const path = folder();
    const elsewhere = join(workFolder(), 'x.jsonl');
    writeFileSync(elsewhere, `${bundle(recipe(path))}\n`);
    refused(await ask(path), 'ATTESTATION_MISSING', /none at all/);
    passed(await ask(path, '--signature', elsewhere));
  });

  it('19: of another folder, type or person does not count, and hides none that does', async () => {
    const path = folder();
    const digest = recipe(path);
    const wrong = [
      bundle('1'.repeat(64)),
      bundle(digest, 'https://spdx.dev/Document'),
      bundle(digest, TYPE, theirs),
      '{}',
      'x',
    ];
    const codes = [
      'DIGEST_MISMATCH',
      'ATTESTATION_MISSING',
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
    ];
    for (const [i, text] of wrong.entries()) {
      writeFileSync(`${path}.sigstore.json`, text);
      refused(await ask(path), codes[i] ?? '');
      writeFileSync(`${path}.good.sigstore.json`, bundle(digest));
      passed(await ask(path));
      rmSync(`${path}.good.sigstore.json`);
    }
  });

  it('19: covers every file and every name', async () => {
    const changes: ((path: string) => void)[] = [
      (path) => writeFileSync(join(path, 'weights/a.bin'), 'aaaA'),
      (path) => writeFileSync(join(path, 'evil.py'), ''),
      (path) => rmSync(join(path, 'weights/a.bin')),
      (path) => renameSync(join(path, 'config.json'), join(path, 'config.jsom')),
    ];
    for (const change of changes) {
      const path = folder();
      const text = bundle(recipe(path));
      writeFileSync(`${path}.sigstore.json`, text);
      writeFileSync(join(path, 'also.sigstore.json'), text);
      change(path);
      refused(await ask(path), 'DIGEST_MISMATCH', /another folder/);
    }
  });

  it('19: lets pass nothing in the folder but itself, under a name that no loader reads, with one name', async () => {
    const cases: [string, (path: string, text: string) => void][] = [
      ['DIGEST_MISMATCH', (path, text) => writeFileSync(join(path, 'claims.jsonl'), text)],
      [
        'DIGEST_MISMATCH',
        (path, text) => writeFileSync(join(path, 'stranger.sigstore.json'), text.replace(/"sig":"..../, '"sig":"AAAA')),
      ],
      [
        'DIGEST_MISMATCH',
        (path, text) => {
          writeFileSync(`${path}.twice`, text);
          linkSync(`${path}.twice`, join(path, 'linked.sigstore.json'));
        },
      ],
      ['UNSAFE_ENTRY', (path) => symlinkSync(`${path}.sigstore.json`, join(path, 'link.sigstore.json'))],
      [
        'DIGEST_MISMATCH',
        (path, text) => {
          mkdirSync(join(path, 'sub'));
          writeFileSync(join(path, 'sub/deep.sigstore.json'), text);
        },
      ],
    ];
    for (const [code, change] of cases) {
      const path = folder();
      const text = bundle(recipe(path));
      writeFileSync(`${path}.sigstore.json`, text);
      change(path, text);
      refused(await ask(path), code);
    }
    const path = folder();
    writeFileSync(join(path, 'claims.jsonl'), bundle(recipe(path)));
    passed(await ask(path, '--ignore-paths', 'claims.jsonl'));
  });

  it('19: is about a root digest where somebody signed the names, and never by itself', async () => {
    const root = rootOf(FILES);
    const path = folder();
    writeFileSync(`${path}.sigstore.json`, bundle(root));
    refused(await ask(path), 'DIGEST_MISMATCH', /has the names/);
    const signature = (key: typeof ours) => JSON.stringify(keyBundle(modelStatement(FILES), key.privateKey));
    writeFileSync(join(path, 'model.sig'), signature(theirs));
    refused(await ask(path), 'DIGEST_MISMATCH');
    writeFileSync(join(path, 'model.sig'), signature(ours));
    passed(await ask(path));
    renameSync(join(path, 'config.json'), join(path, 'config.jsom'));
    refused(await ask(path), 'FILE_MISSING', /config\.json/);
  });

  it('19: is about a root digest where as many signed the names as are asked for', async () => {
    const root = rootOf(FILES);
    const path = folder();
    writeFileSync(`${path}.a.sigstore.json`, bundle(root));
    writeFileSync(`${path}.b.sigstore.json`, bundle(root, TYPE, theirs));
    const both = () => ask(path, '--key', join(work, 'their.pub'), '--threshold', '2');
    const signature = (key: typeof ours, files: Draft = FILES) =>
      JSON.stringify(keyBundle(modelStatement(files), key.privateKey));
    writeFileSync(join(path, 'model.sig'), signature(ours));
    refused(await both(), 'DIGEST_MISMATCH', /has the names/);
    // The same digests in the same order, under other names.
    const renamed = { 'config.py': '{}', 'weights/a.bin': 'aaaa', 'weights/b.bin': 'bbbbbb' };
    writeFileSync(join(path, 'model.sig'), `${signature(ours)}\n${signature(theirs, renamed)}\n`);
    refused(await both(), 'DIGEST_MISMATCH', /has the names/);
    writeFileSync(join(path, 'model.sig'), `${signature(ours)}\n${signature(theirs)}\n`);
    passed(await both());
  });

  it('19: is found in a folder of many files, and not hidden by those of others beside it', async () => {
    const path = folder();
    const digest = recipe(path);
    const stranger = bundle(digest, TYPE, theirs);
    const lines = (count: number) => `${stranger}\n`.repeat(count);
    writeFileSync(join(dirname(path), 'claims.jsonl'), lines(100));
    writeFileSync(`${path}.a.sigstore.json`, lines(100));
    writeFileSync(`${path}.claims.jsonl`, `${lines(60)}${bundle(digest)}\n`);
    passed(await ask(path));
    // More are not verified: each may take a tenth of a second.
    for (const name of ['b', 'c']) writeFileSync(`${path}.${name}.sigstore.json`, lines(100));
    refused(await ask(path), 'SIGNATURE_INVALID');
  });

  it('19: and a signature beside it are each no part of what the other is about', async () => {
    const path = folder();
    const report = join(work, 'report.json');
    const policy = join(workFolder(), 'policy.yaml');
    writeFileSync(join(dirname(policy), 'key.pub'), pem(ours));
    writeFileSync(join(dirname(policy), 'their.pub'), pem(theirs));
    const logless = '{insecureIgnoreTlog: true}';
    writeFileSync(
      policy,
      `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: both}
spec:
  attestors:
    - {name: release, cosign: {key: {file: their.pub}, ctlog: ${logless}}}
    - {name: ci, cosign: {key: {file: key.pub}, ctlog: ${logless}}}
  artifacts:
    - name: weights
      path: ${path}
      require:
        - signature: {attestors: [release]}
        - attestation: {type: ${TYPE}, attestors: [ci]}
        - attestation: {type: https://spdx.dev/Document, attestors: [ci]}
`,
    );
    const signed = JSON.stringify(keyBundle(modelStatement(FILES), theirs.privateKey));
    for (const digest of [recipe(path), rootOf(FILES)]) {
      writeFileSync(join(path, 'model.sig'), signed);
      writeFileSync(join(path, 'provenance.sigstore.json'), bundle(digest));
      writeFileSync(join(path, 'sbom.sigstore.json'), bundle(digest, 'https://spdx.dev/Document'));
      passed(await run(['verify', '--policy', policy, '--report', report]));
      const [{ requirements }] = JSON.parse(readFileSync(report, 'utf8')).artifacts;
      assert.deepEqual(
        requirements[0].unlisted.map(({ file }: { file: string }) => file),
        ['model.sig', 'provenance.sigstore.json', 'sbom.sigstore.json'],
      );
      writeFileSync(join(path, 'more.sigstore.json'), bundle(digest, 'https://other.example/type'));
      refused(await run(['verify', '--policy', policy]), 'FILE_UNEXPECTED', /more\.sigstore\.json/);
      rmSync(join(path, 'more.sigstore.json'));
    }
  });
});

describe('19: weighlock attest', () => {
  const attest = (path: string, ...more: string[]) =>
    run(['attest', path, '--key', privateKey ?? '', '--predicate', predicate ?? '', '--type', TYPE, ...more]);

  it('19: makes what verify accepts, by the tree digest of the README and the root of a model signature', async () => {
    const path = folder();
    const digest = recipe(path);
    const made = await attest(path);
    passed(made);
    assert.match(made.stdout, new RegExp(`sha256:${digest} sha256:${rootOf(FILES)}`));
    const { dsseEnvelope } = JSON.parse(readFileSync(`${path}.provenance-v1.sigstore.json`, 'utf8'));
    const text = Buffer.from(dsseEnvelope.payload, 'base64').toString();
    assert.match(text, /12345678901234567890/);
    passed(await ask(path));
    writeFileSync(join(path, 'weights/a.bin'), 'evil');
    refused(await ask(path), 'DIGEST_MISMATCH');
  });

  it('19: leaves out what it writes, and signatures that lie in the folder', async () => {
    const path = folder();
    const digest = recipe(path);
    passed(await attest(path, '--signature', join(path, 'a.sigstore.json')));
    const second = await attest(path, '--signature', join(path, 'b.sigstore.json'));
    assert.match(second.stdout, new RegExp(digest));
    assert.match(second.stdout, /without a\.sigstore\.json/);
    passed(await ask(path));
    writeFileSync(join(path, 'c.sig'), 'no signature of any kind that is known, and longer than any'.repeat(100));
    const third = await attest(path, '--signature', join(path, 'b.sigstore.json'));
    assert.doesNotMatch(third.stdout, new RegExp(digest));
  });

  it('19: made where somebody else has signed counts for whoever does not trust that one, too', async () => {
    const path = folder();
    const model = JSON.stringify(keyBundle(modelStatement(FILES), theirs.privateKey));
    writeFileSync(join(path, 'model.sig'), model);
    const whole = recipe(path);
    const made = await attest(path);
    assert.match(made.stdout, new RegExp(whole));
    passed(await ask(path));
    writeFileSync(join(path, 'model.sig'), model.replace('"hint":""', '"hint":"x"'));
    refused(await ask(path), 'DIGEST_MISMATCH');
  });

  it('19: attests to one file by its bytes', async () => {
    const path = join(workFolder(), 'data.bin');
    writeFileSync(path, 'data');
    passed(await attest(path, '--signature', `${path}.sigstore.json`));
    const { dsseEnvelope } = JSON.parse(readFileSync(`${path}.sigstore.json`, 'utf8'));
    const { subject } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    assert.deepEqual(subject, [{ name: 'data.bin', digest: { sha256: hex('data') } }]);
    passed(await ask(path));
  });

  it('19: refuses a predicate that is none, before anything is hashed', async () => {
    const path = folder();
    for (const text of [
      '[]',
      '"x"',
      '{',
      '{"a":1,"a":2}',
      '',
      `{"a":${'['.repeat(100)}}`,
      Buffer.from([0x7b, 0xff, 0x7d]),
    ]) {
      const file = join(workFolder(), 'p.json');
      writeFileSync(file, text);
      const { status, stderr } = await run([
        'attest',
        path,
        '--key',
        privateKey ?? '',
        '--predicate',
        file,
        '--type',
        TYPE,
      ]);
      assert.equal(status, 78, stderr);
      assert.match(stderr, /cannot be attested/);
    }
    const none = await run(['attest', path, '--key', privateKey ?? '', '--predicate', '/nowhere', '--type', TYPE]);
    assert.equal(none.status, 78);
    assert.equal((await run(['attest', path, '--key', privateKey ?? '', '--predicate', predicate ?? ''])).status, 64);
    assert.equal(
      (await run(['attest', path, '--key', privateKey ?? '', '--predicate', predicate ?? '', '--type', 'nonsense']))
        .status,
      78,
    );
  });
});
