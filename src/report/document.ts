import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { entryText, hexAt, ioFailure, nameAt } from '../fs/index.ts';
import { locationText } from '../source/index.ts';
import { type ArtifactOutcome, contentSummary, leftOutFields, type RunOutcome } from '../verdict/index.ts';
import { VERIFIER_ID, VERSION } from '../version.ts';
import { jsonText } from './format.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Names the schema in schemas/report.v1alpha1.schema.json; changes when a field changes its
 * meaning.
 */
const API_VERSION = 'weighlock.dev/v1alpha1';

/** The report without its files, which are written one by one. */
function documentHead(outcome: RunOutcome): object {
  const { mode, failurePolicy, result, exitCode, bytes, files, seconds, workers, engine, kernels, startedAt } = outcome;
  return {
    apiVersion: API_VERSION,
    kind: 'VerificationReport',
    verifier: { id: VERIFIER_ID, version: VERSION },
    timeVerified: new Date(startedAt.getTime() + seconds * 1000).toISOString(),
    verificationResult: result,
    exitCode,
    mode,
    failurePolicy,
    failures: outcome.failures,
    measurements: {
      startedAt: startedAt.toISOString(),
      seconds: Math.round(seconds * 1000) / 1000,
      bytes,
      files,
      workers,
      ...(engine === undefined ? {} : { hasher: engine.name, hasherReason: engine.reason }),
      ...(kernels.length === 0 ? {} : { kernels }),
      ...(outcome.kernelReason === undefined ? {} : { kernelReason: outcome.kernelReason }),
    },
  };
}

function artifactHead({
  artifact,
  result,
  measured,
  requirements,
  failures,
  path,
  published,
  manifest,
  leftOut = [],
  receipt,
  part,
  store,
}: ArtifactOutcome): object {
  return {
    name: artifact.name,
    resourceUri: locationText(artifact.source),
    path,
    ...(artifact.destination === undefined ? {} : { destination: artifact.destination }),
    published,
    verificationResult: result,
    ...(measured === undefined ? {} : { kind: measured.kind, bytes: measured.files.totalBytes }),
    ...(measured?.digest === undefined ? {} : { digest: { sha256: measured.digest } }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(leftOut.length === 0 ? {} : { leftOut: leftOut.map(leftOutFields) }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(measured?.content === undefined ? {} : { content: contentSummary(measured.content.found) }),
    ...(part === undefined ? {} : { part }),
    ...(store === undefined ? {} : { store: storeHead(store) }),
    requirements,
    failures,
  };
}

function storeHead({ revision, include, exclude }: NonNullable<ArtifactOutcome['store']>): object {
  return { ...(revision === undefined ? {} : { revision }), include, exclude };
}

/** The report as pieces of JSON text; a million files are never one string. */
export function* reportText(outcome: RunOutcome): Generator<string> {
  yield `${jsonText(documentHead(outcome)).slice(0, -1)},"artifacts":[`;
  for (const [i, artifact] of outcome.artifacts.entries()) {
    yield `${i === 0 ? '' : ','}\n${jsonText(artifactHead(artifact)).slice(0, -1)},"files":[`;
    const files = artifact.measured?.files;
    for (let f = 0; f < (files?.count ?? 0) && files !== undefined; f++) {
      const sha256 = hexAt(files, f);
      const entry = {
        name: entryText(nameAt(files, f)),
        bytes: files.size[f],
        ...(sha256 === undefined ? {} : { sha256 }),
        ...artifact.store?.files.get(nameAt(files, f)),
      };
      yield `${f === 0 ? '' : ','}\n${jsonText(entry)}`;
    }
    yield ']}';
  }
  yield ']}\n';
}

/**
 * Writes the report beside its place and renames it there, so that a reader sees all of it or
 * nothing.
 *
 * @throws WeighlockError `REPORT_UNWRITABLE`; then nothing is left behind
 */
export async function writeReport(path: string, outcome: RunOutcome): Promise<void> {
  try {
    await writeWhole(path, (file) => writePieces(file, reportText(outcome)));
  } catch (error) {
    const { message, remedy } = ioFailure(error, `write the report ${path}`);
    const writable = existsSync(dirname(path)) ? remedy : 'mount a writable volume for the report';
    throw new WeighlockError(
      { code: 'REPORT_UNWRITABLE', message, ...(writable === undefined ? {} : { remedy: writable }) },
      { cause: error },
    );
  }
}

async function writePieces(file: FileHandle, pieces: Iterable<string>): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < 1 << 16) continue;
    await file.writeFile(text);
    text = '';
  }
  await file.writeFile(text);
}
