// How the kubelet writes ConfigMaps and Secrets (kubernetes, pkg/volume/util/atomic_writer.go): KEY
// is a link to ..data/KEY, ..data one to a folder of that moment, and the files lie there.
import { isSystemError } from '../error/index.ts';
import type { PathBytes } from './entry-path.ts';
import { readLinkBeneath, statBeneath } from './open.ts';

const DATA = '..data' as PathBytes;
const MOMENT = /^\.\.[0-9]{4}(?:_[0-9]{2}){5}\.[0-9]{1,10}$/;

/** Such a volume: every file has three names, and is content under the one that people use. */
export interface ConfigMapVolume {
  /** The folder that `..data` leads to. */
  readonly folder: PathBytes;
  /** Names in the root that are links to the same names in `..data`. */
  readonly keys: ReadonlySet<PathBytes>;
}

/** @param names - of all entries of the root; undefined where it is no such volume */
export function configMapVolume(root: number, names: readonly PathBytes[]): ConfigMapVolume | undefined {
  const folder = names.includes(DATA) ? linkAt(root, DATA) : undefined;
  if (folder === undefined || !MOMENT.test(folder) || !isFolder(root, folder)) return undefined;
  return { folder, keys: new Set(names.filter((name) => linkAt(root, name) === `${DATA}/${name}`)) };
}

function linkAt(root: number, name: PathBytes): PathBytes | undefined {
  return answer(() => (statBeneath(root, name).isSymbolicLink() ? readLinkBeneath(root, name) : undefined));
}

function isFolder(root: number, name: PathBytes): boolean {
  return answer(() => statBeneath(root, name).isDirectory()) === true;
}

/** What cannot be looked at is no link; who lists it says what is wrong with it. */
function answer<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}
