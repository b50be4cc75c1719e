/** The file `oci-layout` holds a version and nothing else. */
export const MAX_MARKER_BYTES = 4096;

/** How much is looked at to see what refers to what. */
export interface SearchLimits {
  readonly blobs: number;
  /** Of all documents that are read for it. */
  readonly bytes: number;
}

/**
 * The largest artifacts have a few thousand layers, and on a network volume each look takes a
 * millisecond; a manifest has a few kilobytes.
 */
export const SEARCH_LIMITS: SearchLimits = { blobs: 20_000, bytes: 64 << 20 };
