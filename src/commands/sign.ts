import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { EXIT, type Failure, WeighlockError } from '../error/index.ts';
import { GIT_PATHS } from '../evidence/index.ts';
import { fromText, ioError } from '../fs/index.ts';
import { type Environment, ignoredPaths } from '../plan/index.ts';
import { errorLine, visible } from '../report/index.ts';
import { DigestRun } from '../run/index.ts';
import { modelPayload, newKeyPair, readPrivateKey, readToken, signKeyless, signModel } from '../sign/index.ts';
import { exitCodeFor } from '../verdict/index.ts';
import type { Context, Finished } from './context.ts';
import { hashSettings, listOf, quantityOf, type RawValues, textOf } from './options.ts';
import { usage } from './usage.ts';

/** `weighlock sign PATH`: writes a Model Signing bundle for a folder or file, with a key or by the identity of a CI job. */
export async function sign(values: RawValues, context: Context): Promise<Finished> {
  const signer = await signerFor(values, context.environment);
  const path = resolve(textOf(values, 'source') ?? '');
  const shardBytes = quantityOf(values, 'shard-size', 'give the bytes of a shard, at least 1M: 256Mi, 1G');
  const sharding = shardBytes === undefined ? {} : { shardBytes };
  const settings = hashSettings(values);
  const { allowSymlinks } = settings.limits;
  const run = new DigestRun({ path, ...settings, ...sharding }, context.pool());
  const { measured, failures } = await run.execute(context.signal, {});
  if (failures.length > 0) return refused(failures, context);
  const { second } = measured;
  const shards =
    shardBytes === undefined || second === undefined ? {} : { shards: { bytes: shardBytes, digests: second } };
  const isFolder = measured.kind === 'folder';
  const target = resolve(textOf(values, 'signature') ?? (isFolder ? join(path, 'model.sig') : `${path}.sigstore.json`));
  const inside = isFolder ? relative(path, target) : '';
  const ignored = [
    ...(inside === '' || inside.startsWith('..') ? [] : [fromText(inside)]),
    // Everything is signed unless that is asked for: whoever verifies would have to let pass what is not.
    ...(values['ignore-git-paths'] === true ? GIT_PATHS.map(fromText) : []),
    ...ignoredPaths(listOf(values, 'ignore-paths')),
  ];
  const model = { name: basename(path), files: measured.files, allowSymlinks, ignored, ...shards };
  const bundle = await signer(modelPayload(model));
  replaceFile(target, bundle, 0o644);
  await context.out.writeAll(`signed ${visible(path)}: ${visible(target)}\n`);
  return { exitCode: EXIT.verified };
}

/** Asked for before anything is hashed: a key that cannot be read should not cost an hour first. */
async function signerFor(values: RawValues, environment: Environment): Promise<(payload: Buffer) => Promise<string>> {
  const key = textOf(values, 'key');
  const given = textOf(values, 'identity-token') ?? environment['SIGSTORE_ID_TOKEN'];
  if (key !== undefined) {
    if (textOf(values, 'identity-token') !== undefined)
      throw usage('--key and --identity-token exclude each other', 'give one of them');
    const privateKey = await readPrivateKey(key, environment['COSIGN_PASSWORD']);
    return async (payload) => signModel(payload, privateKey);
  }
  const isInCi = environment['ACTIONS_ID_TOKEN_REQUEST_URL'] !== undefined;
  if (given === undefined && !isInCi) {
    throw usage(
      'nobody was named to sign',
      'add --key FILE (weighlock keygen makes one), or an OIDC token: --identity-token, SIGSTORE_ID_TOKEN',
    );
  }
  const token = given === undefined ? undefined : readToken(given);
  const timestampUrl = textOf(values, 'timestamp-server-url');
  return (payload) =>
    signKeyless(payload, {
      token,
      fulcioUrl: textOf(values, 'fulcio-url') ?? '',
      rekorUrl: textOf(values, 'rekor-url') ?? '',
      ...(timestampUrl === undefined ? {} : { timestampUrl }),
    });
}

/** `weighlock keygen`: a key pair for people who have none yet. */
export async function keygen(values: RawValues, context: Context): Promise<Finished> {
  const prefix = resolve(textOf(values, 'output') ?? 'weighlock');
  const { privatePem, publicPem } = newKeyPair(context.environment['COSIGN_PASSWORD']);
  createFile(`${prefix}.key`, privatePem, 0o600);
  createFile(`${prefix}.pub`, publicPem, 0o644);
  const encrypted = context.environment['COSIGN_PASSWORD'] === undefined ? ' (not encrypted: set COSIGN_PASSWORD)' : '';
  await context.out.writeAll(
    `private key ${visible(`${prefix}.key`)}${encrypted}\npublic key  ${visible(`${prefix}.pub`)}\n`,
  );
  return { exitCode: EXIT.verified };
}

function refused(failures: readonly Failure[], { err }: Context): Finished {
  for (const failure of failures) err.write(errorLine(failure));
  return { exitCode: exitCodeFor(failures, 'Enforce', 'Fail') };
}

/** A key is never overwritten. */
function createFile(path: string, text: string, mode: number): void {
  attempt(path, () => writeAll(openSync(path, 'wx', mode), text));
}

/** A reader sees the old signature or the new one, whole. */
function replaceFile(path: string, text: string, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
  attempt(path, () => {
    try {
      writeAll(openSync(temporary, 'wx', mode), text);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

function writeAll(descriptor: number, text: string): void {
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') {
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${path} is there already`,
        remedy: 'choose another name, or remove it if you are sure that nobody needs it',
      });
    }
    throw ioError(error, `write ${path}`);
  }
}
