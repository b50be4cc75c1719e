import { existsSync } from 'node:fs';
import { EXIT, EXIT_CODE_OF, type ExitCode, type Failure, WeighlockError } from '../error/index.ts';
import { checksumListing } from '../hash/index.ts';
import { errorLine, visible } from '../report/index.ts';
import { DigestRun, measureStore, resolveReference } from '../run/index.ts';
import { locationText, parseLocation, refuseBareReference } from '../source/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { exitCodeFor, type Measured } from '../verdict/index.ts';
import type { Context, Finished } from './context.ts';
import { hashSettings } from './hash-settings.ts';
import { type RawValues, textOf } from './option-values.ts';
import { patternsOf, remoteSettings } from './remote-settings.ts';

/** `weighlock digest SOURCE`: prints the value to pin (of an OCI reference the digest it
 * resolves to), or with `--list` the listing whose SHA-256 that value is. */
export async function digest(values: RawValues, context: Context): Promise<Finished> {
  const source = textOf(values, 'source') ?? '';
  refuseBareReference(source, existsSync);
  const location = parseLocation(source, patternsOf(values));
  if (location.kind === 'oci') {
    const settings = hashSettings(values);
    const { digest: resolved } = await resolveReference(
      location.reference,
      { ...settings, remote: remoteSettings(values, context.environment) },
      context.pool(),
      (text) => context.err.write(`weighlock: ${visible(text)}\n`),
      context.signal,
    );
    await context.out.writeAll(`${resolved}\n`);
    return { exitCode: EXIT.verified };
  }
  if (location.kind === 'store') return digestStore(location.store, values, context);
  if (location.kind !== 'volume') {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `cannot print a digest of ${locationText(location)}`,
      remedy: 'give the path of a file or folder, an oci:// or oci-layout:// reference, or a URL of a hub or bucket',
    });
  }
  const run = new DigestRun({ path: location.path, ...hashSettings(values) }, context.pool());
  const { measured, failures } = await run.execute(context.signal, {});
  return print(measured, failures, values, context);
}

/** What is fetched from a store is pinned by its content: of several files by their tree digest. */
async function digestStore(store: StoreLocation, values: RawValues, context: Context): Promise<Finished> {
  const notice = (text: string) => context.err.write(`weighlock: ${visible(text)}\n`);
  const settings = { ...hashSettings(values), remote: remoteSettings(values, context.environment) };
  const { measured, failures, revision } = await measureStore(store, settings, context.pool(), notice, context.signal);
  if (revision !== undefined) notice(`${store.text} is at the commit ${revision}`);
  return print(measured, failures, values, context);
}

async function print(
  measured: Measured,
  failures: readonly Failure[],
  values: RawValues,
  context: Context,
): Promise<Finished> {
  if (failures.length > 0 || measured.digest === undefined) {
    printFailures(failures, context);
    return { exitCode: worstOf(failures) };
  }
  if (values['list'] === true) for (const piece of checksumListing(measured.files)) await context.out.writeAll(piece);
  else await context.out.writeAll(`${measured.digest}\n`);
  return { exitCode: EXIT.verified };
}

function printFailures(failures: readonly Failure[], { err }: Context): void {
  for (const failure of failures) err.write(errorLine(failure));
}

function worstOf(failures: readonly Failure[]): ExitCode {
  const code = exitCodeFor(failures, 'Enforce', 'Fail');
  return code === EXIT.verified ? EXIT_CODE_OF.INTERNAL : code;
}
