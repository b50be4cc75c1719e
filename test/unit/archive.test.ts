import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { collisionKey, Decompressor, safePath, TarReader } from '../../src/archive/index.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { fromText } from '../../src/fs/index.ts';
import { header, pax, tar } from '../registry/tar.ts';

/** Members of an archive as `type name content`. */
function read(bytes: Buffer, piece = bytes.length): string[] {
  const members: string[] = [];
  let content: Buffer[] = [];
  let current = '';
  const reader = new TarReader({
    entry: ({ type, name, kind }) => {
      current = `${type === 'other' ? kind : type} ${name.toString('utf8')}`;
      content = [];
    },
    data: (chunk) => content.push(Buffer.from(chunk)),
    end: () => members.push(`${current} ${Buffer.concat(content).toString('utf8')}`.trimEnd()),
  });
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
  reader.finish();
  return members;
}

const refused = (bytes: Buffer, message: RegExp) =>
  assert.throws(
    () => read(bytes),
    (error) => error instanceof WeighlockError && error.code === 'UNSAFE_ENTRY' && message.test(error.message),
  );

function gnuTar(format: string): Buffer {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-tar-'));
  after(() => rmSync(work, { recursive: true }));
  mkdirSync(join(work, 'd/e'), { recursive: true });
  writeFileSync(join(work, 'd/a'), 'A');
  mkdirSync(join(work, 'd', 'n'.repeat(90)));
  writeFileSync(join(work, 'd', 'n'.repeat(90), 'm'.repeat(80)), 'long');
  writeFileSync(join(work, 'd/e/ü'), 'x'.repeat(1000));
  writeFileSync(join(work, 'd/empty'), '');
  return execFileSync('tar', ['-C', work, `--format=${format}`, '--sort=name', '-cf', '-', 'd']);
}

describe('the tar reader', () => {
  it('reads what GNU tar writes, in every format and whatever pieces it comes in', () => {
    for (const format of ['gnu', 'pax', 'ustar']) {
      const bytes = gnuTar(format);
      const expected = [
        'folder d/',
        'file d/a A',
        'folder d/e/',
        `file d/e/ü ${'x'.repeat(1000)}`,
        'file d/empty',
        `folder d/${'n'.repeat(90)}/`,
        `file d/${'n'.repeat(90)}/${'m'.repeat(80)} long`,
      ].sort();
      for (const piece of [bytes.length, 512, 511, 7, 1])
        assert.deepEqual(read(bytes, piece).sort(), expected, `${format} ${piece}`);
    }
  });

  it('shows links and devices as what they are', () => {
    const work = mkdtempSync(join(tmpdir(), 'weighlock-tar-'));
    after(() => rmSync(work, { recursive: true }));
    symlinkSync('/etc/passwd', join(work, 'link'));
    execFileSync('mkfifo', [join(work, 'pipe')]);
    assert.deepEqual(read(execFileSync('tar', ['-C', work, '--sort=name', '-cf', '-', 'link', 'pipe'])), [
      'symbolic link link',
      'FIFO pipe',
    ]);
  });

  it('binds a pax size to the member, not to a header in between (cve-2026-53655, ghsa-vmf3-w455-68vh)', () => {
    const long = Buffer.from('real\0');
    const bytes = tar([
      pax({ size: '4' }),
      { name: '././@LongLink', type: 'L', content: long },
      { name: 'x', type: '0', content: Buffer.from('abcd') },
    ]);
    assert.deepEqual(read(bytes), ['file real abcd']);
  });

  it('refuses sizes that are negative or absurd (ghsa-8x88-c5mf-7j5w)', () => {
    for (const field of [
      Buffer.alloc(12, 0xff),
      Buffer.from([0x80, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from('99999999999\0'),
    ]) {
      refused(Buffer.concat([header({ name: 'x', type: '0', sizeField: field }), Buffer.alloc(1024)]), /size|octal/);
    }
  });

  it('refuses extension headers of gigabytes before it collects them', () => {
    refused(header({ name: 'x', type: 'x', size: 2 ** 31 - 1 }), /extension header of/);
    refused(header({ name: 'x', type: 'L', size: 2 << 20 }), /extension header of/);
  });

  it('refuses pax records that lie about their length, and global names', () => {
    for (const text of ['5 a=b\n', '999999 path=x\n', 'x path=y\n', '10 path=x', ' 9 path=x\n', '0 path=x\n']) {
      refused(
        tar([
          { name: 'h', type: 'x', content: Buffer.from(text) },
          { name: 'f', type: '0', content: Buffer.alloc(0) },
        ]),
        /pax/,
      );
    }
    refused(
      tar([
        { name: 'g', type: 'g', content: pax({ path: 'evil' }).content },
        { name: 'f', type: '0', content: Buffer.alloc(0) },
      ]),
      /global header/,
    );
    refused(tar([pax({ size: '-1' }), { name: 'f', type: '0', content: Buffer.alloc(0) }]), /no number/);
  });

  it('refuses an archive that is cut off anywhere, and one that goes on after its end', () => {
    const bytes = gnuTar('pax');
    const end = bytes.length - 10_240 + 1024;
    for (const length of [100, 512, 700, 1024, 3000, end > 4096 ? 4096 : 2048])
      assert.throws(() => read(bytes.subarray(0, length)), WeighlockError);
    refused(Buffer.concat([bytes, header({ name: 'hidden', type: '0', size: 0 })]), /follows its end/);
    refused(
      Buffer.concat([tar([], 1), header({ name: 'hidden', type: '0', size: 0 }), Buffer.alloc(1024)]),
      /follows a block of zeros/,
    );
  });

  it('refuses a wrong checksum', () => {
    const bytes = gnuTar('ustar');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    refused(bytes, /checksum/);
  });
});

describe('a path from outside', () => {
  it('is taken when it is plain', () => {
    for (const [text, path] of [
      ['a', 'a'],
      ['./a/b', 'a/b'],
      ['a/b/', 'a/b'],
      ['ü/模', fromText('ü/模')],
      ['..a/b..', '..a/b..'],
    ] as const) {
      assert.equal(safePath(Buffer.from(text)), path);
    }
  });

  it('is refused when it leads anywhere else (cve-2026-50163, kitops, oras, modctl annotations)', () => {
    const bad = [
      '',
      '.',
      './',
      '/',
      '/etc/passwd',
      '//x',
      '../x',
      'a/../../x',
      'a/..',
      '..',
      '..\\x',
      'a\\b',
      'C:../x',
      'c:/x',
      'a//b',
      'a/./b',
      'a\0b',
      'a\nb',
      'a\x1b[2J',
      'a\x7f',
      'x'.repeat(256),
      `${'d/'.repeat(64)}x`,
      'x/'.repeat(2100),
    ];
    for (const text of bad) assert.notEqual(typeof safePath(Buffer.from(text)), 'string', JSON.stringify(text));
    assert.notEqual(typeof safePath(Buffer.from([0x61, 0xff])), 'string');
  });

  it('collides with names that another file system takes for the same (cve-2026-23950, ghsa-r6q2-hw4h-h46w)', () => {
    for (const [a, b] of [
      ['A', 'a'],
      ['ß', 'ss'],
      ['é', 'e\u0301'],
      ['ﬁ', 'fi'],
      ['K', '\u212a'],
    ] as const) {
      assert.equal(collisionKey(fromText(a)), collisionKey(fromText(b)), `${a} ${b}`);
    }
    assert.notEqual(collisionKey(fromText('a')), collisionKey(fromText('b')));
  });
});

describe('decompression', () => {
  async function unpack(compression: 'gzip' | 'zstd' | 'none', bytes: Buffer, piece = 65_536): Promise<Buffer> {
    const out: Buffer[] = [];
    const decompressor = new Decompressor(compression, (chunk) => out.push(Buffer.from(chunk)));
    for (let at = 0; at < bytes.length; at += piece) await decompressor.push(bytes.subarray(at, at + piece));
    await decompressor.finish();
    return Buffer.concat(out);
  }
  const text = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) & 255));

  it('gives back what was packed, in pieces and with several members or frames', async () => {
    for (const piece of [1 << 20, 1000]) {
      assert.ok(
        (await unpack('gzip', Buffer.concat([gzipSync(text), gzipSync(text)]), piece)).equals(
          Buffer.concat([text, text]),
        ),
      );
      assert.ok(
        (await unpack('zstd', Buffer.concat([zstdCompressSync(text), zstdCompressSync(text)]), piece)).equals(
          Buffer.concat([text, text]),
        ),
      );
      assert.ok((await unpack('none', text, piece)).equals(text));
    }
  });

  it('skips a skippable frame in front, as pzstd writes it', async () => {
    const skippable = Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), Buffer.from([1, 2, 3, 4])]);
    assert.ok((await unpack('zstd', Buffer.concat([skippable, zstdCompressSync(text)]))).equals(text));
  });

  it('refuses data that is damaged, cut off, or followed by junk', async () => {
    const damaged = Buffer.from(gzipSync(text));
    const middle = damaged.length >> 1;
    damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
    for (const [compression, bytes] of [
      ['gzip', damaged],
      ['gzip', gzipSync(text).subarray(0, -1)],
      ['gzip', gzipSync(text).subarray(0, 1000)],
      ['gzip', Buffer.concat([gzipSync(text), Buffer.from('junk')])],
      ['zstd', zstdCompressSync(text).subarray(0, -1)],
      ['zstd', Buffer.concat([zstdCompressSync(text), Buffer.from('junk')])],
      ['zstd', Buffer.from('not zstd at all')],
    ] as const) {
      await assert.rejects(
        unpack(compression, bytes),
        (error) => error instanceof WeighlockError && error.code === 'UNSAFE_ENTRY',
        compression,
      );
    }
  });

  it('stops at a bomb', async () => {
    const zeros = Buffer.alloc(300 << 20);
    for (const [compression, bytes] of [
      ['gzip', gzipSync(zeros, { level: 9 })],
      ['zstd', zstdCompressSync(zeros)],
    ] as const) {
      let unpacked = 0;
      const decompressor = new Decompressor(compression, (chunk) => (unpacked += chunk.length));
      await assert.rejects(
        (async () => {
          for (let at = 0; at < bytes.length; at += 4096) await decompressor.push(bytes.subarray(at, at + 4096));
          await decompressor.finish();
        })(),
        (error) => error instanceof WeighlockError && error.code === 'LIMIT_EXCEEDED',
      );
      assert.ok(unpacked < 80 << 20, `${unpacked}`);
    }
  });

  it('passes on what the sink throws', async () => {
    const decompressor = new Decompressor('gzip', () => {
      throw new WeighlockError({ code: 'NO_SPACE', message: 'full' });
    });
    await assert.rejects(
      decompressor.push(gzipSync(text)).then(() => decompressor.finish()),
      /full/,
    );
  });
});
