// Issue 21: what a file is, by its bytes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ContentInspector, packContent, unpackContent } from '../../src/content/index.ts';
import { F32_PAIR, gguf, npy, onnx, safetensors, soundSafetensors, text, u32, u64, zip } from '../content/build.ts';
import { inspect, isTakenForData, isUnsound, said } from '../content/inspect.ts';
import { tarOf } from '../content/tar.ts';

/** One pixel. */
const GIF = Buffer.from('47494638396101000100800000ffffff0000002c00000000010001000002024401003b', 'hex');

describe('21: files that hold data alone are recognised', () => {
  const rows: readonly (readonly [format: string, bytes: Buffer | string, name?: string])[] = [
    ['safetensors', soundSafetensors()],
    ['safetensors', safetensors({ __metadata__: { format: 'pt' }, ...F32_PAIR }, Buffer.alloc(12))],
    ['safetensors', safetensors(`${JSON.stringify(F32_PAIR)}   `, Buffer.alloc(12))],
    ['safetensors', safetensors({})],
    ['safetensors', soundSafetensors(), 'model.bin'],
    ['gguf', gguf()],
    ['gguf', gguf({ tensors: [{ name: 'a', shape: [4], type: 0, offset: 0 }], data: Buffer.alloc(16) })],
    ['gguf', gguf({ version: 2, tensors: [{ name: 'a', shape: [4], type: 0, offset: 0 }], data: Buffer.alloc(32) })],
    ['json', '{"a": [1, 2, {"b": null}]}', 'config.json'],
    ['json', '["a"]'],
    ['json', '{"time_step_limit": [0.0, Infinity], "NaN": "NaN, \\"Infinity", "b": [NaN, -Infinity]}', 'config.json'],
    ['jsonl', '{"loss": NaN}\n{"loss": 1}\n', 'log.jsonl'],
    ['json', '{}'],
    ['jsonl', '{"a": 1}\n{"a": 2}\n\n', 'data.jsonl'],
    ['text', '# Model\n\nHello.\n', 'README.md'],
    ['text', '[a link](b) and more\n', 'README.md'],
    ['text', 'import os\n', 'notes.txt'],
    ['text', 'Caf\u00e9 '.repeat(3000), 'vocab.txt'],
    ['text', 'N.'],
    ['numpy', npy("'<f4'", '(2,)', Buffer.alloc(8))],
    ['numpy', npy("[('a', '<i8'), ('b', '<f4', (2,))]", '(1,)', Buffer.alloc(16))],
    ['numpy', zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) })],
    ['numpy', zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) }, true)],
    ['onnx', onnx()],
    ['onnx', onnx({ location: 'weights/data.bin' })],
    ['image', GIF],
    ['image', Buffer.from('GIF89a\x01\0\x01\0\0\0\0!\xfe\x03abc\0;', 'latin1')],
    ['empty', ''],
  ];
  for (const [format, bytes, name] of rows)
    it(`${format}${name === undefined ? '' : ` called ${name}`}: ${Buffer.from(bytes).toString('latin1', 0, 24)}`, () => {
      const found = inspect(bytes, name);
      assert.equal(found.format, format, said(found));
      assert.deepEqual(found.findings, []);
    });
});

const OS_SYSTEM = 'cos\nsystem\n(S"id"\ntR.';

describe('21: what executes when it is loaded is never taken for data, whatever it is called', () => {
  const pickle2 = Buffer.from('\x80\x02cos\nsystem\nq\x00X\x02\x00\x00\x00idq\x01\x85q\x02R.', 'latin1');
  const torch = zip({ 'archive/data.pkl': pickle2, 'archive/version': '3\n' });
  const rows: readonly (readonly [what: string, format: string, bytes: Buffer | string, name?: string])[] = [
    ['pickle of protocol 0 that looks like text', 'pickle', OS_SYSTEM, 'model.safetensors'],
    ['pickle of protocol 0 behind opcodes that do nothing', 'pickle', `N0I1\n0${OS_SYSTEM}`],
    ['pickle of protocol 0 that breaks after its call', 'pickle', 'cos\nsystem\n(S"id"\ntR~~~'],
    ['pickle of protocol 0 that imports alone', 'pickle', 'cantigravity\nx\n.'],
    ['pickle of protocol 0 by INST', 'pickle', "(S'id'\nios\nsystem\n."],
    ['pickle of protocol 0 by OBJ', 'pickle', "(cos\nsystem\nS'id'\no."],
    ['pickle of protocol 0 with data alone', 'pickle', "(dp0\nS'a'\np1\nI1\ns."],
    ['10,000 nested tuples', 'pickle', `${'('.repeat(10_000)}${'t'.repeat(10_000)}.`],
    ['pickle of protocol 2', 'pickle', pickle2, 'model.safetensors'],
    ['pickle of protocol 5', 'pickle', Buffer.from('\x80\x05K\x01.', 'latin1')],
    ['pickle of protocol 4 that is cut off', 'pickle', Buffer.from('\x80\x04\x95', 'latin1')],
    ['torch zip', 'torch', torch, 'model.safetensors'],
    ['torch zip called .bin', 'torch', torch, 'pytorch_model.bin'],
    ['TorchScript', 'torchscript', zip({ 'm/code/__torch__.py': 'def f(): pass', 'm/data.pkl': pickle2 })],
    ['Keras', 'keras', zip({ 'config.json': '{}', 'model.weights.h5': '\x89HDF' })],
    ['Java', 'java', zip({ 'META-INF/MANIFEST.MF': '' })],
    ['any zip', 'zip', zip({ a: 'b' })],
    ['empty zip', 'zip', zip({})],
    [
      'npz with a pickle among arrays',
      'torch',
      zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)), 'b.pkl': pickle2 }),
    ],
    ['tar', 'tar', tarOf({ a: 'b' })],
    ['tar without a name for its dialect', 'tar', tarOf({ a: 'b' }, { isOld: true })],
    ['tar in gzip in a .pt', 'compressed', gzipSync(tarOf({ 'data.pkl': pickle2 })), 'model.pt'],
    ['zlib of joblib', 'compressed', Buffer.from('789c030000000001', 'hex')],
    ['7z', 'archive', Buffer.from('377abcaf271c0004', 'hex'), 'model.bin'],
    ['HDF5', 'hdf5', Buffer.from('894844460d0a1a0a', 'hex')],
    ['HDF5 behind a user block', 'hdf5', Buffer.concat([Buffer.alloc(512), Buffer.from('894844460d0a1a0a', 'hex')])],
    ['ELF', 'executable', '\x7fELF'],
    ['PE', 'executable', 'MZ\x90\x00'],
    ['Mach-O', 'executable', Buffer.from('cffaedfe07000001', 'hex')],
    ['wasm', 'wasm', '\0asm\x01\0\0\0'],
    ['compiled Python', 'bytecode', Buffer.from('cb0d0d0a0000000000000000000000000000', 'hex')],
    ['class file', 'bytecode', Buffer.from('cafebabe00000034', 'hex')],
    ['script', 'script', '#!/bin/sh\nid\n', 'notes.txt'],
    ['script behind a byte order mark', 'script', '\ufeff#!/bin/sh\n'],
    ['Python', 'python', 'import os\n', 'modeling_x.py'],
    ['a path file of Python', 'python', 'import os', 'a/b.PTH'],
    ['shell', 'script', 'id\n', 'run.sh'],
    ['notebook', 'notebook', '{"cells": [], "nbformat": 4}', 'a.json'],
    ['page', 'markup', '<!DOCTYPE html><script>1</script>', 'README.md'],
    ['drawing', 'markup', '<svg onload="x()"/>', 'logo.png'],
    ['LFS pointer', 'lfs-pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'model.safetensors'],
    ['TensorFlow Lite', 'flatbuffer', '\x1c\0\0\0TFL3'],
    ['control characters', 'unknown', 'a\x00b'],
    ['not UTF-8', 'unknown', Buffer.from([0x61, 0xe9, 0x61])],
    ['cut off in a character', 'unknown', Buffer.from([0x61, 0xc3])],
  ];
  for (const [what, format, bytes, name] of rows) it(what, () => assert.equal(inspect(bytes, name).format, format));
});

describe('21: a safetensors header that is not sound is refused', () => {
  const tensor = (dtype: unknown, shape: unknown, data_offsets: unknown) => ({ a: { dtype, shape, data_offsets } });
  const rows: readonly (readonly [what: string, bytes: Buffer, says: RegExp])[] = [
    ['length 2^63', safetensors({}, Buffer.alloc(0), 1n << 63n), /9223372036854775808 bytes long/],
    ['length of 100 MB and one', safetensors({}, Buffer.alloc(0), 100_000_001n), /more than 100000000/],
    ['length beyond the end', safetensors({}, Buffer.alloc(0), 500n), /beyond the end/],
    [
      'overlap',
      safetensors({ ...F32_PAIR, b: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, Buffer.alloc(8)),
      /overlaps/,
    ],
    ['same bytes twice', safetensors({ ...F32_PAIR, b: { ...F32_PAIR.a } }, Buffer.alloc(8)), /overlaps/],
    [
      'hole',
      safetensors({ ...F32_PAIR, b: { dtype: 'F32', shape: [1], data_offsets: [12, 16] } }, Buffer.alloc(16)),
      /hole of 4/,
    ],
    ['hole at the beginning', safetensors(tensor('U8', [1], [1, 2]), Buffer.alloc(2)), /hole of 1/],
    ['offsets beyond the end', safetensors(F32_PAIR, Buffer.alloc(11)), /ends at 12, and there are 11/],
    ['bytes behind', safetensors(F32_PAIR, Buffer.alloc(13)), /1 bytes behind/],
    [
      'key twice',
      safetensors(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        Buffer.alloc(1),
      ),
      /"a" twice/,
    ],
    [
      'key twice in another spelling',
      safetensors(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        Buffer.alloc(1),
      ),
      /twice/,
    ],
    ['offsets turned around', safetensors(tensor('U8', [0], [1, 0]), Buffer.alloc(1)), /bytes/],
    ['unknown type', safetensors(tensor('F33', [1], [0, 4]), Buffer.alloc(4)), /unknown type/],
    ['type of an inherited name', safetensors(tensor('constructor', [1], [0, 4]), Buffer.alloc(4)), /unknown type/],
    ['shape that does not fit', safetensors(tensor('F32', [2], [0, 4]), Buffer.alloc(4)), /4 bytes, and 8/],
    ['shape that overflows', safetensors(tensor('F32', [2 ** 52, 2 ** 52], [0, 4]), Buffer.alloc(4)), /more elements/],
    ['negative shape', safetensors(tensor('F32', [-1], [0, 4]), Buffer.alloc(4)), /shape/],
    ['half a byte', safetensors(tensor('F4', [1], [0, 1]), Buffer.alloc(1)), /end at a byte/],
    ['three offsets', safetensors(tensor('U8', [1], [0, 1, 2]), Buffer.alloc(1)), /two offsets/],
    ['unknown key', safetensors({ a: { ...F32_PAIR.a, x: 1 } }, Buffer.alloc(8)), /unknown key/],
    ['metadata that is no text', safetensors({ __metadata__: { a: 1 } }), /__metadata__/],
    ['text behind the header', safetensors('{}x'), /brace/],
    ['tab behind the header', safetensors('{}\t'), /spaces/],
    ['nesting', safetensors(`{"a":${'['.repeat(20)}${']'.repeat(20)}}`), /nested/],
    ['not UTF-8', safetensors(Buffer.from('{"\xe9":1}', 'latin1').toString('latin1')), /./],
  ];
  for (const [what, bytes, says] of rows)
    it(what, () => {
      const found = inspect(bytes);
      assert.equal(found.format, 'safetensors');
      assert.match(said(found), says);
      assert.ok(isUnsound(found));
    });
});

describe('21: GGUF metadata that is not sound is refused', () => {
  const one = { name: 'a', shape: [4], type: 0, offset: 0 };
  const rows: readonly (readonly [what: string, bytes: Buffer, says: RegExp])[] = [
    ['version 1', gguf({ version: 1 }), /version 1/],
    ['version 4', gguf({ version: 4 }), /version 4/],
    ['big-endian', gguf({ version: 0x03000000 }), /big-endian/],
    ['string of 2^60', gguf({ keys: [['a', 8, u64(1n << 60n)]] }), /1152921504606846976/],
    [
      'key of 2^60',
      Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(1), u64(1n << 60n)]),
      /1152921504606846976/,
    ],
    ['2^60 tensors', gguf({ counts: [1n << 60n, 0n] }), /number of tensors/],
    ['2^40 keys', gguf({ counts: [0n, 1n << 40n] }), /keys, more than/],
    ['array of arrays', gguf({ keys: [['a', 9, Buffer.concat([u32(9), u64(1), u32(4), u64(0)])]] }), /array of arrays/],
    ['array of 2^40 bytes', gguf({ keys: [['a', 9, Buffer.concat([u32(0), u64(1n << 40n)])]] }), /elements, more than/],
    ['unknown type of a value', gguf({ keys: [['a', 99, u32(0)]] }), /unknown type 99/],
    [
      'key twice',
      gguf({
        keys: [
          ['a', 4, u32(0)],
          ['a', 4, u32(0)],
        ],
      }),
      /twice/,
    ],
    ['neither true nor false', gguf({ keys: [['a', 7, Buffer.from([2])]] }), /neither true/],
    ['alignment of 3', gguf({ keys: [['general.alignment', 4, u32(3)]] }), /alignment/],
    ['alignment of 0', gguf({ keys: [['general.alignment', 4, u32(0)]] }), /alignment/],
    ['alignment that is text', gguf({ keys: [['general.alignment', 8, text('32')]] }), /alignment/],
    ['tensor beyond the end', gguf({ tensors: [one], data: Buffer.alloc(15) }), /ends at 16, and there are 15/],
    ['tensor without data', gguf({ tensors: [one] }), /ends at 16/],
    [
      'overlap',
      gguf({
        tensors: [
          { ...one, shape: [16] },
          { ...one, name: 'b', offset: 32 },
        ],
        data: Buffer.alloc(64),
      }),
      /overlaps/,
    ],
    ['hole', gguf({ tensors: [one, { ...one, name: 'b', offset: 64 }], data: Buffer.alloc(96) }), /hole of 32/],
    ['offset between', gguf({ tensors: [{ ...one, offset: 4 }], data: Buffer.alloc(32) }), /multiple of 32/],
    ['bytes behind', gguf({ tensors: [one], data: Buffer.alloc(64) }), /32 bytes behind/],
    ['tensor twice', gguf({ tensors: [one, { ...one, offset: 32 }], data: Buffer.alloc(64) }), /twice/],
    [
      'five dimensions',
      gguf({ tensors: [{ ...one, shape: [1, 1, 1, 1, 1] }], data: Buffer.alloc(32) }),
      /5 dimensions/,
    ],
    [
      '2^80 elements',
      gguf({ tensors: [{ ...one, shape: [1n << 40n, 1n << 40n] }], data: Buffer.alloc(32) }),
      /more elements/,
    ],
    ['type that is gone', gguf({ tensors: [{ ...one, type: 4 }], data: Buffer.alloc(32) }), /unknown type 4/],
    ['row that is no block', gguf({ tensors: [{ ...one, type: 8 }], data: Buffer.alloc(32) }), /blocks of 32/],
    ['cut off', gguf({ keys: [['a', 4, u32(0)]] }).subarray(0, -2), /beyond the end/],
    [
      'name of 64 bytes',
      gguf({ tensors: [{ ...one, name: 'a'.repeat(64) }], data: Buffer.alloc(32) }),
      /64 bytes long/,
    ],
  ];
  for (const [what, bytes, says] of rows)
    it(what, () => {
      const found = inspect(bytes);
      assert.equal(found.format, 'gguf');
      assert.match(said(found), says);
      assert.ok(isUnsound(found));
    });
});

describe('21: a file that is two things at once is refused', () => {
  const inner = zip({ 'archive/data.pkl': 'x' });
  const hidden = Buffer.concat([inner, Buffer.alloc(4 - (inner.length % 4))]);
  const asTensor = (data: Buffer) =>
    safetensors({ a: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }, data);
  const damagedEnd = Buffer.from(inner);
  damagedEnd.writeUInt16LE(7, inner.length - 18);
  damagedEnd.writeUInt16LE(9, inner.length - 2);
  const rows: readonly (readonly [what: string, bytes: Buffer, says: RegExp])[] = [
    ['a zip as the last tensor', asTensor(inner), /zip/],
    ['a zip before some bytes', asTensor(Buffer.concat([hidden, Buffer.alloc(60_000)])), /zip/],
    ['a zip of several disks, with a wrong comment', asTensor(damagedEnd), /zip/],
    [
      'a zip behind GGUF',
      gguf({ tensors: [{ name: 'a', shape: [inner.length], type: 24, offset: 0 }], data: inner }),
      /zip/,
    ],
    [
      'a zip behind text',
      Buffer.concat([Buffer.from('hello\n'.repeat(1000)), Buffer.from('PK\x05\x06'.padEnd(30, ' '))]),
      /./,
    ],
    ['a zip behind an image', gifWithComment(inner), /zip/],
    ['a pickle whose first opcode is the length of a header', picklePolyglot(), /pickle/],
    ['a tar whose header is in the metadata', tarPolyglot(), /tar/],
  ];
  for (const [what, bytes, says] of rows)
    it(what, () => {
      const found = inspect(bytes);
      assert.match(said(found) + found.format, says);
      assert.ok(isUnsound(found) || found.format === 'unknown');
    });

  it('a zip that lies further from the end than any reader looks is no polyglot', () => {
    assert.deepEqual(inspect(asTensor(Buffer.concat([hidden, Buffer.alloc(74_000)]))).findings, []);
  });
});

/**
 * A sound safetensors file whose length begins with `X`, an opcode that passes over a text: so a
 * pickle goes on within the header, where it passes over one text after the other, and runs in the
 * tensor.
 */
function picklePolyglot(): Buffer {
  const program = Buffer.from(`0${OS_SYSTEM}`);
  const passed = 40;
  const size = 0x58 + (passed << 8);
  const tail = `"},"t":{"dtype":"U8","shape":[${program.length}],"data_offsets":[0,${program.length}]}}`;
  let header = '{"__metadata__":{"a":"'.padEnd(5 + passed - 8, 'b');
  header += '0';
  const step = `U ${'c'.repeat(0x20)}0`;
  while (size - header.length > 2 * step.length + 2 + tail.length) header += step;
  // What is left is passed over by two more, the second of which ends where the header does.
  const last = tail.length + 2;
  const left = size - header.length - last - 3;
  header += `U${String.fromCharCode(left)}${'d'.repeat(left)}0`;
  header += `U${String.fromCharCode(tail.length)}${tail}`;
  return safetensors(header, program);
}

/** A sound GIF, with bytes in its comment. */
function gifWithComment(bytes: Buffer): Buffer {
  const parts = Array.from({ length: Math.ceil(bytes.length / 255) }, (_, i) => {
    const part = bytes.subarray(i * 255, (i + 1) * 255);
    return Buffer.concat([Buffer.from([part.length]), part]);
  });
  return Buffer.concat([GIF.subarray(0, -1), Buffer.from([0x21, 0xfe]), ...parts, Buffer.from([0, 0x3b])]);
}

function tarPolyglot(): Buffer {
  const bytes = safetensors(`{"__metadata__":{"a":"${' '.repeat(600)}"}}`);
  // The checksum is a text of octal digits, which a text of JSON may hold.
  bytes.write('000000', 148, 'latin1');
  for (let i = 0; i < 8; i++) bytes[148 + i] = 0x20;
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(sum.toString(8).padStart(6, '0'), 148, 'latin1');
  return bytes;
}

describe('21: arrays of NumPy', () => {
  for (const [what, bytes] of [
    ['objects', npy("'|O'", '(1,)', Buffer.alloc(8))],
    ['objects in a structured type', npy("[('a', '<i4'), ('b', '|O')]", '(1,)', Buffer.alloc(12))],
    ['objects in a nested type', npy("[('a', [('b', '|O')])]", '(1,)', Buffer.alloc(8))],
    ['bytes behind', npy("'<f4'", '(1,)', Buffer.alloc(5))],
    ['an expression in its header', npy("__import__('os')", '(1,)', Buffer.alloc(4))],
    ['objects in a zip', zip({ 'a.npy': npy("'|O'", '(1,)', Buffer.alloc(8)) })],
    ['objects in a deflated zip', zip({ 'a.npy': npy("'|O'", '(1,)', Buffer.alloc(8)) }, true)],
    ['a pickle called .npy in a zip', zip({ 'a.npy': OS_SYSTEM })],
    [
      'a zip that begins later',
      Buffer.concat([zip({ 'a.npy': npy("'<f4'", '()', Buffer.alloc(4)) }), Buffer.from(' ')]),
    ],
  ] as const)
    it(`with ${what} are refused`, () => assert.ok(!isTakenForData(inspect(bytes))));
});

describe('21: ONNX', () => {
  for (const location of ['../x', '/etc/passwd', 'a/../../b', 'C:\\x', 'a\\..\\b', '', 'a//b', './a', 'a\u0000b'])
    it(`external data at ${JSON.stringify(location)} is refused`, () =>
      assert.ok(isUnsound(inspect(onnx({ location })))));
  it('operators of another domain are reported', () =>
    assert.deepEqual(
      inspect(onnx({ domain: 'com.acme' })).findings.map(({ kind }) => kind),
      ['custom-ops'],
    ));
  it('a model that is cut off is refused', () => assert.ok(isUnsound(inspect(onnx().subarray(0, -3)))));
});

describe('21: documents that name code', () => {
  for (const [what, value] of [
    ['auto_map', { auto_map: { AutoModel: 'modeling_x.X' } }],
    ['auto_map deep inside', { a: [{ b: { auto_map: ['x.X'] } }] }],
    ['trust_remote_code', { trust_remote_code: true }],
    ['custom_pipelines', { custom_pipelines: { a: { impl: 'x.X' } } }],
    ['a Lambda layer', { class_name: 'Lambda', config: { function: [] } }],
    ['Hydra', { model: { _target_: 'os.system' } }],
    ['jsonpickle', { 'py/reduce': [{ 'py/type': 'os.system' }] }],
  ] as const)
    it(what, () => assert.ok(inspect(JSON.stringify(value)).findings.some(({ kind }) => kind === 'auto-map')));
  it('the same on the second line', () =>
    assert.ok(inspect('{}\n{"auto_map": {"a": "b"}}\n').findings.some(({ kind }) => kind === 'auto-map')));
  it('but not where nothing is named', () =>
    assert.deepEqual(inspect('{"auto_map": {}, "trust_remote_code": false}').findings, []));
  it('a tag of YAML, also across two pieces', () =>
    assert.ok(inspect('a: !!python/object/apply:os.system ["id"]\n', 'a.yaml').findings.length > 0));
  for (const [what, bytes] of [
    ['a key twice', '{"a":1,"a":2}'],
    ['a comma too many', '{"a":1,}'],
    ['300 levels', `${'['.repeat(300)}${']'.repeat(300)}`],
    ['a byte order mark', '\ufeff{"a":1}'],
    ['a number that Python does not write', '{"a": nan}'],
    ['a number that is two', '{"a": NaNNaN}'],
  ] as const)
    it(`${what} is no JSON`, () => {
      const found = inspect(bytes);
      assert.ok(isUnsound(found) || !['json', 'jsonl'].includes(found.format));
    });
});

describe('21: what a policy holds a file against', () => {
  it('survives its 16 bits', () => {
    const findings = [{ kind: 'jinja', text: '' }, { text: '' }] as const;
    assert.deepEqual(unpackContent(packContent({ format: 'json', findings })), {
      format: 'json',
      traits: ['jinja'],
      isUnsound: true,
    });
    assert.equal(unpackContent(0).format, undefined);
    assert.deepEqual(unpackContent(packContent({ format: 'unknown', findings: [] })).format, 'unknown');
  });

  it('a file of another size than was expected is refused', () => {
    const inspector = new ContentInspector('a', 5);
    inspector.push(Buffer.from('text'));
    assert.ok(isUnsound(inspector.finish()));
  });
});

describe('21: facts of a model', () => {
  it('of safetensors', () =>
    assert.deepEqual(inspect(soundSafetensors()).facts, { parameters: 3, tensors: 2, types: { F32: 2 } }));
  it('of GGUF', () => {
    const keys = [
      ['general.architecture', 8, text('llama')],
      ['llama.context_length', 4, u32(4096)],
      ['general.license', 8, text('mit')],
    ] as const;
    assert.deepEqual(inspect(gguf({ keys })).facts, {
      parameters: 0,
      tensors: 0,
      types: {},
      architecture: 'llama',
      licence: 'mit',
      contextLength: 4096,
    });
  });
  it('of a configuration', () =>
    assert.deepEqual(inspect('{"architectures":["LlamaForCausalLM"],"max_position_embeddings":8192}').facts, {
      architecture: 'LlamaForCausalLM',
      contextLength: 8192,
    }));
  it('of a model card', () =>
    assert.deepEqual(inspect('---\nlicense: apache-2.0\n---\n# A\n', 'README.md').facts, {
      isModelCard: true,
      licence: 'apache-2.0',
    }));
});
