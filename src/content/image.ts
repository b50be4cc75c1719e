import { Unsound } from './cursor.ts';

export const MOST_IMAGE_BYTES = 32 << 20;

/** An image ends where its format says that it does. @throws Unsound */
export function checkImage(bytes: Buffer): void {
  const text = bytes.toString('latin1', 0, 12);
  if (text.startsWith('\x89PNG')) checkPng(bytes);
  else if (text.startsWith('RIFF')) {
    const declared = bytes.length < 12 ? 0 : bytes.readUInt32LE(4) + 8;
    if (declared !== bytes.length) throw new Unsound(`WebP of ${declared} bytes in a file of ${bytes.length}`);
  } else if (text.startsWith('GIF')) {
    checkGif(bytes);
  } else if (bytes.at(-2) !== 0xff || bytes.at(-1) !== 0xd9) throw new Unsound('a JPEG without its end');
}

function checkPng(bytes: Buffer): void {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    at += 12 + length;
    if (type === 'IEND') {
      if (at === bytes.length) return;
      throw new Unsound('there are bytes behind the end of the PNG');
    }
  }
  throw new Unsound('a PNG without its end');
}

/**
 * Blocks one behind the other up to the trailer (GIF89a, 15 to 27): `GIF89a=1;` alone is a program
 * of Python.
 */
function checkGif(bytes: Buffer): void {
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const introducer = bytes[at];
    if (introducer === 0x3b) {
      if (at + 1 === bytes.length) return;
      throw new Unsound('there are bytes behind the end of the GIF');
    }
    if (introducer === 0x2c) at += 11 + tableBytes(bytes[at + 9] ?? 0);
    else if (introducer === 0x21) at += 2;
    else break;
    for (let length = bytes[at] ?? 0; length > 0 && at < bytes.length; length = bytes[at] ?? 0) at += 1 + length;
    at++;
  }
  throw new Unsound('a GIF without its end');
}
