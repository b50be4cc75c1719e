import type { KeyObject } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import type { Environment, Policy } from '../plan/index.ts';
import { verdictPayload } from '../receipt/index.ts';
import { readPrivateKey, signModel } from '../sign/index.ts';
import type { RunOutcome } from '../verdict/index.ts';
import { type RawValues, textOf } from './options.ts';
import { usage } from './usage.ts';
import { imageOf } from './verifier-image.ts';
import { replaceFile } from './written-file.ts';

/** What signs the verdict of a run, read before anything is verified: a key that cannot be read should not cost an hour first. */
export interface VerdictSigner {
  readonly key: KeyObject;
  readonly image?: string;
}

/** @throws WeighlockError `USAGE`, `CONFIG_INVALID` */
export async function verdictSigner(values: RawValues, environment: Environment): Promise<VerdictSigner | undefined> {
  const file = textOf(values, 'verdict');
  const key = textOf(values, 'verdict-key');
  const image = imageOf(values);
  if (file === undefined && key === undefined) return undefined;
  if (file === undefined) throw usage('--verdict-key was given without --verdict', 'add --verdict FILE');
  if (key === undefined) throw usage('--verdict was given, and nobody to sign it', 'add --verdict-key FILE');
  const privateKey = await readPrivateKey(key, environment['COSIGN_PASSWORD']);
  // Refused now, and not after an hour.
  signModel(Buffer.alloc(0), privateKey);
  return { key: privateKey, ...(image === undefined ? {} : { image }) };
}

/**
 * Writes the verdicts of a run, one bundle on each line.
 *
 * @throws WeighlockError `REPORT_UNWRITABLE`
 */
export function writeVerdict(
  path: string,
  { artifacts, startedAt, seconds }: RunOutcome,
  policies: readonly Policy[],
  { key, image }: VerdictSigner,
): void {
  const timeVerified = new Date(startedAt.getTime() + seconds * 1000);
  const context = { policies, timeVerified, ...(image === undefined ? {} : { image }) };
  const payloads = artifacts.map((artifact) => verdictPayload(artifact, context)).filter((one) => one !== undefined);
  if (payloads.length === 0) return;
  try {
    replaceFile(path, payloads.map((payload) => signModel(payload, key)).join(''), 0o644);
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    const { message, remedy = 'mount a writable volume for the verdict' } = error;
    throw new WeighlockError({ code: 'REPORT_UNWRITABLE', message, remedy }, { cause: error });
  }
}
