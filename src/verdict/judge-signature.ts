import type { ErrorCode, Failure } from '../error/index.ts';
import type { ModelManifest, Proof, Proofs, Signer } from '../evidence/index.ts';
import { nameAt, type PathBytes } from '../fs/index.ts';
import type { SignatureRequirement } from '../plan/index.ts';
import { attestorText } from '../trust/index.ts';
import { type Comparison, compareChecksums, type Expected, notCompared } from './compare.ts';
import { distinctSigners } from './distinct-signers.ts';
import { folderDifferences } from './judge-attested-folder.ts';
import type { Judged, Scope, SignatureEvidence } from './judged.ts';
import type { Input, Measured } from './outcome.ts';

/** Reasons shown for signatures that do not count; there may be hundreds of strangers'. */
const MOST_REASONS = 5;

/** In words: whose signatures are asked for. */
export function expectedSigners({ attestors, threshold }: SignatureRequirement): string {
  const names = attestors.map(attestorText).join(' or ');
  return threshold === 1 ? names : `${threshold} of ${names}`;
}

/** Holds what was measured against what was signed. */
export function judgeSignature(
  requirement: SignatureRequirement,
  measured: Measured,
  evidence: SignatureEvidence | undefined,
  scope: Scope,
): Judged {
  const { kind, origin } = requirement;
  const outcome = { kind, origin, expected: expectedSigners(requirement) };
  if (evidence === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const complete = measured.unknown.length === 0 && measured.files.hashed.every((done) => done !== 0);
  const failures: Failure[] = [];
  const counted: Proof[] = [];
  let unlisted: Comparison['unlisted'] = [];
  for (const proof of evidence.proofs) {
    const compared = differencesFrom(proof, requirement, measured, evidence, scope);
    if (compared.failures.length > 0) {
      if (failures.length === 0) failures.push(...compared.failures);
      continue;
    }
    counted.push(proof);
    if (compared.unlisted.length > unlisted.length) unlisted = compared.unlisted;
  }
  const signers = counted.map(({ signer }) => signer);
  // Each part may find that another of several lists fits its share: then no list fits the whole.
  const isMixed = measured.isPart === true && failures.length > 0;
  const enough = !isMixed && distinctSigners(signers) >= requirement.threshold;
  const found = signers.map(signerText).join(', ');
  return {
    outcome: {
      ...outcome,
      ...(found === '' ? {} : { found }),
      met: complete && enough,
      ...(enough ? { signers, ...inputsOf(counted) } : {}),
      ...(enough && unlisted.length > 0 ? { unlisted } : {}),
    },
    failures: enough ? [] : failures.length > 0 ? failures : [notEnough(requirement, evidence)],
  };
}

function inputsOf(counted: readonly Proof[]): { inputs?: readonly Input[] } {
  const byFile = new Map<string, Input>();
  for (const { where, sha256 } of counted)
    if (sha256 !== undefined) byFile.set(where, { uri: where, digest: { sha256 } });
  return byFile.size === 0 ? {} : { inputs: [...byFile.values()] };
}

/**
 * Why too few of those that are trusted have signed anything at all, before a byte of the artifact
 * was read.
 *
 * @returns undefined when enough have
 */
export function tooFewSigners(requirement: SignatureRequirement, proofs: Proofs): Failure | undefined {
  const enough = distinctSigners(proofs.proofs.map(({ signer }) => signer)) >= requirement.threshold;
  return enough ? undefined : notEnough(requirement, proofs);
}

function notEnough(requirement: SignatureRequirement, { proofs, rejected }: Proofs): Failure {
  const isAttestation = requirement.kind === 'attestation';
  const missing = isAttestation ? 'ATTESTATION_MISSING' : 'SIGNATURE_MISSING';
  const reasons = rejected.slice(0, MOST_REASONS).map(({ where, why }) => `${where}: ${why}`);
  const more = rejected.length > MOST_REASONS ? `; and ${rejected.length - MOST_REASONS} more` : '';
  const signed = proofs.map(({ signer }) => signerText(signer));
  const found = [...signed, ...reasons].join('; ') + more;
  const what = isAttestation ? `attestation of ${requirement.predicateType}` : 'signature';
  return {
    code: codeOf(rejected, missing),
    message: `no ${what} that counts`,
    expected: expectedSigners(requirement),
    found: found === '' ? 'none at all' : found,
    remedy: isAttestation
      ? 'have the pipeline that made the artifact attest to it, and check whose attestation is asked for'
      : 'have the artifact signed by one of them, and check that this is the artifact that they signed',
  };
}

/**
 * The most telling of the reasons: a broken signature by the right person says more than a
 * stranger's.
 */
function codeOf(rejected: Proofs['rejected'], missing: ErrorCode): ErrorCode {
  for (const code of ['CONDITION_FAILED', 'SIGNATURE_INVALID', 'SIGNER_UNTRUSTED'] as const)
    if (rejected.some((one) => one.code === code)) return code;
  return missing;
}

export function signerText({ attestor, subject, issuer, fingerprint, time, logIndex }: Signer): string {
  const who = subject === undefined ? `key ${fingerprint.slice(0, 16)}` : `${subject} by ${issuer ?? 'nobody'}`;
  const when = time === undefined ? '' : ` at ${time.toISOString()}`;
  const entry = logIndex === undefined ? '' : ` (log index ${logIndex})`;
  return `${attestor}: ${who}${when}${entry}`;
}

function differencesFrom(
  { binding }: Proof,
  requirement: SignatureRequirement,
  measured: Measured,
  evidence: SignatureEvidence,
  scope: Scope,
): Comparison {
  const { files, unknown } = measured;
  if (binding.kind === 'manifest') {
    const { promised } = evidence;
    if (promised === undefined) return { failures: [notCompared()], unlisted: [] };
    return compareChecksums(files, { checksums: promised }, unknown);
  }
  const compareModel = (manifest: ModelManifest) => modelDifferences(manifest, requirement, measured, scope);
  if (binding.kind === 'file' && measured.kind === 'folder' && requirement.kind === 'attestation')
    return folderDifferences(binding, requirement, measured, scope.models, compareModel);
  if (binding.kind === 'file') return { failures: fileDifferences(binding, measured), unlisted: [] };
  return compareModel(binding.manifest);
}

/** Holds a folder, or one file, against a list that was signed. */
function modelDifferences(
  manifest: ModelManifest,
  requirement: SignatureRequirement,
  measured: Measured,
  scope: Scope,
): Comparison {
  const { failures, unlisted } = comparedWithModel(manifest, requirement, measured, scope);
  return { failures: failures.map(shortened), unlisted };
}

function comparedWithModel(
  manifest: ModelManifest,
  { ignorePaths = [] }: SignatureRequirement,
  measured: Measured,
  scope: Scope,
): Comparison {
  const { kind, files, unknown } = measured;
  const isPlain = manifest.hash === 'sha256' && manifest.method === 'files';
  const second = measured.second ?? new Map<PathBytes, readonly string[]>();
  return compareChecksums(
    files,
    {
      checksums: signedFiles(manifest, measured),
      unlisted: {
        // Of a single file nothing can be left out.
        evidence: kind === 'file' ? [] : scope.files,
        ignorePaths: kind === 'file' ? [] : ignorePaths,
        leftOut: manifest.ignored,
        ...(manifest.method === 'shards' ? { emptyFiles: manifest.ignored } : {}),
      },
      ...(isPlain ? {} : { digestOf: (name: PathBytes) => second.get(name)?.join(' ') }),
    },
    unknown,
  );
}

/** Of a file in hundreds of shards, the first one that differs. */
function shortened(failure: Failure): Failure {
  const expected = failure.expected?.split(' ') ?? [];
  const found = failure.found?.split(' ') ?? [];
  if (expected.length < 2 && found.length < 2) return failure;
  const first = expected.findIndex((digest, i) => digest !== found[i]);
  const at = first < 0 ? expected.length + 1 : first + 1;
  const shard = (digests: readonly string[]) => `${digests[at - 1] ?? 'nothing'} (shard ${at} of ${digests.length})`;
  return { ...failure, expected: shard(expected), found: shard(found) };
}

/** What a model signature promises, by name; the shards of a file together. */
function signedFiles({ files: signed }: ModelManifest, { kind, files }: Measured): Expected {
  // A file may be called otherwise than when it was signed.
  const [only] = kind === 'file' && signed.size === 1 ? [...signed] : [];
  return only === undefined ? signed : new Map([[nameAt(files, 0), only[1]]]);
}

function fileDifferences(binding: Proof['binding'] & { kind: 'file' }, measured: Measured): Failure[] {
  const { kind, digest, files, second } = measured;
  if (kind !== 'file') {
    return [
      {
        code: 'SIGNATURE_INVALID',
        message: 'the signature is of one file, and this is a folder',
        remedy: 'sign the folder: weighlock sign FOLDER, or model_signing sign',
      },
    ];
  }
  if (digest === undefined) return [notCompared()];
  const found = binding.hash === 'sha256' ? digest : second?.get(nameAt(files, 0))?.[0];
  if (found !== undefined && binding.digests.includes(found)) return [];
  return [
    {
      code: 'DIGEST_MISMATCH',
      message: `the file's ${binding.hash.toUpperCase()} is not the one that was signed`,
      expected: binding.digests.slice(0, 3).join(' or ') || 'a digest',
      found: found ?? 'nothing',
      remedy: 'do not use this content: get the file that was signed, or its signature',
    },
  ];
}
