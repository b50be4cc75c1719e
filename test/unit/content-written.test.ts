// Issue 21: files as safetensors, gguf, onnx, numpy, keras, torch and others write them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect, isTakenForData, isUnsound } from '../content/inspect.ts';
import { passed, run, refused as wasRefused, workFolder, write } from '../integration/cli.ts';

const WRITTEN = fileURLToPath(new URL('../fixtures/content/written/', import.meta.url));

/** What each file is: its format, and what of it needs a name of its own. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'data/a.gif': ['image'],
  'data/a.jpg': ['image'],
  'data/a.png': ['image'],
  'data/a.webp': ['image'],
  'data/aligned.gguf': ['gguf'],
  'data/arrays.npz': ['numpy'],
  'data/bpe.model': ['sentencepiece'],
  'data/compressed.npz': ['numpy'],
  'data/empty.safetensors': ['safetensors'],
  'data/external/model.onnx': ['onnx'],
  'data/fortran.npy': ['numpy'],
  'data/function.onnx': ['onnx'],
  'data/model.gguf': ['gguf'],
  'data/model.onnx': ['onnx'],
  'data/moving.gif': ['image'],
  'data/none.parquet': ['parquet'],
  'data/plain-keras.json': ['json'],
  'data/plain.npy': ['numpy'],
  'data/scalar.npy': ['numpy'],
  'data/snappy.parquet': ['parquet'],
  'data/structured.npy': ['numpy'],
  'data/table.arrow': ['arrow'],
  'data/table.feather': ['arrow'],
  'data/text.npy': ['numpy'],
  'data/time.npy': ['numpy'],
  'data/transformers/chat_template.jinja': ['text'],
  'data/transformers/config.json': ['json'],
  'data/transformers/generation_config.json': ['json'],
  'data/transformers/tokenizer.json': ['json'],
  'data/transformers/tokenizer_config.json': ['json'],
  'data/types.safetensors': ['safetensors'],
  'data/unigram.model': ['sentencepiece'],
  'data/zstd.parquet': ['parquet'],
  'runs/bz2.joblib': ['compressed'],
  'runs/calls-0.pkl': ['pickle'],
  'runs/calls-1.pkl': ['pickle'],
  'runs/calls-2.pkl': ['pickle'],
  'runs/calls-3.pkl': ['pickle'],
  'runs/calls-4.pkl': ['pickle'],
  'runs/calls-5.pkl': ['pickle'],
  'runs/calls-legacy.pt': ['pickle'],
  'runs/calls.pt': ['torch'],
  'runs/cloudpickle.pkl': ['pickle'],
  'runs/dill.pkl': ['pickle'],
  'runs/gzip.joblib': ['compressed'],
  'runs/lambda.h5': ['hdf5'],
  'runs/lambda.json': ['json', 'auto-map'],
  'runs/lambda.keras': ['keras'],
  'runs/lite.ptl': ['torchscript'],
  'runs/lzma.joblib': ['compressed'],
  'runs/model.skops': ['zip'],
  'runs/objects.npy': ['pickle'],
  'runs/objects.npz': ['pickle'],
  'runs/operators.onnx': ['onnx', 'custom-ops'],
  'runs/plain-0.pkl': ['pickle'],
  'runs/plain-1.pkl': ['pickle'],
  'runs/plain-2.pkl': ['pickle'],
  'runs/plain-3.pkl': ['pickle'],
  'runs/plain-4.pkl': ['pickle'],
  'runs/plain-5.pkl': ['pickle'],
  'runs/plain.h5': ['hdf5'],
  'runs/plain.joblib': ['pickle'],
  'runs/plain.keras': ['keras'],
  'runs/plain.weights.h5': ['hdf5'],
  'runs/pytorch_model.bin': ['torch'],
  'runs/script.pt': ['torchscript'],
  'runs/state-legacy.pt': ['pickle'],
  'runs/state.pt': ['torch'],
  'runs/stream.arrows': ['unknown'],
  'runs/template.gguf': ['gguf', 'jinja'],
  'runs/transformers/config.json': ['json', 'auto-map'],
  'runs/user-block.h5': ['hdf5'],
  'runs/xz.joblib': ['compressed'],
  'runs/zlib.joblib': ['compressed'],
  'unsound/big-endian.gguf': ['gguf'],
  'unsound/nested.gguf': ['gguf'],
  'unsound/outside.onnx': ['onnx'],
};

const written = readdirSync(WRITTEN, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => join(parentPath, name).slice(WRITTEN.length))
  .filter((name) => name.includes('/'));

describe('21: a file that another program wrote', () => {
  it('stands in the table', () => assert.deepEqual(written.sort(), Object.keys(FILES).sort()));

  for (const [name, kinds] of Object.entries(FILES))
    it(`${name} is ${kinds.join(' with ')}`, () => {
      const found = inspect(readFileSync(join(WRITTEN, name)), name);
      const traits = new Set(found.findings.flatMap(({ kind }) => kind ?? []));
      assert.deepEqual([found.format, ...traits], kinds, JSON.stringify(found.findings));
      assert.equal(isUnsound(found), name.startsWith('unsound/'));
      assert.equal(isTakenForData(found), name.startsWith('data/'));
    });
});

describe('21: a model that other programs wrote', () => {
  const model = (...names: string[]): string => {
    const folder = workFolder();
    write(folder, Object.fromEntries(names.map((name) => [name, readFileSync(join(WRITTEN, name))])));
    return folder;
  };
  const USUAL = ['--allow-formats', 'safetensors,gguf,json,text,sentencepiece'];

  it('of data alone passes', async () =>
    passed(
      await run([
        'verify',
        model(...Object.keys(FILES).filter((name) => /^data\/.*(safetensors|gguf|json|jinja|model)$/.test(name))),
        ...USUAL,
      ]),
    ));

  for (const name of Object.keys(FILES).filter((one) => /^(runs|unsound)\/[^/]*$/.test(one)))
    it(`is refused with ${name}, and passes where that is named and sound`, async () => {
      const kinds = FILES[name] ?? [];
      const folder = model('data/types.safetensors', name);
      wasRefused(await run(['verify', folder, ...USUAL]), 'CONTENT_REFUSED');
      const named = await run(['verify', folder, ...USUAL, '--allow-formats-in', `${name}=${kinds.join(',')}`]);
      if (name.startsWith('unsound/')) wasRefused(named, 'CONTENT_REFUSED', /no sound/);
      else passed(named);
    });
});
