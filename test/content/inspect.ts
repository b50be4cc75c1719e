import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ContentInspector, DATA_FORMATS, type FileContent } from '../../src/content/index.ts';

/** Inspects bytes in pieces of several sizes, which must all come to the same. */
export function inspect(bytes: Buffer | string, name = 'file'): FileContent {
  const whole = Buffer.from(bytes);
  const results = [1 << 20, 4096, 977, whole.length < 20_000 ? 1 : 64].map((piece) => {
    const inspector = new ContentInspector(name, whole.length);
    for (let at = 0; at < whole.length; at += piece) {
      // What is handed in is overwritten afterwards, as the buffers of hashing threads are.
      const chunk = Buffer.from(whole.subarray(at, at + piece));
      inspector.push(chunk);
      chunk.fill(0x2e);
    }
    return inspector.finish();
  });
  for (const result of results) assert.deepEqual(result, results[0]);
  return results[0] as FileContent;
}

/** Inspects bytes in one piece. */
export function inspectAtOnce(bytes: Buffer, name: string): FileContent {
  const inspector = new ContentInspector(name, bytes.length);
  inspector.push(bytes);
  return inspector.finish();
}

/** Something is wrong with it that no policy lets pass. */
export const isUnsound = ({ findings }: FileContent): boolean => findings.some(({ kind }) => kind === undefined);

/** Passes where every format is allowed that holds data alone, and nothing else is named. */
export const isTakenForData = ({ format, findings }: FileContent): boolean =>
  (DATA_FORMATS as readonly string[]).includes(format) && findings.length === 0;

export const said = ({ findings }: FileContent): string => findings.map(({ text }) => text).join('; ');

export type Row = readonly [what: string, bytes: Buffer | string, name?: string];

/** None of these passes where data alone may. */
export function refuses(rows: readonly Row[]): void {
  for (const [what, bytes, name] of rows)
    it(what, () => {
      const found = inspect(bytes, name);
      assert.ok(!isTakenForData(found), `taken for ${found.format}, ${said(found)}`);
    });
}

/** A copy of bytes with something else in them. */
export const changed = (bytes: Buffer, change: (copy: Buffer) => unknown): Buffer => {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
};
