import { resolve } from 'node:path';
import { WeighlockError } from '../../error/index.ts';
import type { StorageRules } from '../../fs/index.ts';
import { type Location, locationText, parseLocation } from '../../source/index.ts';
import type { Environment } from '../environment.ts';
import { parsePin } from '../pin.ts';
import type { FailurePolicy, Leaf, Mode, Requirement } from '../plan.ts';
import type { PinSource, Policy, PolicyArtifact, PolicyLeaf, PolicyRequirement } from './policy.ts';

/** An artifact that is being put together from arguments, environment and policies. */
export interface Subject {
  readonly name: string;
  readonly source: Location;
  readonly destination?: string;
  readonly requirements: Requirement[];
  /** Names of the policies that require something of it. */
  readonly policies: string[];
  /** What each of them, or the flags, say about its storage. */
  readonly storages: (StorageRules | undefined)[];
}

/** Where it lies, or will lie. */
export function pathOf({ source, destination }: Pick<Subject, 'source' | 'destination'>): string {
  return destination ?? locationText(source);
}

/**
 * The strictest of what policies and flags say: no value of a pod's weakens a policy.
 *
 * @param blocking - what the pod says that could make a question unanswerable: with it, beside a
 * policy, nothing is ignored
 */
export function strictest(
  policies: readonly Policy[],
  asked: { readonly mode?: Mode; readonly failurePolicy?: FailurePolicy },
  blocking: readonly string[] = [],
): { mode: Mode; failurePolicy: FailurePolicy } {
  const modes = [...policies.map(({ mode }) => mode), ...(asked.mode === undefined ? [] : [asked.mode])];
  const kinds = policies.map(({ failurePolicy }) => failurePolicy);
  const all = asked.failurePolicy === undefined ? kinds : [...kinds, asked.failurePolicy];
  const isDoubted = policies.length > 0 && blocking.length > 0;
  return {
    mode: modes.length === 0 || modes.includes('Enforce') ? 'Enforce' : 'Audit',
    failurePolicy: all.length === 0 || all.includes('Fail') || isDoubted ? 'Fail' : 'Ignore',
  };
}

/**
 * Adds what policies require: to each artifact that the pod brought, and to those that a policy
 * names itself. Several policies only ever add.
 *
 * @param add - makes a subject for an artifact that only a policy names
 * @returns names of variables whose digest a policy already asks for
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function applyPolicies(
  policies: readonly Policy[],
  brought: readonly Subject[],
  environment: Environment,
  add: (name: string, source: Location, destination: string | undefined) => Subject,
): ReadonlySet<string> {
  const used = new Set<string>();
  const named: Subject[] = [];
  const own = new Map<Policy, Set<Subject>>();
  for (const policy of policies) {
    const subjects = new Set<Subject>();
    own.set(policy, subjects);
    for (const artifact of policy.artifacts) {
      if (artifact.subject.kind !== 'one') continue;
      const wanted = locationsOf(artifact.subject);
      const known = [...brought, ...named].find((one) => pathOf(one) === pathOf(wanted));
      if (known !== undefined) requireSameSource(known, artifact, wanted.source);
      const subject = known ?? add(artifact.name, wanted.source, wanted.destination);
      if (known === undefined) named.push(subject);
      subjects.add(subject);
      require(subject, artifact, policy, used);
    }
  }
  for (const policy of policies) {
    for (const artifact of policy.artifacts) {
      if (artifact.subject.kind !== 'each-target') continue;
      for (const subject of brought) {
        if (own.get(policy)?.has(subject) === true) continue;
        require(subject, artifact, policy, undefined);
      }
    }
  }
  return used;

  function require(subject: Subject, artifact: PolicyArtifact, policy: Policy, pins: Set<string> | undefined): void {
    subject.requirements.push(...requirementsOf(artifact, policy, environment, pins));
    subject.storages.push(artifact.storage);
    if (!subject.policies.includes(policy.name)) subject.policies.push(policy.name);
  }
}

function locationsOf({ source, path, files }: PolicyArtifact['subject'] & { kind: 'one' }): {
  source: Location;
  destination?: string;
} {
  if (source === undefined) return { source: { kind: 'volume', path: resolve(path ?? '/') } };
  return { source: parseLocation(source, files), ...(path === undefined ? {} : { destination: resolve(path) }) };
}

/** Where content comes from is part of what the platform decides, where it does. */
function requireSameSource(known: Subject, artifact: PolicyArtifact, source: Location): void {
  if (source.kind === 'volume' || isSame(source, known.source)) return;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `the policy says that ${artifact.name} comes from elsewhere`,
    expected: locationText(source),
    found: locationText(known.source),
    remedy: 'leave the source to the policy, or ask the platform team to change it',
  });
}

/** The same place, and the same files of it. */
function isSame(one: Location, other: Location): boolean {
  const files = (location: Location) =>
    JSON.stringify(location.kind === 'store' ? [location.store.include, location.store.exclude] : []);
  return locationText(one) === locationText(other) && files(one) === files(other);
}

function requirementsOf(
  { name, require }: PolicyArtifact,
  policy: Policy,
  environment: Environment,
  used: Set<string> | undefined,
): Requirement[] {
  const where = `policy ${policy.name}`;
  return require.map((one) => {
    const made = requirementOf(one, where, environment, used);
    if (made !== undefined) return made;
    const variables = variablesOf(one).join(' or ');
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `${where} requires ${variables} of ${name}, and it is not set`,
      remedy: `set ${variables} in the pod to what "weighlock digest" prints for the right content`,
    });
  });
}

/** @returns undefined for what rests on a variable that is not set */
function requirementOf(
  one: PolicyRequirement,
  where: string,
  environment: Environment,
  used: Set<string> | undefined,
): Requirement | undefined {
  if (one.kind !== 'anyOf') return leafOf(one, where, environment, used);
  const options = one.options
    .map((option) => leafOf(option, where, environment, used))
    .filter((option) => option !== undefined);
  const [only] = options;
  if (options.length <= 1) return only;
  return { kind: 'anyOf', options, origin: `one of: ${options.map(({ origin }) => origin).join('; ')}` };
}

function leafOf(
  one: PolicyLeaf,
  where: string,
  environment: Environment,
  used: Set<string> | undefined,
): Leaf | undefined {
  if (one.kind === 'signature') {
    const { requirement } = one;
    return { ...requirement, origin: `${requirement.origin} (${where})` };
  }
  if (one.kind === 'content') return { ...one, origin: `${one.origin} (${where})` };
  const pin = one.pin === undefined ? undefined : digestOf(one.pin, environment, used);
  if (one.kind === 'sha256') return pin && { kind: 'sha256', digest: pin.digest, origin: `${pin.origin} (${where})` };
  const common = { kind: 'checksums', file: one.file, origin: `${one.file} (${where})` } as const;
  if (one.signature !== undefined) return { ...common, digest: one.signature.origin, signature: one.signature };
  return pin && { ...common, digest: pin.digest };
}

function digestOf(
  pin: PinSource,
  environment: Environment,
  used: Set<string> | undefined,
): { digest: string; origin: string } | undefined {
  if ('digest' in pin) return { digest: pin.digest, origin: 'a pin' };
  const value = environment[pin.fromEnv];
  if (value === undefined) return undefined;
  used?.add(pin.fromEnv);
  return { digest: parsePin(value, pin.fromEnv), origin: pin.fromEnv };
}

function variablesOf(one: PolicyRequirement): string[] {
  if (one.kind === 'anyOf') return one.options.flatMap(variablesOf);
  if (one.kind === 'signature' || one.kind === 'content' || one.pin === undefined) return [];
  return 'fromEnv' in one.pin ? [one.pin.fromEnv] : [];
}
