import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

/** Set by the build. Absent when run from source. */
declare const WEIGHLOCK_BUNDLED: boolean | undefined;

/** What few runs need: bundled by itself, so that no other run parses it at its start. */
interface Libraries {
  aws: typeof import('./aws.ts');
  conditions: typeof import('./conditions.ts');
  curves: typeof import('./curves.ts');
  'google-auth': typeof import('./google-auth.ts');
  hashes: typeof import('./hashes.ts');
  signing: typeof import('./signing.ts');
  sigstore: typeof import('./sigstore.ts');
  tuf: typeof import('./tuf.ts');
  yaml: typeof import('./yaml.ts');
}

const loaded = new Map<string, unknown>();

/** Loads a library, once. */
export async function library<K extends keyof Libraries>(name: K): Promise<Libraries[K]> {
  const known = loaded.get(name) ?? (await load(name));
  loaded.set(name, known);
  return known as Libraries[K];
}

async function load(name: string): Promise<unknown> {
  if (typeof WEIGHLOCK_BUNDLED === 'undefined') {
    const source = new URL(`./${name}.ts`, import.meta.url).href;
    return import(source);
  }
  const file = `library-${name}.cjs`;
  const code = isSea() ? getAsset(file, 'utf8') : readFileSync(new URL(`./${file}`, import.meta.url), 'utf8');
  const { compileFunction } = await import('node:vm');
  const module = { exports: {} };
  const require = (builtin: string) => process.getBuiltinModule(builtin);
  compileFunction(code, ['module', 'exports', 'require'], { filename: file })(module, module.exports, require);
  return module.exports;
}
