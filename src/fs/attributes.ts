import type { BigIntStats } from 'node:fs';
import { deviceAt, type FileTable, highOf } from './file-table.ts';

/** An attribute of a file that is not as it was. */
export interface Difference {
  readonly attribute: 'device number' | 'inode number' | 'size' | 'mtime' | 'ctime';
  readonly before: string;
  readonly after: string;
}

/** The attributes that tell whether a file is as it was. */
export type Attributes = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

/**
 * True when a file that was opened is, unchanged, the one that was listed. Node says numbers from
 * 2^63 on as negative ones; all 64 bits of them count.
 */
export function isListed(table: FileTable, index: number, stat: Attributes): boolean {
  return (
    isSameFile(table, index, stat) &&
    Number(stat.size) === table.size[index] &&
    isSameTime(stat.mtimeNs, table.mtime[index], table.mtimeHigh[index]) &&
    isSameTime(stat.ctimeNs, table.ctime[index], table.ctimeHigh[index])
  );
}

/** True when it is the file that was listed, whatever has become of it. */
export function isSameFile(table: FileTable, index: number, stat: Attributes): boolean {
  return BigInt.asUintN(64, stat.ino) === table.inode[index] && BigInt.asUintN(64, stat.dev) === deviceAt(table, index);
}

function isSameTime(nanoseconds: bigint, low: bigint | undefined, high: number | undefined): boolean {
  return nanoseconds === low ? high === 0 : BigInt.asIntN(64, nanoseconds) === low && highOf(nanoseconds) === high;
}

/** Every attribute that is not as it was listed. */
export function differencesFrom(table: FileTable, index: number, stat: Attributes): Difference[] {
  const { inode, size, mtime, ctime, mtimeHigh, ctimeHigh } = table;
  const differences: Difference[] = [];
  const compare = <T extends bigint | number>(
    attribute: Difference['attribute'],
    before: T,
    after: T,
    text: (value: T) => string = String,
  ) => {
    if (before !== after) differences.push({ attribute, before: text(before), after: text(after) });
  };
  compare('device number', deviceAt(table, index), BigInt.asUintN(64, stat.dev));
  compare('inode number', inode[index] ?? 0n, BigInt.asUintN(64, stat.ino));
  compare('size', size[index] ?? 0, Number(stat.size));
  compare('mtime', wholeTime(mtime[index], mtimeHigh[index]), stat.mtimeNs, timeText);
  compare('ctime', wholeTime(ctime[index], ctimeHigh[index]), stat.ctimeNs, timeText);
  return differences;
}

/** In words, for a message. */
export function differencesText(differences: readonly Difference[]): string {
  return differences.map(({ attribute, before, after }) => `its ${attribute} was ${before} and is ${after}`).join(', ');
}

/** True when nothing but times is not as it was. */
export function areTimes(differences: readonly Difference[]): boolean {
  return differences.every(({ attribute }) => attribute === 'mtime' || attribute === 'ctime');
}

function wholeTime(low: bigint | undefined, high: number | undefined): bigint {
  return (low ?? 0n) + (BigInt(high ?? 0) << 64n);
}

/** The last millisecond that a `Date` can hold (ECMA-262, 21.4.1.1). */
const MOST_MILLISECONDS = 8_640_000_000_000_000n;

/** A time in nanoseconds since 1970 as text: a date where there is one for it. */
function timeText(nanoseconds: bigint): string {
  const second = 1_000_000_000n;
  const rest = ((nanoseconds % second) + second) % second;
  const seconds = (nanoseconds - rest) / second;
  const fraction = rest.toString().padStart(9, '0');
  const milliseconds = seconds * 1000n;
  if (milliseconds > MOST_MILLISECONDS || milliseconds < -MOST_MILLISECONDS) return `${seconds}.${fraction} s`;
  return new Date(Number(milliseconds)).toISOString().replace('.000Z', `.${fraction}Z`);
}
