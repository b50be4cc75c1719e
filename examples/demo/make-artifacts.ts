// Makes the model and the dataset that the examples pin: real safetensors and JSON Lines files with
// made-up content, the same bytes at every run, so that the digests in the manifests hold on every
// machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Deterministic bytes (xorshift32), four at a time. */
function randomBytes(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x >>> 0;
  }
  return Buffer.from(words.buffer, 0, length);
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly [number, number];
}

/**
 * A safetensors file: header length (u64, little endian), JSON header padded to 8 bytes, then BF16
 * data.
 */
function safetensors(tensors: readonly Tensor[], seed: number): Buffer {
  const header: Record<string, object> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const { name, shape } of tensors) {
    const bytes = shape[0] * shape[1] * 2;
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, randomBytes(offset, seed)]);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Writes a small sharded model, laid out as model hubs do: 8 MiB in 5 files. */
export function makeModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const shards = [0, 1].map((shard) => ({
    file: `model-0000${shard + 1}-of-00002.safetensors`,
    tensors: ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map(
      (part): Tensor => ({ name: `model.layers.${shard}.self_attn.${part}.weight`, shape: [1024, 512] }),
    ),
  }));
  for (const [i, { file, tensors }] of shards.entries())
    writeFileSync(join(folder, file), safetensors(tensors, 2026 + i));
  const weightMap = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file]));
  const totalSize = 2 * 4 * 1024 * 512 * 2;
  const index = { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(weightMap) };
  writeFileSync(join(folder, 'model.safetensors.index.json'), json(index));
  const config = {
    architectures: ['MistralForCausalLM'],
    hidden_size: 1024,
    num_hidden_layers: 2,
    torch_dtype: 'bfloat16',
  };
  writeFileSync(join(folder, 'config.json'), json(config));
  writeFileSync(
    join(folder, 'tokenizer.json'),
    json({ version: '1.0', model: { type: 'BPE', vocab: { '<s>': 0, '</s>': 1 } } }),
  );
}

/** Writes a small training set: two JSON Lines shards and a description. */
export function makeDataset(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const shard of [0, 1]) {
    const lines = Array.from({ length: 2000 }, (_, i) =>
      JSON.stringify({ id: shard * 2000 + i, text: randomBytes(48, 7 * (shard * 2000 + i) + 1).toString('base64') }),
    );
    writeFileSync(join(folder, `train-0000${shard}-of-00002.jsonl`), `${lines.join('\n')}\n`);
  }
  writeFileSync(join(folder, 'dataset_info.json'), json({ splits: { train: { num_examples: 4000 } } }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , kind, folder] = process.argv;
  if (folder === undefined || (kind !== 'model' && kind !== 'dataset')) {
    console.error('usage: node examples/demo/make-artifacts.ts model|dataset FOLDER');
    process.exit(64);
  }
  (kind === 'model' ? makeModel : makeDataset)(folder);
}
