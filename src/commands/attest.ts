import { basename, join, relative, resolve } from 'node:path';
import { EXIT, errno, WeighlockError } from '../error/index.ts';
import { Fields, MalformedError, parseStrictJson, readBlobSignatures, readSignatureFile } from '../evidence/index.ts';
import { type FileTable, fromText, nameAt, type PathBytes, readFileWhole, toBuffer } from '../fs/index.ts';
import { ignoredPaths, predicateTypeOf } from '../plan/index.ts';
import { visible } from '../report/index.ts';
import { DigestRun } from '../run/index.ts';
import { attestationPayload, folderSubjects, MAX_PREDICATE_BYTES, MOST_PREDICATE_VALUES } from '../sign/index.ts';
import { isEvidenceName } from '../verdict/index.ts';
import type { Context, Finished } from './context.ts';
import { hashSettings } from './hash-settings.ts';
import { listOf, type RawValues, textOf } from './option-values.ts';
import { signerFor } from './payload-signer.ts';
import { refused } from './sign.ts';
import { usage } from './usage.ts';
import { replaceFile } from './written-file.ts';

/**
 * `weighlock attest PATH`: writes what somebody says about a file or folder, signed, as a Sigstore
 * bundle.
 */
export async function attest(values: RawValues, context: Context): Promise<Finished> {
  const type = textOf(values, 'type');
  const file = textOf(values, 'predicate');
  if (type === undefined || file === undefined)
    throw usage('attest needs --type and --predicate', 'weighlock attest PATH --type slsaprovenance1 --predicate FILE');
  const predicateType = predicateTypeOf(type);
  const predicate = readPredicate(file);
  const signer = await signerFor(values, context.environment);
  const path = resolve(textOf(values, 'source') ?? '');
  const target = resolve(textOf(values, 'signature') ?? `${path}.${shortName(type)}.sigstore.json`);
  const run = new DigestRun({ path, ...hashSettings(values) }, context.pool());
  const { measured, failures } = await run.execute(context.signal, {});
  if (failures.length > 0) return refused(failures, context);
  const { kind, files, digest = '' } = measured;
  const ignored = ignoredPaths(listOf(values, 'ignore-paths'));
  const { left, foreign } =
    kind === 'file'
      ? { left: new Set<number>(), foreign: new Set<number>() }
      : await leftOut(path, files, ignored, target);
  if (left.size === files.count) throw nothingAttested(path);
  const subjects =
    kind === 'file' ? [{ name: basename(path), sha256: digest }] : folderSubjects(basename(path), files, left, foreign);
  const payload = attestationPayload(subjects, predicateType, predicate);
  replaceFile(target, await signer({ length: payload.length, pieces: () => [payload] }), 0o644);
  const without = [...left].map((i) => visible(toBuffer(nameAt(files, i)).toString('utf8')));
  const note = without.length === 0 ? '' : ` (without ${without.slice(0, 10).join(', ')})`;
  const named = subjects.map(({ sha256 }) => `sha256:${sha256}`).join(' ');
  await context.out.writeAll(`attested ${visible(path)}${note}: ${visible(target)}\n${named}\n`);
  return { exitCode: EXIT.verified };
}

/**
 * What is no part of the folder: what is written here, what is to be left out, and signatures and
 * attestations that lie in it. Of those each says something about everything else, whichever came
 * first.
 *
 * @returns `foreign` are those of others, which are a part of it for whoever does not trust these
 * others
 */
async function leftOut(
  path: string,
  files: FileTable,
  ignored: readonly PathBytes[],
  target: string,
): Promise<{ left: Set<number>; foreign: Set<number> }> {
  const inside = fromText(relative(path, target));
  const left = new Set<number>();
  const foreign = new Set<number>();
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const isIgnored = ignored.some((one) => name === one || name.startsWith(`${one}/`));
    const isOut = name === inside || isIgnored;
    if (!isOut && (await isSignature(path, name))) foreign.add(i);
    if (isOut || foreign.has(i)) left.add(i);
  }
  return { left, foreign };
}

async function isSignature(path: string, name: PathBytes): Promise<boolean> {
  if (name.includes('/') || !isEvidenceName(name)) return false;
  try {
    const file = await readSignatureFile(join(path, toBuffer(name).toString('utf8')));
    file.close?.();
    return readBlobSignatures(file.bytes, file.slim?.payloads).isClosed;
  } catch (error) {
    if (error instanceof WeighlockError) return false;
    throw error;
  }
}

function readPredicate(file: string): string {
  let bytes: Buffer | undefined;
  try {
    bytes = readFileWhole(file, MAX_PREDICATE_BYTES);
  } catch (error) {
    throw noPredicate(file, `it cannot be read: ${errno(error) ?? 'unknown error'}`, error);
  }
  if (bytes === undefined) throw noPredicate(file, `it has more than ${MAX_PREDICATE_BYTES} bytes`);
  try {
    new Fields(parseStrictJson(bytes, 'it', MOST_PREDICATE_VALUES), 'it');
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw noPredicate(file, error.message, error);
  }
  return bytes.toString('utf8');
}

function noPredicate(file: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `the predicate ${file} cannot be attested: ${why}`,
      remedy: 'give a file with a JSON object: what is said of the artifact, without the statement around it',
    },
    { cause },
  );
}

/** One of cosign's names as it is; of a URI the last words that tell something. */
function shortName(type: string): string {
  if (/^[a-z0-9]+$/.test(type)) return type;
  const words = type.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return words.slice(-2).join('-').slice(0, 40).toLowerCase();
}

function nothingAttested(path: string): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'there is no file to attest to',
    expected: 'at least one file beside signatures',
    found: visible(path),
    remedy: 'name the folder that has the model',
  });
}
