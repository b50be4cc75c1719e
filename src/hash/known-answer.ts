import type { Engine } from './engine.ts';

/**
 * Known answers. The first three are FIPS 180-4's examples (NIST "SHA256.pdf": no block, one block,
 * two blocks); the last is 16,500 bytes 0,1,2,...,255,0,... so that a fault at the border of
 * hash-wasm's buffer of 16,384 bytes shows. It was computed with coreutils and OpenSSL, which
 * agree.
 */
export const ANSWERS: readonly (readonly [Uint8Array, string])[] = [
  [new Uint8Array(0), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [Buffer.from('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [countingUp(16_500), 'b6a703f2c1d1ed271333ff6c3d0eee788b48e9dc16ac9f70f2d39d5c94ead2b9'],
];

/**
 * Uneven on purpose: pieces that end inside a block, and that are longer than an engine's internal
 * buffer.
 */
export const PIECES = [1, 62, 2, 16_385];

/**
 * Hashes every known message at once, in one piece and in several; undefined when all answers are
 * right, else what differed.
 */
export function knownAnswerFault(engine: Engine): string | undefined {
  for (const [message, expected] of ANSWERS) {
    const atOnce = Buffer.from(engine.digestOf(message)).toString('hex');
    if (atOnce !== expected) return `${message.length} bytes at once: expected ${expected}, found ${atOnce}`;
    for (const pieces of [[message.length], PIECES]) {
      engine.init();
      let offset = 0;
      for (const piece of pieces) {
        engine.update(message.subarray(offset, offset + piece));
        offset = Math.min(message.length, offset + piece);
      }
      engine.update(message.subarray(offset));
      const found = Buffer.from(engine.digest()).toString('hex');
      if (found !== expected) return `${message.length} bytes: expected ${expected}, found ${found}`;
    }
  }
  return undefined;
}

/**
 * 0, 1, 2, ..., 255, 0, ...; a program that only just started takes a millisecond to compute so
 * many one by one.
 */
function countingUp(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < 256; i++) bytes[i] = i;
  for (let done = 256; done < length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}
