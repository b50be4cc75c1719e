import type { KeyObject } from 'node:crypto';
import { basename, relative, resolve } from 'node:path';
import { EXIT, WeighlockError } from '../error/index.ts';
import { entryText, fromText, type PathBytes } from '../fs/index.ts';
import { shardDigests } from '../hash/index.ts';
import { keyAttestor } from '../plan/index.ts';
import { type MergedShares, mergeShares, type Part, partFiles, writeShare } from '../receipt/index.ts';
import { visible } from '../report/index.ts';
import type { DigestResult } from '../run/index.ts';
import { modelPayload, readPrivateKey, signModel } from '../sign/index.ts';
import type { Context, Finished } from './context.ts';
import { namesOf, type RawValues, textOf } from './option-values.ts';
import { signerFor } from './payload-signer.ts';
import { usage } from './usage.ts';
import { partOf, runIdOf } from './verify-flags.ts';
import { replaceFile } from './written-file.ts';

export const SIGN_PART_OPTIONS = {
  part: { type: 'string', describe: 'hash one of N shares, from 0: I/N; --merge signs what all of them come to' },
  'run-id': {
    type: 'string',
    describe: 'what the parts of one run have in common, e.g. the uid of the Job; required with --part',
  },
  merge: {
    type: 'boolean',
    default: false,
    describe: 'sign what these parts come to: files, or a folder with part-0, part-1, ...',
  },
  'part-key': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'with --merge: public key of those who hashed the parts',
  },
} as const;

/** One part of several, and who signs it. */
export interface PartToSign {
  readonly part: Part;
  readonly run: string;
  readonly key: KeyObject;
  readonly target: string;
}

/**
 * What is asked of a part, before anything is hashed.
 *
 * @throws WeighlockError `USAGE`, `CONFIG_INVALID`
 */
export async function partToSign(values: RawValues, path: string, context: Context): Promise<PartToSign | undefined> {
  const part = partOf(values);
  const run = runIdOf(values);
  if (part === undefined) return undefined;
  const target = textOf(values, 'signature');
  const file = textOf(values, 'key');
  if (target === undefined) throw usage('--part was given, and nowhere to write it', 'add --signature FILE');
  if (file === undefined) throw usage('--part was given, and no key that signs it', 'add --key FILE');
  const inside = relative(path, resolve(target));
  if (inside !== '..' && !inside.startsWith('../'))
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `the part ${target} would lie in what is signed, and no other part would have seen it`,
      remedy: 'write parts to another folder: --signature /parts/part-0',
    });
  const key = await readPrivateKey(file, context.environment['COSIGN_PASSWORD']);
  // Refused now, and not after an hour.
  signModel(Buffer.alloc(0), key);
  return { part, run, key, target: resolve(target) };
}

/** Writes what one part hashed. */
export async function writePartToSign(
  path: string,
  { part, run, key, target }: PartToSign,
  { measured, units }: DigestResult,
  how: { readonly shardBytes: number; readonly allowSymlinks: boolean; readonly ignored: readonly PathBytes[] },
  startedAt: number,
  { out }: Context,
): Promise<Finished> {
  const { files, kind } = measured;
  if (units === undefined) throw new WeighlockError({ code: 'INTERNAL', message: 'a part without a share' });
  const { shardBytes, allowSymlinks } = how;
  const terms = { part, run, startedAt, resourceUri: path, kind, shardBytes, allowSymlinks };
  writeShare(target, files, units, { ...terms, ignored: how.ignored.map(entryText) }, key);
  await out.writeAll(`part ${part.index} of ${part.of} of ${visible(path)}: ${visible(target)}\n`);
  return { exitCode: EXIT.verified };
}

/** `weighlock sign --merge PART...`: signs what all parts come to, without reading a byte of it. */
export async function signMerged(words: readonly string[], values: RawValues, context: Context): Promise<Finished> {
  const parts = partFiles(words);
  if (parts.length === 0)
    throw usage('no part was named', 'name every file that a part wrote, or a folder with part-0, part-1, ...');
  const keys = namesOf(values, 'part-key');
  if (keys.length === 0) throw usage('nobody was named whose parts count', 'add --part-key FILE');
  if (values['part'] !== undefined) throw usage('--merge and --part exclude each other', 'leave out one of them');
  const target = textOf(values, 'signature');
  if (target === undefined) throw usage('there is nothing to write', 'add --signature FILE');
  if (parts.includes(target)) throw usage('--signature is one of the parts', 'write it beside them');
  const signer = await signerFor(values, context.environment);
  const attestors = keys.map((file) => keyAttestor(file, 'the key of the parts'));
  const merged = await mergeShares(parts, attestors);
  replaceFile(resolve(target), await signer(modelPayload(modelOf(merged, resolve(target)))), 0o644);
  const what = `${merged.files.count} files in ${parts.length} parts`;
  await context.out.writeAll(`signed ${what}: ${visible(target)}\n`);
  return { exitCode: EXIT.verified };
}

function modelOf({ first, files, shards }: MergedShares, target: string) {
  const { resourceUri, kind, allowSymlinks } = first;
  const inside = kind === 'folder' ? relative(resourceUri, target) : '..';
  const isInside = inside !== '..' && !inside.startsWith('../');
  return {
    name: basename(resourceUri),
    files,
    allowSymlinks,
    ignored: [...(isInside ? [fromText(inside)] : []), ...first.ignored.map(fromText)],
    ...(shards && { shards: { bytes: shards.bytes, digests: shardDigests(shards, files) } }),
  };
}
