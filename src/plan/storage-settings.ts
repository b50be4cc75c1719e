import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { STORAGE_PRESETS, type StoragePreset, type StorageRules } from '../fs/index.ts';
import { ignoredPath } from './ignored-paths.ts';
import { nearest } from './nearest.ts';

/** What the command line says about the storage of every artifact. */
export interface StorageFlags {
  /** `--storage-preset` */
  readonly presets: readonly string[];
  /** `--omit-paths` */
  readonly omitPaths: readonly string[];
  /** `--link-root` */
  readonly linkRoot?: string;
}

/**
 * @returns undefined where nothing is said: then everything is content, and links are refused
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function storageRules({ presets, omitPaths, linkRoot }: StorageFlags): StorageRules | undefined {
  if (presets.length === 0 && omitPaths.length === 0 && linkRoot === undefined) return undefined;
  return {
    presets: presets.map((name) => orThrow('--storage-preset', name, storagePreset(name))),
    omitPaths: omitPaths.map((path) => orThrow('--omit-paths', path, ignoredPath(path))),
    ...(linkRoot === undefined ? {} : { linkRoot: orThrow('--link-root', linkRoot, linkRootOf(linkRoot)) }),
  };
}

type Faulty = { readonly fault: string };

export function storagePreset(name: string): StoragePreset | Faulty {
  const preset = STORAGE_PRESETS.find((one) => one === name);
  if (preset !== undefined) return preset;
  const near = nearest(name, STORAGE_PRESETS);
  return {
    fault: near === undefined ? `there are presets for ${STORAGE_PRESETS.join(', ')}` : `did you mean ${near}?`,
  };
}

/**
 * Absolute and in its shortest form; the root of the file system would allow links to `/proc` and
 * everything else.
 */
export function linkRootOf(path: string): string | Faulty {
  if (!path.startsWith('/')) return { fault: 'it must be absolute' };
  if (path.split('/').includes('..')) return { fault: 'it has a ".."' };
  if (resolve(path) === '/') return { fault: 'it is the root of the file system: links could lead anywhere' };
  return resolve(path);
}

/**
 * What all of those who require something of an artifact let pass: a policy that says nothing of
 * the storage wants everything verified, and no other one takes that away.
 */
export function inCommon(all: readonly (StorageRules | undefined)[]): StorageRules | undefined {
  const [first, ...others] = all;
  if (first === undefined) return undefined;
  const both = (a: StorageRules, b: StorageRules | undefined): StorageRules => ({
    presets: a.presets.filter((one) => b?.presets.includes(one)),
    omitPaths: a.omitPaths.filter((one) => b?.omitPaths.includes(one)),
    ...(a.linkRoot !== undefined && a.linkRoot === b?.linkRoot ? { linkRoot: a.linkRoot } : {}),
  });
  const rules = others.reduce<StorageRules>(both, first);
  const saysNothing = rules.presets.length === 0 && rules.omitPaths.length === 0 && rules.linkRoot === undefined;
  return saysNothing ? undefined : rules;
}

function orThrow<T extends string>(flag: string, given: string, value: T | Faulty): T {
  if (typeof value === 'string') return value;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${flag} cannot be "${given}": ${value.fault}`,
    found: given,
    remedy: 'see docs/storage.md',
  });
}
