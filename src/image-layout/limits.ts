/** The file `oci-layout` holds a version and nothing else. */
export const MAX_MARKER_BYTES = 4096;

/**
 * Blobs that are looked at for signatures: the largest artifacts have a few thousand layers, and on a network volume each
 * look takes a millisecond.
 */
export const MAX_BLOBS_SEEN = 20_000;

/** Bytes of manifests that are read only to see what they refer to; a manifest has a few kilobytes. */
export const MAX_BYTES_SEARCHED = 64 << 20;
