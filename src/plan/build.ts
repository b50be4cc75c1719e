import { basename, resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { isUrl, type Location, locationText, parseLocation } from '../source/index.ts';
import { type Environment, type EnvironmentArtifact, readEnvironment } from './environment.ts';
import { parsePin } from './pin.ts';
import type { ArtifactPlan, Plan, Requirement, SignatureRequirement } from './plan.ts';
import { requireOutside, signatureRequirement, type TrustFlags } from './trust-settings.ts';

/** What the command line (and its environment form `WEIGHLOCK_*`) asks for, each flag already of its right type. */
export interface VerifyRequest extends Omit<Plan, 'artifacts'> {
  /** `[SOURCE [DEST]]...` as written. */
  readonly sources: readonly string[];
  /** `--sha256`, one for each source. */
  readonly sha256: readonly string[];
  readonly checksums?: string;
  readonly checksumsSha256?: string;
  readonly checksumsSignature?: string;
  readonly trust: TrustFlags;
}

interface Draft {
  readonly name: string;
  readonly source: Location;
  readonly destination?: string;
  readonly requirements: Requirement[];
  /** `*_SIGNATURE` */
  readonly signature?: string;
}

/**
 * Puts together what must be true of which artifact: the arguments, then what `MODEL_*` and `DATASET_*` add. Nothing
 * that was asked for is ever dropped: a pin that belongs to no artifact, and an artifact that nothing is required of,
 * are errors.
 *
 * @throws WeighlockError `USAGE` for what is wrong on the command line, `CONFIG_INVALID` for everything else
 */
export function buildPlan(request: VerifyRequest, environment: Environment): Plan {
  const { sources, sha256, checksums, checksumsSha256, checksumsSignature, trust, ...settings } = request;
  const fromArguments = draftArguments(sources);
  const fromEnvironment = draftEnvironment(readEnvironment(environment), fromArguments);
  const drafts = [...fromArguments, ...fromEnvironment];
  if (drafts.length === 0) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'nothing to verify: no source was given, and neither MODEL_PATH nor DATASET_PATH is set',
      remedy: 'give a path (weighlock verify /models/x --sha256 ...), or set MODEL_PATH and MODEL_SHA256',
    });
  }
  requireDifferentPaths(drafts);
  addPins(fromArguments.length > 0 ? fromArguments : drafts, sha256);
  const listed = fromArguments.length > 0 ? fromArguments : drafts;
  const signed = checksumsSignature === undefined ? undefined : signedBy(checksumsSignature, trust);
  addChecksums(listed, checksums, checksumsSha256, signed);
  pinArchives(drafts, settings.remote.unpack);
  // Who is named signs the listing, and with it the artifact.
  if (signed === undefined) addSignature(drafts, trust);
  else for (const one of drafts) requireTrustOutside(one, trust);
  return { ...settings, artifacts: drafts.map(requireRequirement) };
}

/**
 * `[SOURCE [DEST]]...`: a URL may be followed by the path to publish at (KServe's `src dest` form); a plain path is
 * verified where it lies.
 */
function draftArguments(words: readonly string[]): Draft[] {
  const drafts: Draft[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '') throw usage('an argument is empty', 'give a path or a URL');
    const next = words[i + 1];
    const destination = isUrl(word) && next !== undefined && next !== '' && !isUrl(next) ? resolve(next) : undefined;
    if (destination !== undefined) i += 1;
    drafts.push(draft(parseLocation(word), destination, drafts));
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
  return { name: unique, source, ...(destination === undefined ? {} : { destination }), requirements };
}

/** Artifacts of the environment; a pin without a path of its own belongs to the one source of the command line. */
function draftEnvironment(artifacts: readonly EnvironmentArtifact[], fromArguments: readonly Draft[]): Draft[] {
  const drafts: Draft[] = [];
  for (const { name, path, sourceUrl, pin, signature } of artifacts) {
    const requirements: Requirement[] = pin === undefined ? [] : [{ kind: 'sha256', ...pin }];
    if (path !== undefined || sourceUrl !== undefined) {
      const source = parseLocation(sourceUrl ?? `${path}`);
      if (sourceUrl === undefined && isUrl(`${path}`)) throw pathIsUrl(name);
      const destination = sourceUrl !== undefined && path !== undefined ? resolve(path) : undefined;
      const plain = draft(source, destination, [...fromArguments, ...drafts], name);
      const made = signature === undefined ? plain : { ...plain, signature };
      made.requirements.push(...requirements);
      drafts.push(made);
      continue;
    }
    const [only, ...more] = fromArguments;
    if (only === undefined || more.length > 0) {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${pin?.origin ?? `${name.toUpperCase()}_SIGNATURE`} is set, but it is not clear what it belongs to`,
        remedy: `set ${name.toUpperCase()}_PATH to the file or folder that must have this digest`,
      });
    }
    if (signature !== undefined) {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${name.toUpperCase()}_SIGNATURE is set without ${name.toUpperCase()}_PATH`,
        remedy: 'name the signature of an argument with --signature',
      });
    }
    only.requirements.push(...requirements);
  }
  return drafts;
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
  for (const { name, source, destination } of drafts) {
    const path = destination ?? locationText(source);
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

function requireTrustOutside({ source, destination }: Draft, trust: TrustFlags): void {
  for (const path of [destination, source.kind === 'volume' ? source.path : undefined])
    if (path !== undefined) requireOutside(trustFiles(trust), path);
}

/** An archive that is to be unpacked is pinned as it is sent. */
function pinArchives(drafts: readonly Draft[], unpack: boolean): void {
  if (!unpack) return;
  const archives = drafts.filter(({ source }) => source.kind === 'https');
  if (archives.length === 0) throw usage('--unpack was given, but no source is an archive of a server', 'leave it out');
  for (const { requirements } of archives) {
    for (const [i, requirement] of requirements.entries())
      if (requirement.kind === 'sha256') requirements[i] = { ...requirement, kind: 'archive' };
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
    requireTrustOutside(one, trust);
    requirements.push(signature === undefined ? requirement : { ...requirement, files: [signature] });
  }
}

function trustFiles({ keys, caRoots, trustedRoot }: TrustFlags): string[] {
  return [...keys, caRoots, trustedRoot].filter((file) => file !== undefined);
}

function requireRequirement({ signature: _, ...artifact }: Draft): ArtifactPlan {
  if (artifact.requirements.length > 0) return artifact;
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
