// What the command line says of one verification: strictness, policies, targets, parts, verdicts.
import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import {
  FAILURE_POLICIES,
  type FailurePolicy,
  MODES,
  type Mode,
  type PolicyFlags,
  parsePin,
  type VerdictFlags,
} from '../plan/index.ts';
import { MOST_PARTS } from '../receipt/index.ts';
import { choiceOf, durationOf, listOf, namesOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

/** What the command line asks of verdicts of others. */
export function verdictFlags(values: RawValues): VerdictFlags {
  const verifier = textOf(values, 'verifier-id');
  const policy = textOf(values, 'verdict-policy');
  return {
    files: listOf(values, 'accept-verdict'),
    keys: namesOf(values, 'verifier-key'),
    terms: {
      ...(verifier === undefined ? {} : { verifier }),
      ...(policy === undefined ? {} : { policy: parsePin(policy, '--verdict-policy') }),
      ...(values['verdict-max-age'] === undefined ? {} : { maxAge: durationOf(values, 'verdict-max-age') }),
    },
  };
}

/** `--part I/N`: which of how many, and the run that they are of. */
export function partOf(values: RawValues): { readonly index: number; readonly of: number } | undefined {
  const text = textOf(values, 'part');
  if (text === undefined) return undefined;
  const [, first = '', second = ''] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  const [index, of] = [Number(first), Number(second)];
  if (second !== '' && of >= 1 && of <= MOST_PARTS && index < of) return { index, of };
  throw usage(`--part cannot be "${text}"`, `write I/N, with I from 0 to N - 1, and N from 1 to ${MOST_PARTS}`);
}

/**
 * What a uid, a date or the number of a pipeline is made of; no `$(RUN_ID)` that nobody filled in.
 */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/**
 * `--run-id`: without one, parts of an earlier run would pass for parts of this.
 *
 * @throws WeighlockError `CONFIG_INVALID` where there is a part and no run, or one that names none
 */
export function runIdOf(values: RawValues): string {
  const run = textOf(values, 'run-id');
  if (run === undefined ? values['part'] === undefined : RUN_ID.test(run)) return run ?? '';
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: run === undefined ? '--part was given without --run-id' : `--run-id cannot be "${run}"`,
    expected: 'at most 128 of A-Z a-z 0-9 . _ : / -, the same for all parts of one run, and for no other run',
    found: run ?? 'none',
    remedy: 'give the uid of the Job: --run-id=$(RUN_ID), as in examples/indexed-job',
  });
}

/** What the command line says about strictness, if anything. */
export function strictnessOf(values: RawValues): { mode?: Mode; failurePolicy?: FailurePolicy } {
  return {
    ...(values['mode'] === undefined ? {} : { mode: choiceOf(values, 'mode', MODES) }),
    ...(values['failure-policy'] === undefined
      ? {}
      : { failurePolicy: choiceOf(values, 'failure-policy', FAILURE_POLICIES) }),
  };
}

/** Where the platform's policies are. */
export function policyFlags(values: RawValues): PolicyFlags {
  const folder = textOf(values, 'trust');
  const key = textOf(values, 'policy-key');
  return {
    files: namesOf(values, 'policy'),
    signatures: namesOf(values, 'policy-signature'),
    ...(folder === undefined ? {} : { folder }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * `--targets`: absolute paths in their shortest form, so that each is there once and is what a
 * policy calls it.
 */
export function targetsOf(values: RawValues): readonly string[] {
  const written = textOf(values, 'targets')?.split(':') ?? [];
  const paths = written.map((path) => (path.startsWith('/') ? resolve(path) : path));
  for (const [i, path] of paths.entries()) {
    if (!path.startsWith('/')) throw usage(`--targets: "${path}" is no absolute path`, 'separate paths by one colon');
    if (written[i]?.split('/').includes('..') === true)
      throw usage(`--targets: "${written[i]}" has a ".."`, 'write it without');
    if (paths.indexOf(path) !== i) throw usage(`--targets: ${path} is listed twice`, 'list each once');
  }
  return paths;
}
