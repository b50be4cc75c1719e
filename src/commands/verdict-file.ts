import type { KeyObject } from 'node:crypto';
import { rmSync } from 'node:fs';
import { WeighlockError } from '../error/index.ts';
import { ioError } from '../fs/index.ts';
import type { Environment, Policy } from '../plan/index.ts';
import {
  evidenceDigest,
  inputsOf,
  isPartPassed,
  leftOutOf,
  levelsOf,
  type PartialTerms,
  policyOf,
  requirementsDigest,
  type VerdictContext,
  verdictPayload,
  writePartial,
} from '../receipt/index.ts';
import { readPrivateKey, signModel } from '../sign/index.ts';
import { locationText } from '../source/index.ts';
import type { RunOutcome } from '../verdict/index.ts';
import { type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';
import { imageOf } from './verifier-image.ts';
import { replaceFile } from './written-file.ts';

/**
 * What signs the verdict of a run, read before anything is verified: a key that cannot be read
 * should not cost an hour first.
 */
export interface VerdictSigner {
  readonly key: KeyObject;
  readonly image?: string;
}

/** @throws WeighlockError `USAGE`, `CONFIG_INVALID` */
export async function verdictSigner(values: RawValues, environment: Environment): Promise<VerdictSigner | undefined> {
  const file = textOf(values, 'verdict');
  const key = textOf(values, 'verdict-key');
  const image = imageOf(values);
  if (file === undefined && key === undefined) return undefined;
  if (file === undefined) throw usage('--verdict-key was given without --verdict', 'add --verdict FILE');
  if (key === undefined) throw usage('--verdict was given, and nobody to sign it', 'add --verdict-key FILE');
  const privateKey = await readPrivateKey(key, environment['COSIGN_PASSWORD']);
  // Refused now, and not after an hour.
  signModel(Buffer.alloc(0), privateKey);
  return { key: privateKey, ...(image === undefined ? {} : { image }) };
}

/**
 * Writes the verdicts of a run, one bundle on each line. Where there is none, none of an earlier
 * run is left.
 *
 * @throws WeighlockError `REPORT_UNWRITABLE`
 */
export function writeVerdict(
  path: string,
  { artifacts, failures, startedAt, seconds }: RunOutcome,
  policies: readonly Policy[],
  { key, image }: VerdictSigner,
  runId = '',
): void {
  const timeVerified = new Date(startedAt.getTime() + seconds * 1000);
  const context = { policies, timeVerified, ...(image === undefined ? {} : { image }) };
  const [part] = artifacts;
  if (part?.part !== undefined) {
    writePart(path, part, startedAt, context, key, runId, failures);
    return;
  }
  const payloads = artifacts
    .filter((artifact) => isSaid(artifact, policies, failures))
    .map((artifact) => verdictPayload(artifact, context))
    .filter((one) => one !== undefined);
  try {
    if (payloads.length === 0) rmSync(path, { force: true });
    else replaceFile(path, payloads.map((payload) => signModel(payload, key)).join(''), 0o644);
  } catch (error) {
    const failed = error instanceof WeighlockError ? error : ioError(error, `remove ${path}`);
    const { message, remedy = 'mount a writable volume for the verdict' } = failed;
    throw new WeighlockError({ code: 'REPORT_UNWRITABLE', message, remedy }, { cause: error });
  }
}

/**
 * The platform's key signs what the platform's policies judged: not what a pod brought along with a
 * pin of its own, beside them. And nothing passed in a run in which something was not met that no
 * artifact has for itself.
 */
function isSaid(
  { artifact, result }: RunOutcome['artifacts'][number],
  policies: readonly Policy[],
  failures: RunOutcome['failures'],
): boolean {
  if (policies.length > 0 && (artifact.policies ?? []).length === 0) return false;
  return result !== 'PASSED' || failures.length === 0;
}

/** The verdict on one part: none where anything is wrong with it. */
function writePart(
  path: string,
  outcome: RunOutcome['artifacts'][number],
  startedAt: Date,
  context: VerdictContext,
  key: KeyObject,
  run: string,
  failures: RunOutcome['failures'],
): void {
  const { artifact, part, measured, evidence = new Map() } = outcome;
  try {
    if (!isPartPassed(outcome) || failures.length > 0 || part === undefined || measured === undefined) {
      rmSync(path, { force: true });
      return;
    }
    const { uri, digest } = policyOf(outcome, context);
    const terms: PartialTerms = {
      part,
      run,
      startedAt: startedAt.getTime(),
      resourceUri: locationText(artifact.source),
      kind: measured.kind,
      policy: { uri, sha256: digest.sha256 },
      levels: levelsOf(artifact.requirements),
      inputs: inputsOf(outcome),
      leftOut: leftOutOf(outcome),
      pins: artifact.requirements.flatMap((one) => (one.kind === 'sha256' ? [one.digest] : [])),
      requirements: requirementsDigest(artifact.requirements),
      evidence: evidenceDigest(evidence),
    };
    writePartial(path, measured.files, terms, key);
  } catch (error) {
    const { message, remedy = 'mount a writable volume for the verdict' } = ioError(error, `write ${path}`);
    throw new WeighlockError({ code: 'REPORT_UNWRITABLE', message, remedy }, { cause: error });
  }
}
