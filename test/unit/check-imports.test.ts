// The check of imports sees what it is there for.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { faultsOf, importsOf, orderOf } from '../../scripts/check-imports.ts';

const ORDER = orderOf('| folder | holds |\n|---|---|\n| `src/error` | x |\n| `src/fs` | y |\n| `src/run` | z |\n');
const modules = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, text]) => ({ path, imports: importsOf(path, text) }));

it('an import that goes down the table is a fault, whatever its form', () => {
  assert.deepEqual(ORDER, ['error', 'fs', 'run']);
  for (const text of [
    "import { run } from '../run/index.ts';",
    "import type { Run } from '../run/index.ts';",
    "import {\n  one,\n  two,\n} from '../run/index.ts';",
    "export * from '../run/index.ts';",
    "import '../run/index.ts';",
    "const { run } = await import('../run/index.ts');",
  ])
    assert.match(faultsOf(modules({ 'fs/open.ts': text }), ORDER)[0] ?? 'none', /src\/fs is above src\/run/, text);
  assert.deepEqual(faultsOf(modules({ 'run/a.ts': "import { x } from '../fs/index.ts';" }), ORDER), []);
  assert.deepEqual(faultsOf(modules({ 'run/a.ts': "import { x } from 'undici';" }), ORDER), []);
});

it('so is a folder that the table does not have, and a circle', () => {
  assert.match(faultsOf(modules({ 'new/a.ts': '' }), ORDER)[0] ?? 'none', /src\/new is not in the table/);
  const circle = { 'fs/a.ts': "import { b } from './b.ts';", 'fs/b.ts': "import { a } from './a.ts';" };
  assert.deepEqual(faultsOf(modules(circle), ORDER), ['a circle: fs/a.ts -> fs/b.ts -> fs/a.ts']);
  const types = { ...circle, 'fs/b.ts': "import type { A } from './a.ts';" };
  assert.deepEqual(faultsOf(modules(types), ORDER), []);
});
