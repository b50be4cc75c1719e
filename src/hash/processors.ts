import { availableParallelism } from 'node:os';
import { controllerFolders, type ReadText, readKernelFile, unifiedFolders } from './cgroup.ts';

/**
 * How many processors this container may use: the smaller of the scheduler's affinity mask and the
 * CPU quota of every cgroup it is in (a quota of 1.5 counts as 2, so that all of it can be used),
 * at least 1.
 *
 * `availableParallelism` alone is not enough: it knows cgroup v2's `cpu.max` but not v1's
 * `cpu.cfs_quota_us`, which clusters still run.
 */
export function availableProcessors(readText: ReadText = readKernelFile, affinity = availableParallelism()): number {
  const quota = cpuQuota(readText);
  return Math.max(1, quota === undefined ? affinity : Math.min(affinity, Math.ceil(quota)));
}

/**
 * The CPU quota in processors (cgroup v2 `cpu.max`, v1 `cpu.cfs_quota_us`), or undefined when there
 * is none.
 */
export function cpuQuota(readText: ReadText): number | undefined {
  const quotas: number[] = [];
  for (const folder of unifiedFolders(readText)) {
    const max = readText(`${folder}/cpu.max`)?.trim().split(/\s+/);
    addQuota(quotas, max?.[0], max?.[1]);
  }
  for (const folder of controllerFolders(readText, 'cpu', ['cpu', 'cpu,cpuacct']))
    addQuota(quotas, readText(`${folder}/cpu.cfs_quota_us`), readText(`${folder}/cpu.cfs_period_us`));
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

function addQuota(quotas: number[], quota: string | undefined, period: string | undefined): void {
  const microseconds = Number(quota);
  const per = Number(period);
  // "max" (v2) is not a number, -1 (v1) is not positive: both mean that there is no limit.
  if (microseconds > 0 && per > 0) quotas.push(microseconds / per);
}
