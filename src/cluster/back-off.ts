/** Milliseconds: the first pause after a failure, and the longest; each is twice the one before. */
export interface Pauses {
  readonly first: number;
  readonly longest: number;
}

/**
 * How long to wait after so many failures in a row. A part of it is chance, or everybody who was
 * cut off at the same moment comes back at the same moment.
 *
 * @param failures - at least 1
 * @param asked - what the server asked for (`Retry-After`), in milliseconds: never sooner
 * @param chance - from 0 to 1
 */
export function pauseAfter({ first, longest }: Pauses, failures: number, asked = 0, chance = Math.random()): number {
  const pause = Math.min(first * 2 ** Math.min(failures - 1, 30), longest);
  return Math.max(pause * (0.75 + 0.25 * chance), asked);
}
