import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import type { StorageRules } from '../fs/index.ts';
import { isUrl, type Location, locationText, parseLocation, refuseBareReference } from '../source/index.ts';
import type { Patterns } from '../store/index.ts';
import { contentFromFlags } from './content.ts';
import { type Environment, type EnvironmentArtifact, readEnvironment } from './environment.ts';
import { parsePin } from './pin.ts';
import { type Places, requireApart, requireOutside } from './places.ts';
import type { ArtifactPlan, FloatingPin, Leaf, Plan, Requirement, SignatureRequirement } from './plan.ts';
import { applyPolicies, type Policy, pathOf } from './policy/index.ts';
import { type ReceiptFlags, receiptSettings } from './receipt-settings.ts';
import { inCommon } from './storage-settings.ts';
import { signatureRequirement, type TrustFlags } from './trust-settings.ts';
import { type VerdictFlags, verdictRequirement } from './verdict-settings.ts';

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

interface Draft {
  readonly name: string;
  readonly source: Location;
  readonly destination?: string;
  readonly requirements: Requirement[];
  readonly policies: string[];
  readonly storages: (StorageRules | undefined)[];
  /** `*_SIGNATURE` */
  readonly signature?: string;
}

/**
 * Puts together what must be true of which artifact: the arguments, then what `MODEL_*` and
 * `DATASET_*` add. Nothing that was asked for is ever dropped: a pin that belongs to no artifact,
 * and an artifact that nothing is required of, are errors.
 *
 * @throws WeighlockError `USAGE` for what is wrong on the command line, `CONFIG_INVALID` for
 * everything else
 */
export function buildPlan(request: VerifyRequest, environment: Environment): Plan {
  const {
    sources,
    files,
    sha256,
    checksums,
    checksumsSha256,
    checksumsSignature,
    trust,
    verdicts,
    receipts: receiptFlags = {},
    policies,
    targets,
    storage,
    formats = [],
    formatsIn = [],
    ...settings
  } = request;
  const fromArguments = draftArguments(sources, files);
  const isBound = policies.length > 0 || targets.length > 0;
  const fromEnvironment = draftEnvironment(readEnvironment(environment), fromArguments, isBound, files);
  const brought = [...fromArguments, ...fromEnvironment.drafts];
  for (const [i, path] of targets.entries())
    brought.push(draft({ kind: 'volume', path }, undefined, brought, `target-${i}`));
  addPins(fromArguments.length > 0 ? fromArguments : brought, sha256);
  const drafts = [...brought];
  const used = applyPolicies(policies, brought, environment, (name, source, destination) => {
    const made = draft(source, destination, drafts, name);
    drafts.push(made);
    return made;
  });
  if (drafts.length === 0) throw nothingToVerify(isBound);
  requireDifferentPaths(drafts);
  requireApart(drafts.map(placesOf));
  const pins = ownedPins(
    drafts,
    fromEnvironment.pins.filter(({ origin }) => !used.has(origin)),
  );
  requirePinned(drafts.slice(brought.length - targets.length, brought.length), pins);
  requireNoDestination(drafts, pins);
  const listed = fromArguments.length > 0 ? fromArguments : drafts;
  const signed = checksumsSignature === undefined ? undefined : signedBy(checksumsSignature, trust);
  addChecksums(listed, checksums, checksumsSha256, signed);
  pinArchives(drafts, settings.remote.unpack);
  requireStore(drafts, files);
  // Who is named signs the listing, and with it the artifact.
  if (signed === undefined) addSignature(drafts, trust);
  const verdict = verdicts && verdictRequirement(verdicts);
  if (verdict !== undefined) for (const { requirements } of drafts) requirements.push(verdict);
  for (const one of drafts)
    requireTrustOutside(one, [
      ...(signed === undefined ? [] : trustFiles(trust)),
      ...(verdicts?.keys ?? []),
      ...policies.flatMap(({ files }) => files),
    ]);
  const receipts = receiptSettings(policies, receiptFlags);
  const more = receipts === undefined ? {} : { receipts };
  const content = contentFromFlags(formats, formatsIn);
  // What a pod says of formats is no word on whose bytes a target of the platform holds.
  if (content !== undefined && !isBound) for (const { requirements } of drafts) requirements.push(content);
  const artifacts = drafts.map((one) => onStorage(requireRequirement(one), one, storage));
  if (content !== undefined && isBound) for (const { requirements } of drafts) requirements.push(content);
  return { ...settings, artifacts, pins, ...more };
}

function nothingToVerify(isBound: boolean): WeighlockError {
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

/** Where policies require something of an artifact, theirs is the word on its storage. */
function onStorage(artifact: ArtifactPlan, { storages }: Draft, flags: StorageRules | undefined): ArtifactPlan {
  const storage = storages.length > 0 ? inCommon(storages) : flags;
  return storage === undefined ? artifact : { ...artifact, storage };
}

/** A digest that could belong to one artifact only is required of that one. */
function ownedPins(drafts: readonly Draft[], pins: readonly FloatingPin[]): readonly FloatingPin[] {
  const [only, ...more] = drafts;
  if (only === undefined || more.length > 0) return pins;
  only.requirements.push(...pins.map((pin) => ({ kind: 'sha256', ...pin }) as const));
  return [];
}

/**
 * Targets of which no policy requires anything have the digest that the pod's author promises of
 * some of them.
 */
function requirePinned(targets: readonly Draft[], pins: readonly FloatingPin[]): void {
  for (const { requirements } of targets) {
    if (requirements.length > 0 || pins.length === 0) continue;
    const options = pins.map((pin): Leaf => ({ kind: 'sha256', ...pin }));
    const [only] = options;
    if (only !== undefined && options.length === 1) requirements.push(only);
    else requirements.push({ kind: 'anyOf', options, origin: options.map(({ origin }) => origin).join(' or ') });
  }
}

/** What is published one by one cannot wait for a digest that any of them may have. */
function requireNoDestination(drafts: readonly Draft[], pins: readonly FloatingPin[]): void {
  const [pin] = pins;
  if (pin === undefined || drafts.every(({ destination }) => destination === undefined)) return;
  throw unclear(pin.origin);
}

/**
 * `[SOURCE [DEST]]...`: a URL may be followed by the path to publish at (KServe's `src dest` form);
 * a plain path is verified where it lies.
 */
function draftArguments(words: readonly string[], files: Patterns): Draft[] {
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

function draft(source: Location, destination: string | undefined, others: readonly Draft[], name?: string): Draft {
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
function draftEnvironment(
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

function requireDifferentPaths(drafts: readonly Draft[]): void {
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

function addPins(drafts: readonly Draft[], pins: readonly string[]): void {
  if (pins.length === 0) return;
  if (pins.length !== drafts.length) {
    throw usage(
      `--sha256 was given ${pins.length} times for ${drafts.length} sources`,
      'give one --sha256 for each source, in order',
    );
  }
  for (const [i, pin] of pins.entries()) {
    drafts[i]?.requirements.push({ kind: 'sha256', digest: parsePin(pin, '--sha256'), origin: '--sha256' });
  }
}

function addChecksums(
  drafts: readonly Draft[],
  file: string | undefined,
  pin: string | undefined,
  signature: SignatureRequirement | undefined,
): void {
  if (file === undefined && pin === undefined && signature === undefined) return;
  if (file === undefined) {
    const flag = pin === undefined ? '--checksums-signature' : '--checksums-sha256';
    throw usage(`${flag} was given without --checksums`, 'name the file: --checksums SHA256SUMS');
  }
  if (pin === undefined && signature === undefined) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'the checksums file is not pinned: whoever can write it could promise anything',
      remedy: `pin it: --checksums-sha256 with what this prints: sha256sum ${file}; or have it signed: --checksums-signature`,
    });
  }
  const [only, ...more] = drafts;
  if (only === undefined || more.length > 0)
    throw usage('--checksums needs exactly one source', 'verify the sources in runs of their own');
  const common = { kind: 'checksums', file: resolve(file), origin: '--checksums' } as const;
  if (pin !== undefined) only.requirements.push({ ...common, digest: parsePin(pin, '--checksums-sha256') });
  if (signature !== undefined) only.requirements.push({ ...common, digest: signature.origin, signature });
}

/** A signature of the checksums file, by those whom the flags name. */
function signedBy(file: string, trust: TrustFlags): SignatureRequirement {
  const requirement = signatureRequirement(trust);
  if (requirement === undefined || requirement.kind === 'attestation') {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: '--checksums-signature was given, but nobody is named whose signature counts',
      remedy: 'add --key, or an identity; and leave out --type',
    });
  }
  return { ...requirement, files: [resolve(file)] };
}

function requireTrustOutside(draft: Draft, files: readonly string[]): void {
  const { source, destination } = placesOf(draft);
  for (const path of [destination, source]) if (path !== undefined) requireOutside(files, path);
}

/** Where an artifact is read from a volume, and where it is published. */
export function placesOf({ name, source, destination }: Pick<ArtifactPlan, 'name' | 'source' | 'destination'>): Places {
  const read = source.kind === 'volume' ? source.path : source.kind === 'oci' ? source.layout : undefined;
  return {
    name,
    ...(read === undefined ? {} : { source: read }),
    ...(destination === undefined ? {} : { destination }),
  };
}

/** Patterns that would change nothing are no more than a mistake. */
function requireStore(drafts: readonly Draft[], { include, exclude }: Patterns): void {
  if (include.length + exclude.length === 0 || drafts.some(({ source }) => source.kind === 'store')) return;
  throw usage('--include and --exclude choose files of a store, and no source is one', 'leave them out');
}

/** An archive that is to be unpacked is pinned as it is sent. */
function pinArchives(drafts: readonly Draft[], unpack: boolean): void {
  if (!unpack) return;
  const archives = drafts.filter(({ source }) => source.kind === 'https');
  if (archives.length === 0) throw usage('--unpack was given, but no source is an archive of a server', 'leave it out');
  for (const { requirements } of archives) {
    const asSent = (leaf: Leaf): Leaf => (leaf.kind === 'sha256' ? { ...leaf, kind: 'archive' } : leaf);
    for (const [i, one] of requirements.entries())
      requirements[i] = one.kind === 'anyOf' ? { ...one, options: one.options.map(asSent) } : asSent(one);
  }
}

/** What the flags require of signatures is required of every artifact. */
function addSignature(drafts: readonly Draft[], trust: TrustFlags): void {
  const requirement = signatureRequirement(trust);
  for (const one of drafts) {
    const { name, signature, requirements } = one;
    if (requirement === undefined) {
      if (signature === undefined) continue;
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${name.toUpperCase()}_SIGNATURE is set, but nobody is named whose signature counts`,
        remedy: 'add --key (WEIGHLOCK_KEY), or an identity; a pod cannot say itself whom to trust',
      });
    }
    requireTrustOutside(one, trustFiles(trust));
    requirements.push(signature === undefined ? requirement : { ...requirement, files: [signature] });
  }
}

function trustFiles({ keys, keysInVariables, ...flags }: TrustFlags): string[] {
  const files = keys.filter((key) => !keysInVariables.has(key));
  const { caRoots, intermediates, certificate, certificateChain, crl, trustedRoot, tufRoot, timestampChain } = flags;
  const others = [caRoots, intermediates, certificate, certificateChain, crl, trustedRoot, tufRoot, timestampChain];
  return [...files, ...others].filter((file) => file !== undefined);
}

function requireRequirement({ signature: _, storages: __, policies, ...artifact }: Draft): ArtifactPlan {
  if (artifact.requirements.length > 0) return policies.length === 0 ? artifact : { ...artifact, policies };
  const variable =
    artifact.name === 'model' || artifact.name === 'dataset' ? `${artifact.name.toUpperCase()}_SHA256` : '--sha256';
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: 'nothing is required of this artifact, so there is nothing to verify',
    artifact: artifact.name,
    found: locationText(artifact.source),
    remedy: `pin it: set ${variable} to what "weighlock digest" prints for the right content`,
  });
}

function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}
