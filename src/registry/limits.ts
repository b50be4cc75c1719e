/**
 * Manifest, index, config and a page of referrers: distribution's own limit
 * (handlers/manifests.go), oras-go's too.
 */
export const MAX_MANIFEST_BYTES = 4 << 20;

/** A token answer is a JWT of a few kilobytes (oras-go: 128 KiB). */
export const MAX_TOKEN_BYTES = 128 << 10;

/** Of an error's body only the first codes and messages matter (go-containerregistry: 64 KiB). */
export const MAX_ERROR_BYTES = 64 << 10;

/** go-containerregistry and containerd stop here. */
export const MAX_REDIRECTS = 10;

/** Layers of one artifact: the largest sharded models have a few hundred. */
export const MAX_LAYERS = 4096;

/** Children of one index; platforms and attestations of an image are a few dozen. */
export const MAX_INDEX_ENTRIES = 1000;

/** Pages of a referrers list, and entries over all pages. */
export const MAX_REFERRER_PAGES = 100;
export const MAX_REFERRERS = 1000;

/** Milliseconds to connect (KServe's S3 client: 15 s). */
export const CONNECT_TIMEOUT = 15_000;

/**
 * Milliseconds without a byte of an answer, be it the first (ollama's stall time-out: 30 s);
 * `--response-timeout`.
 */
export const RESPONSE_TIMEOUT = 30_000;

/**
 * Milliseconds for a small document as a whole, from the question over every redirect to its last
 * byte: 4 MiB, the largest manifest, at 70 kB/s. Never less than twice `--response-timeout`.
 */
export const DOCUMENT_TIMEOUT = 60_000;

/**
 * Milliseconds that a small document takes of a usual server. All beyond it may be so many whole
 * time-outs together.
 */
export const QUICK_DOCUMENT = 1000;
export const MAX_SLOW_DOCUMENTS = 20;

/**
 * Bytes per second that a small blob comes with at least: a signature may be larger than any
 * manifest.
 */
export const SLOWEST_RATE = 64 << 10;

/**
 * Milliseconds for the rest of an answer that nobody wants: it is read for the connection's sake
 * only.
 */
export const DUMP_TIMEOUT = 5000;

/**
 * Informational answers before the one that counts (RFC 9110, section 15.2): servers send one or
 * two (100, 103).
 */
export const MAX_INFORMATIONAL = 16;

/**
 * Tries without any progress (modctl: 6); a try that gets further than ever starts the count
 * afresh.
 */
export const MAX_TRIES = 6;

/**
 * Tries for what the manifest names and the registry does not have yet, as happens in pull-through
 * caches.
 */
export const MAX_TRIES_MISSING = 4;

/**
 * Times that one run of requests waits for something missing: a thousand dangling names must not
 * take an hour.
 */
export const MAX_WAITS_MISSING = 12;

/**
 * Times that a download is begun, from a server that cannot go on where it broke off: it sends no
 * more than that many wholes.
 */
export const MAX_BEGINNINGS = 4;

/**
 * Milliseconds of the first pause, doubled each time up to the longest (containers/image: 60 s).
 */
export const FIRST_PAUSE = 500;
export const LONGEST_PAUSE = 60_000;

/**
 * Longest `Retry-After` that is obeyed: less than the default of `--idle-timeout`. What asks for
 * more is a rate limit.
 */
export const LONGEST_RETRY_AFTER = 240_000;

/**
 * One signature or attestation; SBOMs of large images have some 10 MB (cosign's limit is 128 MiB).
 */
export const MAX_SIGNATURE_BYTES = 64 << 20;

/** Signatures and attestations of one artifact (cosign's limit). */
export const MAX_SIGNATURES = 1000;

/** All of them together, since they are in memory. */
export const MAX_SIGNATURES_BYTES = 128 << 20;
