// Bundles test files, so that a run of all of them reads the source once and not a few hundred
// times: a process that starts from source spends a second of processor time on taking the types
// off it, and each of its threads 200 ms; from a bundle 0.1 s and 20 ms. The tests stay as they
// are: a module that asks where it is gets the path of its source.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { KEPT_SCRIPTS } from '../test/threads/script.ts';
import { buildProgram, type BuildOptions as OfProgram, PROGRAM } from './build-program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Modules that look for what the build makes, beside themselves. */
const BESIDE_BUILT = /[/\\]src[/\\](thread[/\\]script|library[/\\]load)\.ts$/;

export interface Bundled {
  /** The program, built: tests start this one. */
  readonly program: string;
  /** One for each test file, in their order. */
  readonly files: readonly string[];
}

/**
 * @param sources - test files, from the root of the checkout
 * @param folder - absolute path below the checkout, where Node finds the packages
 * @param options - of the program; the tests always have source maps
 */
export async function bundleTests(
  sources: readonly string[],
  folder: string,
  { sourceMaps = false }: OfProgram = {},
): Promise<Bundled> {
  const built = join(folder, 'program');
  const tests = join(folder, 'tests');
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node26',
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [placesOfSources(join(built, PROGRAM))],
  } satisfies BuildOptions;
  await Promise.all([
    buildProgram(built, { sourceMaps }),
    build({
      ...common,
      entryPoints: [...sources],
      outbase: root,
      outdir: tests,
      outExtension: { '.js': '.mjs' },
      splitting: true,
      packages: 'external',
      format: 'esm',
    }),
    build({
      ...common,
      entryPoints: ['test/threads/hash-thread.ts', 'test/threads/pull-thread.ts'],
      outdir: join(folder, KEPT_SCRIPTS),
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
    }),
  ]);
  // Some tests start the program as another user.
  await chmod(folder, 0o755);
  // The bundles are ES modules by their names; nothing above them says what the others are.
  await writeFile(join(folder, 'package.json'), '{}');
  return { program: join(built, PROGRAM), files: sources.map((file) => join(tests, file.replace(/\.ts$/, '.mjs'))) };
}

/**
 * Gives each module the `import.meta` of its source, or of the built program where that is what it
 * is to find.
 */
function placesOfSources(program: string): Plugin {
  return {
    name: 'places of sources',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        if (path.includes('node_modules') || !relative(root, path) || !text.includes('import.meta'))
          return { contents: text, loader: 'ts' };
        const place = BESIDE_BUILT.test(path) ? program : path;
        const known = BESIDE_BUILT.test(path) ? 'const WEIGHLOCK_BUNDLED = true;' : '';
        const meta = { url: pathToFileURL(place).href, filename: place, dirname: join(place, '..'), main: false };
        const contents = text
          .replace(/^declare const WEIGHLOCK_BUNDLED.*$/m, known)
          .replace(/\bimport\.meta\.(url|filename|dirname|main)\b/g, (_all, key: keyof typeof meta) =>
            JSON.stringify(meta[key]),
          );
        return { contents, loader: 'ts' };
      });
    },
  };
}
