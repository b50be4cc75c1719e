// Issue 21: memory that headers take is bounded over all files that a thread reads at a time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ContentInspector } from '../../src/content/index.ts';
import { mostKeptBytes, WholeReader } from '../../src/content/whole-reader.ts';
import { safetensors } from '../content/build.ts';
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
    new WholeReader('zip', expected, most, ({ length }) => ({ format: 'numpy', facts: { tensors: length } }), mostKept);

  it('take no more than one thread may keep, and what is left over is free again', () => {
    const first = reader(8 * MIB, 64 * MIB, 10 * MIB);
    for (let i = 0; i < 8; i++) first.push(piece);
    const second = reader(8 * MIB, 64 * MIB, 10 * MIB);
    second.push(piece);
    second.push(piece);
    assert.throws(() => second.push(piece), /more than 10 MiB at once/);
    assert.equal(second.finish().format, 'zip');
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
    assert.equal(told.finish().format, 'zip');
    const untold = reader(undefined, 4 * MIB, 5 * MIB);
    for (let i = 0; i < 5; i++) untold.push(piece);
    const other = reader(undefined, 4 * MIB, 5 * MIB);
    for (let i = 0; i < 4; i++) other.push(piece);
    assert.equal(other.finish().format, 'numpy');
    assert.equal(untold.finish().format, 'zip');
  });

  it('may take a part of the memory, and in no container less than one of them', () => {
    assert.equal(mostKeptBytes(2 ** 33), 2 ** 30);
    assert.equal(mostKeptBytes(64 * MIB), 32 * MIB);
  });
});
