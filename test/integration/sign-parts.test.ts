// A folder, or one large file, that several machines hash and one key signs.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Draft, keyBundle } from '../evidence/world.ts';
import { passed, run, workFolder, write } from './cli.ts';

const MIB = 1 << 20;
const FILES = { 'a.bin': 'a'.repeat(900), 'b/c.bin': 'c'.repeat(500), 'b-c.bin': 'b'.repeat(400), empty: '' };
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [hasher, signer, stranger] = [pair(), pair(), pair()];
const trust = workFolder();
const file = (name: string) => join(trust, name);
for (const [name, key] of Object.entries({ hasher, signer, stranger }))
  write(trust, {
    [`${name}.pub`]: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    [`${name}.key`]: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  });

interface Job {
  readonly path: string;
  readonly out: string;
  readonly flags: readonly string[];
}

function job(files: Readonly<Record<string, string>> = FILES, flags: readonly string[] = []): Job {
  const path = join(workFolder(), 'model');
  write(path, files);
  return { path, out: workFolder(), flags };
}

const partFile = ({ out }: Job, index: number) => join(out, `part-${index}`);
const part = (one: Job, index: number, of: number, runId = 'run-1') =>
  run([
    ...['sign', one.path, ...one.flags, '--part', `${index}/${of}`, '--run-id', runId],
    ...['--key', file('hasher.key'), '--signature', partFile(one, index)],
  ]);
const merge = (one: Job, parts: readonly string[], key = 'hasher.pub', target = join(one.out, 'model.sig')) =>
  run(['sign', '--merge', ...parts, '--part-key', file(key), '--key', file('signer.key'), '--signature', target]);

async function allParts(one: Job, of: number): Promise<string[]> {
  for (let i = 0; i < of; i++) passed(await part(one, i, of));
  return Array.from({ length: of }, (_, i) => partFile(one, i));
}

/** What a signature says. */
function statementIn(path: string): Draft {
  return JSON.parse(Buffer.from(JSON.parse(readFileSync(path, 'utf8')).dsseEnvelope.payload, 'base64').toString());
}

async function isRefused(ended: ReturnType<typeof merge>, message: RegExp, exit = 65): Promise<void> {
  const { status, stderr } = await ended;
  assert.equal(status, exit, stderr);
  assert.match(stderr, message);
}

const verify = ({ path, out }: Job) =>
  run(['verify', path, '--key', file('signer.pub'), '--insecure-ignore-tlog', '--signature', join(out, 'model.sig')]);

describe('19: a signature in parts', () => {
  for (const [what, flags] of [
    ['whole files', []],
    ['shards', ['--shard-size', '1M']],
    ['whole files but some', ['--ignore-paths', 'b', '--ignore-git-paths']],
  ] as const)
    it(`19: says what the whole would say: ${what}`, async () => {
      for (const count of [1, 2, 7]) {
        const one = job({ ...FILES, 'large.bin': 'x'.repeat(3 * MIB + 5) }, flags);
        const parts = await allParts(one, count);
        passed(await merge(one, parts.toReversed()));
        const whole = join(one.out, 'whole.sig');
        passed(await run(['sign', one.path, ...flags, '--key', file('signer.key'), '--signature', whole]));
        assert.deepEqual(statementIn(join(one.out, 'model.sig')), statementIn(whole));
        if (what !== 'whole files but some') passed(await verify(one));
      }
    });

  it('19: shares out the shards of one file, each hashed by one part', async () => {
    const one = job({}, ['--shard-size', '1M']);
    const large = `${one.path}.bin`;
    writeFileSync(large, Buffer.alloc(4 * MIB + 7, 'a line of data\n'));
    const single = { ...one, path: large };
    const parts = await allParts(single, 4);
    // 32 bytes for each shard, behind a list that the first part has alone.
    const behind = parts.map((path) => readFileSync(path)).map((bytes) => bytes.length - bytes.indexOf('\n') - 1);
    assert.deepEqual(behind.slice(1), [32, 32, 32]);
    passed(await merge(single, parts));
    assert.equal(statementIn(join(one.out, 'model.sig')).predicate.resources.length, 5);
    passed(await verify(single));
    writeFileSync(large, Buffer.alloc(4 * MIB + 7, 'a line of data;'));
    assert.equal((await verify(single)).status, 65);
  });

  it('19: is signed of all parts, each once, of one content, size of shards and run', async () => {
    const one = job();
    const parts = await allParts(one, 3);
    const [first = '', second = '', third = ''] = parts;
    const aside = { ...one, out: workFolder() };
    const other = partFile(aside, 1);
    await isRefused(merge(one, [first, second]), /1 of 3 parts are missing/);
    await isRefused(merge(one, [first, second, third, third]), /the same part/);
    await isRefused(merge(one, parts, 'stranger.pub'), /does not count/);
    await isRefused(merge(one, [...parts, '/nowhere']), /there is no part/);
    passed(await part(aside, 1, 2));
    await isRefused(merge(one, [first, other, third]), /one of 2 parts, not of 3/);
    passed(await part(aside, 1, 3, 'run-2'));
    await isRefused(merge(one, [first, other, third]), /their run differs/);
    passed(await part({ ...aside, flags: ['--shard-size', '1M'] }, 1, 3));
    await isRefused(merge(one, [first, other, third]), /shardBytes differs/);
    passed(await part({ ...aside, flags: ['--ignore-paths', 'a.bin'] }, 1, 3));
    await isRefused(merge(one, [first, other, third]), /ignored differs/);
    writeFileSync(join(one.path, 'a.bin'), 'A'.repeat(900));
    passed(await part(aside, 1, 3));
    await isRefused(merge(one, [first, other, third]), /other files/);
    assert.equal(existsSync(join(one.out, 'model.sig')), false);
    passed(await merge(one, parts));
  });

  it('19: takes no part that was tampered with, and none of a verification', async () => {
    const one = job();
    const parts = await allParts(one, 2);
    const [, second = ''] = parts;
    const whole = readFileSync(second);
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    writeFileSync(second, damaged);
    await isRefused(merge(one, parts), /not the ones that were signed/);
    const end = whole.indexOf(0x0a);
    const resigned = (change: (statement: Draft) => void) => {
      const { dsseEnvelope } = JSON.parse(whole.subarray(0, end).toString());
      const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
      change(statement);
      const line = `${JSON.stringify(keyBundle(statement, hasher.privateKey))}\n`;
      writeFileSync(second, Buffer.concat([Buffer.from(line), whole.subarray(end + 1)]));
    };
    for (const [message, change] of [
      [/unknown key/, (draft: Draft) => (draft.predicate.more = 1)],
      [/another version/, (draft: Draft) => (draft.predicate.verifier.version.weighlock = '9')],
      [/allowSymlinks differs/, (draft: Draft) => (draft.predicate.allowSymlinks = true)],
      [/does not count/, (draft: Draft) => (draft.predicateType = 'https://weighlock.dev/partial-verdict/v1')],
    ] as const) {
      resigned(change);
      await isRefused(merge(one, parts), message);
    }
    writeFileSync(second, whole);
    passed(await merge(one, parts));
    // And a verification takes none of these.
    const verdict = join(one.out, 'verdict');
    const trusted = ['--verifier-key', file('hasher.pub'), '--verdict', verdict, '--verdict-key', file('signer.key')];
    await isRefused(run(['verdict', 'merge', ...parts, ...trusted]), /does not count/);
    assert.equal(existsSync(verdict), false);
  });

  it('19: ends with what is wrong with its own files, and leaves nothing', async () => {
    const one = job({ 'a.bin': 'a' });
    write(one.path, { 'b.bin': 'b' });
    const { status } = await run([
      'sign',
      join(one.path, 'nowhere'),
      '--part=0/2',
      '--run-id=r',
      '--key',
      file('hasher.key'),
      '--signature',
      partFile(one, 0),
    ]);
    assert.notEqual(status, 0);
    assert.equal(existsSync(partFile(one, 0)), false);
  });

  it('19: does not begin with what is no part, or goes with none', async () => {
    const one = job();
    const key = ['--key', file('hasher.key')];
    const into = ['--signature', partFile(one, 0)];
    for (const [words, exit] of [
      [[one.path, ...key, ...into, '--run-id=r', '--part=0/0'], 64],
      [[one.path, ...key, ...into, '--run-id=r', '--part=5/4'], 64],
      [[one.path, ...key, ...into, '--part=0/2'], 78],
      [[one.path, ...key, '--run-id=r', '--part=0/2'], 64],
      [[one.path, ...into, '--run-id=r', '--part=0/2'], 64],
      [[one.path, ...key, '--signature', join(one.path, 'part-0'), '--run-id=r', '--part=0/2'], 78],
      [['--merge', partFile(one, 0), ...key, ...into], 64],
      [['--merge', partFile(one, 0), '--part-key', file('hasher.pub'), ...key], 64],
      [['--merge', partFile(one, 0), '--part-key', file('hasher.pub'), ...key, ...into], 64],
      [['--merge', one.path, '--part-key', file('hasher.pub'), ...key, ...into], 64],
      [[one.path, one.path, ...key], 64],
      [[...key], 64],
    ] as const) {
      const ended = await run(['sign', ...words]);
      assert.equal(ended.status, exit, `${words.join(' ')}: ${ended.stderr}`);
      assert.equal(existsSync(partFile(one, 0)), false);
    }
  });
});
