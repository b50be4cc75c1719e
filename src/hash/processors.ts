import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Reads a file of the kernel's as text; undefined when it is not there. */
export type ReadText = (path: string) => string | undefined;

/**
 * How many processors this container may use: the smaller of the scheduler's affinity mask and the CPU quota of every
 * cgroup it is in (a quota of 1.5 counts as 2, so that all of it can be used), at least 1.
 *
 * `availableParallelism` alone is not enough: it knows cgroup v2's `cpu.max` but not v1's `cpu.cfs_quota_us`, which
 * clusters still run.
 */
export function availableProcessors(readText: ReadText = readKernelFile, affinity = availableParallelism()): number {
  const quota = cpuQuota(readText);
  return Math.max(1, quota === undefined ? affinity : Math.min(affinity, Math.ceil(quota)));
}

/** The CPU quota in processors (cgroup v2 `cpu.max`, v1 `cpu.cfs_quota_us`), or undefined when there is none. */
export function cpuQuota(readText: ReadText): number | undefined {
  const groups = parseCgroups(readText('/proc/self/cgroup') ?? '');
  const quotas: number[] = [];
  for (const folder of ancestry('/sys/fs/cgroup', groups.unified)) {
    const max = readText(`${folder}/cpu.max`)?.trim().split(/\s+/);
    addQuota(quotas, max?.[0], max?.[1]);
  }
  for (const base of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct']) {
    for (const folder of ancestry(base, groups.cpu)) {
      addQuota(quotas, readText(`${folder}/cpu.cfs_quota_us`), readText(`${folder}/cpu.cfs_period_us`));
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

function addQuota(quotas: number[], quota: string | undefined, period: string | undefined): void {
  const microseconds = Number(quota);
  const per = Number(period);
  // "max" (v2) is not a number, -1 (v1) is not positive: both mean that there is no limit.
  if (microseconds > 0 && per > 0) quotas.push(microseconds / per);
}

/** The v2 group and the v1 cpu group of /proc/self/cgroup (cgroups(7): `id:controllers:path`). */
function parseCgroups(text: string): { unified: string; cpu: string } {
  const groups = { unified: '/', cpu: '/' };
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') groups.unified = path;
    else if (controllers?.split(',').includes('cpu')) groups.cpu = path;
  }
  return groups;
}

/**
 * `base` and each folder down to `base/path`. Inside a container the path may be the host's while the mount shows only
 * the container's part of the tree; folders that are not there are simply not readable.
 */
function ancestry(base: string, path: string): string[] {
  const folders = [base];
  for (const part of path.split('/').filter((p) => p !== '' && p !== '..')) folders.push(`${folders.at(-1)}/${part}`);
  return folders;
}

function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
