// Builds build/launcher, the image's entry point, from image/launcher.c: what it refuses and what
// it says then are taken from the program's own modules, so that there is one list. The compiler is
// $CC, or gcc; it needs the kernel's headers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { EXIT_CODE_OF } from '../src/error/codes.ts';
import type { Failure } from '../src/error/index.ts';
import { FOREIGN_NAMES, foreignFailure } from '../src/foreign-settings.ts';
import { errorLine, TERMINATION_LOG } from '../src/report/index.ts';

/**
 * Where the Dockerfile puts the executable; what people start is the launcher,
 * /usr/local/bin/weighlock.
 */
const PROGRAM = '/usr/lib/weighlock/weighlock';

/** Without a C library, and the same bytes at every build. */
const FLAGS = [
  ...['-static', '-nostdlib', '-ffreestanding', '-Os', '-s', '-Wall', '-Wextra', '-Werror', '-std=gnu11'],
  ...['-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-tree-loop-distribute-patterns', '-fno-pie'],
  ...['-no-pie', '-Wl,--build-id=none', '-Wl,-z,noexecstack'],
];

/** Absolute paths: what the launcher becomes, and where it says why it does not. */
interface Paths {
  readonly program?: string;
  readonly terminationLog?: string;
}

function header({ program = PROGRAM, terminationLog = TERMINATION_LOG }: Paths): string {
  const name = 'LD_PRELOAD';
  const refusal = foreignFailure(name);
  const [before = '', after = ''] = errorLine(refusal).split(name);
  const notStarted: Failure = {
    code: 'INTERNAL',
    message: `cannot start ${program}`,
    remedy: 'use the image as it was published',
  };
  // A JSON string of printable ASCII is one of C too.
  const defined = Object.entries({
    PROGRAM: JSON.stringify(program),
    TERMINATION_LOG: JSON.stringify(terminationLog),
    BEFORE_NAME: JSON.stringify(before),
    AFTER_NAME: JSON.stringify(after),
    EXIT_REFUSED: EXIT_CODE_OF[refusal.code],
    NOT_STARTED: JSON.stringify(errorLine(notStarted)),
    EXIT_NOT_STARTED: EXIT_CODE_OF[notStarted.code],
  }).map(([key, value]) => `#define ${key} ${value}\n`);
  const names = FOREIGN_NAMES.map((one) => `    ${JSON.stringify(one)},\n`);
  return `${defined.join('')}static const char *const NAMES[] = {\n${names.join('')}};\n`;
}

/**
 * @param folder - gets `launcher.h` and `launcher`
 * @returns the path of the launcher
 */
export function buildLauncher(folder: string, paths: Paths = {}): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/launcher.h`, header(paths));
  const source = fileURLToPath(new URL('launcher.c', import.meta.url));
  const made = `${folder}/launcher`;
  execFileSync(process.env['CC'] ?? 'gcc', [...FLAGS, `-I${folder}`, '-o', made, source], { stdio: 'inherit' });
  return made;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const made = buildLauncher(fileURLToPath(new URL('../build', import.meta.url)));
  console.log(`build/launcher  ${statSync(made).size} bytes`);
}
