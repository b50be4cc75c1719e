// What files are.
import fc from 'fast-check';
import { ContentInspector } from '../../src/content/index.ts';
import { templateFinding } from '../../src/content/jinja.ts';
import { F32_PAIR, gguf, npy, onnx, safetensors, soundSafetensors, text, u32, zip } from '../content/build.ts';
import { tarOf } from '../content/tar.ts';
import { damaged, noise } from './input.ts';
import type { Target } from './target.ts';

/** In pieces, whose lengths the first byte says. */
function inspect(name: string, bytes: Buffer): unknown {
  const piece = 1 + (bytes[0] ?? 0) * 17;
  const inspector = new ContentInspector(name, bytes.length);
  for (let at = 0; at < bytes.length; at += piece) inspector.push(bytes.subarray(at, at + piece));
  return inspector.finish();
}

const target = (name: string, file: string, ...valid: readonly Buffer[]): Target => ({
  name,
  input: fc.oneof(damaged(valid), noise),
  parse: (bytes) => inspect(file, bytes),
});

const template =
  "{%- for m in messages -%}{{ '<|' + m['role'] + '|>' ~ m.content | trim }}{% if not loop.last %}{{ '\\n' }}{% endif %}{%- endfor -%}{# c #}";

export const content: readonly Target[] = [
  target(
    'safetensors',
    'model.safetensors',
    soundSafetensors(),
    safetensors({ __metadata__: { format: 'pt' }, ...F32_PAIR }, Buffer.alloc(12)),
  ),
  target(
    'GGUF',
    'model.gguf',
    gguf({
      keys: [
        ['general.architecture', 8, text('llama')],
        ['general.alignment', 4, u32(32)],
        ['tokenizer.chat_template', 8, text(template)],
      ],
      tensors: [
        { name: 'a', shape: [4], type: 0, offset: 0 },
        { name: 'b', shape: [32, 2], type: 8, offset: 32 },
      ],
      data: Buffer.alloc(32 + 68),
    }),
  ),
  target(
    'pickles and texts',
    'model.bin',
    Buffer.from('cos\nsystem\n(S"id"\ntR.'),
    Buffer.from("(dp0\nS'a'\np1\nI1\ns."),
    Buffer.from('# Model card\n\nCaf\u00e9\n'),
    tarOf({ a: 'b' }),
  ),
  target(
    'configurations in YAML',
    'config.yaml',
    Buffer.from('a: &x !!str b\nmodel:\n  ? _target_ # c\n  : os.system\nc: {"d": *x, e: [!new:f.G 1]}\n'),
    Buffer.from('chat_template: "{{ a }}"\ntrust_remote_code: false\n%TAG ! tag:x\n'),
  ),
  target('tables', 'a.parquet', Buffer.from('PAR1abcPAR1'), Buffer.from('ARROW1\0\0arrow.py_extension_typeARROW1')),
  target(
    'documents of JSON',
    'config.json',
    Buffer.from(JSON.stringify({ architectures: ['A'], auto_map: { a: 'b' }, chat_template: template, l: [1, [2]] })),
    Buffer.from('{"a": 1}\n{"b": [2]}\n'),
  ),
  target('ONNX', 'model.onnx', onnx(), onnx({ domain: 'com.acme', location: 'a/b' })),
  target(
    'NumPy',
    'a.npz',
    npy("'<f4'", '(2,)', Buffer.alloc(8)),
    zip({ 'a.npy': npy("[('a', '<i8'), ('b', '<f4', (2,))]", '(1,)', Buffer.alloc(16)) }),
    zip({ 'a.npy': npy("'<f4'", '(2,)', Buffer.alloc(8)), 'b.npy': npy("'|O'", '()', Buffer.alloc(8)) }, true),
  ),
  {
    name: 'chat templates',
    input: fc.oneof(damaged([Buffer.from(template), Buffer.from("{% set x = 'a' ~ 'b' %}{{ y[x] }}")]), noise),
    parse: (bytes) => templateFinding(bytes.toString('utf8')),
  },
];
