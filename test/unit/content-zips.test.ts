// Issue 21: zips, which readers find their way in from the end.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ContentInspector } from '../../src/content/index.ts';
import { npy, zip } from '../content/build.ts';
import { changed, inspect, isTakenForData, refuses } from '../content/inspect.ts';
import { ENCODINGS, ID } from '../content/pickle.ts';

const pickle = (encoding = 'protocol 2'): Buffer => ENCODINGS[encoding]?.(ID) ?? assert.fail(encoding);
const TORCH = zip({ 'archive/data.pkl': pickle(), 'archive/version': '3\n' });
const NPZ = zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) });
const PACKED = zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) }, true);
const latin1 = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');

it('21: an array in a zip is data', () => assert.ok(isTakenForData(inspect(NPZ))));

it('21: a zip of arrays is the same when the bytes of its arrays are skipped, as `inspect` does', () => {
  const large = npy("'<f4'", '(100000,)', Buffer.alloc(400_000));
  const bytes = zip({ 'a.npy': large, 'b.npy': large });
  const inspector = new ContentInspector('a.npz', bytes.length);
  const tail = bytes.length - 4096;
  let [at, skipped] = [0, 0];
  while (at < bytes.length) {
    const ahead = Math.max(0, Math.min(inspector.ahead, tail - at));
    if (ahead > 0) inspector.skip(ahead);
    else inspector.push(bytes.subarray(at, at + 512));
    at += ahead || 512;
    skipped += ahead;
  }
  assert.ok(skipped > 400_000, String(skipped));
  assert.deepEqual(inspector.finish(), inspect(bytes, 'a.npz'));
  const short = new ContentInspector('a.npz', bytes.length);
  short.push(bytes.subarray(0, 512));
  short.skip(bytes.length);
  assert.ok(!isTakenForData(short.finish()), 'more was skipped than an array has');
});

describe('21: zips that readers take for different things', () => {
  const end = TORCH.length - 22;
  const directory = TORCH.readUInt32LE(end + 16);
  refuses([
    [
      'an encrypted bit in both headers',
      changed(TORCH, (b) => b.writeUInt16LE(1, 6) && b.writeUInt16LE(1, directory + 8)),
    ],
    ['an encrypted bit in the directory alone', changed(TORCH, (b) => b.writeUInt16LE(1, directory + 8))],
    ['a wrong checksum', changed(TORCH, (b) => b.writeUInt32LE(7, 14))],
    ['another name in the directory', changed(TORCH, (b) => b.write('b', directory + 46))],
    ['a name without an ending', zip({ 'archive/data': pickle() })],
    ['no directory', TORCH.subarray(0, directory)],
    ['a directory that begins elsewhere', changed(TORCH, (b) => b.writeUInt32LE(0, end + 16))],
    ['a wrong number of members', changed(TORCH, (b) => b.writeUInt16LE(0, end + 10))],
    ['bytes before', Buffer.concat([Buffer.from('bytes before\n'), TORCH])],
    ['bytes behind', Buffer.concat([TORCH, Buffer.from('bytes behind\n')])],
    [
      'a text before, and its comment too long',
      changed(Buffer.concat([Buffer.from('# Model\n'), TORCH]), (b) => b.writeUInt16LE(99, b.length - 2)),
    ],
    ['arrays alone by their headers, and a pickle by the directory', npzOfTwoNames()],
    ['an array that is a pickle', zip({ 'a.npy': pickle('protocol 0, REDUCE') })],
    [
      'an array without its first letter',
      zip({ 'a.npy': `x${npy("'<f4'", '()', Buffer.alloc(4)).toString('latin1').slice(1)}` }),
    ],
    ['an array of objects, packed', zip({ 'a.npy': npy("'|O'", '(1,)', Buffer.alloc(9)) }, true)],
    [
      'an encrypted array',
      changed(NPZ, (b) => [b.writeUInt16LE(1, 6), b.writeUInt16LE(1, b.readUInt32LE(b.length - 6) + 8)]),
    ],
    [
      'an array with a wrong checksum',
      changed(NPZ, (b) => [b.writeUInt32LE(7, 14), b.writeUInt32LE(7, b.readUInt32LE(b.length - 6) + 16)]),
    ],
    [
      'an array with another name in the directory',
      changed(NPZ, (b) => b.write('b', b.readUInt32LE(b.length - 6) + 46)),
    ],
    ['an array of objects', zip({ 'a.npy': npy("'|O'", '(1,)', pickle()) })],
    [
      'an array twice',
      Buffer.concat([
        zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) }),
        zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) }),
      ]),
    ],
    [
      'a Keras model with a Lambda in its configuration',
      zip({
        'config.json': '{"class_name":"Lambda","config":{}}',
        'metadata.json': '{}',
        'model.weights.h5': '\x89HDF',
      }),
    ],
    ['TorchScript', zip({ 'm/code/__torch__.py': 'import os', 'm/constants.pkl': pickle() }), 'model.safetensors'],
    ['a spanned one', Buffer.concat([latin1('PK00'), TORCH])],
    ['arrays, and a second directory of ZIP64, by which they are packed', npzOfTwoDirectories()],
    ['arrays, and a pickle behind more headers than are looked at', npzOf(5000)],
    ['arrays, and a comment', changed(Buffer.concat([NPZ, latin1('c')]), (b) => b.writeUInt16LE(1, b.length - 3))],
    [
      'an array that its header calls stored, and the directory packed',
      changed(NPZ, (b) => b.writeUInt16LE(8, directoryOf(b) + 10)),
    ],
    ['arrays, and bytes behind', Buffer.concat([NPZ, latin1(' ')])],
    ['arrays, and a comment that is not there', changed(NPZ, (b) => b.writeUInt16LE(1, b.length - 2))],
    ['arrays of which the directory lists one', npzOfOneListed()],
    ['an array of another size by the directory', changed(NPZ, (b) => b.writeUInt32LE(1, directoryOf(b) + 24))],
    ['an array of other packed bytes by the directory', changed(NPZ, (b) => b.writeUInt32LE(1, directoryOf(b) + 20))],
    ['an array that is elsewhere by the directory', changed(NPZ, (b) => b.writeUInt32LE(1, directoryOf(b) + 42))],
    ['an array on another disk', changed(NPZ, (b) => b.writeUInt16LE(1, directoryOf(b) + 34))],
    ['an array that goes beyond the end', changed(NPZ, (b) => b.writeUInt32LE(1 << 30, 18))],
    ['an array that the directory names twice', npzListedTwice()],
    ['a large array of objects, packed', zip({ 'a.npy': npy("'|O'", '(1,)', Buffer.alloc(9 << 20)) }, true)],
    ['a large pickle, packed', zip({ 'a.npy': Buffer.concat([pickle(), Buffer.alloc(9 << 20)]) }, true)],
    ['an array with nothing in it, packed', changed(PACKED, (b) => b.fill(0, 35, directoryOf(b)))],
  ]);

  function directoryOf(bytes: Buffer): number {
    return bytes.readUInt32LE(bytes.length - 6);
  }

  function npzListedTwice(): Buffer {
    const [start, before] = [directoryOf(NPZ), NPZ.length - 22];
    const entry = NPZ.subarray(start, before);
    const bytes = Buffer.concat([NPZ.subarray(0, before), entry, NPZ.subarray(before)]);
    return changed(bytes, (b) => [b.writeUInt16LE(2, b.length - 14), b.writeUInt16LE(2, b.length - 12)]);
  }

  function npzOfOneListed(): Buffer {
    const bytes = zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)), 'b.npy': npy("'<f4'", '()', Buffer.alloc(4)) });
    const [start, end] = [directoryOf(bytes), bytes.length - 22];
    const entry = (end - start) / 2;
    const less = Buffer.concat([bytes.subarray(0, end - entry), bytes.subarray(end)]);
    return changed(less, (b) => b.writeUInt32LE(entry, b.length - 10));
  }

  /** An array that holds so many headers of members called .npy, and then one called .pkl. */
  function npzOf(headers: number): Buffer {
    const header = Buffer.concat([NPZ.subarray(0, 30), latin1('b.npy')]);
    const data = Buffer.concat([...Array.from({ length: headers }, () => header), zip({ 'a.pkl': pickle() })]);
    return zip({ 'a.npy': npy("'|u1'", `(${data.length},)`, data) });
  }

  /**
   * What readers of ZIP64 take for the directory stands in the comment of the last entry: they look
   * for its locator right before the end.
   */
  function npzOfTwoDirectories(): Buffer {
    const entry = changed(NPZ.subarray(directoryOf(NPZ), NPZ.length - 22), (b) => b.writeUInt16LE(8, 10));
    const bytes = NPZ;
    const end = bytes.length - 22;
    const record = Buffer.alloc(56);
    record.write('PK\x06\x06', 'latin1');
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(1n, 24);
    record.writeBigUInt64LE(1n, 32);
    record.writeBigUInt64LE(BigInt(entry.length), 40);
    record.writeBigUInt64LE(BigInt(end), 48);
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(BigInt(end + entry.length), 8);
    locator.writeUInt32LE(1, 16);
    const comment = Buffer.concat([entry, record, locator]);
    return changed(Buffer.concat([bytes.subarray(0, end), comment, bytes.subarray(end)]), (b) => [
      b.writeUInt16LE(comment.length, directoryOf(b) + 32),
      b.writeUInt32LE(b.length - 22 - directoryOf(b), b.length - 10),
    ]);
  }

  /** The header of a member says .npy, the directory .pkl. */
  function npzOfTwoNames(): Buffer {
    const bytes = zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) });
    return changed(bytes, (b) => b.write('pkl', b.readUInt32LE(b.length - 6) + 48));
  }
});
