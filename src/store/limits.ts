/** A page of a listing: S3 and the hub send at most 1000 entries, each with a name of at most 1024 bytes, thrice as long when it is encoded. */
export const MAX_PAGE_BYTES = 16 << 20;

/** What says which commit a revision is: the hub lists the names of all files beside it. */
export const MAX_REVISION_BYTES = 32 << 20;

/** Pages in a row that bring no file: a store that filters may send some. */
export const MAX_EMPTY_PAGES = 100;

/**
 * What the names of a listing may come to in memory, where several threads have them: 500,000 files with short names, 100,000 with names of
 * 1,000 bytes. Names are the server's own, and a container of 512 MiB has to hold them.
 */
export const MAX_LISTING_BYTES = 128 << 20;

/** Of that, for each file beside its name. */
export const LISTED_FILE_BYTES = 256;
