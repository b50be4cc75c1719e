import type { Room } from '../registry/index.ts';
import { freeBytes } from '../stage/index.ts';

/** Left free on a volume: what else lives there must not starve, not even while something without end is refused. */
const RESERVE_BYTES = 16 << 20;
const RESERVE_SHARE = 1 / 32;

/**
 * What there is room for at a folder: what somebody allows, or else what the volume has free. Undefined where nobody
 * knows: some file systems say 0 blocks of everything, and some have no statfs(2).
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
