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
    if (bytes.at(-1) !== 0x3b) throw new Unsound('a GIF without its last byte');
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
