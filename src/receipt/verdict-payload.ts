import { STATEMENT_TYPE, VERDICT_TYPE } from '../evidence/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { leavesOf, type Policy, type Requirement } from '../plan/index.ts';
import { locationText } from '../source/index.ts';
import { type ArtifactOutcome, leftOutFields } from '../verdict/index.ts';
import { VERIFIER_ID, VERSION } from '../version.ts';
import type { Merged } from './merge-parts.ts';
import { requirementsDigest } from './requirements-digest.ts';

/**
 * What is no part of the artifact, because the platform says so: a field of our own, named as
 * in-toto wants it.
 */
const LEFT_OUT = 'https://weighlock.dev/left-out/v1';

/** Paths that a verdict names; the field counts all of them. */
const MOST_LEFT_OUT = 1000;

/** What a verdict says beside its outcome. */
export interface VerdictContext {
  /** All of the run. */
  readonly policies: readonly Pick<Policy, 'name' | 'sha256'>[];
  readonly timeVerified: Date;
  /** Digest of the image that this runs in, `sha256:...`, where somebody said it. */
  readonly image?: string;
}

/** A resource as in-toto names it. */
interface Resource {
  readonly uri: string;
  readonly digest: { readonly sha256: string };
}

/**
 * What is signed of one verdict: an in-toto statement with SLSA's Verification Summary Attestation
 * v1. Nothing is said of what could not be evaluated, or has no digest.
 */
export function verdictPayload(outcome: ArtifactOutcome, context: VerdictContext): Buffer | undefined {
  const { artifact, result, measured, manifest, isOfManifest = false, requirements } = outcome;
  const { name, source } = artifact;
  if (result === 'UNEVALUATED' || measured?.digest === undefined) return undefined;
  const digests = [
    measured.digest,
    ...(manifest === undefined || !isOfManifest ? [] : [manifest.replace(/^sha256:/, '')]),
  ];
  const isPassed = result === 'PASSED';
  const statement = {
    _type: STATEMENT_TYPE,
    subject: digests.map((sha256) => ({ name, digest: { sha256 } })),
    predicateType: VERDICT_TYPE,
    predicate: {
      verifier: verifierOf(context),
      timeVerified: context.timeVerified.toISOString(),
      resourceUri: locationText(source),
      policy: policyOf(outcome, context),
      inputAttestations: requirements.flatMap(({ inputs = [] }) => inputs),
      verificationResult: result,
      verifiedLevels: isPassed ? levelsOf(artifact.requirements) : ['FAILED'],
      slsaVersion: '1.1',
      ...leftOutField((outcome.leftOut ?? []).map(leftOutFields)),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

/** What nobody read, and the digest says nothing of. */
function leftOutField<T extends { readonly path: string }>(all: readonly T[]): object {
  return all.length === 0 ? {} : { [LEFT_OUT]: { paths: all.length, entries: all.slice(0, MOST_LEFT_OUT) } };
}

/** By path and rule: how much there is of it changes from part to part. */
export function leftOutOf({ leftOut = [] }: Pick<ArtifactOutcome, 'leftOut'>): { path: string; by: string }[] {
  return leftOut.map(leftOutFields).map(({ path, by }) => ({ path, by }));
}

/**
 * What is signed of parts that were put together.
 *
 * @param context - `policies` say nothing here: the parts do
 */
export function mergedPayload(merged: Merged, { image }: Pick<VerdictContext, 'image'>): Buffer {
  const { first, startedAt, digest } = merged;
  const { resourceUri, policy, inputs, levels, leftOut } = first;
  const named = ({ uri, sha256 }: { readonly uri: string; readonly sha256: string }): Resource => ({
    uri,
    digest: { sha256 },
  });
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [
      { name: resourceUri.split('/').findLast((word) => word !== '') ?? resourceUri, digest: { sha256: digest } },
    ],
    predicateType: VERDICT_TYPE,
    predicate: {
      verifier: verifierOf(image === undefined ? {} : { image }),
      // Of the part that began first: whatever asks for a greatest age asks it of every byte.
      timeVerified: new Date(startedAt).toISOString(),
      resourceUri,
      policy: named(policy),
      inputAttestations: inputs.map(named),
      verificationResult: 'PASSED',
      verifiedLevels: levels,
      slsaVersion: '1.1',
      ...leftOutField(leftOut),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

/** Files with the signatures that count. */
export function inputsOf({ requirements }: Pick<ArtifactOutcome, 'requirements'>): { uri: string; sha256: string }[] {
  return requirements.flatMap(({ inputs = [] }) => inputs.map(({ uri, digest }) => ({ uri, sha256: digest.sha256 })));
}

/** `verifier` of the predicate. */
export function verifierOf({ image }: Pick<VerdictContext, 'image'>): object {
  return { id: VERIFIER_ID, version: { weighlock: VERSION, ...(image === undefined ? {} : { image }) } };
}

/**
 * The policy by its name and the digest of its text. Of several, or none, that of all that they
 * require: there is one policy in a verdict.
 */
export function policyOf({ artifact }: Pick<ArtifactOutcome, 'artifact'>, { policies }: VerdictContext): Resource {
  const own = policies.filter(({ name }) => artifact.policies?.includes(name) === true);
  const [only, ...more] = own;
  const uri = `https://weighlock.dev/policies/${own.map(({ name }) => encodeURIComponent(name)).join('+') || 'flags'}`;
  if (only !== undefined && more.length === 0) return { uri, digest: { sha256: only.sha256 } };
  const listing = own.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
  const sha256 =
    own.length === 0
      ? requirementsDigest(artifact.requirements)
      : nodeCrypto().createHash('sha256').update(listing).digest('hex');
  return { uri, digest: { sha256 } };
}

/**
 * What was shown, in levels of our own: which level of SLSA a build has is for the conditions of a
 * policy.
 */
export function levelsOf(requirements: readonly Requirement[]): string[] {
  const has = (kind: Requirement['kind']) =>
    // Of alternatives, whichever was met.
    requirements.some((requirement) => leavesOf(requirement).every((leaf) => leaf.kind === kind));
  return [
    'WEIGHLOCK_CONTENT',
    ...(has('signature') ? ['WEIGHLOCK_SIGNED'] : []),
    ...(has('attestation') ? ['WEIGHLOCK_ATTESTED'] : []),
  ];
}
