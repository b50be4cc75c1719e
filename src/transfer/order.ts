import { type HashTask, shardAt, unitCount } from '../hash/index.ts';

/**
 * Positions over all tasks, largest file first, so that no thread is left alone with a big one at
 * the end; those that are hashed are left out.
 */
export function largestFirst(tasks: readonly HashTask[]): { readonly order: Uint32Array; readonly bytes: number } {
  const count = tasks.reduce((sum, task) => sum + unitCount(task), 0);
  const sizes = new Float64Array(count);
  const all = new Uint32Array(new SharedArrayBuffer(count * 4));
  let [offset, length, bytes] = [0, 0, 0];
  for (const task of tasks) {
    const { shards } = task;
    const { files } = task.listing;
    const units = unitCount(task);
    for (let unit = 0; unit < units; unit++) {
      if (task.others?.[unit] === 1) continue;
      if (shards === undefined && (files.hashed[unit] === 1 || task.twins?.has(unit) === true)) continue;
      if (task.only !== undefined && !task.only.has(shards === undefined ? unit : shardAt(shards, files, unit).index))
        continue;
      const size = shards === undefined ? (files.size[unit] ?? 0) : shardAt(shards, files, unit).length;
      sizes[offset + unit] = size;
      bytes += size;
      all[length++] = offset + unit;
    }
    offset += units;
  }
  const order = all.subarray(0, length);
  return { order: order.sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b), bytes };
}
