import type { Statement } from './statement.ts';
import { Fields, MalformedError } from './strict-json.ts';

/** SLSA's Verification Summary Attestation, version 1. */
export const VERDICT_TYPE = 'https://slsa.dev/verification_summary/v1';

/** And the versions before it, which say the same in other words. */
const OLD_TYPE = /^https:\/\/slsa\.dev\/verification_summary\/v0\.\d{1,3}$/;

/** What is asked of a verdict beside that it passed. */
export interface VerdictTerms {
  /** `verifier.id`, byte for byte. */
  readonly verifier?: string;
  /** SHA-256 of the policy that it was reached by, hex. */
  readonly policy?: string;
  /** Most milliseconds since `timeVerified`. */
  readonly maxAge?: number;
  /** Each must be among `verifiedLevels`. */
  readonly levels?: readonly string[];
}

/**
 * Clocks of two machines differ by seconds; a verdict from beyond that is one of a clock that was
 * set.
 */
const MOST_AHEAD = 60_000;

/** More levels are no verdict. */
const MOST_LEVELS = 100;

/** RFC 3339 in UTC. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/**
 * Why a verdict that was signed by a verifier who is trusted does not count. Verifiers sign what
 * failed, too: whoever asks for an attestation of this type, and says no more, does not ask for
 * that.
 *
 * @param type - of the attestation that is asked for
 * @param now - milliseconds since 1970
 * @returns undefined for one that counts, and for what is no verdict where none is asked for
 */
export function faultInVerdict(
  { predicate }: Pick<Statement, 'predicate'>,
  type: string | undefined,
  terms: VerdictTerms | undefined,
  now: number,
): string | undefined {
  const isOld = OLD_TYPE.test(type ?? '');
  if (terms === undefined && !isOld && type !== VERDICT_TYPE) return undefined;
  try {
    const verdict = new Fields(predicate, 'the verdict');
    return isOld ? faultInResult(verdict.text('verification_result')) : faultIn(verdict, terms ?? {}, now);
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}

function faultInResult(result: string): string | undefined {
  return result === 'PASSED' ? undefined : `its result is ${JSON.stringify(result.slice(0, 40))}, not PASSED`;
}

function faultIn(verdict: Fields, { verifier, policy, maxAge, levels = [] }: VerdictTerms, now: number) {
  const failed = faultInResult(verdict.text('verificationResult'));
  if (failed !== undefined) return failed;
  const found = verdict.list('verifiedLevels', MOST_LEVELS);
  if (found.includes('FAILED')) return 'one of its levels is FAILED';
  const id = verdict.object('verifier').text('id');
  if (verifier !== undefined && id !== verifier) return `it is by the verifier ${id.slice(0, 200)}`;
  const text = verdict.text('timeVerified');
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return 'its time is none';
  if (time > now + MOST_AHEAD) return `it is of the future: ${text}`;
  if (maxAge !== undefined && now - time > maxAge) return `it was reached at ${text}, too long ago`;
  if (policy !== undefined && verdict.object('policy').object('digest').text('sha256') !== policy)
    return 'it was reached by another policy';
  const missing = levels.find((level) => !found.includes(level));
  return missing === undefined ? undefined : `it does not have the level ${missing}`;
}
