import { hostname } from 'node:os';
import { WeighlockError } from '../error/index.ts';
import type { Room } from '../registry/index.ts';
import { freeBytes } from '../stage/index.ts';

/**
 * Left free on a volume: what else lives there must not starve, not even while something without
 * end is refused.
 */
const RESERVE_BYTES = 16 << 20;
const RESERVE_SHARE = 1 / 32;

/**
 * What there is room for at a folder: what somebody allows, or else what the volume has free.
 * Undefined where nobody knows: some file systems say 0 blocks of everything, and some have no
 * statfs(2).
 *
 * @param maxBytes - `--max-bytes`
 */
export function roomAt(folder: string, maxBytes: number | undefined): Room | undefined {
  const free = freeBytes(folder);
  const most = free === undefined ? Infinity : Math.max(0, Math.floor(free - reserveOf(free)));
  if (maxBytes !== undefined && maxBytes <= most) return { bytes: maxBytes, isLimit: true };
  return most === Infinity ? undefined : { bytes: most, isLimit: false };
}

function reserveOf(free: number): number {
  return Math.max(RESERVE_BYTES, free * RESERVE_SHARE);
}

/** @throws WeighlockError `LIMIT_EXCEEDED` for what is larger than `--max-bytes` allows */
export function requireSize(bytes: number, most: number | undefined): void {
  if (most === undefined || bytes <= most) return;
  throw new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the artifact is larger than it may be',
    expected: `at most ${most} bytes (--max-bytes)`,
    found: `${bytes} bytes`,
    remedy: 'if this is the right artifact, raise --max-bytes',
  });
}

/**
 * The name of a staging folder: the same for this pod, this place and this content; other pods on
 * the same volume get their own.
 */
export async function stageKey(destination: string, what: string): Promise<string> {
  // Loaded only for what is fetched: it costs every start 4 ms.
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(`${hostname()}\n${destination}\n${what}`).digest('hex').slice(0, 16);
}
