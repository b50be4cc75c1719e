import { chmod, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node26',
  legalComments: 'none',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
  // The workers never start threads of their own; the module that could is dropped from their
  // bundles.
  logOverride: { 'empty-import-meta': 'silent' },
  alias: { 'string-width': './scripts/shims/string-width.ts' },
} as const;

/** Kind of worker thread, and the folder of its source. */
const WORKERS = { hash: 'transfer', pull: 'pull' };

/** What few runs need, each by itself: see src/library/load.ts. */
const LIBRARIES = ['aws', 'conditions', 'curves', 'google-auth', 'hashes', 'signing', 'sigstore', 'tuf', 'yaml'];

/** Code for one cloud: a library that is loaded when its scheme is used. */
const OF_CLOUDS = /^node_modules\/(@aws-sdk|@smithy|google-auth-library|gaxios|gcp-metadata|gtoken)\//;

/**
 * What every start would pay for: the network is the pull threads' own, and of stores only what
 * their URLs and settings are.
 */
const NOT_AT_START = new RegExp(
  `${OF_CLOUDS.source}|^node_modules/(undici|yaml|tuf-js|@sigstore|@noble)/|^src/store/(?!.*(location|settings|object-key|lfs-pointer)\\.ts$)`,
);

/**
 * What Node has loaded anyway, or loads in no time: each other module of its own costs every start
 * one to eight milliseconds.
 */
const CHEAP = new Set(
  ['buffer', 'fs', 'fs/promises', 'module', 'os', 'path', 'path/posix', 'sea', 'timers/promises', 'url', 'util']
    .concat('worker_threads')
    .map((name) => `node:${name}`),
);

/** The program's file in the folder that it is built in. */
export const PROGRAM = 'weighlock.mjs';

export interface BuildOptions {
  /** Beside each file, as `FILE.map`. */
  readonly sourceMaps?: boolean;
}

/**
 * Builds the program into a folder, and nothing else stays there: one ES module, the worker threads
 * and libraries beside it.
 *
 * @param folder - absolute path
 * @returns the names of the files
 */
export async function buildProgram(folder: string, { sourceMaps = false }: BuildOptions = {}): Promise<string[]> {
  const common = sourceMaps ? { ...COMMON, sourcemap: 'linked' as const, sourcesContent: false } : COMMON;
  await rm(folder, { recursive: true, force: true });
  await Promise.all([
    build({
      ...common,
      entryPoints: ['src/main.ts'],
      outfile: `${folder}/${PROGRAM}`,
      format: 'esm',
      define: { WEIGHLOCK_BUNDLED: 'true' },
      metafile: true,
    }).then(({ metafile }) => {
      requireWithout(NOT_AT_START, metafile, 'the first bundle');
      requireCheap(metafile, 'the first bundle');
    }),
    ...Object.entries(WORKERS).map(([kind, source]) =>
      build({
        ...common,
        entryPoints: [`src/${source}/worker.ts`],
        outfile: `${folder}/${kind}-worker.cjs`,
        format: 'cjs',
        define: { WEIGHLOCK_BUNDLED: 'true', 'import.meta.url': 'moduleUrl' },
        banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
        metafile: true,
      }).then(({ metafile }) => {
        requireWithout(OF_CLOUDS, metafile, `the bundle of ${kind} threads`);
        if (kind === 'hash') requireCheap(metafile, 'the bundle of hash threads');
      }),
    ),
    ...LIBRARIES.map((name) =>
      build({
        ...common,
        entryPoints: [`src/library/${name}.ts`],
        outfile: `${folder}/library-${name}.cjs`,
        format: 'cjs',
      }),
    ),
  ]);
  await chmod(`${folder}/${PROGRAM}`, 0o755);
  return [
    PROGRAM,
    ...Object.keys(WORKERS).map((kind) => `${kind}-worker.cjs`),
    ...LIBRARIES.map((name) => `library-${name}.cjs`),
  ];
}

function requireWithout(unwanted: RegExp, { outputs }: Metafile, bundle: string): void {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const heavy = inputs.find(([path, { bytesInOutput }]) => unwanted.test(path) && bytesInOutput > 0)?.[0];
  if (heavy !== undefined) throw new Error(`${bundle} has ${heavy}: ask a thread or a library for it`);
}

/** A module of Node's own that is not loaded yet is asked for where it is needed. */
function requireCheap({ outputs }: Metafile, bundle: string): void {
  const linked = Object.values(outputs).flatMap(({ imports }) =>
    imports.filter((one) => one.kind !== 'dynamic-import'),
  );
  const slow = linked.find(({ path }) => path.startsWith('node:') && !CHEAP.has(path))?.path;
  if (slow !== undefined) throw new Error(`${bundle} loads ${slow}: use process.getBuiltinModule where it is needed`);
}
