/** A page of a listing: S3 and the hub send at most 1000 entries, each with a name of at most 1024 bytes, thrice as long when it is encoded. */
export const MAX_PAGE_BYTES = 16 << 20;

/** What says which commit a revision is: the hub lists the names of all files beside it. */
export const MAX_REVISION_BYTES = 32 << 20;

/** Pages in a row that bring no file: a store that filters may send some. */
export const MAX_EMPTY_PAGES = 100;
