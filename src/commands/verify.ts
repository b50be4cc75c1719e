import { type Failure, failureOf, WeighlockError } from '../error/index.ts';
import {
  buildPlan,
  type Environment,
  loadPolicies,
  type Plan,
  type Policy,
  strictest,
  type VerifyRequest,
} from '../plan/index.ts';
import {
  JsonLinesReporter,
  type Reporter,
  TextReporter,
  terminationMessage,
  writeReport,
  writeTerminationMessage,
} from '../report/index.ts';
import { VerifyRun } from '../run/index.ts';
import { exitCodeFor, type RunOutcome } from '../verdict/index.ts';
import { ROUND_COMMAND } from '../watch/index.ts';
import { requireNoMuting, requireNoWeakening } from './beside-policy.ts';
import type { Context, Finished } from './context.ts';

import { hasherOf, hashSettings } from './hash-settings.ts';
import { choiceOf, listOf, type RawValues, textOf } from './option-values.ts';
import { Outputs } from './outputs.ts';
import { receiptFlags } from './receipt-flags.ts';
import { patternsOf, remoteSettings } from './remote-settings.ts';
import { trustSettings } from './trust-settings.ts';
import { usage } from './usage.ts';
import { type VerdictSigner, verdictSigner, writeVerdict } from './verdict-file.ts';
import { partOf, policyFlags, runIdOf, strictnessOf, targetsOf, verdictFlags } from './verify-flags.ts';

/** `weighlock verify [SOURCE [DEST]]...`: the gate. */
export async function verify(values: RawValues, context: Context): Promise<Finished> {
  const reporter = reporterFor(values, context);
  const outputs = new Outputs(values, context.environment);
  const asked = strictnessOf(values);
  let policy = strictest([], asked);
  const started = new Date();
  let measured: RunOutcome;
  let policies: readonly Policy[] = [];
  let signer: VerdictSigner | undefined;
  let runId = '';
  try {
    outputs.require();
    runId = runIdOf(values);
    signer = await verdictSigner(values, context.environment);
    policies = await loadPolicies(policyFlags(values));
    const isRound = context.words[0] === ROUND_COMMAND;
    if (isRound && policies.length > 0) requireNoMuting(context.environment);
    const blocking =
      policies.length === 0 ? [] : requireNoWeakening(besidePolicies(values, policies), context.environment);
    policy = strictest(policies, asked, blocking);
    const receipts = await receiptFlags(values, context.environment);
    const plan = buildPlan(
      {
        ...policy,
        policies,
        receipts,
        ...requestOf(values, context.environment),
        hasher: hasherOf(values, policies),
      },
      context.environment,
    );
    outputs.require(plan.artifacts);
    requireWholePart(plan, isRound, signer);
    reporter.start(plan);
    if (strictest(policies, asked).failurePolicy !== policy.failurePolicy)
      reporter.notice(`failurePolicy Ignore does not count: the pod sets ${blocking.join(', ')}`);
    measured = await new VerifyRun(plan, context.pool(), reporter, isRound).execute(context.signal);
  } catch (error) {
    measured = refusedOutcome(failureOf(error), policy, started);
  }
  const more = context.words[0] === ROUND_COMMAND ? ({ isRound: true } as const) : {};
  const judged = withVerdict(measured, outputs, policies, signer, runId);
  const outcome: RunOutcome = { ...(await withReport(judged, outputs)), ...more };
  reporter.finish(outcome);
  const terminationLog = outputs.terminationLogPath();
  if (terminationLog !== undefined) await writeTerminationMessage(terminationLog, terminationMessage(outcome));
  return { exitCode: outcome.exitCode };
}

function requestOf(
  values: RawValues,
  environment: Environment,
): Omit<VerifyRequest, 'mode' | 'failurePolicy' | 'policies' | 'receipts'> {
  const part = partOf(values);
  const checksums = textOf(values, 'checksums');
  const checksumsSha256 = textOf(values, 'checksums-sha256');
  const checksumsSignature = textOf(values, 'checksums-signature');
  return {
    sources: listOf(values, 'sources'),
    files: patternsOf(values),
    sha256: listOf(values, 'sha256'),
    formats: listOf(values, 'allow-formats'),
    formatsIn: listOf(values, 'allow-formats-in'),
    ...(checksums === undefined ? {} : { checksums }),
    ...(checksumsSha256 === undefined ? {} : { checksumsSha256 }),
    ...(checksumsSignature === undefined ? {} : { checksumsSignature }),
    ...hashSettings(values),
    remote: remoteSettings(values, environment),
    trust: trustSettings(values, environment),
    verdicts: verdictFlags(values),
    ...(values['verdict'] === undefined ? {} : { needsDigests: true }),
    ...(part === undefined ? {} : { part }),
    targets: targetsOf(values),
  };
}

/**
 * The outcome of a run that was refused before it began: a plan that makes no sense is reported
 * like any failure.
 */
function refusedOutcome(
  failure: Failure,
  policy: Pick<RunOutcome, 'mode' | 'failurePolicy'>,
  startedAt: Date,
): RunOutcome {
  return {
    ...policy,
    result: 'UNEVALUATED',
    exitCode: exitCodeFor([failure], policy.mode, policy.failurePolicy),
    artifacts: [],
    failures: [failure],
    workers: 0,
    kernels: [],
    bytes: 0,
    files: 0,
    startedAt,
    seconds: (Date.now() - startedAt.getTime()) / 1000,
  };
}

function reporterFor(values: RawValues, { out, err, environment }: Context): Reporter {
  const format = values['format'] === undefined ? undefined : choiceOf(values, 'format', ['text', 'json'] as const);
  if (format === 'json' || (format === undefined && !out.isTerminal)) return new JsonLinesReporter(out);
  const colour = out.isTerminal && !environment['NO_COLOR'];
  return new TextReporter(out, err, { bar: err.isTerminal, colour });
}

/** What takes a check away where no policy lets it. */
function besidePolicies(values: RawValues, policies: readonly Policy[]): RawValues {
  if (!policies.every(({ allowsParts }) => allowsParts === true)) return values;
  const { part: _, ...others } = values;
  return others;
}

/** A part that leaves nothing to merge would be a gate that looks at a part. */
function requireWholePart({ part }: Plan, isRound: boolean, signer: VerdictSigner | undefined): void {
  if (part === undefined) return;
  if (isRound) throw usage('watch verifies the whole', 'leave out --part');
  if (signer === undefined) throw usage('--part was given without --verdict', 'add --verdict FILE --verdict-key FILE');
}

/** So is a verdict. */
function withVerdict(
  outcome: RunOutcome,
  outputs: Outputs,
  policies: readonly Policy[],
  signer: VerdictSigner | undefined,
  runId: string,
): RunOutcome {
  try {
    const path = outputs.verdictPath();
    if (path !== undefined && signer !== undefined) writeVerdict(path, outcome, policies, signer, runId);
    return outcome;
  } catch (error) {
    return alsoFailed(outcome, error);
  }
}

function alsoFailed(outcome: RunOutcome, error: unknown): RunOutcome {
  if (!(error instanceof WeighlockError)) throw error;
  const failures = [...outcome.failures, failureOf(error)];
  const all = [...failures, ...outcome.artifacts.flatMap((artifact) => artifact.failures)];
  return { ...outcome, failures, exitCode: exitCodeFor(all, outcome.mode, outcome.failurePolicy) };
}

/** A report that was asked for and cannot be written is one more unanswered question. */
async function withReport(outcome: RunOutcome, outputs: Outputs): Promise<RunOutcome> {
  try {
    const path = outputs.reportPath();
    if (path === undefined) return outcome;
    await writeReport(path, outcome);
    return outcome;
  } catch (error) {
    return alsoFailed(outcome, error);
  }
}
