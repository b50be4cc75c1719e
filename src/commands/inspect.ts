import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Options } from 'yargs';
import { EXIT, WeighlockError } from '../error/index.ts';
import { MAX_FILES } from '../fs/index.ts';
import {
  type Claim,
  claimOf,
  cyclonedx,
  type Inspection,
  inspectionOf,
  inspectionText,
  openArtifact,
  openStored,
  openUrl,
  openVolume,
  type Readable,
  readAllHeaders,
} from '../inspect/index.ts';
import { PullPool } from '../pull/index.ts';
import type { Platform } from '../registry/index.ts';
import { formatBytes, visible } from '../report/index.ts';
import { stopWithin, unlessAborted } from '../run/index.ts';
import { type Location, locationText, parseLocation, refuseBareReference } from '../source/index.ts';
import { VERSION } from '../version.ts';
import { jsonText } from '../visible-text.ts';
import type { Context, Finished } from './context.ts';
import { choiceOf, countOf, durationOf, flagOf, type RawValues, textOf } from './option-values.ts';
import { REMOTE_OPTIONS } from './options.ts';
import { patternsOf, remoteSettings } from './remote-settings.ts';

const FORMATS = ['text', 'json', 'cyclonedx'] as const;

/** Files of a server whose headers are read at a time. */
const AT_ONCE = 8;
/** A timer of Node's that is longer ends at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** Signatures and lists of components that are looked into. */
const MOST_CLAIMS = 64;
const MOST_CLAIM_BYTES = 4 << 20;

export const INSPECT_OPTIONS = {
  format: { type: 'string', describe: 'text, json or cyclonedx (an ML-BOM 1.6) [default: text]' },
  'allow-symlinks': { type: 'boolean', default: false, describe: 'follow links that stay within the artifact' },
  timeout: { type: 'string', default: '1h', describe: 'limit for all of it, e.g. 90s, 1h30m; 0 for none' },
  'max-files': { type: 'string', describe: 'most entries in one artifact [default: 1000000]' },
  ...REMOTE_OPTIONS,
} as const satisfies Record<string, Options>;

/**
 * `weighlock inspect SOURCE`: what is in an artifact, by its headers alone. It verifies nothing.
 */
export async function inspect(values: RawValues, context: Context): Promise<Finished> {
  const format = values['format'] === undefined ? 'text' : choiceOf(values, 'format', FORMATS);
  const source = textOf(values, 'source') ?? '';
  refuseBareReference(source, existsSync);
  const inspection = await inspected(source, values, context);
  const json = (value: object) => `${jsonText(value, 2)}\n`;
  if (format === 'json')
    await context.out.writeAll(json({ apiVersion: 'weighlock.dev/v1alpha1', kind: 'Inspection', ...inspection }));
  else if (format === 'cyclonedx')
    await context.out.writeAll(json(cyclonedx(inspection, VERSION, new Date().toISOString())));
  else await context.out.writeAll(inspectionText(inspection, visible, formatBytes));
  return { exitCode: EXIT.verified };
}

async function inspected(
  source: string,
  values: RawValues,
  { environment, err, signal, pool }: Context,
): Promise<Inspection> {
  const location = parseLocation(source, patternsOf(values));
  using limit = new TimeLimit(durationOf(values, 'timeout'), signal);
  const text = locationText(location);
  const notice = (message: string) => err.write(`weighlock: ${visible(message)}\n`);
  const maxFiles = countOf(values, 'max-files', MAX_FILES) ?? MAX_FILES;
  if (location.kind === 'volume') {
    const volume = openVolume(location.path, { allowSymlinks: flagOf(values, 'allow-symlinks'), maxFiles });
    try {
      for (const { message, file = '' } of volume.listing.failures) notice(`${file}: ${message}`);
      const found = unlessAborted(readAllHeaders(volume.files, 1), limit.signal);
      return inspectionOf(text, await found, await claimsIn(volume.files));
    } finally {
      volume.close();
    }
  }
  if (location.kind === 'oci' || location.kind === 'https' || location.kind === 'store') {
    const { registry, stores, platform, maxBytes } = remoteSettings(values, environment);
    const limits = { platform, maxFiles, maxBytes };
    const remote = new PullPool(pool(), registry, stores, 'wasm', 1, notice);
    try {
      return await unlessAborted(remoteInspection(location, text, limits, remote, notice), limit.signal);
    } finally {
      await stopWithin(() => remote.stop());
    }
  }
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `cannot look at ${text}`,
    remedy: 'give a path, an oci:// or oci-layout:// reference, a URL of a hub or bucket, or an https:// address',
  });
}

interface RemoteLimits {
  readonly platform: Platform;
  readonly maxFiles: number;
  /** Of headers. */
  readonly maxBytes: number | undefined;
}

/** Aborts when the command is interrupted, or takes longer than it may. */
class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  /** @param milliseconds - 0 for no limit */
  constructor(milliseconds: number, interrupted: AbortSignal) {
    this.signal = AbortSignal.any([interrupted, this.#controller.signal]);
    if (milliseconds === 0) return;
    const most = Math.min(milliseconds, LONGEST_TIMER);
    this.#timer = setTimeout(() => this.#controller.abort(tooLate(milliseconds)), most);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function tooLate(milliseconds: number): WeighlockError {
  return new WeighlockError({
    code: 'TIMEOUT',
    message: `not finished within ${milliseconds / 1000} s`,
    remedy: 'check the storage; or raise --timeout',
  });
}

async function remoteInspection(
  location: Location & { kind: 'oci' | 'https' | 'store' },
  text: string,
  { platform, maxFiles, maxBytes }: RemoteLimits,
  remote: PullPool,
  notice: (message: string) => void,
): Promise<Inspection> {
  if (location.kind === 'https')
    return inspectionOf(text, await readAllHeaders([await openUrl(location.url, remote)], 1, maxBytes), []);
  if (location.kind === 'store') {
    const { files, revision } = await openStored(location.store, maxFiles, remote);
    if (revision !== undefined) notice(`${location.store.text} is at the commit ${revision}`);
    return inspectionOf(text, await readAllHeaders(files, AT_ONCE, maxBytes), await claimsIn(files));
  }
  const artifact = await openArtifact(location.reference, platform, remote, notice);
  for (const digest of artifact.archives) notice(`the layer ${digest} is an archive: what is in it is not looked at`);
  const found = await readAllHeaders(artifact.files, AT_ONCE, maxBytes);
  const claims = [...artifact.claims, ...(await claimsIn(artifact.files))];
  return inspectionOf(text, found, claims, artifact.digest);
}

/** What files claim that lie in the artifact. */
async function claimsIn(files: readonly Readable[]): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const { name, size, read } of files) {
    if (claims.length === MOST_CLAIMS) break;
    if (size > MOST_CLAIM_BYTES || claimOf(basename(name), Buffer.alloc(0)) === undefined) continue;
    const claim = claimOf(name, size === 0 ? Buffer.alloc(0) : await read(0, size));
    if (claim !== undefined) claims.push(claim);
  }
  return claims;
}
