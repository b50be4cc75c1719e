import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { fromBuffer, joinPath, type PathBytes, toBuffer } from '../fs/index.ts';

/**
 * Keeps of what an earlier run left what may be the beginning of this one's, and removes everything
 * else.
 */
export function takeOver(folder: string, keep: () => ReadonlySet<PathBytes>): void {
  if (!existsSync(folder)) return;
  if (lstatSync(folder).isDirectory()) sweep(folder, '' as PathBytes, keep());
  else rmSync(folder, { recursive: true, force: true });
}

function sweep(folder: string, below: PathBytes, keep: ReadonlySet<PathBytes>): void {
  const here = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(below)]);
  for (const entry of readdirSync(here, { withFileTypes: true, encoding: 'buffer' })) {
    const path = joinPath(below, fromBuffer(entry.name));
    const full = Buffer.concat([Buffer.from(`${folder}/`), toBuffer(path)]);
    if (entry.isDirectory()) sweep(folder, path, keep);
    else if (!entry.isFile() || !keep.has(path)) rmSync(full, { recursive: true, force: true });
  }
  if (below !== '' && readdirSync(here).length === 0) rmSync(here, { recursive: true });
}
