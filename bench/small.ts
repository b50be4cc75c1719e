import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inTurns, measure, printRatios } from './measure.ts';

const FOLDERS = 100;
const FILES_EACH = 1000;
const BYTES = 4096;
const PROCESSORS = 2;

/** 100,000 files of 4 KiB, warm: what an entry of a folder costs, more than what its bytes do. */
export async function benchSmall(work: string, program: readonly string[], rounds: number): Promise<object> {
  const root = join(work, 'small');
  const block = Buffer.alloc(BYTES, 'a small file ');
  for (let folder = 0; folder < FOLDERS; folder++) {
    const path = join(root, `class-${folder}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < FILES_EACH; file++) {
      block.writeUInt32LE(folder * FILES_EACH + file, 0);
      const descriptor = openSync(join(path, `sample-${file}.json`), 'w');
      writeSync(descriptor, block);
      closeSync(descriptor);
    }
  }
  const peer = (tool: string) => [
    'sh',
    '-c',
    `find "$1" -type f -print0 | xargs -0 -P${PROCESSORS} ${tool}`,
    'sh',
    root,
  ];
  const ours = (hasher: string) => [...program, 'digest', root, `--hasher=${hasher}`, `--concurrency=${PROCESSORS}`];
  const commands: [string, string[]][] = [
    ['find | xargs -P2 sha256sum', peer('sha256sum')],
    ['weighlock, wasm', ours('wasm')],
    ['weighlock, native', ours('native')],
  ];
  if (spawnSync('openssl', ['version']).status === 0)
    commands.push(['find | xargs -P2 openssl dgst', peer('openssl dgst -sha256')]);
  const contestants = new Map(
    commands.map(([name, command]) => [name, async () => (await measure(command)).seconds] as const),
  );
  const results = await inTurns(rounds, contestants);
  rmSync(root, { recursive: true });
  printRatios(
    `${FOLDERS * FILES_EACH} files of ${BYTES / 1024} KiB, warm (median of ${rounds})`,
    'seconds',
    'find | xargs -P2 sha256sum',
    results,
    2,
  );
  return Object.fromEntries(results);
}
