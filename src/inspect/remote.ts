import { entryText } from '../fs/index.ts';
import type { PullPool, StoredSignatures } from '../pull/index.ts';
import type { Platform } from '../registry/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { bundleClaim, type Claim } from './claims.ts';
import type { Readable } from './headers.ts';

/** What a reference names, as files whose headers can be read. */
export interface RemoteArtifact {
  readonly digest: string;
  readonly files: readonly Readable[];
  /** Layers that are archives: what is in them is not looked at. */
  readonly archives: readonly string[];
  readonly claims: readonly Claim[];
}

/** An artifact of a registry, or of an image layout on a disk. @throws WeighlockError */
export async function openArtifact(
  reference: string,
  platform: Platform,
  pool: PullPool,
  notice: (text: string) => void,
): Promise<RemoteArtifact> {
  const { digest, layout } = await pool.resolve(reference, platform, true);
  const claims = claimsOf(await pool.signatures(reference, digest), notice);
  const files = layout.items.flatMap((item): Readable[] => {
    if (item.kind !== 'file') return [];
    const { path, descriptor } = item;
    const read = async (start: number, length: number) =>
      Buffer.from(await pool.blobRange(reference, descriptor, start, length));
    return [{ name: entryText(path), size: descriptor.size, read }];
  });
  const archives = layout.items.flatMap(({ kind, descriptor }) => (kind === 'archive' ? [descriptor.digest] : []));
  return { digest, files, archives, claims };
}

/**
 * What is stored as signatures; that some could not be read is a notice, since nothing rests on
 * them.
 */
function claimsOf({ layers, unread }: StoredSignatures, notice: (text: string) => void): Claim[] {
  for (const { where, failure } of unread) notice(`${where} cannot be read: ${failure.message}`);
  return layers.map(({ form, bytes, where }): Claim => {
    try {
      return form === 'bundle'
        ? bundleClaim(where, bytes)
        : { where, kind: form === 'envelope' ? 'attestation' : 'signature' };
    } catch {
      return { where, kind: 'signature' };
    }
  });
}

/** Files of a hub or bucket, as they were listed once. @throws WeighlockError */
export async function openStored(
  location: StoreLocation,
  maxFiles: number,
  pool: PullPool,
): Promise<{ readonly files: readonly Readable[]; readonly revision?: string }> {
  const inventory = await pool.inventory(location, maxFiles);
  const files = inventory.files.map((file): Readable => {
    const read = async (start: number, length: number) =>
      Buffer.from(await pool.storedRange(location, inventory, file, start, length));
    return { name: entryText(file.path), size: file.size, read };
  });
  const { revision } = inventory;
  return { files, ...(revision === undefined ? {} : { revision }) };
}

/** A file on a server that answers ranges. @throws WeighlockError */
export async function openUrl(url: string, pool: PullPool): Promise<Readable> {
  const { file } = await pool.urlRange(url, 0, 1);
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  const read = async (start: number, length: number) =>
    Buffer.from((await pool.urlRange(url, start, length, file)).bytes);
  return { name, size: file.total, read };
}
