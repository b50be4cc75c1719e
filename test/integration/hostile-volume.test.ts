// What whoever writes to a volume can choose must not become an unanswered question, which
// `failurePolicy: Ignore` lets pass.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { run, workFolder, write } from './cli.ts';

const TERABYTES = 4 * 2 ** 40;

/** A folder with a listing of it elsewhere, and the words that hold one against the other. */
function listed(files: Record<string, string>): { folder: string; words: string[] } {
  const folder = workFolder();
  write(folder, files);
  const listing = join(workFolder(), 'SHA256SUMS');
  const names = Object.keys(files);
  writeFileSync(listing, execFileSync('sha256sum', names, { cwd: folder }));
  const pin = execFileSync('sha256sum', [listing], { encoding: 'utf8' }).slice(0, 64);
  return { folder, words: ['verify', folder, '--checksums', listing, '--checksums-sha256', pin] };
}

function sparse(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, TERABYTES);
}

describe('a sparse file of terabytes', () => {
  it('15.9: that nobody listed is refused before anything is hashed', async () => {
    const { folder, words } = listed({ a: 'a', b: 'b' });
    sparse(join(folder, 'huge'));
    const result = await run([...words, '--failure-policy=Ignore']);
    assert.deepEqual([result.status, result.codes], [65, ['FILE_UNEXPECTED']]);
  });

  it('15.9: in the place of a listed one is refused, not asked again, when the time is over', async () => {
    const { folder, words } = listed({ a: 'a', b: 'b' });
    sparse(join(folder, 'b'));
    const result = await run([...words, '--failure-policy=Ignore', '--timeout=2s']);
    assert.deepEqual([result.status, result.codes], [65, ['LIMIT_EXCEEDED']]);
  });

  it('15.9: beside a missing file is refused before anything is hashed', async () => {
    const { folder, words } = listed({ a: 'a', b: 'b' });
    execFileSync('rm', [join(folder, 'a')]);
    sparse(join(folder, 'b'));
    const result = await run([...words, '--failure-policy=Ignore']);
    assert.deepEqual([result.status, result.codes], [65, ['FILE_MISSING']]);
  });

  it('15.9: of another size than a signature over shards says is refused before anything is hashed', async () => {
    const folder = workFolder();
    write(folder, { a: 'a', b: 'b' });
    const keys = workFolder();
    const key = join(keys, 'k');
    assert.equal((await run(['keygen', '--output', key])).status, 0);
    const signed = await run(['sign', folder, '--key', `${key}.key`, '--shard-size=1M']);
    assert.equal(signed.status, 0, signed.stderr);
    truncateSync(join(folder, 'b'), TERABYTES);
    const result = await run(['verify', folder, '--key', `${key}.pub`, '--failure-policy=Ignore']);
    assert.deepEqual([result.status, result.codes], [65, ['DIGEST_MISMATCH']]);
    assert.match(result.stdout, /1 bytes/);
  });
});

describe('a folder that is too large to be hashed for a report alone', () => {
  it('15.9: passes with its signature in it, and does not with anything beside that', async () => {
    const folder = workFolder();
    write(folder, { a: 'a', large: '' });
    truncateSync(join(folder, 'large'), 300 << 20);
    const key = join(workFolder(), 'k');
    assert.equal((await run(['keygen', '--output', key])).status, 0);
    assert.equal((await run(['sign', folder, '--key', `${key}.key`, '--hasher=native'])).status, 0);
    const verify = async () => run(['verify', folder, '--key', `${key}.pub`, '--hasher=native']);
    const good = await verify();
    assert.equal(good.status, 0, good.stdout);
    writeFileSync(join(folder, 'more'), '');
    const bad = await verify();
    assert.deepEqual([bad.status, bad.codes], [65, ['FILE_UNEXPECTED']]);
  });
});

describe('the name of a signature', () => {
  it('15.10: beside the artifact is not followed through a link, wherever that is on the way', async () => {
    const [folder, elsewhere, keys] = [workFolder(), workFolder(), workFolder()];
    write(folder, { a: 'a' });
    const key = join(keys, 'k');
    assert.equal((await run(['keygen', '--output', key])).status, 0);
    const signature = join(elsewhere, 's');
    assert.equal((await run(['sign', join(folder, 'a'), '--key', `${key}.key`, '--signature', signature])).status, 0);
    const verify = (path: string) =>
      run(['verify', '--key', `${key}.pub`, '--failure-policy=Ignore'], {
        environment: { MODEL_PATH: join(folder, 'a'), MODEL_SIGNATURE: path },
      });
    // Links elsewhere are the platform's, as those of a ConfigMap.
    assert.equal((await verify(signature)).status, 0);
    symlinkSync(elsewhere, join(folder, 'way'));
    symlinkSync(signature, join(folder, 'end'));
    for (const name of ['way/s', 'end']) {
      const result = await verify(join(folder, name));
      assert.deepEqual([result.status, result.codes], [65, ['UNSAFE_ENTRY']], name);
    }
  });
});

describe('what is to be replaced', () => {
  it('15.9: and cannot be, is still what was refused', async () => {
    const destination = join(workFolder(), 'm');
    writeFileSync(destination, 'evil');
    // Nobody listens there.
    const words = ['verify', 'https://127.0.0.1:1/m', destination, '--sha256', 'a'.repeat(64), '--replace'];
    const result = await run([...words, '--failure-policy=Ignore', '--timeout=4s']);
    assert.equal(result.status, 65, result.stdout);
    assert.match(result.stdout, /"result":"FAILED"/);
  });
});
