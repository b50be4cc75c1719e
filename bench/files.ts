import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Real bytes, not holes: a hole is read from nowhere. Warm in the page cache when this returns. */
export function makeFiles(folder: string, count: number, bytes: number): void {
  mkdirSync(folder, { recursive: true });
  const block = Buffer.alloc(Math.min(1 << 20, bytes));
  for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761) >>> 24;
  const digits = String(count).padStart(5, '0');
  for (let file = 0; file < count; file++) {
    const name = `model-${String(file + 1).padStart(5, '0')}-of-${digits}.safetensors`;
    const descriptor = openSync(join(folder, name), 'w');
    for (let done = 0; done < bytes; done += block.length) {
      block.writeUInt32LE((file * 65_536 + done / block.length) >>> 0, 0);
      writeSync(descriptor, block, 0, Math.min(block.length, bytes - done));
    }
    closeSync(descriptor);
  }
  execFileSync('sh', ['-c', 'cat "$1"/* > /dev/null', 'sh', folder]);
}
