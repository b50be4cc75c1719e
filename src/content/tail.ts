/** Bytes of a file's end that are kept: an end of central directory and the longest comment behind it (APPNOTE.TXT 4.3.16). */
export const TAIL_BYTES = 22 + 0xffff;

const END_OF_DIRECTORY = Buffer.from('PK\x05\x06', 'latin1');

/**
 * Whether a reader of zip files would find a directory at the end of a file, whatever it begins with. It looks for a signature from
 * the end backwards, and for most readers neither counts, disks nor the comment's length have to be right: so nothing of these is
 * asked here. Of random bytes one in 65,000 files has the signature there.
 *
 * @param tail - the last `TAIL_BYTES` of a file, or all of it
 */
export function endsAsZip(tail: Buffer): boolean {
  const at = tail.indexOf(END_OF_DIRECTORY);
  return at >= 0 && at + 22 <= tail.length;
}

/** Whether the first block of a file is a header of tar, of any of its dialects: its checksum is right. */
export function beginsAsTar(head: Buffer): boolean {
  if (head.length < 512) return false;
  const text = head.toString('latin1', 148, 156);
  const match = /^[ \0]*([0-7]{1,7})[ \0]*/.exec(text);
  if (match?.[1] === undefined) return false;
  let [unsigned, signed] = [8 * 0x20, 8 * 0x20];
  for (let i = 0; i < 512; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = head[i] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const declared = Number.parseInt(match[1], 8);
  // A block of zeros is the end of an archive.
  return unsigned > 8 * 0x20 && (declared === unsigned || declared === signed);
}
