// The image's entry point, which refuses variables before the dynamic loader reads them. Needs a C
// compiler.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  linkSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildLauncher } from '../../image/build-launcher.ts';
import { FOREIGN_NAMES, foreignSetting } from '../../src/foreign-settings.ts';
import { errorLine } from '../../src/report/index.ts';

const COMPILER = process.env['CC'] ?? 'gcc';
const canCompile = spawnSync(COMPILER, ['-E', '-include', 'linux/stat.h', '-x', 'c', '/dev/null']).status === 0;
const skip = canCompile && ['x64', 'arm64'].includes(process.arch) ? false : `no C compiler for Linux (${COMPILER})`;

/** An environment to which `npm run coverage` adds nothing. */
const onlyThese = (environment: Record<string, string>) => ({ ...environment, NODE_V8_COVERAGE: undefined });

describe('the launcher', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-launcher-'));
  after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'termination-log');
  /** A launcher of this program. */
  const launcherOf = (name: string, program: string) =>
    buildLauncher(join(folder, name), { program, terminationLog: log });
  let made: string | undefined;
  const launcher = () => {
    made ??= launcherOf('true', '/bin/true');
    return made;
  };
  const launch = (environment: Record<string, string>) =>
    spawnSync(launcher(), [], { env: onlyThese(environment), encoding: 'utf8' });

  it('15.5: refuses what the program refuses, with the same words and exit code', () => {
    const loader = [
      'PRELOAD',
      'LIBRARY_PATH',
      'AUDIT',
      'DEBUG',
      'DEBUG_OUTPUT',
      'PROFILE',
      'TRACE_LOADED_OBJECTS',
      '0',
    ];
    const names = [...FOREIGN_NAMES, ...loader.map((one) => `LD_${one}`)];
    const near = [
      'LD_BIND_NOW',
      'LD_',
      'LD',
      'LD_preload',
      'LD_A-B',
      'LDX_PRELOAD',
      'XLD_PRELOAD',
      'SSL_CERT_FILE',
      'TZ',
    ];
    const nearer = FOREIGN_NAMES.flatMap((name) => [`${name}X`, name.slice(0, -1), name.toLowerCase()]);
    const cases: [string, string][] = [...names, ...near].flatMap((name) => [
      [name, '/x'],
      [name, ''],
    ]);
    const all = [...cases, ...nearer.map((name): [string, string] => [name, '='])];
    // One shell for all of them: starting each from here takes ten times as long.
    const script = all.map(([name, value]) => `env -i A=1 '${name}=${value}' Z=1 ${launcher()} 2>&1; echo "exit $?"`);
    const printed = execFileSync('sh', ['-c', script.join('\n')], { encoding: 'utf8' });
    const expected = all.map(([name, value]) => {
      const refusal = foreignSetting({ A: '1', [name]: value, Z: '1' }, true);
      return refusal === undefined ? 'exit 0\n' : `${errorLine(refusal)}exit 78\n`;
    });
    assert.equal(printed, expected.join(''));
    for (const name of ['LD_PRELOAD', 'LD_TRACE_LOADED_OBJECTS']) assert.equal(launch({ [name]: '' }).status, 78, name);
  });

  it('15.5: looks at every variable, the last one too', () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`V${i}`, 'x']));
    assert.equal(launch(many).status, 0);
    assert.equal(launch({ ...many, LD_PRELOAD: '/x' }).status, 78);
    assert.equal(launch({}).status, 0);
  });

  it('15.5: says so in the termination log, if that is a file of its own', () => {
    const refusal = foreignSetting({ LD_AUDIT: '/x' }, true);
    assert.ok(refusal !== undefined);
    launch({ LD_AUDIT: '/x' });
    assert.throws(() => readFileSync(log), /ENOENT/, 'it is never created');

    writeFileSync(log, 'x'.repeat(5000));
    launch({ LD_AUDIT: '/x' });
    assert.equal(readFileSync(log, 'utf8'), errorLine(refusal));

    const victim = join(folder, 'victim');
    for (const link of [linkSync, symlinkSync]) {
      rmSync(log);
      writeFileSync(victim, 'kept');
      link(victim, log);
      assert.equal(launch({ LD_AUDIT: '/x' }).status, 78);
      assert.equal(readFileSync(victim, 'utf8'), 'kept', link.name);
    }
    rmSync(log);
    execFileSync('mkfifo', [log]);
    const reader = openSync(log, constants.O_RDWR | constants.O_NONBLOCK);
    assert.equal(launch({ LD_AUDIT: '/x' }).status, 78);
    assert.throws(() => readSync(reader, Buffer.alloc(1)), /EAGAIN/, 'nothing was written');
    closeSync(reader);
    rmSync(log);
  });

  it('15.5: becomes the program: arguments, environment, number, signals and exit code are its own', async () => {
    const show = 'console.log(JSON.stringify([process.pid, process.argv0, process.argv.slice(1), process.env]))';
    const script = join(folder, 'show.mjs');
    writeFileSync(script, `${show}; process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 60_000);\n`);
    const words = [script, '', 'a b', '--x=ü', 'LD_PRELOAD=/x'];
    const environment = { PATH: '/x:/y', EMPTY: '', TEXT: 'a\nb', LD_BIND_NOW: '1' };
    const child = spawn(launcherOf('node', process.execPath), words, { argv0: 'name', env: onlyThese(environment) });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    const signal = await new Promise((resolve) => child.once('close', (_code, by) => resolve(by)));
    assert.deepEqual(JSON.parse(printed), [child.pid, 'name', words, environment]);
    assert.equal(signal, 'SIGTERM');
    assert.equal(spawnSync(launcherOf('false', '/bin/false'), [], { env: onlyThese({}) }).status, 1);
  });

  it('15.5: never ends with 0 when the program is not there', () => {
    const made = launcherOf('nothing', '/nonexistent/weighlock');
    const { status, stderr } = spawnSync(made, [], { env: onlyThese({}), encoding: 'utf8' });
    assert.equal(status, 70);
    assert.match(stderr, /^weighlock: INTERNAL: cannot start \/nonexistent\/weighlock\n {2}do next: /);
  });

  it('15.5: needs no loader and no library, and is the same at every build', () => {
    const bytes = readFileSync(launcher());
    assert.deepEqual(readFileSync(launcherOf('again', '/bin/true')), bytes);
    const headers = execFileSync('readelf', ['--program-headers', '--dynamic', launcher()], { encoding: 'utf8' });
    assert.doesNotMatch(headers, /INTERP|NEEDED|DYNAMIC/);
  });
});
