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
import { hashSettings } from './hash-settings.ts';
import { listOf, quantityOf, type RawValues, textOf } from './option-values.ts';
import { signerFor } from './payload-signer.ts';
import { partToSign, signMerged, writePartToSign } from './sign-parts.ts';
import { usage } from './usage.ts';
import { createFile, replaceFile } from './written-file.ts';

/**
 * `weighlock sign PATH`: writes a Model Signing bundle for a folder or file, with a key or by the
 * identity of a CI job.
 */
export async function sign(values: RawValues, context: Context): Promise<Finished> {
  const sources = listOf(values, 'sources');
  if (values['merge'] === true) return signMerged(sources, values, context);
  const [source, ...others] = sources;
  if (source === undefined || others.length > 0)
    throw usage(`sign takes one source, not ${sources.length}`, 'see: weighlock sign --help');
  const startedAt = Date.now();
  const signer = await signerFor(values, context.environment);
  const path = resolve(source);
  const part = await partToSign(values, path, context);
  const shardBytes = quantityOf(values, 'shard-size', 'give the bytes of a shard, at least 1M: 256Mi, 1G');
  const sharding = { ...(shardBytes === undefined ? {} : { shardBytes }), ...(part && { part: part.part }) };
  const settings = hashSettings(values);
  const { allowSymlinks } = settings.limits;
  const run = new DigestRun({ path, ...settings, ...sharding }, context.pool());
  const result = await run.execute(context.signal, {});
  const { measured, failures } = result;
  if (failures.length > 0) return refused(failures, context);
  const more = [
    // Everything is signed unless that is asked for: whoever verifies would have to let pass what
    // is not.
    ...(values['ignore-git-paths'] === true ? GIT_PATHS.map(fromText) : []),
    ...ignoredPaths(listOf(values, 'ignore-paths')),
  ];
  if (part !== undefined) {
    const how = { shardBytes: shardBytes ?? 0, allowSymlinks, ignored: more };
    return writePartToSign(path, part, result, how, startedAt, context);
  }
  const { second } = measured;
  const shards =
    shardBytes === undefined || second === undefined ? {} : { shards: { bytes: shardBytes, digests: second } };
  const isFolder = measured.kind === 'folder';
  const target = resolve(textOf(values, 'signature') ?? (isFolder ? join(path, 'model.sig') : `${path}.sigstore.json`));
  const inside = isFolder ? relative(path, target) : '';
  const ignored = [...(inside === '' || inside.startsWith('..') ? [] : [fromText(inside)]), ...more];
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
