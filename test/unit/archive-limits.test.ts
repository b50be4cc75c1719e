// Limits of archives that no ordinary tool comes near.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decompressor, TarReader } from '../../src/archive/index.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { file, pax, tar } from '../registry/tar.ts';

describe('an archive', () => {
  it('with a sparse file in the form of pax is refused, as its size is not what is unpacked', () => {
    const bytes = tar([pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' }), file('a', 'abc')]);
    const reader = new TarReader({ entry() {}, data() {}, end() {} });
    assert.throws(
      () => reader.push(bytes),
      (error) => error instanceof WeighlockError && /sparse/.test(error.message),
    );
  });

  it('with a pax record that does not end where its length says is refused', () => {
    for (const records of [
      '9 path=ab\n',
      '12 path=ab\n',
      '10 path=ab11 path=cd\n',
      '10 path=abc\n',
      '010 path=ab\n',
      '11 path=ab\n9 path=ab\n',
    ]) {
      const reader = new TarReader({ entry() {}, data() {}, end() {} });
      const extension = { name: 'PaxHeader', type: 'x', content: Buffer.from(records) };
      assert.throws(
        () => reader.push(tar([extension, file('a', 'abc')])),
        (error) => error instanceof WeighlockError && /malformed pax/.test(error.message),
        records,
      );
    }
  });

  // RFC 8878 section 3.1.1: magic, descriptor, window descriptor, and one last raw block of one
  // byte.
  const frame = (windowLog: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3, 9, 0, 0, 0x61]);

  async function unpack(bytes: Buffer): Promise<string> {
    let text = '';
    const decompressor = new Decompressor('zstd', (chunk) => (text += chunk.toString()));
    await decompressor.push(bytes);
    await decompressor.finish();
    return text;
  }

  it('that is packed with a window of 256 MiB is refused: it would take as much memory', async () => {
    assert.equal(await unpack(frame(27)), 'a');
    await assert.rejects(
      unpack(frame(28)),
      (error) => error instanceof WeighlockError && error.code === 'UNSAFE_ENTRY',
    );
  });
});
