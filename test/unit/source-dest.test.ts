// `SOURCE DEST`, as KServe calls it: where the signature is looked for, and what is replaced.
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isMountPoint, mountBelow } from '../../src/stage/destination.ts';
import { command } from '../integration/in-process.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-source-dest-'));
after(() => rmSync(work, { recursive: true }));
const key = join(work, 'key');

before(async () => {
  await ok('keygen', '--output', key);
});

async function ok(...words: string[]): Promise<void> {
  const { status, stdout, stderr } = await command(words);
  assert.equal(status, 0, `${words.join(' ')}\n${stdout}${stderr}`);
}

async function refused(...words: string[]): Promise<void> {
  assert.equal((await command(words)).status, 65, words.join(' '));
}

function verify(source: string, destination: string, ...more: string[]): string[] {
  return ['verify', `file://${source}`, destination, '--key', `${key}.pub`, ...more];
}

function place(): { base: string; source: string; destination: string } {
  const base = mkdtempSync(join(work, 'p-'));
  return { base, source: join(base, 'source'), destination: join(base, 'destination') };
}

async function signedFolder(source: string): Promise<void> {
  mkdirSync(source);
  writeFileSync(join(source, 'w'), 'weights');
  await ok('sign', source, '--key', `${key}.key`);
}

it('18: SOURCE DEST alone is verified, as KServe starts its storage-initializer', async () => {
  const { base, source, destination } = place();
  await signedFolder(source);
  await ok(...verify(source, destination).slice(1));
  assert.equal(readFileSync(join(destination, 'w'), 'utf8'), 'weights');
  await ok(...verify(source, join(base, 'other'), '--report', join(base, 'r')).slice(1));
  writeFileSync(join(source, 'w'), 'WEIGHTS');
  await refused(source, join(base, 'third'), '--key', `${key}.pub`);
  assert.equal(existsSync(join(base, 'third')), false);
  for (const words of [['verfy', source], ['source', 'destination'], ['']])
    assert.equal((await command(words)).status, 64, words.join(' '));
});

describe('a signature of SOURCE, with a DEST', () => {
  it('15: lies in the source folder, is copied with it, and is then found where it was published', async () => {
    const { source, destination } = place();
    await signedFolder(source);
    await ok(...verify(source, destination));
    assert.deepEqual(readdirSync(destination).sort(), ['model.sig', 'w']);
    await ok(...verify(source, destination));
    rmSync(source, { recursive: true });
    await ok(...verify(source, destination));
    writeFileSync(join(destination, 'w'), 'WEIGHTS');
    await refused(...verify(source, destination));
  });

  it('15: lies beside the source file, whatever the destination is called', async () => {
    const { base, source, destination } = place();
    writeFileSync(source, 'weights');
    await ok('sign', source, '--key', `${key}.key`);
    await ok(...verify(source, destination));
    await ok(...verify(source, destination));
    writeFileSync(destination, 'WEIGHTS');
    await refused(...verify(source, destination));
    rmSync(destination);
    // As it was looked for before: beside the destination, when there is none at the source.
    renameSync(`${source}.sigstore.json`, `${destination}.sigstore.json`);
    await refused(...verify(source, destination));
    writeFileSync(destination, 'weights');
    await ok(...verify(source, destination));
    assert.ok(existsSync(join(base, 'destination')));
  });

  it('15: at the source is the one that counts, and is no way for other content', async () => {
    const { source, destination } = place();
    await signedFolder(source);
    cpSync(source, destination, { recursive: true });
    writeFileSync(join(source, 'model.sig'), '{}');
    await refused(...verify(source, destination));
  });

  it('15: that neither has is missing', async () => {
    const { source, destination } = place();
    mkdirSync(source);
    writeFileSync(join(source, 'w'), 'weights');
    const { status, stdout } = await command(verify(source, destination));
    assert.equal(status, 65);
    assert.match(stdout, /SIGNATURE_MISSING/);
    assert.equal(existsSync(destination), false);
  });
});

it('15.9: what the listing of a source proves wrong is refused before there is room for a copy, or none', async () => {
  const { source, destination } = place();
  await signedFolder(source);
  writeFileSync(join(source, 'sparse'), '');
  truncateSync(join(source, 'sparse'), 2 ** 42);
  const { status, stdout } = await command(verify(source, destination));
  assert.equal(status, 65);
  assert.match(stdout, /FILE_UNEXPECTED/);
  assert.equal(/NO_SPACE/.test(stdout), false);
});

describe('what --replace takes away', () => {
  it('15.1: is a link at the destination, and nothing that it leads to', async () => {
    const { base, source, destination } = place();
    await signedFolder(source);
    mkdirSync(join(base, 'precious'));
    writeFileSync(join(base, 'precious/file'), '');
    // `/proc` is a mount point: what lies there would be replaced entry by entry.
    for (const target of ['precious', '/proc']) {
      rmSync(destination, { recursive: true, force: true });
      symlinkSync(target, destination);
      await refused(...verify(source, destination));
      await ok(...verify(source, destination, '--replace'));
      assert.equal(readFileSync(join(destination, 'w'), 'utf8'), 'weights');
    }
    assert.deepEqual(readdirSync(join(base, 'precious')), ['file']);
    symlinkSync('/proc', join(base, 'link'));
    assert.equal(isMountPoint(join(base, 'link')), false);
    assert.equal(isMountPoint('/proc'), true);
  });

  it('15.1: has no other volume in it', () => {
    const { base } = place();
    mkdirSync(join(base, 'm/sub'), { recursive: true });
    symlinkSync('m', join(base, 'link'));
    const points = (...names: string[]) => new Set(names.map((name) => join(base, name)));
    assert.equal(mountBelow(join(base, 'm'), points('m/sub')), join(base, 'm/sub'));
    for (const names of [[], ['m'], ['m2'], ['m2/sub'], ['link/sub']])
      assert.equal(mountBelow(join(base, 'm'), points(...names)), undefined, names.join());
    assert.equal(mountBelow(join(base, 'link'), points('m/sub')), undefined);
    assert.equal(mountBelow(join(base, 'none'), points('none/sub')), undefined);
    assert.notEqual(mountBelow('/'), undefined);
  });

  it('15.1: is never content that has the name of a file of our own', async () => {
    const { base, source } = place();
    await signedFolder(source);
    const { status } = await command(verify(source, join(base, '.weighlock-m.json')));
    assert.equal(status, 78);
  });
});
