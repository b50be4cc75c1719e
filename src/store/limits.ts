import { memoryShare } from '../memory-share.ts';

/**
 * A page of a listing: S3 and the hub send at most 1000 entries, each with a name of at most 1024
 * bytes, thrice as long when it is encoded.
 */
export const MAX_PAGE_BYTES = 16 << 20;

/** What says which commit a revision is: the hub lists the names of all files beside it. */
export const MAX_REVISION_BYTES = 32 << 20;

/** Pages in a row that bring no file: a store that filters may send some. */
export const MAX_EMPTY_PAGES = 100;

/** Of a file that is listed, beside its name. */
export const LISTED_FILE_BYTES = 256;

/**
 * Times that a name is in memory: as it was listed, as a path, and as what other file systems take
 * for the same.
 */
export const LISTED_NAME_COPIES = 3;

/** Of the memory of this container: the listing is in several threads. */
const LISTING_SHARE = 4;
const LEAST_LISTING_BYTES = 64 << 20;

/**
 * What a listing may come to in memory: with 512 MiB 400,000 files with short names, or 40,000 with
 * names of 1,000 bytes. How many there are, and how they are called, is the server's own word.
 */
export function listingBytes(): number {
  return memoryShare(LISTING_SHARE, LEAST_LISTING_BYTES);
}
