import { Readable } from 'node:stream';
import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { readBody, refusalOf, type Transport, withRetries } from '../registry/index.ts';
import type { TufSource } from '../trust/index.ts';

/** Limits of tuf-js; a mirror may send anything until the last signature was checked. */
const MAX_ROOT_BYTES = 512_000;
const MAX_TIMESTAMP_BYTES = 16_384;
const MAX_SNAPSHOT_BYTES = 2_000_000;
const MAX_TARGETS_BYTES = 5_000_000;
const MAX_TARGET_BYTES = 4 << 20;
/** Key ceremonies since the root that is trusted; there are two to four in a year. */
const MAX_ROTATIONS = 256;

const TARGET = 'trusted_root.json';

type Fetch = (path: string, limit: number) => Promise<Buffer | undefined>;

/**
 * Fetches the `trusted_root.json` that a TUF repository publishes now (TUF specification 1.0,
 * section 5). Nothing is kept: each run begins at the root that the platform gave, so a mirror can
 * withhold news until they expire, and no longer.
 *
 * @throws WeighlockError `SOURCE_UNAVAILABLE` for the network, `SIGNATURE_INVALID` for what is not
 * signed as it must be
 */
export async function fetchTrustedRoot(source: TufSource, transport: Transport, signal: AbortSignal): Promise<string> {
  const base = new URL(source.mirror.endsWith('/') ? source.mirror : `${source.mirror}/`);
  const fetch: Fetch = (path, limit) =>
    withRetries(() => fetchOnce(new URL(path, base), limit, transport, signal), { signal });
  try {
    return await refresh(source.root, fetch);
  } catch (error) {
    if (error instanceof WeighlockError || signal.aborted) throw error;
    throw new WeighlockError(
      {
        code: 'SIGNATURE_INVALID',
        message: `the trusted root of ${base.host} cannot be believed: ${(error as Error).message}`.slice(0, 500),
        remedy: 'check the mirror, and that --tuf-root is of it; or mount a trusted_root.json instead',
      },
      { cause: error },
    );
  }
}

async function refresh(root: string | undefined, fetch: Fetch): Promise<string> {
  const { TrustedMetadataStore, publicGoodRoot } = await library('tuf');
  const store = new TrustedMetadataStore(Buffer.from(root ?? JSON.stringify(publicGoodRoot)));
  for (let n = 0; n < MAX_ROTATIONS; n++) {
    const next = await fetch(`${store.root.signed.version + 1}.root.json`, MAX_ROOT_BYTES);
    if (next === undefined) break;
    store.updateRoot(next);
  }
  const timestamp = store.updateTimestamp(await required('timestamp.json', MAX_TIMESTAMP_BYTES, fetch));
  const isConsistent = store.root.signed.consistentSnapshot;
  const metadata = (name: string, version: number) => (isConsistent ? `${version}.${name}` : name);
  const { snapshotMeta } = timestamp.signed;
  const limit = Math.min(snapshotMeta.length ?? MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_BYTES);
  const snapshot = store.updateSnapshot(await required(metadata('snapshot.json', snapshotMeta.version), limit, fetch));
  const targetsMeta = snapshot.signed.meta['targets.json'];
  if (targetsMeta === undefined) throw new Error('its snapshot has no targets');
  const targetsLimit = Math.min(targetsMeta.length ?? MAX_TARGETS_BYTES, MAX_TARGETS_BYTES);
  const targetsBytes = await required(metadata('targets.json', targetsMeta.version), targetsLimit, fetch);
  store.updateDelegatedTargets(targetsBytes, 'targets', 'root');
  const target = store.targets?.signed.targets[TARGET];
  if (target === undefined) throw new Error(`it publishes no ${TARGET}`);
  const digest = target.hashes['sha256'] ?? target.hashes['sha512'];
  if (digest === undefined) throw new Error(`${TARGET} has no digest that counts`);
  const path = `targets/${isConsistent ? `${digest}.` : ''}${TARGET}`;
  const bytes = await required(path, Math.min(target.length, MAX_TARGET_BYTES), fetch);
  await target.verify(Readable.from([bytes]));
  return bytes.toString('utf8');
}

async function required(path: string, limit: number, fetch: Fetch): Promise<Buffer> {
  const bytes = await fetch(path, limit);
  if (bytes === undefined) throw new Error(`it has no ${path}`);
  return bytes;
}

/** @returns undefined for what is not there; S3 and its like answer 403 */
async function fetchOnce(
  url: URL,
  limit: number,
  transport: Transport,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const answer = await transport.ask(url, { signal });
  const { status } = answer;
  if (status === 200) return readBody(answer, limit);
  if (status !== 404 && status !== 403) throw await refusalOf(answer, { what: 'the TUF repository' });
  await answer.body.dump();
  return undefined;
}
