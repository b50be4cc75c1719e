// Code of the pod's author that leaves a mark when it runs, and a container of the image in which
// many command lines are tried, from a shell that is mounted: the image has none, and a container
// for each would take minutes.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { certificate } from './registry.ts';

const SOURCE = fileURLToPath(new URL('traps.c', import.meta.url));
const BUSYBOX = '/traps/busybox';

/** Name and value. */
export type Variable = readonly [string, string];

/** What came of a command line. */
export interface Outcome {
  readonly code: number;
  /** Whether code of the pod's author ran, or the program wrote where a variable sent it. */
  readonly ran: boolean;
  readonly printed: string;
}

/** Command lines that are tried one after another in one container. */
export class Trial {
  private readonly commands: string[] = [];
  private readonly outcomes: Outcome[] = [];
  private readonly work: string;

  /** @param work - a folder made by `setTraps` */
  constructor(work: string) {
    this.work = work;
  }

  /** Adds a command line, and gives what came of it once they have run. */
  add(variables: readonly Variable[], program: string, ...args: readonly string[]): () => Outcome {
    const settings = variables.map(([name, value]) => `${name}=${value}`);
    const place = this.commands.push([BUSYBOX, 'env', ...settings, program, ...args].map(quoted).join(' ')) - 1;
    return () => {
      const outcome = this.outcomes[place];
      assert.ok(outcome !== undefined);
      return outcome;
    };
  }

  async run(image: string): Promise<void> {
    const { commands, work } = this;
    const script = commands.flatMap((command, i) => [
      `${BUSYBOX} rm -rf /mark/*; ${command} >/out/${i} 2>&1 </dev/null; code=$?`,
      `if [ -n "$(${BUSYBOX} ls -A /mark)" ]; then echo "$code ran"; else echo "$code"; fi`,
    ]);
    writeFileSync(join(work, 'traps/script'), `${script.join('\n')}\n${BUSYBOX} rm -rf /mark/*\n`);
    const { stdout } = await promisify(execFile)('podman', [
      ...['run', '--rm', '--network=host', `--entrypoint=${BUSYBOX}`, `--volume=${work}/models:/models:ro`],
      ...[`--volume=${work}/traps:/traps:ro`, `--volume=${work}/mark:/mark`, `--volume=${work}/out:/out`],
      // What an image that is made from ours may hold.
      `--volume=${work}/traps/bin/docker-credential-trap:/usr/local/bin/docker-credential-image:ro`,
      ...[image, 'sh', '/traps/script'],
    ]);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, commands.length);
    for (const [i, line] of lines.entries()) {
      const [code, ran] = line.split(' ');
      const printed = readFileSync(join(work, 'out', `${i}`), 'utf8');
      this.outcomes.push({ code: Number(code), ran: ran === 'ran', printed });
    }
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Makes the folders `traps` (what variables lead to), `models` (what is verified), `mark` (empty as
 * long as no trap ran) and `out`, and a CA with a certificate for localhost.
 */
export function setTraps(work: string): void {
  const traps = join(work, 'traps');
  for (const folder of ['lib', 'bin', 'docker', 'docker-image', 'certs', '.docker', 'containers'])
    mkdirSync(join(traps, folder), { recursive: true });
  for (const folder of ['models', 'mark', 'out']) mkdirSync(join(work, folder));
  const gcc = (...args: string[]) => execFileSync('gcc', ['-O1', ...args, SOURCE], { stdio: 'inherit' });
  gcc('-shared', '-fPIC', '-o', join(traps, 'trap.so'));
  gcc('-static', '-DPROGRAM', '-o', join(traps, 'bin/docker-credential-trap'));
  // The real one is empty since glibc 2.34, so nothing is missing from this.
  copyFileSync(join(traps, 'trap.so'), join(traps, 'lib/libdl.so.2'));
  copyFileSync('/bin/busybox', join(traps, 'busybox'));
  writeFileSync(join(traps, 'trap.cjs'), "require('node:fs').writeFileSync('/mark/ran', '');\n");
  const sections = ['nodejs_conf = a', 'openssl_conf = a', '[a]', 'providers = b', '[b]', 'evil = c', '[c]'];
  writeFileSync(join(traps, 'evil.cnf'), [...sections, 'module = /traps/trap.so', 'activate = 1', ''].join('\n'));
  writeFileSync(join(traps, 'gconv-modules'), 'module UTF-8// INTERNAL trap 1\nmodule INTERNAL UTF-8// trap 1\n');
  for (const [file, helper] of Object.entries({
    'docker/config.json': 'trap',
    '.docker/config.json': 'trap',
    'containers/auth.json': 'trap',
    'docker-image/config.json': 'image',
  }))
    writeFileSync(join(traps, file), JSON.stringify({ credsStore: helper }));
  certificate(work, 'localhost');
  copyFileSync(join(work, 'ca.pem'), join(traps, 'ca.pem'));
  const hash = execFileSync('openssl', ['x509', '-hash', '-noout', '-in', join(work, 'ca.pem')], { encoding: 'utf8' });
  copyFileSync(join(work, 'ca.pem'), join(traps, 'certs', `${hash.trim()}.0`));
  writeFileSync(join(work, 'models/weights.bin'), 'weights');
  for (const folder of ['mark', 'out']) chmodSync(join(work, folder), 0o777);
  chmodSync(work, 0o755);
}
