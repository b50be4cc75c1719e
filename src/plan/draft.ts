// Artifacts as arguments and environment name them, before anything is required of them.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import type { StorageRules } from '../fs/index.ts';
import { isUrl, type Location, locationText, parseLocation, refuseBareReference } from '../source/index.ts';
import type { Patterns } from '../store/index.ts';
import type { EnvironmentArtifact } from './environment.ts';
import type { FloatingPin, Plan, Requirement } from './plan.ts';
import { type Policy, pathOf } from './policy/index.ts';
import type { ReceiptFlags } from './receipt-settings.ts';
import type { TrustFlags } from './trust-settings.ts';
import type { VerdictFlags } from './verdict-settings.ts';

/**
 * What the command line (and its environment form `WEIGHLOCK_*`) asks for, each flag already of its
 * right type.
 */
export interface VerifyRequest extends Omit<Plan, 'artifacts' | 'pins' | 'receipts'> {
  readonly receipts?: ReceiptFlags;
  /** `[SOURCE [DEST]]...` as written. */
  readonly sources: readonly string[];
  /** `--include`, `--exclude`: which files of a store are wanted. */
  readonly files: Patterns;
  /** `--sha256`, one for each source. */
  readonly sha256: readonly string[];
  /** `--allow-formats`, `--allow-formats-in` */
  readonly formats?: readonly string[];
  readonly formatsIn?: readonly string[];
  readonly checksums?: string;
  readonly checksumsSha256?: string;
  readonly checksumsSignature?: string;
  readonly trust: TrustFlags;
  /** `--accept-verdict` and what belongs to it. */
  readonly verdicts?: VerdictFlags;
  /** What the flags say about the storage of every artifact. */
  readonly storage?: StorageRules;
  /** The platform's, loaded. */
  readonly policies: readonly Policy[];
  /** `--targets`: what an injecting policy mounted, absolute paths. */
  readonly targets: readonly string[];
}

export interface Draft {
  readonly name: string;
  readonly source: Location;
  readonly destination?: string;
  readonly requirements: Requirement[];
  readonly policies: string[];
  readonly storages: (StorageRules | undefined)[];
  /** `*_SIGNATURE` */
  readonly signature?: string;
}

export function nothingToVerify(isBound: boolean): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: isBound
      ? 'nothing to verify: the policy speaks of each target, and there is none'
      : 'nothing to verify: no source was given, and neither MODEL_PATH nor DATASET_PATH is set',
    remedy: isBound
      ? 'mount what is to be verified and name it in WEIGHLOCK_TARGETS, or take this pod out of the scope of the policy'
      : 'give a path (weighlock verify /models/x --sha256 ...), or set MODEL_PATH and MODEL_SHA256',
  });
}

/** A digest that could belong to one artifact only is required of that one. */
export function ownedPins(drafts: readonly Draft[], pins: readonly FloatingPin[]): readonly FloatingPin[] {
  const [only, ...more] = drafts;
  if (only === undefined || more.length > 0) return pins;
  only.requirements.push(...pins.map((pin) => ({ kind: 'sha256', ...pin }) as const));
  return [];
}

/** What is published one by one cannot wait for a digest that any of them may have. */
export function requireNoDestination(drafts: readonly Draft[], pins: readonly FloatingPin[]): void {
  const [pin] = pins;
  if (pin === undefined || drafts.every(({ destination }) => destination === undefined)) return;
  throw unclear(pin.origin);
}

/**
 * `[SOURCE [DEST]]...`: a URL may be followed by the path to publish at (KServe's `src dest` form);
 * a plain path is verified where it lies.
 */
export function draftArguments(words: readonly string[], files: Patterns): Draft[] {
  const drafts: Draft[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '') throw usage('an argument is empty', 'give a path or a URL');
    const next = words[i + 1];
    const destination = isUrl(word) && next !== undefined && next !== '' && !isUrl(next) ? resolve(next) : undefined;
    if (destination !== undefined) i += 1;
    refuseBareReference(word, existsSync);
    drafts.push(draft(parseLocation(word, files), destination, drafts));
  }
  return drafts;
}

export function draft(
  source: Location,
  destination: string | undefined,
  others: readonly Draft[],
  name?: string,
): Draft {
  const wanted = name ?? (basename(destination ?? locationText(source)) || '/');
  const taken = new Set(others.map((other) => other.name));
  let unique = wanted;
  for (let n = 2; taken.has(unique); n++) unique = `${wanted}-${n}`;
  const pinned = source.kind === 'oci' ? source.digest : undefined;
  // A reference by digest is a requirement of its own, whatever else is asked for.
  const requirements: Requirement[] =
    pinned === undefined ? [] : [{ kind: 'manifest', digest: pinned, origin: 'the reference' }];
  return {
    name: unique,
    source,
    ...(destination === undefined ? {} : { destination }),
    requirements,
    policies: [],
    storages: [],
  };
}

/**
 * Artifacts of the environment. A pin without a path of its own belongs to the one source of the
 * command line; where policies or targets bring artifacts, to at least one of all.
 */
export function draftEnvironment(
  artifacts: readonly EnvironmentArtifact[],
  fromArguments: readonly Draft[],
  isBound: boolean,
  files: Patterns,
): { drafts: Draft[]; pins: FloatingPin[] } {
  const drafts: Draft[] = [];
  const pins: FloatingPin[] = [];
  for (const { name, path, sourceUrl, pin, signature } of artifacts) {
    const variable = name.toUpperCase();
    // Behind an injecting policy a source without a path says where the content came from; it lies
    // there already.
    if (path !== undefined || (sourceUrl !== undefined && !isBound)) {
      if (sourceUrl !== undefined) refuseBareReference(sourceUrl, existsSync);
      const source = parseLocation(sourceUrl ?? `${path}`, files);
      if (sourceUrl === undefined && isUrl(`${path}`)) throw pathIsUrl(name);
      const destination = sourceUrl !== undefined && path !== undefined ? resolve(path) : undefined;
      const plain = draft(source, destination, [...fromArguments, ...drafts], name);
      const made = signature === undefined ? plain : { ...plain, signature };
      if (pin !== undefined) made.requirements.push({ kind: 'sha256', ...pin });
      drafts.push(made);
      continue;
    }
    const [only, ...more] = fromArguments;
    const isClear = only !== undefined && more.length === 0;
    if (!isClear && !isBound) throw unclear(pin?.origin ?? `${variable}_SIGNATURE`);
    if (signature !== undefined) {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${variable}_SIGNATURE is set without ${variable}_PATH`,
        remedy: 'name the signature of an argument with --signature',
      });
    }
    if (pin === undefined) continue;
    if (isClear && !isBound) only.requirements.push({ kind: 'sha256', ...pin });
    else pins.push(pin);
  }
  return { drafts, pins };
}

function unclear(origin: string): WeighlockError {
  const variable = origin.replace(/_(SHA256|SIGNATURE)$/, '');
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${origin} is set, but it is not clear what it belongs to`,
    remedy: `set ${variable}_PATH to the file or folder that must have this digest`,
  });
}

function pathIsUrl(name: string): WeighlockError {
  const variable = name.toUpperCase();
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${variable}_PATH is a URL`,
    remedy: `put the URL into ${variable}_SOURCE_URL, and the path it is published at into ${variable}_PATH`,
  });
}

export function requireDifferentPaths(drafts: readonly Draft[]): void {
  const seen = new Map<string, string>();
  for (const one of drafts) {
    const { name } = one;
    const path = pathOf(one);
    const other = seen.get(path);
    if (other !== undefined) {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `the same path is to be verified twice, as ${other} and as ${name}`,
        found: path,
        remedy: 'name each path once; check the arguments, MODEL_PATH and DATASET_PATH',
      });
    }
    seen.set(path, name);
  }
}

export function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}
