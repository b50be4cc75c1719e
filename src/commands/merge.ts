import { EXIT } from '../error/index.ts';
import { keyAttestor } from '../plan/index.ts';
import { mergedPayload, mergeParts, partFiles } from '../receipt/index.ts';
import { visible } from '../report/index.ts';
import { signModel } from '../sign/index.ts';
import type { Context, Finished } from './context.ts';
import { listOf, namesOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';
import { verdictSigner } from './verdict-file.ts';
import { replaceFile } from './written-file.ts';

export const MERGE_OPTIONS = {
  'verifier-key': { type: 'string', array: true, nargs: 1, describe: 'public key of those who verified the parts' },
  verdict: { type: 'string', describe: 'write the signed verdict on the whole to this file' },
  'verdict-key': { type: 'string', describe: 'private key that signs it; its password is in COSIGN_PASSWORD' },
  'verifier-image': { type: 'string', describe: 'digest of the image that this runs in, for the verdict: sha256:...' },
} as const;

/** `weighlock verdict merge PART...`: makes one verdict of all parts of a verification. */
export async function verdict(values: RawValues, context: Context): Promise<Finished> {
  if (textOf(values, 'action') !== 'merge') throw usage('verdict merges parts', 'weighlock verdict merge PART...');
  const parts = partFiles(listOf(values, 'files'));
  if (parts.length === 0)
    throw usage('no part was named', 'name every file that a part wrote, or a folder with part-0, part-1, ...');
  const keys = namesOf(values, 'verifier-key');
  if (keys.length === 0) throw usage('nobody was named whose parts count', 'add --verifier-key FILE');
  const signer = await verdictSigner(values, context.environment);
  const target = textOf(values, 'verdict');
  if (signer === undefined || target === undefined)
    throw usage('there is nothing to write', 'add --verdict FILE --verdict-key FILE');
  if (parts.includes(target)) throw usage('--verdict is one of the parts', 'write it beside them');
  const attestors = keys.map((file) => keyAttestor(file, 'the key of the verifier'));
  const merged = await mergeParts(parts, attestors, await context.pool().engine('wasm'));
  const { key, image } = signer;
  replaceFile(target, signModel(mergedPayload(merged, image === undefined ? {} : { image }), key), 0o644);
  const what = `${merged.files.count} files in ${parts.length} parts`;
  await context.out.writeAll(`merged ${what}: ${visible(target)}\nsha256:${merged.digest}\n`);
  return { exitCode: EXIT.verified };
}
