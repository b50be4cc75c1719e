// Layouts and bookkeeping of volumes through the whole program: what is pinned, signed, reported
// and published.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { run, workFolder, write } from './cli.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const BOOKKEEPING = { '.git/HEAD': 'ref: x', '.cache/huggingface/download/w.bin.metadata': 'x', '.nfs1': 'x' };
const PRESETS = ['--storage-preset', 'git,huggingface'];

function folderOf(files: Record<string, string>): string {
  const folder = join(workFolder(), 'm');
  mkdirSync(folder);
  write(folder, files);
  return folder;
}

async function digestOf(path: string, ...more: string[]): Promise<string> {
  const { stdout, stderr, status } = await run(['digest', path, ...more]);
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

function policyFile(storage: string, pin: string, path: string, name = 'p'): string {
  const file = join(workFolder(), `${name}.yaml`);
  writeFileSync(
    file,
    `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: ${name}}
spec:
  artifacts:
    - name: weights
      path: ${path}
      ${storage}
      require: [{sha256: ${pin}}]
`,
  );
  return file;
}

/** A snapshot as huggingface_hub leaves it, with these files. */
function snapshotOf(files: Record<string, string>): string {
  const repository = join(workFolder(), 'hub/models--org--name');
  const snapshot = join(repository, 'snapshots', COMMIT);
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const etag = (++at).toString(16).padStart(64, '0');
    write(join(repository, 'blobs'), { [etag]: text });
    mkdirSync(dirname(join(snapshot, name)), { recursive: true });
    symlinkSync(`${'../'.repeat(name.split('/').length + 1)}blobs/${etag}`, join(snapshot, name));
  }
  return snapshot;
}

describe('18: what is left out', () => {
  it('18: is no part of the digest, and is named in the log, the report and the termination message', async () => {
    const clean = folderOf({ 'w.bin': 'weights' });
    const folder = folderOf({ 'w.bin': 'weights', '.git/HEAD': 'ref: x', '.git/x.lock': 'x' });
    const pin = await digestOf(clean);
    assert.notEqual(await digestOf(folder), pin);
    assert.notEqual(await digestOf(folder, ...PRESETS), pin);
    const more = [...PRESETS, '--omit-paths', '.git/x.lock'];
    assert.equal(await digestOf(folder, ...more), pin);
    const log = join(workFolder(), 'log');
    const report = join(workFolder(), 'report.json');
    writeFileSync(log, '');
    const words = [folder, '--sha256', pin, ...more, '--termination-log', log, '--report', report];
    const { status, events, stdout } = await run(['verify', ...words]);
    assert.equal(status, 0, stdout);
    const left = [
      { path: '.git', by: 'git', entries: 1, bytes: 6 },
      { path: '.git/x.lock', by: 'omit-paths', entries: 1, bytes: 1 },
    ];
    assert.deepEqual(events.find(({ event }) => event === 'artifact')?.['leftOut'], left);
    assert.deepEqual(JSON.parse(readFileSync(report, 'utf8')).artifacts[0].leftOut, left);
    assert.match(readFileSync(log, 'utf8'), /PASSED sha256 [0-9a-f]{64}, left out: \.git \(git\) and 1 more/);
    assert.match(readFileSync(log, 'utf8'), /"leftOut":\["\.git","\.git\/x\.lock"\]/);
    const text = await run(['verify', ...words, '--format', 'text']);
    assert.match(text.stdout, /left out: \.git \(git; 1 entry, 6 B\)/);
  });

  it('18: a signature still names every other file', async () => {
    const folder = folderOf({ 'w.bin': 'weights', ...BOOKKEEPING });
    const keys = join(workFolder(), 'k');
    await run(['keygen', '--output', keys]);
    const sign = ['sign', folder, '--key', `${keys}.key`, ...PRESETS];
    assert.equal((await run(sign)).status, 0);
    const verify = ['verify', folder, '--key', `${keys}.pub`];
    assert.deepEqual((await run(verify)).codes, ['FILE_UNEXPECTED', 'FILE_UNEXPECTED']);
    assert.equal((await run([...verify, ...PRESETS])).status, 0);
    write(folder, { '.git/evil.py': 'x' });
    assert.deepEqual((await run([...verify, ...PRESETS])).codes, ['FILE_UNEXPECTED']);
  });

  it('18: is not published: what lies at the destination is what was verified', async () => {
    const clean = folderOf({ 'w.bin': 'weights', 'sub/x': 'x' });
    const folder = folderOf({ 'w.bin': 'weights', 'sub/x': 'x', ...BOOKKEEPING });
    const more = [...PRESETS, '--omit-paths', '.nfs1'];
    const destination = join(workFolder(), 'd');
    const words = ['verify', `file://${folder}`, destination, '--sha256', await digestOf(clean), ...more];
    const { status, stdout } = await run(words);
    assert.equal(status, 0, stdout);
    assert.deepEqual(readdirSync(destination, { recursive: true }).sort(), ['sub', 'sub/x', 'w.bin']);
    // The second run verifies what lies there, bookkeeping of its own storage and all.
    write(destination, { '.git/HEAD': 'x' });
    assert.equal((await run(words)).status, 0);
    write(destination, { '.git/evil.py': 'x' });
    assert.deepEqual((await run(words)).codes, ['DIGEST_MISMATCH']);
  });

  it('18: content in a folder of bookkeeping is published with it', async () => {
    const folder = folderOf({ 'w.bin': 'w', '.git/HEAD': 'x', '.git/refs/deep/x.py': 'x' });
    const destination = join(workFolder(), 'd');
    const pin = await digestOf(folder, ...PRESETS);
    const { status, stdout } = await run(['verify', `file://${folder}`, destination, '--sha256', pin, ...PRESETS]);
    assert.equal(status, 0, stdout);
    const all = ['.git', '.git/refs', '.git/refs/deep', '.git/refs/deep/x.py', 'w.bin'];
    assert.deepEqual(readdirSync(destination, { recursive: true }).sort(), all);
  });

  it('18: a folder with nothing but bookkeeping is empty', async () => {
    const folder = folderOf({ '.git/HEAD': 'x' });
    assert.deepEqual((await run(['verify', folder, '--sha256', '0'.repeat(64), ...PRESETS])).codes, ['SOURCE_EMPTY']);
  });

  for (const [what, words, message] of [
    ['an unknown preset', ['--storage-preset', 'gitt'], /did you mean git/],
    ['a pattern', ['--omit-paths', '*.py'], /pattern/],
    ['a path that leads out', ['--omit-paths', '../x'], /--omit-paths/],
    ['the artifact itself', ['--omit-paths', '.'], /--omit-paths/],
    ['a relative link root', ['--link-root', 'x'], /absolute/],
    ['a link root with a ..', ['--link-root', '/x/../y'], /it has a/],
    ['the root of everything', ['--link-root', '/'], /links could lead anywhere/],
  ] as const)
    it(`18: ${what} is a configuration error`, async () => {
      const { status, stdout } = await run(['verify', folderOf({ w: 'w' }), '--sha256', '0'.repeat(64), ...words]);
      assert.equal(status, 78, stdout);
      assert.match(stdout, message);
    });
});

describe('18: beside a policy', () => {
  it('18: only the policy says what is left out', async () => {
    const folder = folderOf({ w: 'w', '.git/HEAD': 'x', 'notes.txt': 'x' });
    const pin = await digestOf(folderOf({ w: 'w' }));
    const policy = policyFile('storage: {presets: [git], omitPaths: [notes.txt]}', pin, folder);
    assert.equal((await run(['verify', '--policy', policy])).status, 0);
    const silent = policyFile('', pin, folder);
    assert.equal((await run(['verify', '--policy', silent])).status, 65);
    for (const [name, value] of [
      ['STORAGE_PRESET', 'git'],
      ['OMIT_PATHS', 'notes.txt'],
      ['LINK_ROOT', '/x'],
    ] as const) {
      const { status, stdout } = await run(['verify', '--policy', silent], {
        environment: { [`WEIGHLOCK_${name}`]: value },
      });
      assert.equal(status, 78, name);
      assert.match(stdout, /would take away a check/);
    }
  });

  it('18: what one policy leaves out, another one that does not still wants verified', async () => {
    const folder = folderOf({ w: 'w', '.git/HEAD': 'x', 'notes.txt': 'x' });
    const pin = await digestOf(folderOf({ w: 'w' }));
    const both = 'storage: {presets: [git], omitPaths: [notes.txt]}';
    const policies = (a: string, b: string) =>
      [policyFile(a, pin, folder, 'a'), policyFile(b, pin, folder, 'b')].flatMap((file) => ['--policy', file]);
    assert.equal((await run(['verify', ...policies(both, both)])).status, 0);
    assert.equal((await run(['verify', ...policies(both, '')])).status, 65);
    assert.equal((await run(['verify', ...policies('', both)])).status, 65);
    assert.equal((await run(['verify', ...policies(both, 'storage: {presets: [git, nfs]}')])).status, 65);
  });

  it('18: policy check refuses what it does not know, and explain says what is left out', async () => {
    for (const [storage, message] of [
      ['storage: {preset: [git]}', /unknown key "preset"/],
      ['storage: {presets: [gitt]}', /did you mean git/],
      ['storage: {omitPaths: ["*.py"]}', /pattern/],
      ['storage: {linkRoot: models}', /absolute/],
    ] as const) {
      const { status, stdout, stderr } = await run(['policy', 'check', policyFile(storage, 'a'.repeat(64), '/m')]);
      assert.equal(status, 78);
      assert.match(stdout + stderr, message);
    }
    const all = 'storage: {presets: [git, ext4], omitPaths: [notes.txt], linkRoot: /models}';
    const { stdout } = await run(['policy', 'explain', policyFile(all, 'a'.repeat(64), '/m')]);
    assert.match(
      stdout,
      /Bookkeeping of git, ext4 is no part of it\.\n.*notes\.txt: no part of it\.\n.*beneath \/models/,
    );
  });
});

describe('18: a snapshot in the cache of huggingface_hub', () => {
  const FILES = { 'config.json': '{}', 'sub/w.safetensors': 'weights', 'copy.safetensors': 'weights' };

  it('18: has the digest of the same files anywhere else, and is published as files', async () => {
    const pin = await digestOf(folderOf(FILES));
    const snapshot = snapshotOf(FILES);
    assert.equal(await digestOf(snapshot), pin);
    const destination = join(workFolder(), 'd');
    const { status, stdout } = await run(['verify', `file://${snapshot}`, destination, '--sha256', pin]);
    assert.equal(status, 0, stdout);
    assert.deepEqual(readFileSync(join(destination, 'sub/w.safetensors'), 'utf8'), 'weights');
  });

  it('18: its model.sig is found behind its link, and counts', async () => {
    const folder = folderOf(FILES);
    const keys = join(workFolder(), 'k');
    await run(['keygen', '--output', keys]);
    await run(['sign', folder, '--key', `${keys}.key`]);
    const signature = readFileSync(join(folder, 'model.sig'), 'utf8');
    const snapshot = snapshotOf({ ...FILES, 'model.sig': signature });
    const verify = (path: string) => run(['verify', path, '--key', `${keys}.pub`]);
    const { status, stdout } = await verify(snapshot);
    assert.equal(status, 0, stdout);
    assert.deepEqual((await verify(snapshotOf({ ...FILES, 'model.sig': signature, 'x.py': 'x' }))).codes, [
      'FILE_UNEXPECTED',
    ]);
    assert.ok(
      (await verify(snapshotOf({ ...FILES, 'config.json': '{!', 'model.sig': signature }))).codes.includes(
        'DIGEST_MISMATCH',
      ),
    );
  });

  it('18: a pod that names it is not let out of it', async () => {
    const snapshot = snapshotOf(FILES);
    const pin = await digestOf(snapshot);
    const secret = join(workFolder(), 'secret');
    writeFileSync(secret, 'x');
    symlinkSync(secret, join(snapshot, 'evil'));
    const { codes } = await run(['verify'], { environment: { MODEL_PATH: snapshot, MODEL_SHA256: pin } });
    assert.deepEqual(codes, ['UNSAFE_ENTRY']);
    assert.equal(existsSync(secret), true);
  });
});
