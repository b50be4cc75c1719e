// One verification by several machines: the shares, what each part says, and every set of parts
// that must not be merged.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { MOST_PARTS, shares } from '../../src/receipt/index.ts';
import { type Draft, hex, keyBundle, modelStatement } from '../evidence/world.ts';
import { passed, recipe, refused, run, runProcess, workFolder, write } from './cli.ts';

const FILES = {
  'a.bin': 'a'.repeat(900),
  'b.bin': 'b'.repeat(500),
  'c.bin': 'c'.repeat(400),
  'sub/d.bin': 'd',
  empty: '',
};
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [verifier, signer, stranger] = [pair(), pair(), pair()];
const trust = workFolder();
const pem = (key: typeof verifier) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const secret = (key: typeof verifier) => key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const file = (name: string) => join(trust, name);
for (const [name, key] of Object.entries({ verifier, signer, stranger }))
  write(trust, { [`${name}.pub`]: pem(key), [`${name}.key`]: secret(key) });

interface Job {
  readonly path: string;
  readonly out: string;
  readonly flags: readonly string[];
}

function job(files: Readonly<Record<string, string>> = FILES): Job {
  const path = join(workFolder(), 'model');
  write(path, { ...files, 'model.sig': JSON.stringify(keyBundle(modelStatement(files), signer.privateKey)) });
  return { path, out: workFolder(), flags: ['--key', file('signer.pub'), '--insecure-ignore-tlog'] };
}

const partFile = ({ out }: Job, index: number) => join(out, `part-${index}`);
const part = (one: Job, index: number, of: number, more: readonly string[] = [], runId = 'run-1') =>
  run([
    ...['verify', one.path, ...one.flags, '--part', `${index}/${of}`, '--run-id', runId],
    ...['--verdict', partFile(one, index), '--verdict-key', file('verifier.key'), ...more],
  ]);
const merge = (one: Job, parts: readonly string[], key = 'verifier.pub') =>
  run([
    ...['verdict', 'merge', ...parts, '--verifier-key', file(key)],
    ...['--verdict', join(one.out, 'verdict'), '--verdict-key', file('verifier.key')],
  ]);

async function allParts(one: Job, of: number): Promise<string[]> {
  for (let i = 0; i < of; i++) passed(await part(one, i, of));
  return Array.from({ length: of }, (_, i) => partFile(one, i));
}

function isRefused({ status, stderr }: { status: number | null; stderr: string }, message: RegExp): void {
  assert.equal(status, 65, stderr);
  assert.match(stderr, message);
}

describe('19: the shares of parts', () => {
  const sizes = Float64Array.from({ length: 1000 }, (_, i) => ((i * 7919) % 1009) ** 3);
  const table = { count: 1000, size: sizes };

  it('19: are the same for everybody, have every file once, and are alike', () => {
    for (const parts of [1, 2, 7, 32, 1000]) {
      const share = shares(table, parts);
      assert.deepEqual(share, shares({ count: 1000, size: sizes.slice() }, parts));
      const load = new Float64Array(parts);
      for (const [i, one] of share.entries()) load[one] = (load[one] ?? 0) + (sizes[i] ?? 0);
      const total = load.reduce((sum, one) => sum + one, 0);
      assert.ok(share.every((one) => one < parts));
      if (parts <= 32) assert.ok(Math.max(...load) <= (1.1 * total) / parts, `${parts}`);
    }
  });

  it('19: begin with the largest files', () => {
    assert.deepEqual([...shares({ count: 4, size: Float64Array.from([1, 9e9, 5e9, 5e9]) }, 2)], [0, 0, 1, 1]);
    assert.deepEqual([...shares({ count: 3, size: new Float64Array(3) }, 5)], [0, 1, 2]);
    assert.equal(shares({ count: 0, size: new Float64Array(0) }, MOST_PARTS).length, 0);
  });
});

describe('19: a verification in parts', () => {
  it('19: comes to the verdict of the whole, and each byte is hashed once', async () => {
    const one = job();
    let bytes = 0;
    for (let i = 0; i < 3; i++) {
      const ended = await part(one, i, 3);
      passed(ended);
      bytes += Number(ended.events.find(({ event }) => event === 'verdict')?.['bytes']);
    }
    const signature = readFileSync(join(one.path, 'model.sig')).length;
    // Evidence that lies in the artifact is hashed by each.
    assert.equal(bytes, 1801 + 3 * signature);
    const merged = await merge(
      one,
      [2, 0, 1].map((i) => partFile(one, i)),
    );
    passed(merged);
    assert.match(merged.stdout, new RegExp(recipe(one.path)));
    const accepting = ['--accept-verdict', join(one.out, 'verdict'), '--verifier-key', file('verifier.pub')];
    passed(await run(['verify', one.path, ...accepting, '--verdict-max-age', '1h']));
    const { dsseEnvelope } = JSON.parse(readFileSync(join(one.out, 'verdict'), 'utf8'));
    const { predicate, subject } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    assert.equal(subject[0].digest.sha256, recipe(one.path));
    assert.deepEqual(predicate.verifiedLevels, ['WEIGHLOCK_CONTENT', 'WEIGHLOCK_SIGNED']);
    assert.equal(predicate.inputAttestations[0].uri, join(one.path, 'model.sig'));
  });

  it('19: may have more parts than files, or one, and be of one file', async () => {
    for (const count of [1, 7]) {
      const one = job();
      passed(await merge(one, await allParts(one, count)));
    }
    const single = join(workFolder(), 'data.bin');
    writeFileSync(single, 'data');
    const one = { ...job(), path: single, flags: ['--sha256', hex('data')] };
    passed(await merge(one, await allParts(one, 2)));
  });

  it('19: refuses what a part finds in its own files, and what every part finds in the list', async () => {
    const one = job();
    writeFileSync(join(one.path, 'c.bin'), 'C'.repeat(400));
    const ended = await Promise.all([0, 1, 2].map((i) => part(one, i, 3)));
    assert.deepEqual(ended.map(({ status }) => status).sort(), [0, 0, 65]);
    const failed = ended.findIndex(({ status }) => status === 65);
    refused(ended[failed] ?? assert.fail(), 'DIGEST_MISMATCH');
    assert.equal(existsSync(partFile(one, failed)), false);
    isRefused(
      await merge(
        one,
        [0, 1, 2].map((i) => partFile(one, i)),
      ),
      /there is no part/,
    );
    const other = job();
    writeFileSync(join(other.path, 'evil.py'), '');
    for (const i of [0, 1, 2]) refused(await part(other, i, 3), 'FILE_UNEXPECTED');
  });

  it('19: holds a pin against all parts together', async () => {
    const one = job();
    const right = { ...one, flags: ['--sha256', recipe(one.path)] };
    passed(await merge(right, await allParts(right, 2)));
    const wrong = { ...one, flags: ['--sha256', '0'.repeat(64)] };
    isRefused(await merge(wrong, await allParts(wrong, 2)), /not what was pinned/);
    assert.ok(existsSync(join(one.out, 'verdict')), 'the verdict of the right one is left as it is');
  });

  it('19: lets no two lists that somebody signed each pass a part', async () => {
    // So large that each is alone in its share, whatever the signatures take.
    const files = { 'a.bin': 'a'.repeat(200_000), 'b.bin': 'b'.repeat(190_000) };
    const one = job(files);
    const versions = [
      { ...files, 'a.bin': 'old' },
      { ...files, 'b.bin': 'old' },
    ];
    const lines = versions.map((files) => JSON.stringify(keyBundle(modelStatement(files), signer.privateKey)));
    writeFileSync(join(one.path, 'model.sig'), `${lines.join('\n')}\n`);
    refused(await run(['verify', one.path, ...one.flags]), 'DIGEST_MISMATCH');
    const ended = await Promise.all([0, 1].map((i) => part(one, i, 2)));
    for (const half of ended) refused(half, 'DIGEST_MISMATCH');
  });

  it('18: says of the whole what the platform has left out, which is the same in all parts', async () => {
    const one = job();
    write(one.path, { 'notes.txt': 'n', 'more.txt': 'm' });
    const omitting = (...names: string[]) => names.flatMap((name) => ['--omit-paths', name]);
    for (let i = 0; i < 2; i++) passed(await part(one, i, 2, omitting('notes.txt', 'more.txt')));
    passed(await merge(one, [partFile(one, 0), partFile(one, 1)]));
    const { dsseEnvelope } = JSON.parse(readFileSync(join(one.out, 'verdict'), 'utf8'));
    const { predicate } = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    assert.deepEqual(predicate['https://weighlock.dev/left-out/v1'], {
      paths: 2,
      entries: ['more.txt', 'notes.txt'].map((path) => ({ path, by: 'omit-paths' })),
    });
    // The same list of files, by another rule.
    rmSync(join(one.path, 'more.txt'));
    passed(await part(one, 1, 2, omitting('notes.txt')));
    isRefused(await merge(one, [partFile(one, 0), partFile(one, 1)]), /leftOut differs/);
  });

  it('19: is merged of all parts, each once, of one content, policy, evidence and run', async () => {
    const one = job();
    const parts = await allParts(one, 3);
    const [first = '', second = '', third = ''] = parts;
    isRefused(await merge(one, [first, second]), /1 of 3 parts are missing, the first of them 2/);
    isRefused(await merge(one, [second, third]), /missing, the first of them 0/);
    isRefused(await merge(one, [first, second, third, third]), /the same part/);
    isRefused(await merge(one, [first, second, second]), /the same part/);
    isRefused(await merge(one, parts, 'stranger.pub'), /does not count/);
    isRefused(await merge(one, parts, 'signer.pub'), /does not count/);
    isRefused(await merge(one, [...parts, '/nowhere']), /there is no part/);
    const aside = { ...one, out: workFolder() };
    passed(await part(aside, 1, 2));
    isRefused(await merge(one, [first, partFile(aside, 1), third]), /one of 2 parts, not of 3/);
    const pinned = { ...aside, flags: [...one.flags, '--sha256', recipe(one.path)] };
    passed(await part(pinned, 1, 3));
    isRefused(await merge(one, [first, partFile(aside, 1), third]), /differs/);
    passed(await part(aside, 1, 3, [], 'run-2'));
    isRefused(await merge(one, [first, partFile(aside, 1), third]), /their run differs/);
    const signature = JSON.stringify(keyBundle(modelStatement(FILES), signer.privateKey));
    writeFileSync(join(one.path, 'model.sig'), signature);
    passed(await part(aside, 1, 3));
    isRefused(await merge(one, [first, partFile(aside, 1), third]), /differs|other files/);
    passed(await merge(one, parts));
    passed(await merge(one, [one.out]));
  });

  it('19: is not merged of a part that was tampered with', async () => {
    const one = job();
    const parts = await allParts(one, 2);
    const resign = (path: string, change: (statement: Draft) => void) => {
      const bytes = readFileSync(path);
      const end = bytes.indexOf(0x0a);
      const { dsseEnvelope } = JSON.parse(bytes.subarray(0, end).toString());
      const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
      change(statement);
      const line = `${JSON.stringify(keyBundle(statement, verifier.privateKey))}\n`;
      writeFileSync(path, Buffer.concat([Buffer.from(line), bytes.subarray(end + 1)]));
    };
    const cases: [RegExp, (path: string) => void][] = [
      [
        /not the ones that were signed/,
        (path) => {
          const bytes = readFileSync(path);
          bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
          writeFileSync(path, bytes);
        },
      ],
      [/not the ones that were signed/, (path) => truncateSync(path, 2 ** 30)],
      [/not the ones that were signed/, (path) => writeFileSync(path, 'x', { flag: 'a' })],
      [/is no part: it has no statement/, (path) => writeFileSync(path, '')],
      [/another version/, (path) => resign(path, ({ predicate }) => (predicate.verifier.version.weighlock = '9'))],
      [/a part that failed/, (path) => resign(path, ({ predicate }) => (predicate.verificationResult = 'FAILED'))],
      [/unknown key/, (path) => resign(path, ({ predicate }) => (predicate.more = 1))],
      [/no part that there is/, (path) => resign(path, ({ predicate }) => (predicate.part.index = 2))],
      [
        /does not count/,
        (path) => resign(path, (statement) => (statement.predicateType = 'https://weighlock.dev/receipt/v1')),
      ],
      [
        /other files|differs|does not count/,
        (path) => resign(path, ({ predicate }) => (predicate.listing = 'a'.repeat(64))),
      ],
      [/of no run/, (path) => resign(path, ({ predicate }) => (predicate.run = ''))],
      [/run differs/, (path) => resign(path, ({ predicate }) => (predicate.run = 'run-2'))],
      [/policy differs/, (path) => resign(path, ({ predicate }) => (predicate.policy.sha256 = 'a'.repeat(64)))],
      [/evidence differs/, (path) => resign(path, ({ predicate }) => (predicate.evidence = 'a'.repeat(64)))],
    ];
    for (const path of parts)
      for (const [message, tamper] of cases) {
        const whole = readFileSync(path);
        tamper(path);
        isRefused(await merge(one, parts), message);
        writeFileSync(path, whole);
      }
    passed(await merge(one, parts));
  });

  it('19: does not begin with what is no part, or goes with none', async () => {
    const one = job();
    for (const wrong of [
      '0/0',
      '5/4',
      '4/4',
      '-1/4',
      '1',
      '1/',
      '/4',
      'a/b',
      '0/99999999',
      '1.5/4',
      ' 1/4',
      '0/10001',
    ]) {
      const { status } = await run([
        'verify',
        one.path,
        ...one.flags,
        `--part=${wrong}`,
        '--run-id=run-1',
        '--verdict',
        partFile(one, 0),
        '--verdict-key',
        file('verifier.key'),
      ]);
      assert.equal(status, 64, wrong);
    }
    const { stdout, status } = await run(['verify', one.path, ...one.flags, '--part', '0/2', '--run-id=run-1']);
    assert.equal(status, 64, stdout);
    const writing = ['--verdict', partFile(one, 0), '--verdict-key', file('verifier.key')];
    for (const [flags, message] of [
      [[], /--part was given without --run-id/],
      [['--run-id=$(RUN_ID)'], /--run-id cannot be|RUN_ID/],
      [['--run-id=a b'], /--run-id cannot be/],
      [[`--run-id=${'a'.repeat(129)}`], /--run-id cannot be/],
    ] as const) {
      const ended = await run(['verify', one.path, ...one.flags, '--part', '0/2', ...flags, ...writing]);
      refused(ended, 'CONFIG_INVALID', message, 78);
      assert.equal(existsSync(partFile(one, 0)), false);
    }
    const pair = { ...one, flags: [one.path.replace(/model$/, ''), ...one.flags] };
    refused(await part(pair, 0, 2), 'CONFIG_INVALID', /several artifacts/, 78);
    refused(
      await part({ ...one, flags: [...one.flags, '--type', 'custom'] }, 0, 2),
      'CONFIG_INVALID',
      /does not go/,
      78,
    );
    passed(await run(['sign', one.path, '--key', file('signer.key'), '--shard-size', '1M']));
    refused(await part(one, 0, 2), 'CONFIG_INVALID', /shards/, 78);
    for (const words of [[], [partFile(one, 0)], [partFile(one, 0), '--verifier-key', file('verifier.pub')]])
      assert.equal((await run(['verdict', 'merge', ...words])).status, 64);
    assert.equal((await run(['verdict', 'split', 'x'])).status, 64);
  });

  it('19: is no gate beside a policy that does not say so', async () => {
    const one = job();
    const policy = (more: string) => {
      const path = join(workFolder(), 'policy.yaml');
      write(dirname(path), { 'signer.pub': pem(signer) });
      writeFileSync(
        path,
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: dataset}
spec:
${more}  attestors: [{name: release, cosign: {key: {file: signer.pub}, ctlog: {insecureIgnoreTlog: true}}}]
  artifacts: [{name: data, path: ${one.path}, require: [{signature: {attestors: [release]}}]}]
`,
      );
      return path;
    };
    const [closed, open] = [policy(''), policy('  parts: true\n')];
    const half = (...policies: string[]) => part({ ...one, path: '--policy', flags: [policies.join(',')] }, 0, 2);
    refused(await half(closed), 'CONFIG_INVALID', /take away a check/, 78);
    passed(await half(open));
    const both = await half(open, closed);
    refused(both, 'CONFIG_INVALID', /take away a check/, 78);
    // Whoever writes the pod writes its variables, and puts the file in the share that nobody looks
    // at.
    const share = {
      WEIGHLOCK_PART: '0/2',
      WEIGHLOCK_RUN_ID: 'run-1',
      WEIGHLOCK_VERDICT: join(workFolder(), 'verdict'),
      WEIGHLOCK_VERDICT_KEY: file('verifier.key'),
    };
    writeFileSync(join(one.path, 'c.bin'), 'C'.repeat(400));
    writeFileSync(join(one.path, 'a.bin'), 'A'.repeat(900));
    for (const policies of [open, closed]) {
      refused(await run(['verify', '--policy', policies]), 'DIGEST_MISMATCH');
      const ended = await run(['verify', '--policy', policies], { environment: share });
      assert.equal(ended.status, 78, ended.stdout);
      assert.match(ended.stderr, /WEIGHLOCK_(PART|RUN_ID|VERDICT|VERDICT_KEY) would decide/);
    }
  });

  it('19: that is killed leaves nothing that can be merged', async () => {
    const one = job({ ...FILES, 'large.bin': 'x'.repeat(8 << 20) });
    passed(await part(one, 1, 2));
    for (let i = 0; i < 5; i++) {
      rmSync(partFile(one, 0), { force: true });
      const ended = await runProcess(
        [
          ...['verify', one.path, ...one.flags, '--part', '0/2', '--run-id', 'run-1'],
          ...['--verdict', partFile(one, 0), '--verdict-key', file('verifier.key')],
        ],
        { during: (child) => void setTimeout(() => child.kill('SIGKILL'), 150 * (i + 1)) },
      );
      const merged = await merge(
        one,
        [0, 1].map((k) => partFile(one, k)),
      );
      // Whole, or not there at all.
      assert.equal(merged.status === 0, existsSync(partFile(one, 0)), `${ended.status} ${merged.stderr}`);
    }
    passed(await part(one, 0, 2));
    passed(
      await merge(
        one,
        [0, 1].map((k) => partFile(one, k)),
      ),
    );
  });
});
