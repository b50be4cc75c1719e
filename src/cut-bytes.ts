/**
 * The beginning of a text, at most so many bytes of UTF-8, cut between characters. The kubelet and
 * the API server count bytes.
 */
export function cutBytes(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return text;
  // A continuation byte is 10xxxxxx: the cut goes back to where its character begins.
  let end = bytes;
  while (end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end--;
  return whole.toString('utf8', 0, end);
}
