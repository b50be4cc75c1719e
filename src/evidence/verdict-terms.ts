import type { Statement } from './statement.ts';
import { Fields, MalformedError } from './strict-json.ts';

/** SLSA's Verification Summary Attestation, version 1. */
export const VERDICT_TYPE = 'https://slsa.dev/verification_summary/v1';

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

/** Clocks of two machines differ by seconds; a verdict from beyond that is one of a clock that was set. */
const MOST_AHEAD = 60_000;

/** More levels are no verdict. */
const MOST_LEVELS = 100;

/** RFC 3339 in UTC. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/**
 * Why a verdict that was signed by a verifier who is trusted does not count.
 *
 * @param now - milliseconds since 1970
 * @returns undefined for one that does
 */
export function faultInVerdict({ predicate }: Statement, terms: VerdictTerms, now: number): string | undefined {
  try {
    return faultIn(new Fields(predicate, 'the verdict'), terms, now);
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
}

function faultIn(verdict: Fields, { verifier, policy, maxAge, levels = [] }: VerdictTerms, now: number) {
  const result = verdict.text('verificationResult');
  if (result !== 'PASSED') return `its result is ${JSON.stringify(result.slice(0, 40))}, not PASSED`;
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
