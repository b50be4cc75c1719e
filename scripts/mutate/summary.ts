import type { Outcome } from './judge.ts';

/** A full run breaks at least so many checks. */
const FEWEST = 80;

/** Of what is broken, at least this share is noticed. */
const CAUGHT = 0.98;

/** How a run ended, in words. */
export function summary(outcomes: readonly Outcome[]): string {
  const named = (result: Outcome['result']) => outcomes.filter((one) => one.result === result);
  const line = ({ mutation, detail }: Outcome) => `  ${mutation.id} (${mutation.file}): ${detail}`;
  const [survived, invalid] = [named('SURVIVED'), named('invalid')];
  const caught = named('caught').length;
  const share = outcomes.length === 0 ? 0 : (100 * caught) / outcomes.length;
  return [
    `${outcomes.length} mutations: ${caught} caught (${share.toFixed(1)} %), ${survived.length} survived, ${invalid.length} invalid`,
    ...(survived.length > 0 ? ['survived:', ...survived.map(line)] : []),
    ...(invalid.length > 0 ? ['invalid:', ...invalid.map(line)] : []),
  ].join('\n');
}

/**
 * False when too few were noticed, when an entry is stale, or when a full run is too small to say
 * anything.
 *
 * @param wanted - how many were to be judged
 */
export function isGoodEnough(
  outcomes: readonly Outcome[],
  { isFull, wanted }: { readonly isFull: boolean; readonly wanted: number },
): boolean {
  if (outcomes.length < Math.max(wanted, isFull ? FEWEST : 1)) return false;
  if (outcomes.some(({ result }) => result === 'invalid')) return false;
  return outcomes.filter(({ result }) => result === 'caught').length >= CAUGHT * outcomes.length;
}
