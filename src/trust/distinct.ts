/**
 * Steps of the search; it only takes more where those who are trusted share names crosswise,
 * hundreds of times.
 */
const MAX_STEPS = 20_000;

/**
 * How many different ones there are (S13), where each is given by labels: a key, a name, an
 * attestor. Two that share any label are the same, so that one person with two names, or two keys,
 * or one key under two names, counts once.
 *
 * @returns the size of the largest set without a shared label; less where it cannot be found in
 * time, never more
 */
export function countDistinct(items: readonly (readonly string[])[]): number {
  const candidates = reduced(items);
  let steps = 0;
  let best = 0;
  const search = (at: number, used: ReadonlySet<string>, size: number): void => {
    best = Math.max(best, size);
    steps += 1;
    for (let next = at; next < candidates.length; next++) {
      if (steps > MAX_STEPS || size + candidates.length - next <= best) return;
      const labels = candidates[next] ?? [];
      if (labels.some((label) => used.has(label))) continue;
      search(next + 1, new Set([...used, ...labels]), size + 1);
    }
  };
  search(0, new Set(), 0);
  return best;
}

/**
 * Without labels that nobody shares, and without whoever conflicts with all that another one
 * conflicts with.
 */
function reduced(items: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const times = new Map<string, number>();
  const different = new Map(items.map((labels) => [JSON.stringify([...new Set(labels)].sort()), new Set(labels)]));
  for (const labels of different.values()) for (const label of labels) times.set(label, (times.get(label) ?? 0) + 1);
  const shared = [...different.values()].map((labels) => [...labels].filter((label) => (times.get(label) ?? 0) > 1));
  const free = shared.filter((labels) => labels.length === 0);
  const bound = [
    ...new Map(shared.filter((one) => one.length > 0).map((one) => [JSON.stringify(one.sort()), one])).values(),
  ];
  const sets = bound.map((labels) => new Set(labels));
  const needed = sets.filter((own) => !sets.some((other) => other.size < own.size && other.isSubsetOf(own)));
  return [...free, ...needed.sort((a, b) => a.size - b.size).map((own) => [...own])];
}

/**
 * A name as a label. Hosts, mailboxes and repositories are the same in capitals, and an authority
 * may write them so.
 */
export function nameLabel(name: string): string {
  return `name ${name.toLowerCase()}`;
}
