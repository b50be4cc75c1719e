// How much later a pod's main container starts because a model of 1 GiB is verified first, above
// the same pod with an init container that does nothing: by a kubelet, both warm. Needs what
// `npm run test:cluster` needs, and the image.
import { chownSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../test/cluster/api-server.ts';
import { lacking } from '../test/cluster/build.ts';
import { startCluster } from '../test/cluster/cluster.ts';
import { Enforced, podOf, verifierStatus } from '../test/cluster/enforced.ts';
import { BUSYBOX, lackingNode, startNode } from '../test/cluster/node.ts';
import { eventually } from '../test/cluster/process-group.ts';
import { passed, run } from '../test/integration/cli.ts';
import { median, printTable } from './measure.ts';

const MIB = 1 << 20;
/** As hubs have them, and as one file. */
const MODELS = [
  { name: '8 files of 128 MiB', claim: 'files', files: 8, sharding: [] },
  { name: 'one file of 1 GiB, signed in shards', claim: 'shards', files: 1, sharding: ['--shard-size=128Mi'] },
  { name: 'one file of 1 GiB', claim: 'whole', files: 1, sharding: [] },
];
/** The engines that a platform's policy may name. */
const HASHERS = ['wasm', 'native'];

export async function benchPods(work: string, rounds: number): Promise<object | undefined> {
  const why = lacking() ?? lackingNode();
  if (why !== undefined) {
    console.log(`no node here: ${why}`);
    return undefined;
  }
  await using cluster = await startCluster();
  const node = await startNode(cluster);
  try {
    const world = new Enforced(cluster, node, work);
    await world.install();
    for (const { claim, files, sharding } of MODELS) await makeSigned(world, node.volume('ml', claim), files, sharding);
    cluster.kubectl(['create', 'namespace', 'plain']);
    node.volume('plain', 'models');
    let count = 0;
    /** Seconds from the creation of a pod to the first line of its main container. */
    const start = async (pod: Json): Promise<number> => {
      const { namespace } = pod.metadata;
      const name = `p${count++}`;
      pod.metadata.name = name;
      const path = `/api/v1/namespaces/${namespace}/pods`;
      const begin = Date.now();
      await world.create(path, pod);
      const found = await eventually(`the start of ${name}`, async () => {
        const { metadata, status } = await world.get(`${path}/${name}`);
        if (verifierStatus({ status })?.state?.terminated?.exitCode > 0) throw new Error(JSON.stringify(status));
        return status.containerStatuses?.[0]?.state?.running && metadata;
      });
      const log = join(cluster.folder, 'node/pod-logs', `${namespace}_${name}_${found.uid}`, 'server/0.log');
      const line = await eventually('its first line', async () => /^\S+/.exec(readFileSync(log, 'utf8'))?.[0]);
      cluster.kubectl(['delete', 'pod', name, '-n', namespace, '--grace-period=0', '--force']);
      await eventually('its end', async () => node.ctr('tasks', 'ls', '-q').trim() === '' || undefined);
      return (Date.parse(line) - begin) / 1000;
    };
    const idle = () => {
      const pod = podOf('x', 'models', { initContainers: [{ name: 'nothing', image: BUSYBOX, command: ['true'] }] });
      pod.metadata = { namespace: 'plain' };
      return pod;
    };
    const rows = MODELS.flatMap((model) =>
      HASHERS.map((hasher) => ({ ...model, hasher, key: `${model.claim}-${hasher}` })),
    );
    const times: Record<string, number[]> = { idle: [], ...Object.fromEntries(rows.map(({ key }) => [key, []])) };
    for (let round = -1; round < rounds; round++) {
      const idles = await start(idle());
      if (round >= 0) times['idle']?.push(idles);
      for (const { claim, hasher, key } of rows) {
        world.trust({ hasher });
        const seconds = await start(podOf('x', claim));
        if (round >= 0) times[key]?.push(seconds);
      }
    }
    const base = median(times['idle'] ?? []);
    printTable(`From creation to the main container's first line (median of ${rounds}, in turns)`, [
      ['', 'seconds', 'above'],
      ['an init container that does nothing', base.toFixed(2), ''],
      ...rows.map(({ name, hasher, key }) => {
        const seconds = median(times[key] ?? []);
        return [`verified by ${hasher}: ${name}`, seconds.toFixed(2), (seconds - base).toFixed(2)];
      }),
    ]);
    return times;
  } finally {
    await node.stop();
  }
}

/** A signed model of 1 GiB, in the cache of the kernel. */
async function makeSigned(world: Enforced, folder: string, files: number, sharding: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const piece = Buffer.alloc(MIB, 7);
  for (let i = 0; i < files; i++) {
    const file = openSync(join(folder, `model-${i}.safetensors`), 'w');
    for (let j = 0; j < 1024 / files; j++) {
      piece.writeUInt32LE(i * 1024 + j);
      writeSync(file, piece);
    }
    closeSync(file);
  }
  passed(await run(['sign', folder, '--key', `${world.key}.key`, ...sharding]));
  for (const name of readdirSync(folder)) chownSync(join(folder, name), 65_532, 65_532);
}
