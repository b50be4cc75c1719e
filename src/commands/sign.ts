import { basename, join, relative, resolve } from 'node:path';
import { EXIT, type Failure } from '../error/index.ts';
import { GIT_PATHS } from '../evidence/index.ts';
import { fromText } from '../fs/index.ts';
import { ignoredPaths } from '../plan/index.ts';
import { errorLine, visible } from '../report/index.ts';
import { DigestRun } from '../run/index.ts';
import { modelPayload, newKeyPair } from '../sign/index.ts';
import { exitCodeFor } from '../verdict/index.ts';
import type { Context, Finished } from './context.ts';
import { hashSettings, listOf, quantityOf, type RawValues, textOf } from './options.ts';
import { signerFor } from './payload-signer.ts';
import { createFile, replaceFile } from './written-file.ts';

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

export function refused(failures: readonly Failure[], { err }: Context): Finished {
  for (const failure of failures) err.write(errorLine(failure));
  return { exitCode: exitCodeFor(failures, 'Enforce', 'Fail') };
}
