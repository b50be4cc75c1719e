/** Git LFS, docs/spec.md: a pointer is shorter than this, and begins with its version. */
export const MAX_POINTER_BYTES = 1024;
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:[^\n]*\n)*?oid sha256:([0-9a-f]{64})\n/;

/** The SHA-256 that a pointer of Git LFS names; undefined for anything else. */
export function pointedAt(bytes: Buffer): string | undefined {
  return bytes.length < MAX_POINTER_BYTES ? POINTER.exec(bytes.toString('latin1'))?.[1] : undefined;
}
