// What hostile or broken content does to the gate: one test for each kind. None of them may pass,
// hang, or write.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Finished, type Invocation, MAIN, recipe, run, workFolder, write } from './cli.ts';

const PIN = 'a'.repeat(64);

async function refused(
  path: string,
  status: number,
  code: string,
  file?: string,
  invocation?: Invocation,
): Promise<Finished> {
  const result = await run(['verify', path, '--sha256', PIN], invocation);
  assert.equal(result.status, status, result.stdout + result.stderr);
  const match = result.events.find((event) => event['event'] === 'failure' && event['code'] === code);
  assert.ok(match, `no ${code} in ${result.stdout}`);
  if (file !== undefined) assert.equal(match['file'], file);
  assert.ok(match['remedy'], 'no remedy');
  return result;
}

describe('a path', () => {
  it('that is absent', async () => {
    await refused(join(workFolder(), 'nothing'), 65, 'FILE_MISSING');
  });

  it('below a file', async () => {
    const folder = workFolder();
    write(folder, { file: 'x' });
    await refused(join(folder, 'file/below'), 65, 'FILE_MISSING');
  });

  it('that is an empty folder, or one with empty folders only (S24)', async () => {
    const folder = workFolder();
    await refused(folder, 65, 'SOURCE_EMPTY');
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    await refused(folder, 65, 'SOURCE_EMPTY');
    assert.equal((await run(['digest', folder])).status, 65);
  });

  it('that is longer than the kernel takes', async () => {
    await refused(`/${'x/'.repeat(3000)}y`, 65, 'LIMIT_EXCEEDED');
    await refused(`/${'x'.repeat(300)}`, 65, 'LIMIT_EXCEEDED');
  });

  it('that is given with the pin of the other kind: a file for a folder and the reverse', async () => {
    const folder = workFolder();
    write(folder, { file: 'x' });
    const filePin = execFileSync('sha256sum', [join(folder, 'file')], { encoding: 'utf8' }).slice(0, 64);
    const forFolder = await run(['verify', folder, '--sha256', filePin]);
    assert.deepEqual([forFolder.status, forFolder.codes], [65, ['DIGEST_MISMATCH']]);
    assert.match(forFolder.stdout, /tree digest/);
    const forFile = await run(['verify', join(folder, 'file'), '--sha256', recipe(folder)]);
    assert.deepEqual([forFile.status, forFile.codes], [65, ['DIGEST_MISMATCH']]);
  });

  it('that is the same twice', async () => {
    const folder = workFolder();
    write(folder, { file: 'x' });
    const result = await run(['verify', folder, `${folder}/`, '--sha256', PIN, '--sha256', PIN]);
    assert.deepEqual([result.status, result.codes], [78, ['CONFIG_INVALID']]);
  });
});

describe('an entry that is not a plain file', () => {
  const special = (name: string, make: (path: string) => void) => {
    const folder = workFolder();
    write(folder, { ok: 'x' });
    make(join(folder, name));
    return folder;
  };

  it('is refused when it is a FIFO, in a folder and by itself, without hanging', async () => {
    const folder = special('pipe', (path) => execFileSync('mkfifo', [path]));
    await refused(folder, 65, 'UNSAFE_ENTRY', 'pipe');
    await refused(join(folder, 'pipe'), 65, 'UNSAFE_ENTRY');
  });

  it('is refused when it is a socket', async () => {
    const server = createServer();
    after(() => server.close());
    const folder = workFolder();
    write(folder, { ok: 'x' });
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
    await refused(folder, 65, 'UNSAFE_ENTRY', 'socket');
  });

  it('is refused when it is a device', async (t) => {
    await refused('/dev/zero', 65, 'UNSAFE_ENTRY');
    const folder = workFolder();
    write(folder, { ok: 'x' });
    if (spawnSync('mknod', [join(folder, 'zero'), 'c', '1', '5']).status !== 0)
      return t.skip('needs the right to make devices');
    await refused(folder, 65, 'UNSAFE_ENTRY', 'zero');
  });

  it('is refused when it is a link, wherever it leads, and whether to a file or a folder', async () => {
    for (const target of ['ok', '/etc/passwd', '..', 'nothing', 'link']) {
      await refused(
        special('link', (path) => symlinkSync(target, path)),
        65,
        'UNSAFE_ENTRY',
        'link',
      );
    }
    const folder = workFolder();
    write(folder, { 'm/ok': 'x' });
    symlinkSync('m', join(folder, 'link'));
    await refused(join(folder, 'link'), 65, 'UNSAFE_ENTRY');
  });

  it('names all of them, not just the first', async () => {
    const folder = special('a', (path) => symlinkSync('ok', path));
    symlinkSync('ok', join(folder, 'b'));
    execFileSync('mkfifo', [join(folder, 'c')]);
    const { events } = await refused(folder, 65, 'UNSAFE_ENTRY');
    const files = events.filter(({ event }) => event === 'failure').map(({ file }) => file);
    assert.deepEqual(files.sort(), ['a', 'b', 'c']);
  });
});

describe('--allow-symlinks', () => {
  const allowed = async (folder: string) => run(['verify', folder, '--sha256', PIN, '--allow-symlinks']);

  it('follows links inside the root, as the cache of a model hub has them, like find -L', async () => {
    const folder = workFolder();
    write(folder, { 'blobs/1234': 'weights', 'blobs/dir/x': 'y' });
    mkdirSync(join(folder, 'snapshots'));
    symlinkSync('../blobs/1234', join(folder, 'snapshots/model.safetensors'));
    symlinkSync('../blobs/dir', join(folder, 'snapshots/folder'));
    const script = `cd "$1" && find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum`;
    const expected = execFileSync('sh', ['-c', script, 'sh', folder], { encoding: 'utf8' }).slice(0, 64);
    const { stdout } = await run(['digest', folder, '--allow-symlinks']);
    assert.equal(stdout.trimEnd(), expected);
  });

  it('refuses links that lead out, also to a folder whose name only begins alike', async () => {
    for (const target of ['/etc/passwd', '../root-evil/x', '../root-evil']) {
      const folder = workFolder();
      write(folder, { 'root/ok': 'x', 'root-evil/x': 'evil' });
      symlinkSync(target, join(folder, 'root/link'));
      const result = await allowed(join(folder, 'root'));
      assert.deepEqual([result.status, result.codes[0]], [65, 'UNSAFE_ENTRY']);
      assert.match(result.stdout, /leads out of the artifact/);
    }
  });

  it('refuses loops, links to nothing, and links to what is no plain file', async () => {
    for (const [target, message] of [
      ['loop', /symbolic link loop/],
      ['.', /leads out of the artifact|leads back/],
      ['sub/..', /leads out of the artifact|leads back/],
      ['nothing', /to nothing/],
      ['pipe', /to a FIFO/],
    ] as const) {
      const folder = workFolder();
      write(folder, { ok: 'x', 'sub/x': 'y' });
      execFileSync('mkfifo', [join(folder, 'pipe')]);
      symlinkSync(target, join(folder, 'loop'));
      const result = await allowed(folder);
      assert.equal(result.status, 65);
      assert.match(result.stdout, message, target);
    }
    const folder = workFolder();
    write(folder, { 'sub/x': 'y' });
    symlinkSync('../sub', join(folder, 'sub/back'));
    assert.match((await allowed(folder)).stdout, /leads back to a folder that contains it/);
  });
});

describe('a name', () => {
  it('of 255 bytes is fine', async () => {
    const folder = workFolder();
    write(folder, { ['x'.repeat(255)]: 'x' });
    const result = await run(['verify', folder, '--sha256', recipe(folder)]);
    assert.equal(result.status, 0, result.stdout);
  });

  it('that is not UTF-8 is refused and shown byte by byte', async () => {
    const folder = workFolder();
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff, 0xfe])]), 'x');
    await refused(folder, 65, 'UNSAFE_ENTRY', 'a\\xff\\xfe');
  });

  it('that differs from another only by Unicode normalisation is refused (cve-2026-23950)', async () => {
    for (const [one, other] of [
      ['\u00e9', 'e\u0301'],
      ['\u212a', 'K'],
      ['\u00e9/x', 'e\u0301/y'],
    ] as const) {
      const folder = workFolder();
      write(folder, { [one]: 'x', [other]: 'y' });
      await refused(folder, 65, 'UNSAFE_ENTRY');
    }
  });

  it('in a path over 4096 bytes is refused', async () => {
    const folder = workFolder();
    // Built from inside, as no call takes the whole path.
    const script = `process.chdir(process.argv[1]);
      for (let i = 0; i < 21; i++) { fs.mkdirSync('0'.repeat(200)); process.chdir('0'.repeat(200)); }
      fs.writeFileSync('file', 'x');`;
    execFileSync(process.execPath, ['-e', script, folder]);
    const { stdout } = await refused(folder, 65, 'LIMIT_EXCEEDED');
    assert.ok(stdout.length < 5000, 'the path is shown shortened');
  });

  it('in folders nested too deep is refused', async () => {
    const folder = workFolder();
    execFileSync('sh', ['-c', 'cd "$1"; for i in $(seq 1 520); do mkdir d && cd d; done; echo x > file', 'sh', folder]);
    await refused(folder, 65, 'LIMIT_EXCEEDED');
  });
});

describe('too many files', () => {
  it('end the walk at --max-files', async () => {
    const folder = workFolder();
    for (let i = 0; i < 30; i++) write(folder, { [`f${i}`]: 'x' });
    const result = await run(['verify', folder, '--sha256', PIN, '--max-files=29']);
    assert.deepEqual([result.status, result.codes], [65, ['LIMIT_EXCEEDED']]);
  });
});

describe('something that cannot be read', {
  skip: process.getuid?.() !== 0 && 'needs root to become another user',
}, () => {
  const NOBODY = 65534;

  function readableBy(folder: string): void {
    chmodSync(folder, 0o755);
  }

  it('15.9: is refused when it is a file, as whoever writes there can choose that', async () => {
    const folder = workFolder();
    readableBy(folder);
    write(folder, { ok: 'x', secret: 'y' });
    chmodSync(join(folder, 'secret'), 0);
    await refused(folder, 65, 'ACCESS_DENIED', 'secret', { uid: NOBODY });
  });

  it('15.9: is refused among so many files that they are hashed when they are listed', async () => {
    const folder = workFolder();
    readableBy(folder);
    write(folder, Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, `${i}`])));
    chmodSync(join(folder, 'f2345'), 0);
    await refused(folder, 65, 'ACCESS_DENIED', 'f2345', { uid: NOBODY });
  });

  it('15.9: is refused when it is a folder, whose files are not reported as missing', async () => {
    const folder = workFolder();
    readableBy(folder);
    write(folder, { ok: 'x', 'closed/y': 'y' });
    chmodSync(join(folder, 'closed'), 0);
    const listing = join(workFolder(), 'SHA256SUMS');
    chmodSync(join(listing, '..'), 0o755);
    const text = execFileSync('sh', ['-c', 'cd "$1" && sha256sum ok closed/y', 'sh', folder], { encoding: 'utf8' });
    writeFileSync(listing, text);
    const pin = execFileSync('sha256sum', [listing], { encoding: 'utf8' }).slice(0, 64);
    const result = await run(['verify', folder, '--checksums', listing, '--checksums-sha256', pin], { uid: NOBODY });
    assert.deepEqual([result.status, result.codes], [65, ['ACCESS_DENIED']]);
  });

  it('and is the root of an ext4 volume gets its own advice', async () => {
    const folder = workFolder();
    readableBy(folder);
    write(folder, { ok: 'x' });
    mkdirSync(join(folder, 'lost+found'), { mode: 0o700 });
    const { stdout } = await refused(folder, 65, 'ACCESS_DENIED', 'lost+found', { uid: NOBODY });
    assert.match(stdout, /the root of an ext4 volume/);
  });
});

describe('a command line', () => {
  for (const [what, args] of [
    ['without a command', []],
    ['with an unknown command', ['check']],
    ['with an unknown option', ['verify', '/x', '--sha', PIN]],
    ['with an unknown mode', ['verify', '/x', '--sha256', PIN, '--mode=enforce']],
    ['with an option given twice', ['verify', '/x', '--sha256', PIN, '--mode=Audit', '--mode=Enforce']],
    ['with an unknown hasher', ['verify', '/x', '--sha256', PIN, '--hasher=md5']],
    ['with concurrency 0', ['verify', '/x', '--sha256', PIN, '--concurrency=0']],
    ['with concurrency -1', ['verify', '/x', '--sha256', PIN, '--concurrency=-1']],
    ['with concurrency 1e9', ['verify', '/x', '--sha256', PIN, '--concurrency=1e9']],
    ['with concurrency many', ['verify', '/x', '--sha256', PIN, '--concurrency=many']],
    ['with a time limit that is none', ['verify', '/x', '--sha256', PIN, '--timeout=soon']],
    ['with an empty source', ['verify', '', '--sha256', PIN]],
    ['with two sources to digest', ['digest', '/x', '/y']],
    ['that fakes the end of a run', ['__leave', '0']],
  ] as const) {
    it(`${what} is a usage error`, async () => {
      const { status, stdout, stderr } = await run(args);
      assert.equal(status, 64, stdout + stderr);
    });
  }
});

describe('output that cannot be written', () => {
  it('to a closed or full standard output does not change the verdict', async () => {
    const folder = workFolder();
    write(folder, { ok: 'x' });
    for (const redirect of ['>&-', '> /dev/full', '2>&- >&-']) {
      for (const [pin, status] of [
        [recipe(folder), 0],
        [PIN, 65],
      ] as const) {
        const script = `"$0" "$1" verify "$2" --sha256 ${pin} ${redirect}`;
        assert.equal(spawnSync('sh', ['-c', script, process.execPath, MAIN, folder]).status, status, redirect);
      }
    }
  });

  it('to a pipe that nobody reads any more does not change the verdict', () => {
    const folder = workFolder();
    for (let i = 0; i < 3000; i++) write(folder, { [`${'x'.repeat(200)}${i}`]: '' });
    write(folder, { SUMS: `${PIN}  nothing\n` });
    const pin = execFileSync('sha256sum', [join(folder, 'SUMS')], { encoding: 'utf8' }).slice(0, 64);
    const script = `{ "$0" "$1" verify "$2" --checksums "$2/SUMS" --checksums-sha256 ${pin}; echo $? >&2; } | head -c 10 > /dev/null`;
    const { stderr } = spawnSync('sh', ['-c', script, process.execPath, MAIN, folder], { encoding: 'utf8' });
    assert.equal(stderr.trim(), '65');
  });

  it('as a report on a full disk or in a place that is not there is an unanswered question, and leaves nothing', async () => {
    const folder = workFolder();
    write(folder, { ok: 'x' });
    for (const [path, message] of [
      ['/dev/full/report.json', /ENOTDIR/],
      [join(workFolder(), 'absent/report.json'), /ENOENT.*mount a writable volume/],
    ] as const) {
      const result = await run(['verify', folder, '--sha256', recipe(folder), '--report', path]);
      assert.deepEqual([result.status, result.codes], [75, ['REPORT_UNWRITABLE']]);
      assert.match(result.stdout, message);
    }
    const ignored = await run([
      'verify',
      folder,
      '--sha256',
      recipe(folder),
      '--report',
      '/dev/full/r',
      '--failure-policy=Ignore',
    ]);
    assert.equal(ignored.status, 0);
    const failed = await run(['verify', folder, '--sha256', PIN, '--report', '/dev/full/r']);
    assert.equal(failed.status, 65);
  });

  it('as a report on a small disk that fills up leaves nothing behind', async (t) => {
    const disk = workFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status !== 0)
      return t.skip('needs the right to mount');
    try {
      const folder = workFolder();
      for (let i = 0; i < 2000; i++) write(folder, { [`file-${i}`]: '' });
      const result = await run(['verify', folder, '--sha256', recipe(folder), '--report', join(disk, 'report.json')]);
      assert.deepEqual([result.status, result.codes], [75, ['REPORT_UNWRITABLE']]);
      assert.match(result.stdout, /ENOSPC/);
      assert.deepEqual(readdirSync(disk), []);
      // And a copy that does not fit although the free space said so: the file system lies, as
      // quotas do.
      truncateSync(join(folder, 'file-0'), 0);
    } finally {
      spawnSync('umount', [disk]);
    }
    assert.equal(existsSync(join(disk, 'report.json')), false);
  });
});

describe('the program', () => {
  it('answers --version alone, and starts beside no variable that would move trust', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const answered = await run(['--version']);
    assert.deepEqual([answered.status, answered.stdout], [0, `${version}\n`]);
    const environment = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const foreign = await run(['verify', workFolder(), '--sha256', PIN, '--failure-policy=Ignore'], { environment });
    assert.equal(foreign.status, 78);
    assert.match(foreign.stderr, /CONFIG_INVALID: the variable NODE_TLS_REJECT_UNAUTHORIZED would decide/);
  });
});
