import type { Control } from '../hash/index.ts';
import { Pace } from './pace.ts';
import { Reads } from './reads.ts';

/** What one thread reads volumes with. */
export interface ReadingThread {
  readonly control: Control;
  readonly pace: Pace;
  readonly reads: Reads;
  /** Where the file lies that was opened last. */
  likelyDevice: bigint;
}

export function readingThread(control: Control): ReadingThread {
  return { control, pace: new Pace(control), reads: new Reads(control), likelyDevice: 0n };
}
