import type { BigIntStats } from 'node:fs';
import type { PathBytes } from './entry-path.ts';

/** Tools and storages whose bookkeeping is known; the names are what people call them. */
export const STORAGE_PRESETS = ['ext4', 'git', 'huggingface', 'juicefs', 'kubernetes', 'nfs', 'trash'] as const;
export type StoragePreset = (typeof STORAGE_PRESETS)[number];

/**
 * What a platform, and nobody else, says about the storage of an artifact: which entries are no
 * part of it, and where its links may lead. Without them everything is content, and links are
 * refused.
 */
export interface StorageRules {
  /** Whose bookkeeping is left out. */
  readonly presets: readonly StoragePreset[];
  /** Left out, too: paths relative to the artifact's root, each named in full. */
  readonly omitPaths: readonly PathBytes[];
  /** Absolute path of a folder above the artifact: links may lead to what is beneath it. */
  readonly linkRoot?: string;
}

/** Something that is no part of an artifact: an entry, or all that was left out of a folder. */
export interface LeftOut {
  readonly path: PathBytes;
  /** `git` for a preset, `--omit-paths` for a name. */
  readonly by: StoragePreset | 'omit-paths';
}

/** What is known of the artifact's root where entries are judged. */
export interface RootStat {
  readonly dev: bigint;
  /** `f_type` of statfs(2) of the root, and of an entry in it. */
  readonly sameType: (entry: PathBytes) => boolean;
  /** Whether the root is that of a file system, and not a folder in it. */
  readonly isVolume: () => boolean;
}

/**
 * Names of files that no loader of models or datasets opens or looks for: no ending at all, or one
 * of these. Unlike `x.py`, `x.json` or `x.safetensors`, and every ending that nobody thought of.
 */
const NEVER_LOADED =
  /(?:^|\/)\.?(?:[^./]+|[^/]+\.(?:metadata|lock|sample|pack|idx|rev|bitmap|keep|mtimes|promisor|graph|trashinfo|TAG))$/;

/** Refs are named by people: `v1.0`, `release-2.1-rc1`. */
const VERSION_ENDING = /\.[0-9]+(?:-[a-z0-9]+)?$/;

const SMALL_BYTES = 4096n;

/** What git itself writes (gitrepository-layout(5)), and git-lfs. */
const GIT = [
  /^(?:HEAD|ORIG_HEAD|FETCH_HEAD|MERGE_HEAD|AUTO_MERGE|REBASE_HEAD|COMMIT_EDITMSG|config|description|index|packed-refs|shallow)$/,
  /^info\/(?:exclude|attributes|refs|sparse-checkout)$/,
  /^hooks\/[a-z-]+\.sample$/,
  /^(?:logs\/)?refs\/.+$/,
  /^logs\/HEAD$/,
  /^objects\/[0-9a-f]{2}\/(?:[0-9a-f]{38}|[0-9a-f]{62})$/,
  /^objects\/pack\/(?:pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx|rev|bitmap|keep|mtimes|promisor)|multi-pack-index)$/,
  /^objects\/info\/(?:packs|commit-graph|commit-graphs\/(?:graph-[0-9a-f]+\.graph|commit-graph-chain))$/,
  /^lfs\/objects\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{64}$/,
];

/** What huggingface_hub keeps beside files that it downloaded or uploads (_local_folder.py). */
const HUGGINGFACE = [
  /^(?:\.gitignore|\.gitignore\.lock|CACHEDIR\.TAG)$/,
  /^(?:download|upload)\/.+\.(?:metadata|lock)$/,
];

/**
 * Numbers of JuiceFS' own files, which no other file has (pkg/meta/interface.go,
 * `minInternalNode`).
 */
const JUICEFS_INTERNAL = 0x7fff_ffff_0000_0000n;

/**
 * Linux, fs/nfs/unlink.c: a removed file that somebody has open. 64 bits of its number and 32 of a
 * counter, in hex.
 */
const NFS_SILLY = /(?:^|\/)\.nfs[0-9a-f]{24}$/;

const TRASH = /^(\.Trash-[0-9]{1,10})\/(?:info\/[^/]+\.trashinfo|directorysizes)$/;

/**
 * Whether anything below a path, or at it, may be left out. It decides nothing but what has to be
 * looked at.
 */
export function mayBeLeftOut({ presets, omitPaths }: StorageRules, path: PathBytes): boolean {
  if (omitPaths.some((named) => isAtOrBelow(path, named))) return true;
  return presets.some((preset) => MAY_BE[preset].test(path));
}

const MAY_BE: Readonly<Record<StoragePreset, RegExp>> = {
  ext4: /^lost\+found$/,
  git: /^\.git(?:\/|$)/,
  huggingface: /^\.cache(?:\/huggingface(?:\/|$)|$)/,
  juicefs: /^\.(?:stats|accesslog|config|control|trash)$/,
  kubernetes: /^\.\.(?:data$|[0-9])/,
  nfs: /(?:^|\/)\.nfs[0-9a-f]{24}$|^\.snapshot$/,
  trash: /^\.Trash-[0-9]{1,10}(?:\/|$)/,
};

/**
 * The one place that decides whether an entry is left out: by exactly its name, its kind and its
 * place. Everything else is content.
 *
 * @param stat - of the entry itself, and not of what it leads to
 */
export function leftOut(
  { presets, omitPaths }: StorageRules,
  path: PathBytes,
  stat: BigIntStats,
  root: RootStat,
): LeftOut | undefined {
  if (omitPaths.includes(path) && !stat.isDirectory()) return { path, by: 'omit-paths' };
  const preset = presets.find((one) => isOf(one, path, stat, root));
  if (preset !== undefined) return { path: topOf(preset, path), by: preset };
  const folder = omitPaths.find((named) => isAtOrBelow(path, named));
  return folder !== undefined && stat.isFile() && NEVER_LOADED.test(path)
    ? { path: folder, by: 'omit-paths' }
    : undefined;
}

/**
 * A folder that nobody may look into: ext4's own, in the root of its file system, which is root's
 * alone.
 */
export function isLostAndFound(
  { presets }: StorageRules,
  path: PathBytes,
  { uid, mode }: Pick<BigIntStats, 'uid' | 'mode'>,
  root: RootStat,
): boolean {
  // A pod's fsGroup is given rights on it, as on everything.
  const isPrivate = uid === 0n && (mode & 0o007n) === 0n;
  return presets.includes('ext4') && path === 'lost+found' && isPrivate && root.isVolume();
}

function isOf(preset: StoragePreset, path: PathBytes, stat: BigIntStats, root: RootStat): boolean {
  if (!MAY_BE[preset].test(path)) return false;
  switch (preset) {
    case 'git':
      return stat.isFile() && isShaped(path, '.git/', GIT) && (NEVER_LOADED.test(path) || isNamedRef(path, stat));
    case 'huggingface':
      return stat.isFile() && stat.size <= SMALL_BYTES && isShaped(path, '.cache/huggingface/', HUGGINGFACE);
    case 'trash':
      return stat.isFile() && stat.size <= SMALL_BYTES && TRASH.test(path);
    case 'juicefs':
      if (path === '.stats' || path === '.accesslog') return stat.isFile();
      return BigInt.asUintN(64, stat.ino) >= JUICEFS_INTERNAL;
    case 'nfs':
      // Snapshots are a file system of their own, which nobody makes who may write files.
      if (path === '.snapshot') return stat.isDirectory() && stat.dev !== root.dev && root.sameType(path);
      return stat.isFile() && NFS_SILLY.test(path);
    default:
      // An unreadable lost+found and the links of ConfigMaps are decided where they are opened and
      // followed.
      return false;
  }
}

function isNamedRef(path: PathBytes, { size }: BigIntStats): boolean {
  return /^\.git\/(?:logs\/)?refs\//.test(path) && VERSION_ENDING.test(path) && size <= SMALL_BYTES;
}

function isShaped(path: PathBytes, folder: string, shapes: readonly RegExp[]): boolean {
  return path.startsWith(folder) && shapes.some((shape) => shape.test(path.slice(folder.length)));
}

/** The name under which a report counts it. */
function topOf(preset: StoragePreset, path: PathBytes): PathBytes {
  const parts = path.split('/');
  if (preset === 'git' || preset === 'trash') return parts[0] as PathBytes;
  return preset === 'huggingface' ? (parts.slice(0, 2).join('/') as PathBytes) : path;
}

/** A name, or whatever lies below it. */
export function isAtOrBelow(path: PathBytes, named: PathBytes): boolean {
  return path === named || path.startsWith(`${named}/`);
}
