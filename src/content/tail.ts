/**
 * Bytes of a file's end that are kept. The end of a central directory has 22 bytes and a comment of
 * at most 65,535 (APPNOTE.TXT 4.3.16), but miniz, which `torch.jit.load` reads zips with, looks in
 * steps of 4,093 bytes until it is past that: up to 69,584 from the end.
 */
export const TAIL_BYTES = 72 << 10;

const END_OF_DIRECTORY = Buffer.from('PK\x05\x06', 'latin1');

/**
 * Whether a reader of zip files would find a directory at the end of a file, whatever it begins
 * with. It looks for a signature from the end backwards, and for most readers neither counts, disks
 * nor the comment's length have to be right: so nothing of these is asked here. Of random bytes one
 * in 58,000 files has the signature there.
 *
 * @param tail - the last `TAIL_BYTES` of a file, or all of it
 */
export function endsAsZip(tail: Buffer): boolean {
  const at = tail.indexOf(END_OF_DIRECTORY);
  return at >= 0 && at + 22 <= tail.length;
}
