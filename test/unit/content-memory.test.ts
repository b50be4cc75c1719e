// Issue 21: memory that headers take is bounded over all files that a thread reads at a time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ContentInspector } from '../../src/content/index.ts';
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
