import { type ErrorCode, EXIT, EXIT_CODE_OF, type ExitCode, type Failure } from '../error/index.ts';
import type { FailurePolicy, Mode } from '../plan/index.ts';
import type { VerificationResult } from './outcome.ts';

/**
 * Which of several failures decides the exit code: the one that a restart is least likely to help.
 */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.sigterm,
  EXIT.sigint,
  EXIT.internal,
  EXIT.configuration,
  EXIT.usage,
  EXIT.verificationFailed,
  EXIT.notEvaluated,
];

/**
 * Worth another try, but no question that the storage or the network left open: too much content (a
 * sparse file of terabytes) uses up any volume, so whoever writes it could have
 * `failurePolicy: Ignore` let the pod start.
 */
const NEVER_IGNORED = new Set<ErrorCode>(['NO_SPACE']);

/**
 * The exit code of a run. `Audit` tolerates a failed verification, `failurePolicy: Ignore` an
 * unanswered question; neither tolerates the other's, and nothing tolerates a configuration or
 * internal error.
 */
export function exitCodeFor(failures: readonly Failure[], mode: Mode, failurePolicy: FailurePolicy): ExitCode {
  const isIgnored = (code: ErrorCode) =>
    failurePolicy === 'Ignore' && EXIT_CODE_OF[code] === EXIT.notEvaluated && !NEVER_IGNORED.has(code);
  const codes = new Set<ExitCode>(
    failures.filter(({ code }) => !isIgnored(code)).map(({ code }) => EXIT_CODE_OF[code]),
  );
  if (mode === 'Audit') codes.delete(EXIT.verificationFailed);
  if (codes.size === 0) return EXIT.verified;
  // One that is not in the list is a defect, and never a verification.
  return PRECEDENCE.find((code) => codes.has(code)) ?? EXIT.internal;
}

/** What the failures say about the artifact, whatever the mode makes of it. */
export function resultOf(failures: readonly Failure[]): VerificationResult {
  if (failures.length === 0) return 'PASSED';
  return failures.some(({ code }) => EXIT_CODE_OF[code] === EXIT.verificationFailed) ? 'FAILED' : 'UNEVALUATED';
}

/**
 * What no failure is known of, and what did not pass all the same: it can only be a defect of ours,
 * and must not let anything pass. Nothing at all is no verification either.
 */
export function unjudged(
  artifacts: readonly { readonly result: VerificationResult }[],
  failures: readonly Failure[],
): readonly Failure[] {
  if (failures.length > 0 || (artifacts.length > 0 && artifacts.every(({ result }) => result === 'PASSED'))) return [];
  return [
    {
      code: 'INTERNAL',
      message: 'an artifact did not pass, and no reason is known',
      remedy: 'please report this as a defect',
    },
  ];
}
