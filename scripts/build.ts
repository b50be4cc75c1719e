// Builds the program: one ES module and the worker thread beside it. `dist/weighlock.mjs` runs on Node 26 from a
// checkout (`npx weighlock`) and is what image/build-sea.ts turns into a single executable.
import { chmod, rm, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node26',
  legalComments: 'none',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
  // The workers never start threads of their own; the module that could is dropped from their bundles.
  logOverride: { 'empty-import-meta': 'silent' },
  alias: { 'string-width': './scripts/shims/string-width.ts' },
} as const;

await rm(`${root}/dist`, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/weighlock.mjs',
  format: 'esm',
  define: { WEIGHLOCK_BUNDLED: 'true' },
});
for (const [kind, folder] of [
  ['hash', 'transfer'],
  ['pull', 'pull'],
]) {
  await build({
    ...common,
    entryPoints: [`src/${folder}/worker.ts`],
    outfile: `dist/${kind}-worker.cjs`,
    format: 'cjs',
    define: { WEIGHLOCK_BUNDLED: 'true', 'import.meta.url': 'moduleUrl' },
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
}
// What few runs need, each by itself: see src/library/load.ts.
const libraries = ['conditions', 'curves', 'hashes', 'signing', 'sigstore', 'tuf', 'yaml'];
for (const name of libraries) {
  await build({
    ...common,
    entryPoints: [`src/library/${name}.ts`],
    outfile: `dist/library-${name}.cjs`,
    format: 'cjs',
  });
}
await chmod(`${root}/dist/weighlock.mjs`, 0o755);
for (const file of [
  'weighlock.mjs',
  'hash-worker.cjs',
  'pull-worker.cjs',
  ...libraries.map((n) => `library-${n}.cjs`),
]) {
  const { size } = await stat(`${root}/dist/${file}`);
  console.log(`dist/${file}  ${(size / 1024).toFixed(0)} KiB`);
}
