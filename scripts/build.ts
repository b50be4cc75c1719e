// Builds the program: one ES module and the worker thread beside it. `dist/weighlock.mjs` runs on
// Node 26 from a checkout (`npx weighlock`) and is what image/build-sea.ts turns into a single
// executable.
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { buildProgram } from './build-program.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
for (const file of await buildProgram(dist)) {
  const { size } = await stat(`${dist}/${file}`);
  console.log(`dist/${file}  ${(size / 1024).toFixed(0)} KiB`);
}
