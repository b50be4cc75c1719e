/**
 * A content digest that was checked before it is used in any URL or path: `sha256:` and 64
 * lower-case hex digits.
 */
export type Digest = `sha256:${string}` & { readonly __brand: 'Digest' };

/**
 * image-spec descriptor.md: `sha256` is required and lower case only. `sha512` and `blake3` are
 * optional there and not supported here; anything else (CVE-2024-3727, CVE-2024-37032: path pieces,
 * upper case, other lengths) is no digest.
 */
export function parseDigest(text: unknown): Digest | undefined {
  return typeof text === 'string' && /^sha256:[a-f0-9]{64}$/.test(text) ? (text as Digest) : undefined;
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** A digest from 64 lower-case hex digits that were computed or checked before. */
export function digestOf(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}
