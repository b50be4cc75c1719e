import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { cutBytes } from '../cut-bytes.ts';
import type { Failure } from '../error/index.ts';
import type { Signer } from '../evidence/index.ts';
import { type ArtifactOutcome, allFailures, type LeftOutOf, leftOutFields, type RunOutcome } from '../verdict/index.ts';
import { VERSION } from '../version.ts';
import { formatBytes, formatSeconds, jsonText, plural, visible } from './format.ts';
import { consequence, failureLine } from './wording.ts';

/** Where the kubelet reads the termination message, unless the container names another path. */
export const TERMINATION_LOG = '/dev/termination-log';

/** The kubelet keeps this many bytes (`terminationMessagePath` in the Container API). */
const MAX_BYTES = 4096;

/**
 * Left for the last line, the one for programs: four artifacts with a digest, a signer and a policy
 * each.
 */
const MACHINE_BYTES = 1600;

/** Signers of an artifact, and the bytes of one; an identity of a workflow has about a hundred. */
const MOST_SIGNERS = 2;
const SIGNER_BYTES = 160;

/**
 * The termination message: what `kubectl describe pod` shows. Lines for a person, the most
 * important first, then one line of JSON for programs. At most 4096 bytes of UTF-8.
 */
export function terminationMessage(outcome: RunOutcome): string {
  const { exitCode, result, bytes, seconds } = outcome;
  const failures = allFailures(outcome);
  const machine = machineLine(outcome, failures);
  const lines = [
    `weighlock ${result} (exit ${exitCode}): ${consequence(outcome)}`,
    ...outcome.artifacts.filter(({ failures: own }) => own.length === 0).map(passedLine),
    ...failures.map(describe),
  ];
  const size = `${plural(outcome.artifacts.length, 'artifact')}, ${formatBytes(bytes)} in ${formatSeconds(seconds)}`;
  const tail = `${size}\n${machine}\n`;
  return `${fit(lines, MAX_BYTES - Buffer.byteLength(tail))}${tail}`;
}

/**
 * The line for programs: as much as there is room for of who signed, of artifacts and of codes, and
 * always what the result was. A reader takes what is not there for unknown, never for well.
 */
function machineLine({ result, exitCode, artifacts }: RunOutcome, failures: readonly Failure[]): string {
  const codes = [...new Set(failures.map(({ code }) => code))];
  for (;;) {
    for (const own of shorterAndShorter(artifacts.slice(0, 4))) {
      const line = jsonText({ weighlock: VERSION, result, exitCode, codes, artifacts: own });
      if (Buffer.byteLength(line) <= MACHINE_BYTES) return line;
    }
    codes.pop();
  }
}

/** First it is left out who signed, of the last ones first; then they are left out themselves. */
function* shorterAndShorter(artifacts: readonly ArtifactOutcome[]): Generator<readonly object[]> {
  const short = artifacts.map(machineArtifact);
  const full = artifacts.map((one) => ({ ...machineArtifact(one), ...provenance(one) }));
  for (let known = full.length; known > 0; known--) yield [...full.slice(0, known), ...short.slice(known)];
  for (let named = short.length; named >= 0; named--) yield short.slice(0, named);
}

function machineArtifact({ artifact, result, measured }: ArtifactOutcome) {
  const digest = measured?.digest;
  return { name: artifact.name.slice(0, 40), result, ...(digest === undefined ? {} : { sha256: digest }) };
}

/** Which manifest it was, whose signatures counted, and which policies asked for what. */
function provenance({ artifact, manifest, requirements, leftOut = [] }: ArtifactOutcome) {
  const counted = requirements.filter(({ met }) => met).flatMap(({ signers = [] }) => signers);
  const signers = [...new Set(counted.map(signerName))].slice(0, MOST_SIGNERS);
  const { policies = [] } = artifact;
  return {
    ...(manifest === undefined ? {} : { manifest }),
    ...(signers.length === 0 ? {} : { signers }),
    ...(leftOut.length === 0
      ? {}
      : { leftOut: leftOut.slice(0, 4).map((one) => cutBytes(leftOutFields(one).path, 63)) }),
    ...(policies.length === 0 ? {} : { policies: policies.slice(0, 4).map((name) => cutBytes(name, 63)) }),
  };
}

function signerName({ attestor, subject, fingerprint }: Signer): string {
  return cutBytes(`${attestor}: ${subject ?? `key ${fingerprint.slice(0, 16)}`}`, SIGNER_BYTES);
}

function passedLine({ artifact, result, measured, path, requirements, leftOut = [] }: ArtifactOutcome): string {
  const digest = measured?.digest === undefined ? '' : ` sha256 ${measured.digest}`;
  return `${visible(artifact.name)} ${visible(path)}: ${result}${digest}${letPass(requirements)}${leftOutShort(leftOut)}`;
}

/** What was let pass although nobody signed it; that the signature is there goes without saying. */
function letPass(requirements: ArtifactOutcome['requirements']): string {
  const files = requirements.flatMap(({ unlisted = [] }) => unlisted.filter(({ kind }) => kind === 'ignored'));
  const [first] = files;
  if (first === undefined) return '';
  const more = files.length > 1 ? ` and ${files.length - 1} more` : '';
  return `, let pass unsigned: ${visible(first.file)}${more}`;
}

/** What was not read at all. */
function leftOutShort(leftOut: LeftOutOf): string {
  const [first] = leftOut;
  if (first === undefined) return '';
  const more = leftOut.length > 1 ? ` and ${leftOut.length - 1} more` : '';
  return `, left out: ${visible(leftOutFields(first).path)} (${first.by})${more}`;
}

function describe(failure: Failure): string {
  const artifact = failure.artifact === undefined ? '' : `${visible(failure.artifact)}: `;
  const next = failure.remedy === undefined ? '' : `; do next: ${visible(failure.remedy)}`;
  return `${artifact}${failureLine(failure)}${next}`;
}

/**
 * As many whole lines as fit, with a count of those that did not; a first line too long by itself
 * is cut.
 */
function fit(lines: readonly string[], limit: number): string {
  const room = limit - Buffer.byteLength(`... and ${lines.length} more\n`);
  let text = '';
  for (const [i, line] of lines.entries()) {
    const whole = Buffer.from(`${line}\n`);
    const left = room - Buffer.byteLength(text);
    if (whole.length <= left) {
      text += `${line}\n`;
      continue;
    }
    // A name of 4095 bytes must not push everything out: the line is cut at a character's border.
    if (left > 200) text += `${cutBytes(line, left - 5)} ...\n`;
    const more = lines.length - i - (left > 200 ? 1 : 0);
    return more > 0 ? `${text}... and ${more} more\n` : text;
  }
  return text;
}

/**
 * Writes the message if the file is there (the kubelet and nobody else puts it there). It is never
 * created, and a failure to write it changes nothing about the verdict.
 */
export async function writeTerminationMessage(path: string, message: string): Promise<void> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stat = await file.stat();
      // A second name may be that of anything.
      if (!stat.isFile() || stat.nlink !== 1) return;
      await file.truncate(0);
      await file.writeFile(message);
    } finally {
      await file.close();
    }
  } catch {
    // Not in a pod, or not writable: the log has it all.
  }
}
