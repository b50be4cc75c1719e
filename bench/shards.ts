/** Tensors of a shard of a large model. */
const TENSORS = 200;

/** The beginning of a sound safetensors file of so many bytes. */
export function shardHeader(bytes: number): Buffer {
  // Longer than it gets, and filled with spaces.
  const length = TENSORS * 160;
  const data = bytes - 8 - length;
  const each = 2 * Math.floor(data / TENSORS / 2);
  const tensors = Array.from({ length: TENSORS }, (_, i) => {
    const start = i * each;
    const end = i === TENSORS - 1 ? data - (data % 2) : start + each;
    const name = `model.layers.${i}.self_attn.q_proj.weight`;
    return [name, { dtype: 'BF16', shape: [(end - start) / 2], data_offsets: [start, end] }] as const;
  });
  if (data % 2 === 1) tensors.push(['odd', { dtype: 'BF16', shape: [0], data_offsets: [data, data] }]);
  const text = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(tensors) });
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([size, Buffer.from(text.padEnd(length))]);
}
