/** What a 206 is a part of: first and last byte, and bytes of the whole. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly total: number;
}

/**
 * Reads the `Content-Range` of a 206 (RFC 9110, section 14.4): one header,
 * `bytes first-last/total`, first <= last < total.
 */
export function parseContentRange(header: string | string[] | undefined): ContentRange | undefined {
  const [, first, last, total] =
    /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(typeof header === 'string' ? header : '') ?? [];
  const range = { first: Number(first), last: Number(last), total: Number(total) };
  const isRange = first !== undefined && range.first <= range.last && range.last < range.total;
  return isRange && Number.isSafeInteger(range.total) ? range : undefined;
}

/**
 * Checks the `Content-Range` of an answer that must begin at `offset`, reach the very end, or the
 * byte that was asked for as the last one, and be of a whole of the size that was expected.
 *
 * @param total - bytes of the whole, undefined when it is not known
 * @param end - first byte that was not asked for
 * @returns what is wrong, or undefined
 */
export function contentRangeFault(
  header: string | string[] | undefined,
  offset: number,
  total: number | undefined,
  end = Number.POSITIVE_INFINITY,
): string | undefined {
  const range = parseContentRange(header);
  if (range === undefined) return 'resumed without one usable Content-Range';
  if (range.first !== offset) return `resumed at byte ${range.first}, not ${offset}`;
  if (range.last + 1 !== Math.min(end, range.total)) return 'resumed without reaching the end';
  if (total !== undefined && range.total !== total) return `has ${range.total} bytes now, not ${total}`;
  return undefined;
}
