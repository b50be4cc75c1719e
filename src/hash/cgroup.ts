import { readFileSync } from 'node:fs';

/** Reads a file of the kernel's as text; undefined when it is not there. */
export type ReadText = (path: string) => string | undefined;

/** The folders of every cgroup v2 that this process is in, from the root down. */
export function unifiedFolders(readText: ReadText): string[] {
  return ancestry('/sys/fs/cgroup', groupOf(readText, ''));
}

/**
 * The same of a controller of cgroup v1.
 *
 * @param mounts - names under which distributions mount it, e.g. `cpu`, `cpu,cpuacct`
 */
export function controllerFolders(readText: ReadText, controller: string, mounts: readonly string[]): string[] {
  const path = groupOf(readText, controller);
  return mounts.flatMap((mount) => ancestry(`/sys/fs/cgroup/${mount}`, path));
}

/**
 * The group of a controller, of v2 for the empty name, in /proc/self/cgroup (cgroups(7):
 * `id:controllers:path`).
 */
function groupOf(readText: ReadText, wanted: string): string {
  for (const line of (readText('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path !== undefined && controllers?.split(',').includes(wanted)) return path;
  }
  return '/';
}

/**
 * `base` and each folder down to `base/path`. Inside a container the path may be the host's while
 * the mount shows only the container's part of the tree; folders that are not there are simply not
 * readable.
 */
function ancestry(base: string, path: string): string[] {
  const folders = [base];
  for (const part of path.split('/').filter((p) => p !== '' && p !== '..')) folders.push(`${folders.at(-1)}/${part}`);
  return folders;
}

export function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
