// Every variable that something in the image may read, tried against the program as it is
// published: it is refused, or it changes nothing.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FOREIGN_NAMES, foreignSetting } from '../../src/foreign-settings.ts';
import { errorLine } from '../../src/report/index.ts';
import { recipe } from '../integration/cli.ts';
import { type Outcome, setTraps, Trial, type Variable } from './traps.ts';
import { LOADER, NO_EFFECT, WITH_EFFECT } from './variables.ts';

const LAYOUT = fileURLToPath(new URL('../../build/image', import.meta.url));
const NAME = 'localhost/weighlock-environment:test';
const LAUNCHER = '/usr/local/bin/weighlock';
const EXECUTABLE = '/usr/lib/weighlock/weighlock';

const work = mkdtempSync(join(tmpdir(), 'weighlock-environment-'));
const server = createServer();
after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(work, { recursive: true, force: true });
  spawnSync('podman', ['rmi', '--force', NAME], { stdio: 'ignore' });
});

describe('15.5: the image, whatever its environment says', () => {
  const trial = new Trial(work);
  const verify = (variables: readonly Variable[], digest: string, program = LAUNCHER) =>
    trial.add(variables, program, 'verify', '/models', `--sha256=${digest}`);
  const WRONG = '0'.repeat(64);
  let pin = '';
  let refused: [string, () => Outcome][] = [];
  let without: [string, () => Outcome][] = [];
  let together: (() => Outcome)[] = [];
  let direct: Record<string, () => Outcome> = {};
  let fetched: Record<string, () => Outcome> = {};
  const asked: Record<string, () => Outcome> = {};

  before(async () => {
    setTraps(work);
    pin = recipe(join(work, 'models'));
    execFileSync('skopeo', ['copy', '--quiet', `oci:${LAYOUT}`, `containers-storage:${NAME}`]);
    server.setSecureContext({ key: readFileSync(join(work, 'key.pem')), cert: readFileSync(join(work, 'cert.pem')) });
    server.on('request', ({ url }, response) => {
      if (url === '/weights.bin') return response.end('weights');
      return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `localhost:${(server.address() as AddressInfo).port}`;

    const foreign = Object.fromEntries(FOREIGN_NAMES.map((name) => [name, WITH_EFFECT[name] ?? '/traps']));
    refused = Object.entries({ ...foreign, ...LOADER }).map((one) => [one.join('='), verify([one], pin)]);
    without = NO_EFFECT.map((one) => [one.join('='), verify([one], WRONG)]);
    // With the right digest all at once, those of one name one after another.
    const names = Map.groupBy(NO_EFFECT, ([name]) => name);
    together = [0, 1, 2, 3, 4, 5].map((i) =>
      verify(
        [...names.values()].map((ones) => ones[i % ones.length] ?? ['A', '']),
        pin,
      ),
    );
    const traps = Object.entries(LOADER).slice(0, 4);
    direct = Object.fromEntries(traps.map((one) => [one[0], verify([one], WRONG, EXECUTABLE)]));

    const sha256 = createHash('sha256').update('weights').digest('hex');
    const fetchIt = ['verify', `https://${host}/weights.bin`, '/out/published', `--sha256=${sha256}`, '--timeout=20s'];
    const roots = NO_EFFECT.filter(([name, value]) => name.startsWith('SSL_') || value === '--use-system-ca');
    fetched = Object.fromEntries(roots.map((one) => [one.join('='), trial.add([one], LAUNCHER, ...fetchIt)]));
    fetched['all'] = trial.add(roots, LAUNCHER, ...fetchIt);
    fetched['named'] = trial.add([], LAUNCHER, ...fetchIt, '--registry-cacert=/traps/ca.pem');

    const pull = ['verify', `oci://${host}/model:1`, '/out/pulled', `--sha256=${sha256}`, '--timeout=20s'];
    const cacert = '--registry-cacert=/traps/ca.pem';
    const path = ['PATH', '/traps/bin:/usr/local/bin:/usr/bin'] as const;
    for (const one of [
      ['DOCKER_CONFIG', '/traps/docker'],
      ['REGISTRY_AUTH_FILE', '/traps/docker/config.json'],
      ['HOME', '/traps'],
      ['XDG_RUNTIME_DIR', '/traps'],
      ['DOCKER_CONFIG', '/traps/docker-image'],
    ] as const)
      asked[one.join('=')] = trial.add([path, one], LAUNCHER, ...pull, cacert);
    await trial.run(NAME);
  });

  it('15.5: what loads code or moves trust is refused with 78, and nothing of it runs', () => {
    for (const [setting, outcome] of refused) {
      const [name = ''] = setting.split('=');
      const refusal = foreignSetting({ [name]: '/x' }, true);
      assert.ok(refusal !== undefined, name);
      assert.deepEqual(outcome(), { code: 78, ran: false, printed: errorLine(refusal) }, setting);
    }
  });

  it('15.5: every other variable leaves the verdict as it is', () => {
    for (const [setting, outcome] of without) {
      const { code, ran, printed } = outcome();
      assert.deepEqual({ code, ran }, { code: 65, ran: false }, `${setting}\n${printed}`);
      assert.match(printed, /DIGEST_MISMATCH/, setting);
    }
    for (const outcome of together) {
      const { code, ran, printed } = outcome();
      assert.deepEqual({ code, ran }, { code: 0, ran: false }, printed);
    }
  });

  it('15.5: without the launcher the traps work', () => {
    for (const name of ['LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH'])
      assert.equal(direct[name]?.().ran, true, `${name}: ${direct[name]?.().printed}`);
    // The loader ends with 0 and never starts the program.
    assert.equal(direct['LD_TRACE_LOADED_OBJECTS']?.().code, 0);
  });

  it('15.5: no variable makes a server trusted', () => {
    const { named, ...others } = fetched;
    assert.ok(Object.keys(others).length >= 4);
    for (const [setting, outcome] of Object.entries(others)) {
      assert.equal(outcome().code, 75, setting);
      assert.match(outcome().printed, /certificate/, setting);
    }
    assert.equal(named?.().code, 0, String(named?.().printed));
  });

  it('15.5: a credential helper is one of the image, whatever the configuration and PATH', () => {
    const { 'DOCKER_CONFIG=/traps/docker-image': image, ...others } = asked;
    for (const [setting, outcome] of Object.entries(others)) {
      assert.notEqual(outcome().code, 0, setting);
      assert.equal(outcome().ran, false, setting);
    }
    assert.equal(image?.().ran, true, String(image?.().printed));
  });

  it('15.5: the entry point itself, as a pod starts it: nothing runs, and the pod says why', () => {
    const log = join(work, 'termination-log');
    for (const [name, value] of Object.entries({ ...LOADER, LD_TRACE_LOADED_OBJECTS: '' })) {
      writeFileSync(log, 'before');
      chmodSync(log, 0o666);
      const mounts = [`${work}/traps:/traps:ro`, `${work}/mark:/mark`, `${work}/models:/models:ro`];
      const { status, stdout, stderr } = spawnSync(
        'podman',
        [
          ...['run', '--rm', '--network=none', '--read-only', `--env=${name}=${value}`],
          ...[...mounts, `${log}:/dev/termination-log`].map((one) => `--volume=${one}`),
          ...[NAME, 'verify', '/models', `--sha256=${'0'.repeat(64)}`],
        ],
        { encoding: 'utf8' },
      );
      const refusal = foreignSetting({ [name]: value }, true);
      assert.ok(refusal !== undefined);
      assert.deepEqual([status, stdout, stderr], [78, '', errorLine(refusal)], name);
      assert.deepEqual(readdirSync(join(work, 'mark')), [], name);
      assert.equal(readFileSync(log, 'utf8'), errorLine(refusal));
    }
  });
});
