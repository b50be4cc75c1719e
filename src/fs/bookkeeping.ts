import { type BigIntStats, statfsSync } from 'node:fs';
import { type ConfigMapVolume, configMapVolume } from './config-map.ts';
import { type PathBytes, toBuffer } from './entry-path.ts';
import { folderContents, statBeneath, statOpen } from './open.ts';
import {
  isLostAndFound,
  type LeftOut,
  leftOut,
  mayBeLeftOut,
  type RootStat,
  type StorageRules,
} from './storage-rules.ts';

/** What was left out under one path. */
export interface LeftOutEntry extends LeftOut {
  /** Entries, and the bytes of the regular files among them. */
  readonly entries: number;
  readonly bytes: number;
}

/** Everything that is no part of an artifact. */
export interface LeftOutSummary {
  readonly entries: readonly LeftOutEntry[];
  /**
   * Folders of bookkeeping that were looked into: they are content only where files of the artifact
   * lie in them.
   */
  readonly folders: readonly PathBytes[];
}

export const NOTHING_LEFT_OUT: LeftOutSummary = { entries: [], folders: [] };

/** The bookkeeping in one artifact, while that is listed. */
export class Bookkeeping {
  readonly #rules: StorageRules;
  readonly #rootFolder: number;
  readonly #entries = new Map<PathBytes, LeftOutEntry>();
  readonly #folders: PathBytes[] = [];
  #configMap: ConfigMapVolume | undefined;
  #root: RootStat | undefined;

  /** @param root - open folder of the artifact */
  constructor(root: number, rules: StorageRules) {
    this.#rootFolder = root;
    this.#rules = rules;
  }

  get summary(): LeftOutSummary {
    return { entries: [...this.#entries.values()], folders: this.#folders };
  }

  /** Different paths that were left out. */
  get count(): number {
    return this.#entries.size;
  }

  /**
   * Takes note of a folder that is listed, with the names in it.
   *
   * @returns those that are content, or are yet to be judged
   */
  enter(folder: PathBytes, names: readonly PathBytes[]): (name: PathBytes) => boolean {
    if (folder === '') {
      if (this.#rules.presets.includes('kubernetes')) this.#configMap = configMapVolume(this.#rootFolder, names);
      return () => true;
    }
    if (this.#configMap?.folder === folder) {
      const { keys } = this.#configMap;
      this.#add({ path: folder, by: 'kubernetes' }, 0n);
      this.#folders.push(folder);
      // Each is content under its key; what has none is content here.
      return (name) => !keys.has(name);
    }
    if (mayBeLeftOut(this.#rules, folder)) this.#folders.push(folder);
    return () => true;
  }

  /** Whether an entry has to be looked at before it is taken for content. */
  concerns(path: PathBytes): boolean {
    return mayBeLeftOut(this.#rules, path);
  }

  /** Where a key of a ConfigMap has to lead; undefined for everything else. */
  targetOf(path: PathBytes): PathBytes | undefined {
    const map = this.#configMap;
    return map?.keys.has(path) === true ? (`${map.folder}/${path}` as PathBytes) : undefined;
  }

  /** Whether an entry is no part of the artifact; then it is counted. */
  leavesOut(path: PathBytes, stat: BigIntStats): boolean {
    if (path === '..data' && this.#configMap !== undefined && stat.isSymbolicLink()) {
      this.#add({ path, by: 'kubernetes' }, 0n);
      return true;
    }
    const found = leftOut(this.#rules, path, stat, this.#rootStat());
    if (found !== undefined) this.#add(found, stat.isFile() ? stat.size : 0n);
    return found !== undefined;
  }

  /**
   * Whether a folder that may not be looked into is no part of the artifact; then it is counted.
   */
  leavesUnreadable(path: PathBytes, stat: BigIntStats): boolean {
    const isOne = isLostAndFound(this.#rules, path, stat, this.#rootStat());
    if (isOne) this.#add({ path, by: 'ext4' }, 0n);
    return isOne;
  }

  #add({ path, by }: LeftOut, size: bigint): void {
    const before = this.#entries.get(path);
    const bytes = (before?.bytes ?? 0) + Math.max(0, Number(size));
    this.#entries.set(path, { path, by, entries: (before?.entries ?? 0) + 1, bytes });
  }

  #rootStat(): RootStat {
    this.#root ??= rootStat(this.#rootFolder);
    return this.#root;
  }
}

/** Attributes of an artifact's root. */
export function rootStat(folder: number): RootStat {
  const typeOf = (path: PathBytes) =>
    statfsSync(Buffer.concat([Buffer.from(folderContents(folder)), toBuffer(path)])).type;
  return {
    dev: statOpen(folder).dev,
    sameType: (entry) => typeOf(entry) === typeOf('.' as PathBytes),
    // A volume is mounted: what is above it is on another device.
    isVolume: () => statBeneath(folder, '..' as PathBytes).dev !== statOpen(folder).dev,
  };
}
