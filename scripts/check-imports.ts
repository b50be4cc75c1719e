// Imports go the way that the table of CONTRIBUTING.md says, from its bottom to its top, and never
// in a circle.
//   node scripts/check-imports.ts
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Module {
  /** Path within `src`. */
  readonly path: string;
  readonly imports: readonly { readonly path: string; readonly isType: boolean }[];
}

/** Folders of `src`, top of the table first. */
export function orderOf(table: string): string[] {
  return [...table.matchAll(/^\| `src\/([\w-]+)`/gm)].map(([, name]) => name ?? '');
}

/** Imports of one module; what is not a file of the project is left out. */
export function importsOf(path: string, text: string): Module['imports'] {
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
  );
  return [...found].map(([, type, from, lazy]) => ({
    path: join(dirname(path), from ?? lazy ?? ''),
    // What is loaded when it is asked for closes no circle.
    isType: type !== undefined || lazy !== undefined,
  }));
}

/** What is wrong, one line each. */
export function faultsOf(modules: readonly Module[], order: readonly string[]): string[] {
  const faults: string[] = [];
  const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : undefined);
  for (const { path, imports } of modules) {
    const own = folderOf(path);
    if (own !== undefined && !order.includes(own)) faults.push(`src/${own} is not in the table of CONTRIBUTING.md`);
    for (const { path: target } of imports) {
      const other = folderOf(target);
      if (own === undefined || other === undefined || own === other) continue;
      if (order.indexOf(other) > order.indexOf(own))
        faults.push(`${path} imports ${target}: src/${own} is above src/${other}`);
    }
  }
  return [...new Set([...faults, ...circles(modules)])];
}

function circles(modules: readonly Module[]): string[] {
  const byPath = new Map(modules.map((one) => [one.path, one]));
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (path: string, way: readonly string[]) => {
    const at = way.indexOf(path);
    if (at >= 0) faults.push(`a circle: ${[...way.slice(at), path].join(' -> ')}`);
    if (at >= 0 || done.has(path)) return;
    for (const { path: next, isType } of byPath.get(path)?.imports ?? []) if (!isType) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of modules) visit(path, []);
  return faults;
}

if (import.meta.main) {
  const source = resolve(ROOT, 'src');
  const modules = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => ({ path: name, imports: importsOf(name, readFileSync(join(source, name), 'utf8')) }));
  const faults = faultsOf(modules, orderOf(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')));
  for (const fault of faults) process.stderr.write(`${relative(ROOT, source)}: ${fault}\n`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
