import type { Failure } from '../error/index.ts';
import type { ContentRequirement, Leaf, Requirement, SignatureRequirement } from '../plan/index.ts';
import { agreedLists } from './agreed-lists.ts';
import { compareChecksums } from './compare.ts';
import { expectedContent, judgeContent } from './judge-content.ts';
import { expectedSigners, judgeSignature } from './judge-signature.ts';
import type { Judged, ListingEvidence, Scope, SignatureEvidence } from './judged.ts';
import type { Measured, RequirementOutcome } from './outcome.ts';

/** Evidence of one artifact that was loaded and found trustworthy, by requirement. */
export type Evidence = ReadonlyMap<Requirement, ListingEvidence | SignatureEvidence>;

/**
 * Verdict on what was measured: for each requirement whether it is met, and every reason why not.
 */
export interface Judgement {
  readonly requirements: readonly RequirementOutcome[];
  readonly failures: readonly Failure[];
}

/** Alternatives of a group that are out of the question already, and why. */
export type Refused = ReadonlyMap<Leaf, readonly Failure[]>;

/** Holds what was measured of an artifact against everything that is required of it. */
export function judge(
  requirements: readonly Requirement[],
  measured: Measured,
  evidence: Evidence,
  refused: Refused,
): Judgement {
  const scope = scopeOf(evidence);
  const judgements = requirements.map((requirement) =>
    requirement.kind === 'anyOf'
      ? judgeGroup(requirement, measured, evidence, refused, scope)
      : judgeLeaf(requirement, measured, evidence, scope),
  );
  return {
    requirements: judgements.map(({ outcome }) => outcome),
    failures: judgements.flatMap(({ failures }) => failures),
  };
}

/** Evidence for one requirement may lie where another one looks: it is neither's to refuse. */
function scopeOf(evidence: Evidence): Scope {
  const all = [...evidence];
  return {
    files: all.flatMap(([, { files }]) => files),
    models: all.flatMap(([requirement, one]) =>
      'proofs' in one && requirement.kind !== 'anyOf' && isSignature(requirement)
        ? agreedLists([...one.proofs, ...(one.models ?? [])], requirement.threshold)
        : [],
    ),
  };
}

function judgeLeaf(requirement: Leaf, measured: Measured, evidence: Evidence, scope: Scope): Judged {
  if (requirement.kind === 'sha256') return judgePin(requirement, measured);
  if (requirement.kind === 'content') return judgeContent(requirement, measured);
  const loaded = evidence.get(requirement);
  if (isSignature(requirement))
    return judgeSignature(
      requirement,
      measured,
      loaded !== undefined && 'proofs' in loaded ? loaded : undefined,
      scope,
    );
  return judgeListing(requirement, measured, loaded !== undefined && 'checksums' in loaded ? loaded : undefined, scope);
}

/** One alternative that is met is enough; when none is, the reasons of all are. */
function judgeGroup(
  group: Requirement & { kind: 'anyOf' },
  measured: Measured,
  evidence: Evidence,
  refused: Refused,
  scope: Scope,
): Judged {
  const outcome = { kind: group.kind, origin: group.origin, expected: expectedText(group) };
  const failures: Failure[] = [];
  for (const [i, option] of group.options.entries()) {
    const known = refused.get(option);
    const judged = known === undefined ? judgeLeaf(option, measured, evidence, scope) : undefined;
    if (judged?.outcome.met === true) {
      const { found = judged.outcome.expected, signers, unlisted, inputs } = judged.outcome;
      const more = {
        ...(signers ? { signers } : {}),
        ...(inputs ? { inputs } : {}),
        ...(unlisted ? { unlisted } : {}),
      };
      return {
        outcome: { ...outcome, found: `${option.origin}: ${found}`, met: true, ...more },
        failures: [],
      };
    }
    failures.push(...alternative(known ?? judged?.failures ?? [], i, group.options.length));
  }
  return { outcome: { ...outcome, met: false }, failures };
}

/** Says of failures that they belong to one of several alternatives. */
export function alternative(failures: readonly Failure[], at: number, of: number): Failure[] {
  return failures.map((failure) => ({ ...failure, message: `alternative ${at + 1} of ${of}: ${failure.message}` }));
}

/** In words: what a requirement asks for. */
export function expectedText(requirement: Requirement): string {
  if (requirement.kind === 'anyOf') return requirement.options.map(expectedText).join(' or ');
  if (requirement.kind === 'content') return expectedContent(requirement);
  return isSignature(requirement) ? expectedSigners(requirement) : requirement.digest;
}

export function isSignature(requirement: Requirement): requirement is SignatureRequirement {
  return requirement.kind === 'signature' || requirement.kind === 'attestation';
}

type PinRequirement = Exclude<Leaf, SignatureRequirement | ContentRequirement>;

function judgePin(requirement: PinRequirement, { kind, digest }: Measured): Judged {
  const { origin, digest: expected } = requirement;
  const outcome = { kind: 'sha256', origin, expected } as const;
  // Without a digest some file could not be read, and that failure stands already.
  if (digest === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const met = digest === expected;
  const failure: Failure = {
    code: 'DIGEST_MISMATCH',
    message: kind === 'file' ? `the file's SHA-256 is not ${origin}` : `the folder's tree digest is not ${origin}`,
    expected,
    found: digest,
    remedy:
      kind === 'file'
        ? 'do not use this content; if it is the right one, pin it anew with: weighlock digest PATH'
        : 'some file, name or byte differs: compare "weighlock digest --list PATH" with a good copy; a pin for one file needs that file named',
  };
  return { outcome: { ...outcome, found: digest, met }, failures: met ? [] : [failure] };
}

/** A checksums file, or the files that a pinned manifest promises. */
function judgeListing(
  requirement: PinRequirement,
  measured: Measured,
  loaded: ListingEvidence | undefined,
  scope: Scope,
): Judged {
  const { kind, origin, digest: expected } = requirement;
  const outcome = { kind, origin, expected };
  if (loaded === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const { checksums } = loaded;
  // Of a single file nothing can be left out.
  const rules = { evidence: measured.kind === 'file' ? [] : scope.files };
  const { failures, unlisted } = compareChecksums(measured.files, { checksums, unlisted: rules }, measured.unknown);
  const complete = measured.unknown.length === 0 && measured.files.hashed.every((done) => done !== 0);
  const more = unlisted.length > 0 ? { unlisted } : {};
  return { outcome: { ...outcome, found: expected, met: complete && failures.length === 0, ...more }, failures };
}
