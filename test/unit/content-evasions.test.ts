// Issue 21: what scanners were passed by with. Nothing here may be taken for data, whatever it is
// called, and with every harmless format allowed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Field, gguf, message, onnx, safetensors, text, u32, u64, zip } from '../content/build.ts';
import { changed, inspect, inspectAtOnce, isTakenForData, type Row, refuses, said } from '../content/inspect.ts';
import { CALLABLES, ENCODINGS, ID } from '../content/pickle.ts';
import { tarOf } from '../content/tar.ts';

const NAMES = ['model.safetensors', 'pytorch_model.bin', 'config.json', 'README.md', 'x.npy', 'a'];

const pickle = (encoding = 'protocol 2'): Buffer => ENCODINGS[encoding]?.(ID) ?? assert.fail(encoding);
const TORCH = zip({ 'archive/data.pkl': pickle(), 'archive/version': '3\n' });
const PNG = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82', 'latin1');
const WEBP = Buffer.from('RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0', 'latin1');
const latin1 = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');
const hex = (bytes: string): Buffer => Buffer.from(bytes, 'hex');
const asTensor = (data: Buffer): Buffer =>
  safetensors({ a: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }, data);

it('21: sound images are images', () => {
  for (const bytes of [PNG, WEBP, hex('ffd8ffe000104a464946ffd9')]) assert.ok(isTakenForData(inspect(bytes)));
});

describe('21: a pickle that calls something', () => {
  for (const [encoding, write] of Object.entries(ENCODINGS))
    it(`of ${encoding} is none of data, whatever it is called and whatever it calls`, () => {
      const isLarge = write(ID).length > 100_000;
      for (const [module, name] of isLarge ? CALLABLES.slice(0, 1) : CALLABLES)
        for (const file of isLarge ? NAMES.slice(0, 1) : NAMES) {
          const found = inspectAtOnce(write({ module, name, argument: 'id' }), file);
          assert.ok(!isTakenForData(found), `${module}.${name} as ${file}: ${found.format}`);
        }
    });
  for (const [encoding, write] of Object.entries(ENCODINGS).filter(([name]) => /^(protocol 0|broken)/.test(name)))
    it(`of ${encoding} is told from text`, () => assert.equal(inspect(write(ID), 'notes.txt').format, 'pickle'));
  for (const end of ['.', '~', 'N~', ''])
    it(`that imports alone and ends with ${JSON.stringify(end)} is none of data, but where it is called a text`, () => {
      const bytes = Buffer.from(`cpip.__main__\nx\n${end}`);
      assert.equal(inspect(bytes, 'pytorch_model.bin').format, 'pickle');
      assert.equal(inspect(bytes, 'labels.txt').format, end === '.' ? 'pickle' : 'text');
    });
});

describe('21: what texts are not taken for pickles', () =>
  [
    'I am a text that begins with an opcode.\nAnd so does this line.\n',
    'Copyright (c) 2024\nPermission is hereby granted\n',
    'cat\nsat\non the mat\n',
    'import os\nprint(1)\n',
    'Valuable words\nare here.\n',
    'PARIS\nis a town\n.',
    'NNNNNNNNNNNNNNNNACGT\nNNNN\n',
    ']])}}',
    '(a) first\n(b) second\n',
    'S.\n',
    '. one\n',
    'a 1\nb 2\nc 3\n',
    '2.0\n',
    '0\n1\n2\n',
  ].forEach((words) => void it(JSON.stringify(words), () => assert.equal(inspect(words, 'vocab.txt').format, 'text'))));

describe('21: what is packed, and packed again', () => {
  const inner = pickle('protocol 0, REDUCE');
  refuses([
    ['gzip', gzipSync(inner), 'model.json'],
    ['gzip in gzip', gzipSync(gzipSync(inner))],
    ['zlib, as joblib writes it', deflateSync(inner)],
    ['zlib of another level', deflateSync(inner, { level: 1 })],
    ['zstandard', zstdCompressSync(inner)],
    ['brotli, which has no signature', brotliCompressSync(inner)],
    ['bzip2', hex('425a6839314159265359d63c8e6e0000021980400010001220')],
    ['xz', hex('fd377a585a0000016922de36')],
    ['lzma', hex('5d00008000ffffffffffffffff')],
    ['lz4', hex('04224d186440a7')],
    ['a skippable frame before zstandard', hex('502a4d180100000061')],
    ['7z', hex('377abcaf271c0004')],
    ['RAR', latin1('Rar!\x1a\x07\x01\0')],
    ['tar in gzip in a .pt', gzipSync(tarOf({ pickle: inner })), 'model.pt'],
    ['tar', tarOf({ pickle: inner, storages: inner }), 'model.pt'],
  ]);
});

describe('21: a tar header within another format, whose checksum is spelt', () => {
  const spellings: readonly (readonly [how: string, spell: (sum: number) => Buffer])[] = [
    ['as usual', (sum) => latin1(`${sum.toString(8).padStart(6, '0')}\0 `)],
    ['as a binary number', (sum) => Buffer.concat([hex('8000000000'), u32(sum).reverse().subarray(1)])],
    ['with 0o', (sum) => latin1(`0o${sum.toString(8)}`.padEnd(8))],
    [
      'with underscores',
      (sum) =>
        latin1(
          sum
            .toString(8)
            .replace(/(\d)(\d{3})/, '$1_$2')
            .padStart(8),
        ),
    ],
    ['with a plus', (sum) => latin1(`+${sum.toString(8)}`.padEnd(8, '\0'))],
  ];
  for (const [how, spell] of spellings)
    it(how, () => {
      const bytes = gguf({ keys: [['a', 9, Buffer.concat([u32(0), u64(600), Buffer.alloc(600, 1)])]] });
      bytes.fill(0x20, 148, 156);
      const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      spell(sum).copy(bytes, 148);
      assert.match(said(inspect(bytes)), /tar archive/);
    });
});

describe('21: something hidden in the tensors of a sound file', () => {
  for (let at = 512; at <= 1 << 17; at *= 2)
    it(`HDF5 behind a user block of ${at} bytes`, () => {
      const bytes = asTensor(Buffer.alloc(at + 100));
      latin1('\x89HDF\r\n\x1a\n').copy(bytes, at);
      assert.match(said(inspect(bytes, 'model.h5')), /HDF5/);
    });
  it('but not elsewhere', () =>
    assert.ok(isTakenForData(inspect(asTensor(Buffer.concat([Buffer.alloc(1000), latin1('\x89HDF\r\n\x1a\n')]))))));
  for (const behind of [0, 1, 22, 65_000, 65_535, 66_000, 69_500])
    it(`a zip ${behind} bytes before the end, where readers still look`, () =>
      assert.match(said(inspect(asTensor(Buffer.concat([TORCH, Buffer.alloc(behind)])))), /zip/));
});

describe('21: names that make a program of data', () => {
  const pythonGif = 'GIF89a=1;import os;os.system("id")\n#;';
  const realGif = hex('47494638396101000100800000ffffff0000002c00000000010001000002024401003b');
  refuses([
    ['a GIF that is Python', pythonGif, 'modeling.py'],
    ['a GIF that is Python, called an image', pythonGif, 'logo.gif'],
    ['a GIF with bytes behind', Buffer.concat([realGif, hex('00')]), 'logo.gif'],
    ['a GIF with another behind', Buffer.concat([realGif, realGif]), 'logo.gif'],
    ['half a GIF', realGif.subarray(0, -1), 'logo.gif'],
    ['a PNG with bytes behind', Buffer.concat([PNG, hex('00')]), 'a.png'],
    ['half a PNG', PNG.subarray(0, -1), 'a.png'],
    ['a PNG whose chunk goes beyond its end', changed(PNG, (b) => b.writeUInt32BE(1 << 30, 8)), 'a.png'],
    ['a WebP with bytes behind', Buffer.concat([WEBP, hex('00')]), 'a.webp'],
    ['half a WebP', WEBP.subarray(0, -1), 'a.webp'],
    ['a JPEG without its end', hex('ffd8ffe000104a464946ffd900'), 'a.jpg'],
    ['a sound GIF called .py', realGif, 'modeling.py'],
    ['sound tensors called .py', asTensor(Buffer.alloc(4)), 'a/modeling.py'],
    ['sound tensors called .pth, which Python reads the lines of', asTensor(Buffer.from('\nimport os\n')), 'x.pth'],
    ['ONNX called .pb', onnx(), 'saved_model.pb'],
    ['a graph of TensorFlow', message([1, message([1, 'x'], [2, 'Const'])]), 'frozen.pb'],
    ['a model of Core ML', message([1, 5], [2, message([1, 'x'])]), 'm.mlmodel'],
    ['an archive of R as text, which may hold promises', 'A\n3\n263168\n197888\n5\nUTF-8\n5\n1\n262153\n', 'data.txt'],
    ['a batch file', '@echo off\r\nid\r\n', 'run.BAT'],
    ['a kernel', '__global__ void f() {}\n', 'kernel.cu'],
    ['a service', '[Service]\nExecStart=/bin/sh\n', 'a.service'],
    ['marshalled code', hex('e300000000000000')],
    ['ELF called a picture', '\x7fELF\x02\x01\x01', 'a.png'],
  ]);
});

describe('21: documents that name code in another spelling', () => {
  const value = '"auto_map": {"AutoModel": "x.X"}';
  refuses([
    ['escaped letters', '{"\\u0061uto_map": {"AutoModel": "x.X"}}', 'config.json'],
    ['a byte order mark', `\ufeff{${value}}`, 'config.json'],
    ['UTF-16', Buffer.from(`\ufeff{${value}}`, 'utf16le'), 'config.json'],
    ['UTF-16 without a mark', Buffer.from(`{${value}}`, 'utf16le'), 'config.json'],
    ['UTF-32', Buffer.from([...`{${value}}`].flatMap((c) => [c.charCodeAt(0), 0, 0, 0])), 'config.json'],
    ['twice, the second one empty', `{${value}, "auto_map": {}}`, 'config.json'],
    ['twice in two spellings', `{${value}, "auto\\u005fmap": {}}`, 'config.json'],
    ['200 levels down', `${'{"a":'.repeat(200)}{${value}}${'}'.repeat(200)}`, 'config.json'],
    ['behind white space', `${' \n'.repeat(3000)}{${value}}`, 'config.json'],
    ['behind a comment', `// x\n{${value}}`, 'config.json'],
    ['with NaN', `{"a": NaN, ${value}}`, 'config.json'],
    ['without quotes', '{auto_map: {AutoModel: "x.X"}}', 'config.json'],
    ['in the last of many lines', `${'{"a":1}\n'.repeat(5000)}{${value}}\n`, 'data.jsonl'],
    [
      'a template behind eight findings that are allowed',
      JSON.stringify(
        Array.from({ length: 20 }, (_, i) => (i < 19 ? { auto_map: { a: 'b' } } : { chat_template: '{{ x.__a__ }}' })),
      ),
    ],
    ['a template in a list of lists', '{"chat_template": [[{"template": {"x": "{{ a.__b__ }}"}}]]}'],
    ['a template of a processor', '{"audio_chat_template": "{{ a.__b__ }}"}', 'processor_config.json'],
    ['Hydra in YAML', 'model:\n  _target_: os.system\n', 'config.yaml'],
    ['Hydra in YAML with quotes', 'model: {"_target_" : os.system}\n', 'config.yml'],
    ['Hydra in YAML with escapes', 'model: {"\\x5ftarget_": os.system}\n', 'config.yaml'],
    ['Hydra in YAML over two lines', 'model: {"_tar\\\n  get_": os.system}\n', 'config.yaml'],
    ['Hydra in YAML with an alias', 'a: &k _target_\nmodel:\n  *k : os.system\n', 'config.yaml'],
    ['Hydra in YAML with a question mark', 'model:\n  ? _target_\n  : os.system\n', 'config.yaml'],
    ['Hydra in YAML with a comment before its colon', 'model:\n  ? _target_ # x\n  : os.system\n', 'config.yaml'],
    [
      'a class of Keras out of another module',
      '{"module": "os", "class_name": "system", "config": {"command": "id"}}',
      'model.json',
    ],
    [
      'a function of Keras that is code',
      '{"activation": {"class_name": "__lambda__", "config": {"value": "4wAA"}}}',
      'model.json',
    ],
    ['a template under another key', '{"prompt": "{{ a.__b__ }}"}', 'x.json'],
    ['a template in a list', '{"prompts": ["{{ a.__b__ }}"]}', 'x.json'],
    [
      'an index of shards that lie elsewhere',
      '{"metadata": {}, "weight_map": {"a": "model-1.safetensors", "b": "../other/pytorch_model.bin"}}',
      'pytorch_model.bin.index.json',
    ],
    ['an index of shards at a root', '{"weight_map": {"a": "/tmp/pytorch_model.bin"}}', 'model.safetensors.index.json'],
    [
      'more templates than are looked at',
      JSON.stringify({ chat_template: Array.from({ length: 80 }, (_, i) => `${i}`) }),
      'x.json',
    ],
    ['what git runs', '[core]\n\tfsmonitor = id\n', '.git/config'],
    ['trust in YAML', 'trust_remote_code: true\n', 'config.yaml'],
    ['HyperPyYAML', 'model: !new:torch.nn.Linear\n  a: 1\n', 'hyperparams.yaml'],
    ['HyperPyYAML that applies', 'a: [!apply:os.system [id]]\n', 'hyperparams.yaml'],
    ['a tag of Python', 'a: !!python/object/apply:os.system ["id"]\n'],
    ['a tag of Python with a number for a letter', 'a: !!%70ython/object/apply:os.system ["id"]\n', 'c.yaml'],
    ['a tag of Python as it is in full', 'a: !<tag:yaml.org,2002:%70ython/object/apply:os.system> ["id"]\n', 'c.yaml'],
    ['a prefix for a tag of Python', '%TAG !p! tag:yaml.org,2002:pyth\n---\na: !p!on/object/apply:os.system ["id"]\n'],
    ['a template in YAML', 'chat_template: "{{ a.__b__ }}"\n', 'c.yaml'],
    ['a template by itself', '{{ a.__b__ }}', 'chat_template.jinja'],
    ['a template by itself that begins as JSON does', '{"a": 1}{{ a.__b__ }}', 'chat_template.jinja'],
    ['a template that is JSON', '[1, "{{ a.__b__ }}"]', 'chat_template.jinja'],
    ['a notebook', '{"nbformat": 4, "cells": []}', 'config.json'],
    ['a template in GGUF', gguf({ keys: [['tokenizer.chat_template', 8, text('{{ a.__b__ }}')]] })],
    ['a further template in GGUF', gguf({ keys: [['tokenizer.chat_template.tool_use', 8, text('{{ a.__b__ }}')]] })],
  ]);
  it('an index of shards beside it is JSON', () =>
    assert.ok(
      isTakenForData(inspect('{"weight_map": {"a": "model-1.safetensors", "b": "b/2.safetensors"}}', 'm.index.json')),
    ));
  it('a template is found behind many things that may be allowed', () => {
    const many = Array.from({ length: 20 }, () => ({ auto_map: { a: 'b' } }));
    for (const text of [
      JSON.stringify([{ chat_template: '{{ x.__a__ }}' }, ...many]),
      many
        .concat({ chat_template: '{{ x.__a__ }}' } as never)
        .map((one) => JSON.stringify(one))
        .join('\n'),
    ])
      assert.ok(inspect(text).findings.some(({ kind }) => kind === 'jinja'));
  });
  it('usual configurations in YAML are text', () => {
    const yaml =
      '# x\nmodel:\n  name: &a b\n  other: *a\n  list: [!!str 1, "a != b"]\n  trust_remote_code: false\n  text: Hello!\n';
    assert.ok(isTakenForData(inspect(yaml, 'config.yaml')));
  });
});

describe('21: ONNX', () => {
  const tensorAt = (...entry: Field[]): Buffer => message([1, 2], [8, 'w'], [13, message(...entry)], [14, 1]);
  const outside = tensorAt([1, 'location'], [2, '../x']);
  const model = (...fields: Field[]): Buffer => message([1, 8], [2, 'test'], ...fields);
  const graph = (...fields: Field[]): Buffer => message([2, 'g'], ...fields);
  const node = (...fields: Field[]): Buffer => message([4, 'Identity'], ...fields);
  refuses([
    ['data outside, its key behind it', model([7, graph([5, tensorAt([2, '../x'], [1, 'location'])])])],
    ['data outside, with two keys', model([7, graph([5, tensorAt([1, 'offset'], [2, '../x'], [1, 'location'])])])],
    ['data outside, with two values', model([7, graph([5, tensorAt([1, 'location'], [2, 'x'], [2, '../x'])])])],
    ['data outside of a sparse tensor', model([7, graph([15, message([1, outside])])])],
    ['data outside of an attribute', model([7, graph([1, node([5, message([1, 'v'], [5, outside])])])])],
    ['data outside of a graph in an attribute', model([7, graph([1, node([5, message([6, graph([5, outside])])])])])],
    ['data outside of a function', model([7, graph()], [25, message([7, node([5, message([5, outside])])])])],
    ['data outside of a function by default', model([7, graph()], [25, message([11, message([5, outside])])])],
    ['data outside of what trains', model([7, graph()], [20, message([1, graph([5, outside])])])],
    ['data outside of the second of two graphs', model([7, graph()], [7, graph([5, outside])])],
    [
      'an operator that another program compiled',
      model([7, graph([1, message([4, 'EPContext'], [7, 'com.microsoft'])])]),
    ],
    [
      'a SavedModel within the name of who made it',
      message([1, 1], [2, message([1, message([1, 'x'])], [2, message([1, 'n'])])], [7, graph()]),
    ],
    ['a field that no model has', model([7, graph()], [9, 'x'])],
  ]);
});

describe('21: tables', () => {
  const type = 'arrow.py_extension_type';
  const parquet = (inner: string): string => `PAR1${inner}PAR1`;
  refuses([
    ['a pickled type of PyArrow', `ARROW1\0\0${type}ARROW1`],
    ...[0, 1, 2].map(
      (before): Row => [
        `the same within Parquet, ${before} bytes into a group`,
        parquet(`${Buffer.from(`${'x'.repeat(before)}${type}zz`).toString('base64')}`),
      ],
    ),
    ['the same between two pieces', parquet(`${'x'.repeat(4080)}${Buffer.from(type).toString('base64')}`)],
    ['Parquet that is cut off', 'PAR1abc'],
    ['Arrow that is cut off', 'ARROW1\0\0abc'],
  ]);
  it('others are tables', () => {
    assert.ok(isTakenForData(inspect(parquet('abc'))));
    assert.ok(isTakenForData(inspect('ARROW1\0\0abcARROW1')));
  });
});
