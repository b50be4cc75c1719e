import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MAIN, recipe, run, workFolder, write } from './cli.ts';

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

function model(): string {
  const folder = join(workFolder(), 'model');
  write(folder, {
    'config.json': '{}',
    'w-1.safetensors': 'one',
    'w-2.safetensors': 'two',
    'sub/tokenizer.json': '[]',
  });
  return folder;
}

/** The checksums file of a folder, outside it, and its pin. */
function checksumsOf(folder: string): { file: string; pin: string } {
  const file = join(workFolder(), 'SHA256SUMS');
  const text = execFileSync('sh', ['-c', 'cd "$1" && find . -type f | xargs sha256sum', 'sh', folder], {
    encoding: 'utf8',
  });
  writeFileSync(file, text);
  return { file, pin: sha256(text) };
}

describe('weighlock verify', () => {
  it('passes a file, a folder, and several at once', async () => {
    const folder = model();
    const file = join(folder, 'config.json');
    const result = await run(['verify', folder, file, '--sha256', recipe(folder), '--sha256', sha256('{}')]);
    assert.equal(result.status, 0, result.stdout + result.stderr);
    const verdicts = result.events.filter(({ event }) => event === 'artifact').map((event) => event['result']);
    assert.deepEqual(verdicts, ['PASSED', 'PASSED']);
  });

  it('fails all of several when one is wrong, and says which', async () => {
    const folder = model();
    const result = await run([
      'verify',
      folder,
      join(folder, 'config.json'),
      '--sha256',
      recipe(folder),
      '--sha256',
      'a'.repeat(64),
    ]);
    assert.equal(result.status, 65);
    const failure = result.events.find(({ event }) => event === 'failure');
    assert.deepEqual(
      [failure?.['artifact'], failure?.['code'], failure?.['expected'], failure?.['found']],
      ['config.json', 'DIGEST_MISMATCH', 'a'.repeat(64), sha256('{}')],
    );
  });

  it('names every missing, changed, unexpected and renamed file of a checksums file, not just the first', async () => {
    const folder = model();
    const { file, pin } = checksumsOf(folder);
    const arguments_ = ['verify', folder, '--checksums', file, '--checksums-sha256', pin];
    assert.equal((await run(arguments_)).status, 0);
    writeFileSync(join(folder, 'w-1.safetensors'), 'ONE');
    writeFileSync(join(folder, 'config.json'), '{ }');
    execFileSync('mv', ['w-2.safetensors', 'w-3.safetensors'], { cwd: folder });
    execFileSync('rm', ['-r', 'sub'], { cwd: folder });
    writeFileSync(join(folder, 'evil.py'), '');
    const result = await run(arguments_);
    assert.equal(result.status, 65);
    const found = result.events
      .filter(({ event }) => event === 'failure')
      .map((event) => `${event['code']} ${event['file']}`);
    assert.deepEqual(found.sort(), [
      'DIGEST_MISMATCH config.json',
      'DIGEST_MISMATCH w-1.safetensors',
      'FILE_MISSING sub/tokenizer.json',
      'FILE_MISSING w-2.safetensors',
      'FILE_UNEXPECTED evil.py',
      'FILE_UNEXPECTED w-3.safetensors',
    ]);
    assert.match(result.stdout, /w-3\.safetensors has its content/);
  });

  it('accepts a pinned checksums file that lies in the folder itself', async () => {
    const folder = model();
    const { file, pin } = checksumsOf(folder);
    cpSync(file, join(folder, 'SHA256SUMS'));
    const result = await run(['verify', folder, '--checksums', join(folder, 'SHA256SUMS'), '--checksums-sha256', pin]);
    assert.equal(result.status, 0, result.stdout);
  });

  it('believes nothing in a checksums file that is not the pinned one', async () => {
    const folder = model();
    const { file } = checksumsOf(folder);
    const result = await run(['verify', folder, '--checksums', file, '--checksums-sha256', 'a'.repeat(64)]);
    assert.deepEqual([result.status, result.codes], [65, ['DIGEST_MISMATCH']]);
  });

  it('reports a pinned but malformed checksums file as a configuration error', async () => {
    const folder = model();
    for (const text of [
      '',
      'nonsense\n',
      `${'a'.repeat(64)}  ../x\n`,
      `${'a'.repeat(64)}  /x\n`,
      `${'x'.repeat(10_000_000)}`,
    ]) {
      const file = join(workFolder(), 'SHA256SUMS');
      writeFileSync(file, text);
      const result = await run(['verify', folder, '--checksums', file, '--checksums-sha256', sha256(text)]);
      assert.deepEqual([result.status, result.codes], [78, ['CHECKSUMS_INVALID']]);
    }
  });

  it('takes its artifacts and pins from the environment', async () => {
    const folder = model();
    const environment = {
      MODEL_PATH: folder,
      MODEL_SHA256: recipe(folder),
      DATASET_SOURCE_URL: `file://${folder}/config.json`,
      DATASET_SHA256: sha256('{}'),
    };
    assert.equal((await run(['verify'], { environment })).status, 0);
    assert.equal((await run(['verify'], { environment: { ...environment, MODEL_SHA256: 'b'.repeat(64) } })).status, 65);
    assert.equal(
      (await run(['verify'], { environment: { ...environment, DATASET_SHA256: 'B'.repeat(64) } })).status,
      78,
    );
    assert.equal((await run(['verify'], { environment: { ...environment, DATASET_SHA256: '' } })).status, 78);
    assert.equal(
      (
        await run(['verify'], {
          environment: { WEIGHLOCK_MODE: 'Audit', ...environment, MODEL_SHA256: 'b'.repeat(64) },
        })
      ).status,
      0,
    );
  });

  it('in Audit reports what failed and exits 0, but not for what could not be evaluated', async () => {
    const folder = model();
    const audit = await run(['verify', folder, '--sha256', 'a'.repeat(64), '--mode=Audit', '--format=text']);
    assert.equal(audit.status, 0);
    assert.match(audit.stdout, /FAILED exit 0: UNVERIFIED, the pod starts all the same \(mode Audit\)/);
    // Nobody listens there: nothing of a volume is read when the time is over.
    const remote = ['verify', 'https://127.0.0.1:1/model', join(workFolder(), 'm'), '--sha256', 'a'.repeat(64)];
    const timeout = await run([...remote, '--mode=Audit', '--timeout=1ms']);
    assert.deepEqual([timeout.status, timeout.codes], [75, ['TIMEOUT']]);
    const ignored = await run([...remote, '--failure-policy=Ignore', '--timeout=1ms']);
    assert.deepEqual([ignored.status, ignored.codes], [0, ['TIMEOUT']]);
    assert.match(ignored.stdout, /UNVERIFIED, the pod starts all the same \(failurePolicy Ignore\)/);
  });

  it('writes a report with every file, digest and requirement, and a termination message', async () => {
    const folder = model();
    const out = workFolder();
    writeFileSync(join(out, 'termination-log'), '');
    const flags = ['--report', join(out, 'report.json'), '--termination-log', join(out, 'termination-log')];
    await run(['verify', folder, '--sha256', recipe(folder), ...flags]);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    assert.equal(report.verificationResult, 'PASSED');
    assert.equal(report.artifacts[0].digest.sha256, recipe(folder));
    assert.deepEqual(
      report.artifacts[0].files.map((file: { name: string }) => file.name),
      ['config.json', 'sub/tokenizer.json', 'w-1.safetensors', 'w-2.safetensors'],
    );
    assert.deepEqual(report.artifacts[0].files[0], { name: 'config.json', bytes: 2, sha256: sha256('{}') });
    assert.match(readFileSync(join(out, 'termination-log'), 'utf8'), /^weighlock PASSED/);
    assert.deepEqual(readdirSync(out).sort(), ['report.json', 'termination-log']);
  });

  it('does not create a termination message where there is none to be written', async () => {
    const folder = model();
    const path = join(workFolder(), 'log');
    assert.equal((await run(['verify', folder, '--sha256', recipe(folder), '--termination-log', path])).status, 0);
    assert.equal(existsSync(path), false);
  });

  it('prints a verdict for a person with --format text', async () => {
    const folder = model();
    const { stdout } = await run(['verify', folder, '--sha256', 'a'.repeat(64), '--format=text']);
    assert.match(stdout, /FAILED model .*4 files/);
    assert.match(
      stdout,
      /DIGEST_MISMATCH\n\s+the folder's tree digest is not --sha256\n\s+expected {2}a{64}\n\s+found {5}[0-9a-f]{64}\n\s+do next/,
    );
    assert.match(stdout, /FAILED exit 65: the pod does not start\n$/);
  });

  it('shows a bar and colours on a real terminal', () => {
    const folder = workFolder();
    writeFileSync(join(folder, 'big'), '');
    truncateSync(join(folder, 'big'), 300_000_000);
    const command = `"$NODE" "$MAIN" verify ${folder} --sha256 ${'a'.repeat(64)}`;
    // script(1) gives the command a terminal and exits with its code.
    const script = `script --quiet --return --command '${command}' /dev/null`;
    const environment = { ...process.env, NODE: process.execPath, MAIN, TERM: 'xterm', NO_COLOR: undefined };
    let output = '';
    try {
      execFileSync('sh', ['-c', script], { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      output = (error as { stdout: string }).stdout;
    }
    assert.match(output, /\[#+-+\] +\d+ % {2}[\d.]+ MiB of 286\.1 MiB/);
    assert.ok(output.includes('\x1b[31mFAILED\x1b[0m exit 65'));
  });
});

describe('weighlock verify SOURCE DEST', () => {
  it('publishes a verified copy by one rename, and on the next run uses what is there', async () => {
    const folder = model();
    mkdirSync(join(folder, 'empty'));
    const volume = workFolder();
    const destination = join(volume, 'm');
    const first = await run(['verify', `file://${folder}`, destination, '--sha256', recipe(folder)]);
    assert.equal(first.status, 0, first.stdout);
    assert.equal(recipe(destination), recipe(folder));
    assert.deepEqual(readdirSync(volume), ['m']);
    assert.equal(statSync(destination).mode & 0o777, 0o755);
    execFileSync('rm', ['-r', folder]);
    const second = await run(['verify', `file://${folder}`, destination, '--sha256', recipe(destination)]);
    assert.equal(second.status, 0, second.stdout);
  });

  it('publishes a single file, too', async () => {
    const folder = model();
    const volume = workFolder();
    const environment = {
      DATASET_SOURCE_URL: join(folder, 'config.json'),
      DATASET_PATH: join(volume, 'data.json'),
      DATASET_SHA256: sha256('{}'),
    };
    const result = await run(['verify'], { environment });
    assert.equal(result.status, 0, result.stdout);
    assert.equal(readFileSync(join(volume, 'data.json'), 'utf8'), '{}');
    assert.deepEqual(readdirSync(volume), ['data.json']);
  });

  it('publishes nothing of what does not verify, and leaves nothing behind', async () => {
    const folder = model();
    const volume = workFolder();
    const result = await run(['verify', `file://${folder}`, join(volume, 'm'), '--sha256', 'a'.repeat(64)]);
    assert.deepEqual([result.status, result.codes, readdirSync(volume)], [65, ['DIGEST_MISMATCH'], []]);
    const audit = await run([
      'verify',
      `file://${folder}`,
      join(volume, 'm'),
      '--sha256',
      'a'.repeat(64),
      '--mode=Audit',
    ]);
    assert.deepEqual([audit.status, readdirSync(volume)], [0, []]);
  });

  it('never overwrites something else that lies at the destination', async () => {
    const folder = model();
    const volume = workFolder();
    write(volume, { 'm/other': 'mine' });
    const result = await run(['verify', `file://${folder}`, join(volume, 'm'), '--sha256', recipe(folder)]);
    assert.deepEqual([result.status, result.codes], [65, ['DIGEST_MISMATCH']]);
    assert.equal(readFileSync(join(volume, 'm/other'), 'utf8'), 'mine');
    const link = join(volume, 'link');
    symlinkSync('/tmp', link);
    const linked = await run(['verify', `file://${folder}`, link, '--sha256', recipe(folder)]);
    assert.deepEqual([linked.status, linked.codes], [65, ['UNSAFE_ENTRY']]);
  });

  it('says what it cannot fetch, unless the content is there already', async () => {
    const folder = model();
    const absent = await run([
      'verify',
      'abfs://bucket/model?secret=x',
      join(workFolder(), 'm'),
      '--sha256',
      recipe(folder),
    ]);
    assert.deepEqual([absent.status, absent.codes], [78, ['CONFIG_INVALID']]);
    assert.doesNotMatch(absent.stdout + absent.stderr, /secret/);
    for (const source of ['abfs://bucket/model', 's3://bucket/model', 'gs://bucket/model/', 'hf://org/model'])
      assert.equal((await run(['verify', source, folder, '--sha256', recipe(folder)])).status, 0, source);
  });

  it('does not begin a copy for which there is no room', async () => {
    const folder = workFolder();
    writeFileSync(join(folder, 'huge'), '');
    truncateSync(join(folder, 'huge'), 2 ** 43);
    const volume = workFolder();
    const result = await run(['verify', `file://${folder}`, join(volume, 'm'), '--sha256', 'a'.repeat(64)]);
    assert.deepEqual([result.status, result.codes, readdirSync(volume)], [75, ['NO_SPACE'], []]);
  });
});
