import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAIN, recipe, run, workFolder, write } from './cli.ts';

async function digestOf(path: string, ...options: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(['digest', path, ...options]);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

describe('weighlock digest', () => {
  it('of a file is what sha256sum prints', async () => {
    const folder = workFolder();
    for (const content of ['', 'x', 'y'.repeat(100_000)]) {
      write(folder, { file: content });
      const expected = execFileSync('sha256sum', [join(folder, 'file')], { encoding: 'utf8' }).slice(0, 64);
      assert.equal(await digestOf(join(folder, 'file')), expected);
    }
  });

  it('of a folder is what the coreutils recipe prints, whatever the names', async () => {
    const folder = workFolder();
    write(folder, {
      'plain.txt': 'a',
      'with space': 'b',
      'new\nline': 'c',
      'back\\slash': 'd',
      'carriage\rreturn': 'e',
      '\ttab\x01control\x7f': 'f',
      'ünïcödé-模型-😀': 'g',
      'a/b': 'h',
      'a b/c': 'i',
      'a-b': 'j',
      'a.txt': 'k',
      'ab/c\\d\n/e': 'l',
      empty: '',
      '.hidden/.file': 'm',
      'quote\'"`$(x)': 'n',
    });
    mkdirSync(join(folder, 'empty folder/inside'), { recursive: true });
    assert.equal(await digestOf(folder), recipe(folder));
  });

  it('of a folder with thousands of files and long names agrees too', async () => {
    const folder = workFolder();
    for (let i = 0; i < 3000; i++) write(folder, { [`${i % 7}/${i % 13}/${'n'.repeat(i % 240)}${i}`]: `${i}` });
    write(folder, { ['x'.repeat(255)]: '255 bytes' });
    assert.equal(await digestOf(folder), recipe(folder));
    assert.equal(await digestOf(folder, '--hasher=native', '--concurrency=5'), recipe(folder));
  });

  it('of a deep tree and of a path just short of 4096 bytes agrees too', async () => {
    const folder = workFolder();
    write(folder, { [`${'d/'.repeat(300)}file`]: 'deep' });
    const long = `${Array.from({ length: 18 }, (_, i) => `${i}${'p'.repeat(210)}`).join('/')}`;
    // Made and hashed from inside, as the path is too long to be given whole.
    execFileSync('sh', ['-c', 'cd "$1" && mkdir -p "$2" && cd "$2" && echo long > file', 'sh', folder, long]);
    assert.equal(await digestOf(folder), recipe(folder));
  });

  it('of a large file agrees whichever engine computes it', async () => {
    const folder = workFolder();
    writeFileSync(join(folder, 'f'), 'start');
    truncateSync(join(folder, 'f'), 20_000_001);
    const expected = execFileSync('sha256sum', [join(folder, 'f')], { encoding: 'utf8' }).slice(0, 64);
    for (const hasher of ['wasm', 'native', 'auto'])
      assert.equal(await digestOf(join(folder, 'f'), `--hasher=${hasher}`), expected);
  });

  it('--list prints the listing whose SHA-256 the digest is, as sha256sum --check reads it', async () => {
    const folder = workFolder();
    write(folder, { 'a/b': '1', 'new\nline': '2', c: '3' });
    const { stdout } = await run(['digest', '--list', folder]);
    execFileSync('sha256sum', ['--check', '--strict', '--quiet'], { cwd: folder, input: stdout });
    const sum = execFileSync('sha256sum', { input: stdout, encoding: 'utf8' }).slice(0, 64);
    assert.equal(await digestOf(folder), sum);
  });

  it('prints nothing but says why when something in the folder cannot be part of a digest', async () => {
    const folder = workFolder();
    write(folder, { a: '1' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { status, stdout, stderr } = await run(['digest', folder]);
    assert.deepEqual([status, stdout], [65, '']);
    assert.match(stderr, /UNSAFE_ENTRY pipe: unsafe entry: FIFO/);
  });

  it('fails when what it prints cannot be written', async () => {
    const folder = workFolder();
    write(folder, { a: '1' });
    const script = `"$0" "$1" digest "$2" > /dev/full`;
    assert.throws(
      () => execFileSync('sh', ['-c', script, process.execPath, MAIN, folder], { stdio: 'pipe' }),
      (error) => (error as { status?: number }).status === 75,
    );
  });
});
