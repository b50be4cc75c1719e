/** Bytes of a block, and where in a header its checksum is. */
const BLOCK = 512;
const SUM_AT = 148;
const SUM_END = 156;

/**
 * Whether the first block of a file is a header of tar, of any of its dialects: its checksum is
 * right, in any spelling that a reader takes (CPython's `tarfile.nti`: GNU's binary numbers, and
 * texts as `int(text, 8)` reads them).
 */
export function beginsAsTar(head: Buffer): boolean {
  if (head.length < BLOCK) return false;
  let [unsigned, signed] = [8 * 0x20, 8 * 0x20];
  for (let i = 0; i < BLOCK; i++) {
    if (i >= SUM_AT && i < SUM_END) continue;
    const byte = head[i] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  // A block of zeros is the end of an archive.
  if (unsigned === 8 * 0x20) return false;
  return [signed, unsigned].some((sum) => says(head.subarray(SUM_AT, SUM_END), sum));
}

function says(field: Buffer, sum: number): boolean {
  const first = field[0] ?? 0;
  // Binary numbers: the first byte is a sign, and the others are the number.
  if (first === 0x80 || first === 0xff) {
    const value = field.subarray(1).reduce((total, byte) => 256 * total + byte, 0);
    return (first === 0x80 ? value : value - 256 ** 7) === sum;
  }
  const match = /^[\s\0]*([+-]?)(?:0o)?([0-7_]*)[\s\0]*/i.exec(field.toString('latin1'));
  const value = Number.parseInt(match?.[2]?.replaceAll('_', '') || '0', 8);
  return (match?.[1] === '-' ? -value : value) === sum;
}
