import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measure, mebibytes, median, printTable } from './measure.ts';
import { shardHeader } from './shards.ts';
import type { SlowArtifactSetup } from './slow-artifact.ts';

const SHARDS = 30;
/** 140 GB in all, a multiple of two. */
const BYTES = 4_666_666_668;
const SETUP: SlowArtifactSetup = { shards: SHARDS, bytes: BYTES, wait: 20 };

/** What is in 140 GB: on a volume (sparse files), and in a registry that answers after 20 ms. */
export async function benchInspect(work: string, program: readonly string[], rounds: number): Promise<object> {
  const folder = join(work, 'inspect');
  mkdirSync(folder);
  const header = shardHeader(BYTES);
  for (let i = 0; i < SHARDS; i++) {
    const descriptor = openSync(join(folder, `model-${i}.safetensors`), 'w');
    writeSync(descriptor, header);
    ftruncateSync(descriptor, BYTES);
    closeSync(descriptor);
  }
  writeFileSync(join(folder, 'config.json'), '{"architectures":["LlamaForCausalLM"],"max_position_embeddings":4096}');
  const server = fork(fileURLToPath(new URL('slow-artifact.ts', import.meta.url)), { stdio: 'inherit' });
  server.send(SETUP);
  const [port] = (await once(server, 'message')) as [number];
  const sent = async () => {
    server.send('sent');
    return ((await once(server, 'message')) as [number])[0];
  };
  const rows = [['', 'seconds', 'peak RSS', 'bytes, of all']];
  const result: Record<string, object> = {};
  try {
    for (const [name, ...source] of [
      ['volume', folder],
      ['registry, 20 ms for each answer', `oci://127.0.0.1:${port}/models/m:v1`, `--plain-http=127.0.0.1:${port}`],
    ]) {
      const samples = [];
      for (let i = 0; i < rounds; i++) samples.push(await measure([...program, 'inspect', ...source], true));
      const seconds = median(samples.map((one) => one.seconds));
      const peakRss = Math.max(...samples.map((one) => one.peakRss));
      const share = name === 'volume' ? undefined : (await sent()) / rounds / (SHARDS * BYTES);
      rows.push([
        name ?? '',
        seconds.toFixed(2),
        mebibytes(peakRss),
        share === undefined ? '-' : `${(share * 100).toFixed(4)} %`,
      ]);
      result[name ?? ''] = { seconds, peakRss, share };
    }
  } finally {
    server.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
  printTable(
    `weighlock inspect of ${SHARDS} shards, ${((SHARDS * BYTES) / 1e9).toFixed(0)} GB (median of ${rounds}, most memory)`,
    rows,
  );
  return result;
}
