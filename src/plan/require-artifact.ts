// What the command line and the environment require of an artifact.
import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import type { StorageRules } from '../fs/index.ts';
import { locationText } from '../source/index.ts';
import type { Patterns } from '../store/index.ts';
import { type Draft, usage } from './draft.ts';
import { parsePin } from './pin.ts';
import { type Places, requireOutside } from './places.ts';
import type { ArtifactPlan, FloatingPin, Leaf, SignatureRequirement } from './plan.ts';
import { inCommon } from './storage-settings.ts';
import { signatureRequirement, type TrustFlags } from './trust-settings.ts';

/** Where policies require something of an artifact, theirs is the word on its storage. */
export function onStorage(artifact: ArtifactPlan, { storages }: Draft, flags: StorageRules | undefined): ArtifactPlan {
  const storage = storages.length > 0 ? inCommon(storages) : flags;
  return storage === undefined ? artifact : { ...artifact, storage };
}

/**
 * Targets of which no policy requires anything have the digest that the pod's author promises of
 * some of them.
 */
export function requirePinned(targets: readonly Draft[], pins: readonly FloatingPin[]): void {
  for (const { requirements } of targets) {
    if (requirements.length > 0 || pins.length === 0) continue;
    const options = pins.map((pin): Leaf => ({ kind: 'sha256', ...pin }));
    const [only] = options;
    if (only !== undefined && options.length === 1) requirements.push(only);
    else requirements.push({ kind: 'anyOf', options, origin: options.map(({ origin }) => origin).join(' or ') });
  }
}

export function addPins(drafts: readonly Draft[], pins: readonly string[]): void {
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

export function addChecksums(
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
export function signedBy(file: string, trust: TrustFlags): SignatureRequirement {
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

export function requireTrustOutside(draft: Draft, files: readonly string[]): void {
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
export function requireStore(drafts: readonly Draft[], { include, exclude }: Patterns): void {
  if (include.length + exclude.length === 0 || drafts.some(({ source }) => source.kind === 'store')) return;
  throw usage('--include and --exclude choose files of a store, and no source is one', 'leave them out');
}

/** An archive that is to be unpacked is pinned as it is sent. */
export function pinArchives(drafts: readonly Draft[], unpack: boolean): void {
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
export function addSignature(drafts: readonly Draft[], trust: TrustFlags): void {
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

export function trustFiles({ keys, keysInVariables, ...flags }: TrustFlags): string[] {
  const files = keys.filter((key) => !keysInVariables.has(key));
  const { caRoots, intermediates, certificate, certificateChain, crl, trustedRoot, tufRoot, timestampChain } = flags;
  const others = [caRoots, intermediates, certificate, certificateChain, crl, trustedRoot, tufRoot, timestampChain];
  return [...files, ...others].filter((file) => file !== undefined);
}

export function requireRequirement({ signature: _, storages: __, policies, ...artifact }: Draft): ArtifactPlan {
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
