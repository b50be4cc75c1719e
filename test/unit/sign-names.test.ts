// What is signed can be verified: every name that a file below a folder can have, in both ways to
// list files.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { proveFiles } from '../../src/evidence/index.ts';
import { entryText, FileTableBuilder, fromText, nameAt, type PathBytes } from '../../src/fs/index.ts';
import { bundlePieces, modelPayload } from '../../src/sign/index.ts';
import type { Attestor } from '../../src/trust/index.ts';
import { hex } from '../evidence/world.ts';
import { passed, run, workFolder } from '../integration/cli.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const attestor: Attestor & { kind: 'key' } = {
  kind: 'key',
  name: 'release',
  pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  fingerprint: '',
  logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
  trustedRoot: 'public-good',
};

/** Names that are letters to Linux, and something else to somebody. */
const ODD = [
  'c:x',
  'C:\\x',
  'a\\b',
  'a\\..\\b',
  '..\\x',
  'a\nb',
  '\n',
  'a\rb',
  '\t',
  '\u001b[31m',
  '\u007f',
  ' ',
  ' a ',
  '...',
  '..a',
  'a..',
  '.hidden',
  '-rf',
  '*',
  'a?b',
  'w:0:8',
  ':0:1',
  '"quoted"',
  "it's",
  '{"a":1}',
  '\\n',
  'con',
  'x.sig',
  '\u202egpj.exe',
  'é',
  '名前',
  '🙂',
  'a/b/c:0:5',
  `${'n'.repeat(255)}`,
  Array.from({ length: 60 }, () => 'd').join('/'),
];

async function namesVerified(names: readonly string[], shards: boolean): Promise<string[]> {
  const builder = new FileTableBuilder();
  for (const name of names) builder.addHashed(fromText(name), 10, hex(name));
  const files = builder.freeze();
  const digests = new Map<PathBytes, readonly string[]>();
  for (let i = 0; i < files.count; i++) digests.set(nameAt(files, i), [hex('1'), hex('2'), hex('3')]);
  const payload = modelPayload({
    name: 'model',
    files,
    allowSymlinks: false,
    ignored: [],
    ...(shards ? { shards: { bytes: 4, digests } } : {}),
  });
  const signature = { path: 'model.sig', bytes: Buffer.concat([...bundlePieces(payload, privateKey)]), links: 1 };
  const { proofs, rejected } = await proveFiles([signature], [attestor], undefined, 'signature');
  assert.deepEqual(rejected, []);
  const binding = proofs[0]?.binding;
  assert.ok(binding?.kind === 'model');
  return [...binding.manifest.files.paths()].map(entryText);
}

/** A generator of numbers that is the same in every run (xorshift32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

describe('15.24: a name that is signed', () => {
  for (const shards of [false, true]) {
    it(`15.24: is verified, whatever letters it has (${shards ? 'shards' : 'files'})`, async () => {
      const found = await namesVerified(ODD, shards);
      assert.deepEqual(found.sort(), [...ODD].sort());
    });

    it(`15.24: is verified, made of anything (${shards ? 'shards' : 'files'})`, async () => {
      const next = numbers(15);
      const alphabet = [...'ab.:\\/ \n\r\t"\'0*?%-_~#@\u0001\u007f\u202e', 'é', '名', '🙂', '..', '\\n'];
      const names = new Set<string>();
      while (names.size < 2000) {
        const name = Array.from({ length: 1 + next(12) }, () => alphabet[next(alphabet.length)]).join('');
        // What no folder can have in it.
        if (name.split('/').some((part) => ['', '.', '..'].includes(part))) continue;
        names.add(name);
      }
      const found = await namesVerified([...names], shards);
      assert.deepEqual(new Set(found), names);
    });
  }

  it('15.24: passes the program itself, on a disk, as it is', async () => {
    const folder = join(workFolder(), 'model');
    for (const name of ODD) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), name);
    }
    const key = join(workFolder(), 'release');
    writeFileSync(`${key}.key`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(`${key}.pub`, attestor.pem);
    passed(await run(['sign', folder, '--key', `${key}.key`]));
    passed(await run(['verify', folder, '--key', `${key}.pub`]));
  });

  it('15.24: followed links are said to be followed', () => {
    const builder = new FileTableBuilder();
    builder.addHashed(fromText('a'), 1, hex('a'));
    const files = builder.freeze();
    for (const allowSymlinks of [false, true]) {
      const { predicate } = JSON.parse(
        Buffer.concat([...modelPayload({ name: 'm', files, allowSymlinks, ignored: [] }).pieces()]).toString(),
      );
      assert.equal(predicate.serialization.allow_symlinks, allowSymlinks);
    }
  });
});
