// Issue 21: memory that headers take is bounded over all files that a thread reads at a time.
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ContentInspector } from '../../src/content/index.ts';
import { mostKeptBytes, WholeReader } from '../../src/content/whole-reader.ts';
import { npy, safetensors, zip } from '../content/build.ts';
import { inspectAtOnce, said } from '../content/inspect.ts';

const DECLARED = 95_000_000n;
const CHUNK = Buffer.alloc(1 << 20, ' ');

/** A file whose header is large, read up to 85 MiB of it. */
function large(): ContentInspector {
  const inspector = new ContentInspector('model.safetensors', 100_000_000);
  inspector.push(safetensors('{', Buffer.alloc(0), DECLARED));
  for (let i = 0; i < 85; i++) inspector.push(CHUNK);
  return inspector;
}

const AT_ONCE = /read at once/;

describe('21: headers of many files', () => {
  it('take no more than one thread may keep, and what is left over is free again', () => {
    const first = large();
    assert.match(said(large().finish()), AT_ONCE);
    assert.doesNotMatch(said(first.finish()), AT_ONCE);
    const second = large();
    second.drop();
    const third = large();
    assert.doesNotMatch(said(third.finish()), AT_ONCE);
  });

  it('are given back as soon as they are read', () => {
    const header = `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`.padEnd(36 << 20);
    const whole = safetensors(header, Buffer.alloc(1));
    const open = Array.from({ length: 5 }, () => {
      const inspector = new ContentInspector('model.safetensors', whole.length);
      inspector.push(whole);
      return inspector;
    });
    for (const inspector of open) assert.deepEqual(inspector.finish().findings, []);
  });

  it('have no more values than any model', () => {
    const tensor = (i: number) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;
    const text = (count: number) => `{${Array.from({ length: count }, (_, i) => tensor(i)).join(',')}}`;
    assert.deepEqual(said(inspectAtOnce(safetensors(text(100_000)), 'a')), '');
    assert.match(said(inspectAtOnce(safetensors(text(400_000)), 'a')), /values|more than/);
  });
});

describe('18: files that are looked at as a whole', () => {
  const MIB = 1 << 20;
  const piece = Buffer.alloc(MIB);
  const reader = (expected: number | undefined, most: number, mostKept: number) =>
    new WholeReader(expected, most, ({ length }) => ({ format: 'numpy', facts: { tensors: length } }), mostKept);
  const TOO_LARGE = /cannot be looked at as a whole/;

  it('take no more than one thread may keep, and what is left over is free again', () => {
    const first = reader(8 * MIB, 64 * MIB, 10 * MIB);
    for (let i = 0; i < 8; i++) first.push(piece);
    const second = reader(8 * MIB, 64 * MIB, 10 * MIB);
    second.push(piece);
    second.push(piece);
    assert.throws(() => second.push(piece), /more than 10 MiB at once/);
    assert.throws(() => second.finish(), TOO_LARGE);
    assert.deepEqual(first.finish(), { format: 'numpy', facts: { tensors: 8 * MIB } });
    const third = reader(undefined, 64 * MIB, 10 * MIB);
    for (let i = 0; i < 10; i++) third.push(piece);
    third.drop();
    const fourth = reader(undefined, 64 * MIB, 10 * MIB);
    for (let i = 0; i < 10; i++) fourth.push(piece);
    assert.equal(fourth.finish().format, 'numpy');
  });

  it('are kept for nothing where they are too large, and until that is known', () => {
    const told = reader(5 * MIB, 4 * MIB, 1);
    for (let i = 0; i < 5; i++) told.push(piece);
    assert.throws(() => told.finish(), TOO_LARGE);
    const untold = reader(undefined, 4 * MIB, 5 * MIB);
    for (let i = 0; i < 5; i++) untold.push(piece);
    const other = reader(undefined, 4 * MIB, 5 * MIB);
    for (let i = 0; i < 4; i++) other.push(piece);
    assert.equal(other.finish().format, 'numpy');
    assert.throws(() => untold.finish(), TOO_LARGE);
  });

  it('may take a part of the memory, and in no container less than one of them', () => {
    assert.equal(mostKeptBytes(2 ** 33), 2 ** 30);
    assert.equal(mostKeptBytes(64 * MIB), 32 * MIB);
  });
});

describe('18: what grows with its content', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  // What cannot be packed, and is the same at every run.
  const data = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(20 << 20));
  const array = npy("'|u1'", `(${data.length},)`, data);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const png = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    ...[length, Buffer.from('IDAT'), data, Buffer.alloc(4)],
    Buffer.from('\0\0\0\0IEND\xae\x42\x60\x82', 'latin1'),
  ]);
  for (const [what, bytes] of [
    ['arrays in a zip', zip({ 'a.npy': array })],
    ['arrays in a zip, packed', zip({ 'a.npy': array }, true)],
    ['PNG', png],
    ['JPEG', Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), data, Buffer.from('ffd9', 'hex')])],
  ] as const)
    it(`is not kept, of however many files at once: ${what}`, () => {
      const pieces = Array.from({ length: Math.ceil(bytes.length / (1 << 16)) }, (_, i) =>
        bytes.subarray(i << 16, (i + 1) << 16),
      );
      const open = Array.from({ length: 16 }, () => new ContentInspector('a', bytes.length));
      gc();
      const before = process.memoryUsage().arrayBuffers;
      for (const piece of pieces.slice(0, -1)) for (const inspector of open) inspector.push(piece);
      gc();
      const kept = process.memoryUsage().arrayBuffers - before;
      assert.ok(kept < 16 << 20, `${kept} bytes for ${open.length} files`);
      for (const inspector of open) {
        inspector.push(pieces.at(-1) ?? bytes);
        assert.deepEqual(inspector.finish().findings, []);
      }
    });
});
