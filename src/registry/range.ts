/**
 * Checks the `Content-Range` of a 206 (RFC 9110, section 14.4) for an answer that must go on at `offset` and reach the
 * very end: one header, `bytes first-last/total`, first == offset, last + 1 == total, and the total that was expected.
 *
 * @param total - bytes of the whole, undefined when it is not known
 * @returns what is wrong, or undefined
 */
export function contentRangeFault(
  header: string | string[] | undefined,
  offset: number,
  total: number | undefined,
): string | undefined {
  if (typeof header !== 'string') return 'resumed without one Content-Range';
  const [, first, last, whole] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(header) ?? [];
  if (first === undefined) return `resumed with an unusable Content-Range`;
  if (Number(first) !== offset) return `resumed at byte ${first}, not ${offset}`;
  if (Number(last) + 1 !== Number(whole)) return 'resumed without reaching the end';
  if (total !== undefined && Number(whole) !== total) return `has ${whole} bytes now, not ${total}`;
  return undefined;
}
