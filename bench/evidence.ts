import { spawnSync } from 'node:child_process';
import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTurns, measure, median, printRatios, printTable } from './measure.ts';

const LARGE_BYTES = 2 ** 32;

/** So that cosign asks nobody; with a key, it takes nothing from there. */
const ROOT = fileURLToPath(new URL('../src/library/public-good.json', import.meta.url));

/**
 * What a signature costs: at the start, and on a large file, each against the same run with a pin.
 */
export async function benchEvidence(work: string, program: readonly string[], rounds: number): Promise<object> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = join(work, 'bench.pub');
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  /** As `cosign sign-blob --bundle` writes it. */
  const signed = (file: string): string => {
    const hash = createHash('sha256');
    const signer = createSign('sha256');
    const piece = Buffer.alloc(1 << 20);
    const descriptor = openSync(file, 'r');
    for (let length = readSync(descriptor, piece); length > 0; length = readSync(descriptor, piece)) {
      hash.update(piece.subarray(0, length));
      signer.update(piece.subarray(0, length));
    }
    closeSync(descriptor);
    const digest = hash.digest();
    const bundle = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' } },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: digest.toString('base64') },
        signature: signer.sign(privateKey).toString('base64'),
      },
    };
    writeFileSync(`${file}.sigstore.json`, JSON.stringify(bundle));
    return digest.toString('hex');
  };

  const small = join(work, 'signed-small');
  writeFileSync(small, Buffer.alloc(1 << 20, 7));
  const smallPin = signed(small);
  const flags = ['--key', key, '--insecure-ignore-tlog'];
  const milliseconds = (command: readonly string[]) => async () => (await measure(command)).seconds * 1000;
  const start = await inTurns(
    rounds,
    new Map([
      ['pinned', milliseconds([...program, 'verify', small, `--sha256=${smallPin}`])],
      ['signed with a key', milliseconds([...program, 'verify', small, ...flags])],
    ]),
  );
  printRatios(`Start to verdict, 1 MiB (median of ${rounds})`, 'ms', 'pinned', start);

  const large = join(work, 'signed-large');
  const block = Buffer.alloc(1 << 20);
  const descriptor = openSync(large, 'w');
  for (let done = 0; done < LARGE_BYTES; done += block.length) {
    block.writeUInt32LE(done / block.length, 0);
    writeSync(descriptor, block);
  }
  closeSync(descriptor);
  const largePin = signed(large);
  const rss = new Map<string, number>();
  const watched = (name: string, command: readonly string[]) => async () => {
    const { seconds, peakRss } = await measure(command, true);
    rss.set(name, Math.max(rss.get(name) ?? 0, peakRss));
    return seconds;
  };
  const contestants: [string, readonly string[]][] = [
    ['pinned, native', [...program, 'verify', large, `--sha256=${largePin}`, '--hasher=native']],
    ['signed with a key, native', [...program, 'verify', large, ...flags, '--hasher=native']],
  ];
  if (spawnSync('cosign', ['version']).status === 0) {
    const bundle = `--bundle=${large}.sigstore.json`;
    contestants.push([
      'cosign verify-blob',
      ['cosign', 'verify-blob', `--key=${key}`, bundle, `--trusted-root=${ROOT}`, '--insecure-ignore-tlog', large],
    ]);
  }
  const results = await inTurns(3, new Map(contestants.map(([name, command]) => [name, watched(name, command)])));
  const pinned = median(results.get('pinned, native') ?? []);
  printTable('A file of 4 GiB, warm (median of 3)', [
    ['', 'seconds', 'x pinned', 'peak RSS'],
    ...[...results].map(([name, values]) => [
      name,
      median(values).toFixed(2),
      (median(values) / pinned).toFixed(2),
      `${((rss.get(name) ?? 0) / 2 ** 20).toFixed(0)} MiB`,
    ]),
  ]);
  return { start: Object.fromEntries(start), large: Object.fromEntries(results), peakRss: Object.fromEntries(rss) };
}
