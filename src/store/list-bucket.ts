import { FileCollector } from './collect.ts';
import { MAX_EMPTY_PAGES } from './limits.ts';
import type { Patterns } from './patterns.ts';
import type { Inventory, StoredFile } from './store.ts';

/** An object of a bucket, as it was listed or looked at. */
export type BucketObject = Omit<StoredFile, 'path'>;

/** What differs between the protocols of buckets. */
export interface Bucket {
  /** Objects below a prefix, a page of them. @param next - what the page before says */
  page(
    prefix: string,
    next: string | undefined,
  ): Promise<{ readonly objects: readonly BucketObject[]; readonly next?: string | undefined }>;
  /**
   * What an object is now; undefined where there is none, or where it may not be read and may be a
   * prefix.
   */
  look(key: string): Promise<BucketObject | undefined>;
  /** An error that names the server. @param why - what it does */
  fault(why: string): Error;
  /** How its documentation calls objects. */
  readonly noun: 'objects' | 'blobs';
}

/**
 * Lists an object, or where there is none of that name what lies below it.
 *
 * @throws WeighlockError
 */
export async function listBucket(
  key: string,
  patterns: Patterns,
  maxFiles: number,
  bucket: Bucket,
): Promise<Inventory> {
  if (key === '' || key.endsWith('/')) return listFolder(key, patterns, maxFiles, bucket);
  const object = await bucket.look(key);
  if (object === undefined) return listFolder(`${key}/`, patterns, maxFiles, bucket);
  const files = new FileCollector(1, { include: [], exclude: [] });
  files.add({ name: key.slice(key.lastIndexOf('/') + 1), ...object });
  return { kind: 'file', files: files.finish() };
}

/**
 * All objects below a prefix, which ends with a slash: `model` is not the beginning of `model-2`.
 */
async function listFolder(prefix: string, patterns: Patterns, maxFiles: number, bucket: Bucket): Promise<Inventory> {
  const files = new FileCollector(maxFiles, patterns);
  const seen = new Set<string>();
  let empty = 0;
  let next: string | undefined;
  do {
    const page = await bucket.page(prefix, next);
    for (const object of page.objects) {
      const { key, size } = object;
      if (!key.startsWith(prefix)) throw bucket.fault(`lists ${bucket.noun} that were not asked for`);
      // What consoles make to show a folder.
      if (size === 0 && key.endsWith('/')) continue;
      files.add({ name: key.slice(prefix.length), ...object });
    }
    empty = page.objects.length === 0 ? empty + 1 : 0;
    next = page.next;
    if (next !== undefined && (seen.has(next) || empty > MAX_EMPTY_PAGES))
      throw bucket.fault('sends a listing that does not go on');
    if (next !== undefined) seen.add(next);
  } while (next !== undefined);
  return { kind: 'folder', files: files.finish() };
}
