const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `100d` in milliseconds has ten digits; nobody writes hundreds. */
const MAX_LENGTH = 100;

/**
 * Parses a duration as Kubernetes and Go write it (`90s`, `1h30m`, `500ms`), or `0` for none.
 *
 * @returns milliseconds, or undefined when the text is no duration or longer than 100 days
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length > MAX_LENGTH || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  return total <= 100 * 24 * 3_600_000 ? total : undefined;
}
