import { nodeCrypto } from '../library/index.ts';
import type { Requirement } from '../plan/index.ts';

/**
 * SHA-256 over everything that is required of an artifact: whose keys, which pins, which
 * conditions. Two policies that ask for the same in other words have different ones, and none is
 * the digest of a policy that asks for something else.
 */
export function requirementsDigest(requirements: readonly Requirement[], more: object = {}): string {
  return nodeCrypto()
    .createHash('sha256')
    .update(JSON.stringify([requirements, more], plain))
    .digest('hex');
}

/** What JSON leaves out. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return { map: [...value] };
  if (value instanceof Set) return { set: [...value] };
  if (value instanceof RegExp) return { pattern: String(value) };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return value;
}
