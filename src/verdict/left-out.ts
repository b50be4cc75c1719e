import { entryText, type LeftOutEntry } from '../fs/index.ts';
import type { ArtifactOutcome } from './outcome.ts';

/** What was left out, as an outcome has it. */
export type LeftOutOf = NonNullable<ArtifactOutcome['leftOut']>;

/** An entry, or what was left out under one path, as reports have it. */
export function leftOutFields({ path, by, entries, bytes }: LeftOutEntry): {
  path: string;
  by: string;
  entries: number;
  bytes: number;
} {
  return { path: entryText(path), by, entries, bytes };
}
