import { readdirSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Mutation } from './mutation.ts';

/** All of them. @throws when two have one name */
export async function mutations(): Promise<Mutation[]> {
  const folder = new URL('../../test/mutations/', import.meta.url);
  const all: Mutation[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.ts')) continue;
    const { default: list } = await import(pathToFileURL(fileURLToPath(new URL(name, folder))).href);
    all.push(...(list as Mutation[]));
  }
  const seen = new Set<string>();
  for (const { id } of all) {
    if (seen.has(id)) throw new Error(`two mutations are called ${id}`);
    seen.add(id);
  }
  return all;
}
