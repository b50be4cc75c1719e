// What the tests of pods begin with: a cluster with a node, and a namespace where every pod is
// verified.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { lacking } from './build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { Enforced } from './enforced.ts';
import { type ClusterNode, lackingNode, startNode } from './node.ts';

/** Why there is none here, as `skip` of a test takes it. */
export function whyNoNode(): string | false {
  return lacking() ?? lackingNode() ?? false;
}

export interface OnNode {
  readonly cluster: Cluster;
  readonly node: ClusterNode;
  /** Nothing is installed there yet. */
  readonly world: Enforced;
  /** A folder for files of the tests. */
  readonly work: string;
}

/** Brings it up before the tests of the describe that calls this, and takes it away after them. */
export function onNode(name: string): OnNode {
  const on: { cluster?: Cluster; node?: ClusterNode; world?: Enforced; work?: string } = {};
  before(async () => {
    on.work = mkdtempSync(join(tmpdir(), `weighlock-${name}-`));
    on.cluster = await startCluster();
    on.node = await startNode(on.cluster);
    on.world = new Enforced(on.cluster, on.node, on.work);
  });
  after(async () => {
    await on.node?.stop();
    await on.cluster?.[Symbol.asyncDispose]();
    if (on.work !== undefined) rmSync(on.work, { recursive: true, force: true });
  });
  return on as OnNode;
}
