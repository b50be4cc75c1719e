import { EXIT, type Failure } from '../error/index.ts';
import type { RunOutcome } from '../verdict/index.ts';
import { visible } from './format.ts';

/** One line for a failure: code, file, what was expected and what was found. */
export function failureLine({ code, file, message, expected, found }: Failure): string {
  const where = file === undefined ? '' : ` ${visible(file)}`;
  const difference =
    expected === undefined ? '' : ` (expected ${visible(expected)}, found ${visible(found ?? 'nothing')})`;
  return `${code}${where}: ${visible(message)}${difference}`;
}

/** What the outcome means for the pod, in one sentence. */
export function consequence({ exitCode, result, mode, failurePolicy, isRound }: RunOutcome): string {
  if (isRound === true) return consequenceBeside({ exitCode, result, mode, failurePolicy });
  if (exitCode === EXIT.verified && result === 'PASSED') return 'the pod may start';
  if (exitCode !== EXIT.verified) return 'the pod does not start';
  const why = result === 'FAILED' ? `mode ${mode}` : `failurePolicy ${failurePolicy}`;
  return `UNVERIFIED, the pod starts all the same (${why})`;
}

/** `watch` answers the probes of a pod, which may be running. */
function consequenceBeside(outcome: Pick<RunOutcome, 'exitCode' | 'result' | 'mode' | 'failurePolicy'>): string {
  const { exitCode, result, mode, failurePolicy } = outcome;
  if (exitCode === EXIT.verified && result === 'PASSED') return 'the pod may be ready';
  if (exitCode !== EXIT.verified) return 'the pod is not ready until it verifies again';
  const why = result === 'FAILED' ? `mode ${mode}` : `failurePolicy ${failurePolicy}`;
  return `UNVERIFIED, the pod may be ready all the same (${why})`;
}

/** A failure outside any run, for standard error and the termination message. */
export function errorLine(failure: Failure): string {
  const next = failure.remedy === undefined ? '' : `\n  do next: ${visible(failure.remedy)}`;
  return `weighlock: ${failureLine(failure)}${next}\n`;
}
