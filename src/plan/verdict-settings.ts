import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { VERDICT_TYPE, type VerdictTerms } from '../evidence/index.ts';
import { type Attestor, parsePublicKey } from '../trust/index.ts';
import type { SignatureRequirement } from './plan.ts';
import { readTrust } from './trust-files.ts';

/** What flags ask of verdicts of other verifiers. */
export interface VerdictFlags {
  /** `--accept-verdict` */
  readonly files: readonly string[];
  /** `--verifier-key`: PEM files. */
  readonly keys: readonly string[];
  readonly terms: VerdictTerms;
}

/**
 * A key whose signature counts by itself, without a log: of a verifier, or of the platform.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function keyAttestor(file: string, what: string): Attestor {
  const pem = readTrust(file, what);
  const { fingerprint } = parsePublicKey(pem, `${what} ${file}`);
  const logs = { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 };
  return { kind: 'key', name: file, pem, fingerprint, logs, trustedRoot: 'public-good' };
}

/**
 * A verdict that must be there.
 *
 * @throws WeighlockError `CONFIG_INVALID` for one that nobody could give, or terms of none
 */
export function verdictRequirement({ files, keys, terms }: VerdictFlags): SignatureRequirement | undefined {
  if (files.length === 0 && keys.length === 0 && Object.keys(terms).length === 0) return undefined;
  if (files.length === 0) throw invalid('a verifier is named, and no verdict', 'add --accept-verdict FILE');
  if (keys.length === 0)
    throw invalid('--accept-verdict was given, but not whose verdicts count', 'add --verifier-key FILE');
  const attestors = keys.map((file) => keyAttestor(file, 'the key of the verifier'));
  return {
    kind: 'attestation',
    attestors,
    threshold: 1,
    files: files.map((file) => resolve(file)),
    conditions: [],
    predicateType: VERDICT_TYPE,
    verdict: terms,
    origin: '--accept-verdict',
  };
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
